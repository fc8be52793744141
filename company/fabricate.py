"""Fabricate the company whose clients stay or leave, with a truth that is written down here.

python -m company.fabricate                    the next month, as the next file of sourcedata/
python -m company.fabricate --drift            the same, but its clients left for other reasons
python -m company.fabricate 4 FILE             the delivery of the fourth month
python -m company.fabricate 4 FILE --part snapshot     the same without outcomes
python -m company.fabricate shipped            the files in the repository

A month delivers what a company knows then: the outcomes of the period that has ended, and a
snapshot of every client that is still there, whose outcome nobody knows yet. The same arguments
make the same bytes.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.rows import tables

ROOT = Path(__file__).parent.parent
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
ODD_CODES = ("NULL", "0012", "1E10", "TRUE", "NONE", "0000")
SEED = 7
OFFSET = 15_485_863
STRIDE = 7_368_787  # a prime, so that codes come in no order and none comes twice
JOINING_SHARE = 0.06
COOLING_SHARE = 0.22
MISSING_SHARE = 0.004
CLIENTS = 9_434  # by the second period, which makes 10,000 by the third


class Truth(NamedTuple):
    """What makes a client leave: log-odds = base + cooling * c + size * s.

    c is how far last month's activity lies below the year's monthly average, in logarithms
    (0.7 when it halved); s is ln(employees / 60). Nothing else counts but chance.
    """

    base: float
    cooling: float
    size: float


FIRST_PERIOD = Truth(base=-3.6, cooling=3.0, size=-0.35)
LATER_PERIODS = Truth(base=-3.5, cooling=2.9, size=-0.30)  # small clients hold on a little better
AFTER_DRIFT = Truth(base=-2.2, cooling=0.5, size=0.85)  # a competitor courts the large clients


class Clients(NamedTuple):
    """What stays with each client from period to period."""

    code: npt.NDArray[np.str_]
    size: npt.NDArray[np.float64]
    level: npt.NDArray[np.float64]


class Month(NamedTuple):
    """The rows of the clients that were still there, and how likely each of them was to leave."""

    rows: pd.DataFrame
    risks: npt.NDArray[np.float64]


def months(
    last: int, seed: int, truth: Callable[[int], Truth], known_by: Callable[[int, int], int]
) -> list[Month]:
    """The first months: what makes clients leave in each, and how many are known by each.

    How many are known may depend on how many have left before.
    """
    left = np.zeros(0, dtype=bool)
    made = []
    for month in range(1, last + 1):
        known = _clients(known_by(month, int(left.sum())), seed)
        rows, risks = _period(known, truth(month), seed, month)
        left = np.append(left, np.zeros(len(known.code) - len(left), dtype=bool))
        made.append(Month(rows[~left].reset_index(drop=True), risks[~left]))
        left |= (rows["exited"] == 1).to_numpy()
    return made


def periods(
    last: int, clients: int, seed: int, drift: bool = False, changed_from: int | None = None
) -> list[pd.DataFrame]:
    """The rows of the first periods with their outcomes, of the clients that were still there.

    So many clients are known by the second period, then others join. They leave for other reasons
    in the last period (`drift`), or in all from one on.
    """
    changed_from = last if drift else changed_from
    made = months(
        last,
        seed,
        lambda period: _truth(period, changed_from),
        lambda period, _left: _known_by(period, clients),
    )
    return [month.rows for month in made]


class Delivery(NamedTuple):
    """What a company knows at the beginning of a period."""

    outcomes: pd.DataFrame  # the rows of the period before, completed
    snapshot: pd.DataFrame  # a row of every client that is still there, its outcome empty

    @property
    def whole(self) -> pd.DataFrame:
        """Both as the rows of one file."""
        return pd.concat([self.outcomes, self.snapshot], ignore_index=True)


def delivery(period: int, clients: int, seed: int, changed_from: int | None = None) -> Delivery:
    """What arrives when a period begins."""
    rows = periods(period, clients, seed, changed_from=changed_from)
    outcomes = rows[-2] if period > 1 else rows[-1][:0]
    return Delivery(outcomes, rows[-1].assign(exited=np.nan))


def true_risks(last: int, clients: int, seed: int, drift: bool = False) -> "pd.Series[float]":
    """How likely each client really is to leave in the last of the periods, by its code."""
    known = _clients(_known_by(last, clients), seed)
    rows, risks = _period(known, _truth(last, last if drift else None), seed, last)
    return pd.Series(risks, index=rows["corporation"])


def _known_by(period: int, clients: int) -> int:
    return clients + int(clients * JOINING_SHARE) * (period - 2)


def _truth(period: int, changed_from: int | None) -> Truth:
    if changed_from and period >= changed_from:
        return AFTER_DRIFT
    return FIRST_PERIOD if period == 1 else LATER_PERIODS


def _clients(count: int, seed: int) -> Clients:
    """The first so many clients, the same ones however many are asked for."""
    sizes, levels = np.random.default_rng([seed, 0, 1]), np.random.default_rng([seed, 0, 2])
    size = 1.3 * sizes.standard_normal(count)
    level = np.log(150) + 0.5 * size + 1.2 * levels.standard_normal(count)
    return Clients(_codes(count, seed), size, level)


def _codes(count: int, seed: int) -> npt.NDArray[np.str_]:
    """Different codes, of four characters for a million clients, some that look like no code."""
    length = 4 if count < 1_000_000 else 6
    room = len(ALPHABET) ** length
    numbers = (np.arange(count, dtype=np.int64) * STRIDE + seed * OFFSET) % room
    digits = numbers[:, None] // len(ALPHABET) ** np.arange(length) % len(ALPHABET)
    drawn = np.array(list(ALPHABET))[digits].view(f"<U{length}").ravel()
    codes = dict.fromkeys([*ODD_CODES, *drawn.tolist()])
    return np.array(list(codes)[:count])


def _period(
    clients: Clients, truth: Truth, seed: int, period: int
) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """One row per client, whether still there or not, and how likely each was to leave."""
    random = np.random.default_rng([seed, period])
    count = len(clients.code)
    cools = random.random(count) < COOLING_SHARE
    cooling = 0.35 * random.standard_normal(count)
    cooling += np.where(cools, np.abs(1.3 + 0.6 * random.standard_normal(count)), 0.0)
    year = 12 * np.exp(clients.level + 0.1 * random.standard_normal(count))
    log_odds = truth.base + truth.cooling * cooling + truth.size * clients.size
    features = {
        "lastmonth_activity": np.round(np.exp(clients.level - cooling)),
        "lastyear_activity": np.round(year),
        "number_of_employees": np.maximum(1.0, np.round(60 * np.exp(clients.size))),
    }
    for values in features.values():
        values[random.random(count) < MISSING_SHARE] = np.nan
    risks = 1 / (1 + np.exp(-log_odds))
    left = (random.random(count) < risks).astype("float64")
    return pd.DataFrame({"corporation": clients.code, **features, "exited": left}), risks


def shipped() -> dict[str, pd.DataFrame]:
    """The files in the repository."""
    small = periods(1, clients=450, seed=11)[0]
    first = periods(1, CLIENTS, SEED)[0]
    third = delivery(3, CLIENTS, SEED).whole
    others = periods(2, clients=4_000, seed=31)[1]
    strangers = ~others["corporation"].isin([*first["corporation"], *third["corporation"]])
    return {
        "practicedata/dataset1.csv": small[:260],
        "practicedata/dataset2.csv": small[170:],
        "sourcedata/dataset3.csv": first,
        "sourcedata/dataset4.csv": third,
        "testdata/testdata.csv": others[strangers][:2000],
    }


def next_delivery(folder: Path) -> tuple[int, Path]:
    """The month that a folder waits for, and its file: dataset4.csv arrived in the third month."""
    ends = (path.stem.removeprefix("dataset") for path in folder.glob("dataset*.csv"))
    number = max((int(end) for end in ends if end.isdecimal()), default=1) + 1
    return number - 1, folder / f"dataset{number}.csv"


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("month", nargs="?", help="a number from 1, or the word shipped")
    parser.add_argument("file", nargs="?", type=Path, help="the CSV file to write")
    parser.add_argument(
        "--drift",
        nargs="?",
        type=int,
        const=0,
        metavar="PERIOD",
        help="clients leave for other reasons from this period on; else in the one that has ended",
    )
    parser.add_argument("--part", choices=Delivery._fields, help="one half of the delivery")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="known by the second period")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    if arguments.month == "shipped":
        for name, table in shipped().items():
            tables.write(ROOT / name, table)
        return
    month, file = arguments.month, arguments.file
    if month is None:
        month, file = next_delivery(ROOT / "sourcedata")
    elif not file or not month.isdecimal() or not int(month):
        parser.error("say which month and which file, or shipped, or nothing for the next month")
    changed_from = int(month) - 1 if arguments.drift == 0 else arguments.drift
    delivered = delivery(int(month), arguments.clients, arguments.seed, changed_from)
    tables.write(file, getattr(delivered, arguments.part) if arguments.part else delivered.whole)
    print(f"{file.name} is what arrives in month {month}")


if __name__ == "__main__":
    main()
