"""The list that the client managers work from: its order, its bands, its file."""

import contextlib
import math
import re
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_numeric_dtype

from risk import files
from risk.errors import ArtefactRefused, InputMissing
from risk.learning import estimator, reasons
from risk.learning.estimator import Average, Model, Terms
from risk.learning.releases import Release
from risk.settings import Columns

BANDS = (("high", 0.5), ("medium", 0.2), ("low", 0.0))  # from this risk on
LIST = ("corporation", "risk", "rank", "band", "reasons")
OUTCOME = "outcome"  # what the client's newest row says of it
OPEN, STAYED = "open", "stayed"
MOVED = ("previous_risk", "previous_rank")
BASIS = ("release", "deployed_at", "as_of")
COLUMNS = (*LIST, OUTCOME, *MOVED, *BASIS)
KEPT = ("corporation", "risk", "rank", "release")
TYPES = {"risk": "float64", "rank": "int64", "previous_risk": "float64", "previous_rank": "Int64"}
REPEATED = ("band", OUTCOME, *BASIS)  # in every row one of few words, which is kept once
DECIMALS = 12  # beyond them equal clients may differ, by where they stand in the table
ROWS_AT_ONCE = 50_000
QUOTE = '"'
SPECIAL = re.compile(r'[",\r\n]')

Row = dict[str, Any]


class ListDamaged(ArtefactRefused):
    """What was kept of a list cannot be read."""


class Basis(NamedTuple):
    """What a list rests on: the release that ranked, its deployment, the moment of the data."""

    release: str
    deployed_at: str
    as_of: str


def bands(risks: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """The word for each risk."""
    names = np.array([name for name, _ in reversed(BANDS)], dtype=object)
    found: npt.NDArray[np.object_] = names[
        np.searchsorted([start for _, start in reversed(BANDS)], risks, side="right") - 1
    ]
    return found


def lean(risks: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """What each risk is nearer to: 1 in the highest band, -1 in the lowest, 0 between."""
    ends = BANDS[0][1], BANDS[-2][1]
    return (risks >= ends[0]).astype(np.int64) - (risks < ends[1])


def span(band: str) -> str:
    """The risks that a band holds, in words."""
    starts = dict(BANDS)
    above = min((start for start in starts.values() if start > starts[band]), default=1.0)
    if above == 1.0:
        return f"{100 * starts[band]:.0f}\u00a0%\u00a0or\u00a0more"
    if starts[band] == 0.0:
        return f"below\u00a0{100 * above:.0f}\u00a0%"
    return f"{100 * starts[band]:.0f}\u00a0to\u00a0{100 * above:.0f}\u00a0%"


def percent(risk: float) -> str:
    """A risk in percent; nothing is certain, and nothing is rounded into the next band."""
    if risk < 0.005:
        return "<\u00a01\u00a0%"
    if any(start - 0.005 <= risk < start for _, start in BANDS):
        return f"{math.floor(1000 * risk) / 10:.1f}\u00a0%"
    return f"{100 * risk:.0f}\u00a0%" if risk < 0.995 else ">\u00a099\u00a0%"


def to_rank(book: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The clients that have not left, those of unknown outcome among them."""
    return book[book[columns.target] != 1]


class Ranked(NamedTuple):
    """The clients in the order of the list, and all that is known of each."""

    clients: pd.DataFrame
    risks: npt.NDArray[np.float64]
    terms: Terms
    average: Average


def ranked(asked: Model, book: pd.DataFrame, columns: Columns) -> Ranked:
    """The clients that may still leave: open outcomes first, each by risk, ties by code."""
    clients = to_rank(book, columns).sort_values(columns.client)
    risks = estimator.probability(asked, clients, columns).round(DECIMALS)
    risks = np.nan_to_num(risks, nan=0.5)  # where numbers too large cancelled out to nothing
    places = np.lexsort((-risks, clients[columns.target].notna()))
    clients = clients.iloc[places].reset_index(drop=True)
    middle = estimator.average(asked, clients, columns)
    terms = estimator.terms(asked, clients, columns, middle)
    return Ranked(clients, risks[places], terms, middle)


def write(
    path: Path, found: Ranked, columns: Columns, basis: Basis, kept_in: Path | None = None
) -> None:
    """Replace the list; keep codes, risks and ranks beside if asked to.

    What is kept is in place before the list is: a list that can be seen was kept.
    """
    earlier = _earlier(path, basis)
    with contextlib.ExitStack() as held:
        drafts = [(held.enter_context(files.replacing(path)), list(COLUMNS))]
        if kept_in:
            drafts.append((held.enter_context(files.replacing(kept_in)), list(KEPT)))
        for draft, wanted in drafts:
            draft.write(f"{','.join(wanted)}\n".encode())
        for begin in range(0, len(found.risks), ROWS_AT_ONCE):
            table = _rows(found, slice(begin, begin + ROWS_AT_ONCE), columns)
            before = earlier.reindex(table["corporation"])
            for name in MOVED:
                table[name] = before[name].array
            cells = {str(name): _cells(table[name]) for name in table}
            cells |= {name: repeat(_quoted(value)) for name, value in basis._asdict().items()}
            for draft, wanted in drafts:
                lines = map(",".join, zip(*(cells[name] for name in wanted), strict=False))
                draft.write("".join(f"{line}\n" for line in lines).encode())


def _cells(column: "pd.Series[Any]") -> Iterable[str]:
    """A column as the cells of a CSV, which costs a quarter of what pandas takes for them."""
    if not is_numeric_dtype(column):
        texts: list[str] = column.tolist()
        return [_quoted(text) for text in texts] if SPECIAL.search("".join(texts)) else texts
    numbers = zip(column.tolist(), column.isna(), strict=True)
    return ["" if is_missing else repr(number) for number, is_missing in numbers]


def _quoted(text: str) -> str:
    return f'"{text.replace(QUOTE, 2 * QUOTE)}"' if SPECIAL.search(text) else text


def _rows(found: Ranked, part: slice, columns: Columns) -> pd.DataFrame:
    """A part of the list in its own columns."""
    clients, risks = found.clients[part], found.risks[part]
    terms = Terms(found.terms.parts[part], found.terms.values[part])
    given = clients[list(columns.features)].to_numpy()
    names = [reasons.label(name) for name in columns.features]
    return pd.DataFrame(
        {
            "corporation": clients[columns.client].array,
            "risk": risks,
            "rank": np.arange(part.start + 1, part.start + len(clients) + 1),
            "band": bands(risks),
            "reasons": reasons.told(terms, given, found.average, names, lean(risks)),
            OUTCOME: np.where(clients[columns.target].isna(), OPEN, STAYED),
        }
    )


def still_open(listed: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Of which clients on a list it is not known yet what became of them."""
    found: npt.NDArray[np.bool_] = (listed[OUTCOME] == OPEN).to_numpy(dtype=bool)
    return found


class Expected(NamedTuple):
    """How many of the first on the list would leave, and of whom that is said."""

    leaving: int
    words: str


def expected(risks: npt.NDArray[np.float64], is_open: npt.NDArray[np.bool_]) -> Expected:
    """What to expect of these clients, the first on the list.

    A risk speaks of the period of a client's newest row. Where that says already that the client
    stayed, the period is over, and the risk is a likeness.
    """
    if not is_open.any():
        first = f"of the first {len(risks):,}"
        words = f"{first} look like clients that leave, though all of them stayed so far"
        return Expected(round(float(risks.sum())), words)
    first = f"of the first {is_open.sum():,}, whose outcome is open,"
    words = f"{first} would leave, if the model is right and nobody calls"
    return Expected(round(float(risks[is_open].sum())), words)


def order(is_open: npt.NDArray[np.bool_]) -> str:
    """How a list of such clients is ordered, in words."""
    if not is_open.any():
        return "Highest risk first; by its newest row each of them stayed so far."
    if is_open.all():
        return "Highest risk first; the outcome of each of them is open."
    first = f"First the {is_open.sum():,} whose outcome is open, by risk"
    return f"{first}; then those that stayed by their newest row, by risk."


def basis_now(release: Release, as_of: str) -> Basis:
    """What a list rests on that is current: the deployed release, the last ingestion's moment."""
    return Basis(release.release, release.time, as_of)


def _earlier(path: Path, basis: Basis) -> pd.DataFrame:
    """Risk and rank by client in the previous list: the file that is about to be replaced.

    It is what the managers had in their hands, and it is there when the database is not. A list
    that is made again from the same data with the same release keeps what it was compared with.
    """
    nothing = pd.DataFrame({name: pd.Series(dtype=TYPES[name]) for name in MOVED})
    try:
        same = basis_of(path) == basis
        numbers = list(MOVED) if same else ["risk", "rank"]
        table = read(path, ("corporation", *numbers))
    except (InputMissing, ArtefactRefused):
        return nothing
    table = table.set_index("corporation")
    if not table.index.is_unique:
        table = table[~table.index.duplicated()]
    return table.set_axis(list(MOVED), axis="columns").astype({"previous_rank": "Int64"})


def basis_of(path: Path) -> Basis | None:
    """What the list rests on, none if it is empty."""
    first = read(path, BASIS, rows=1)
    return None if first.empty else Basis(*first.iloc[0])


def read(path: Path, wanted: tuple[str, ...] = COLUMNS, rows: int | None = None) -> pd.DataFrame:
    """The list, or some of its columns and its first rows; codes as they are."""
    try:
        with pd.read_csv(path, iterator=True, **_as_written(wanted)) as reader:
            table = reader.read(rows)
    except FileNotFoundError:
        raise InputMissing(
            f"{files.short(path)} is missing; run python reporting.py first"
        ) from None
    except ValueError as error:
        raise ArtefactRefused(
            f"{files.short(path)} is damaged ({error}); run python reporting.py"
        ) from error
    return table[list(wanted)]


def kept(path: Path) -> Iterator[list[Row]]:
    """What was kept of a list beside it, in parts of bounded size; nothing if nothing was."""
    if not path.exists():
        return
    try:
        with pd.read_csv(path, chunksize=ROWS_AT_ONCE, **_as_written(KEPT)) as parts:
            for part in parts:
                if not part["risk"].between(0, 1).all():
                    raise ValueError("a risk is none")
                yield [
                    {str(name): cell for name, cell in row.items()}
                    for row in part.to_dict("records")
                ]
    except (ValueError, IsADirectoryError) as error:
        raise ListDamaged(
            f"{files.short(path)} is damaged ({error}); the run is recorded without it"
        ) from error


def _as_written(wanted: tuple[str, ...]) -> Row:
    """How pandas has to read: every cell is text and never missing, but for the numbers."""
    return {
        "usecols": list(wanted),
        "dtype": {
            name: "category" if name in REPEATED else TYPES.get(name, "str") for name in wanted
        },
        "keep_default_na": False,
        "na_values": {name: [""] for name in MOVED if name in wanted},
    }


def moved(rank: int, previous: int | None) -> str:
    """Where a client went since the previous list, in words."""
    if previous is None or pd.isna(previous):
        return "new"
    if rank == previous:
        return "same"
    return f"up {previous - rank:,}" if rank < previous else f"down {rank - previous:,}"
