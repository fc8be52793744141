"""However outcomes come in, the list speaks of the newest snapshot: precision where truth is known.

With the outcomes on time, late as the same file filled in, late as a further file, not there yet.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

import ingestion
from company import fabricate
from risk import files
from risk.learning import ranking
from risk.models import estimator
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import configured, deliver

Files = list[tuple[str, pd.DataFrame]]


class Company:
    """Two periods that ended, and the snapshot of the third."""

    def __init__(self, clients: int, seed: int) -> None:
        self.first, self.second, self.third = fabricate.periods(3, clients, seed)

    @staticmethod
    def open(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(exited=float("nan"))

    def on_time(self) -> Files:
        newest = pd.concat([self.second, self.open(self.third)], ignore_index=True)
        return [("d1.csv", self.first), ("d2.csv", self.open(self.second)), ("d3.csv", newest)]

    def filled_in(self) -> Files:
        return [*self.not_there_yet(), ("d2.csv", self.second)]

    def further_file(self) -> Files:
        return [*self.not_there_yet(), ("d4.csv", self.second)]

    def not_there_yet(self) -> Files:
        snapshots = [("d2.csv", self.open(self.second)), ("d3.csv", self.open(self.third))]
        return [("d1.csv", self.first), *snapshots]


ORDERS = [Company.on_time, Company.filled_in, Company.further_file, Company.not_there_yet]


def called(settings: Settings, arrivals: Files, capacity: int) -> list[str]:
    """The first clients to call when these files came in one after the other."""
    for name, rows in arrivals:
        deliver(settings, name, rows)
        ingestion.merge_multiple_dataframe(settings)
    folder, columns = settings.output_folder_path, settings.columns
    known = tables.with_outcome(tables.read(folder / files.FINAL_DATA, columns), columns)
    model = estimator.fit(known, columns, "log")
    ranked = ranking.ranked(model, tables.read_book(folder, columns), columns)
    return ranked.clients["corporation"][:capacity].tolist()


def precision(
    folder: Path, company: Company, order: Callable[[Company], Files], capacity: int
) -> float:
    """How many of those called leave in the third period, and how many of the best possible."""
    codes = called(configured(folder), order(company), capacity)
    left = company.third.set_index("corporation")["exited"]
    assert set(codes) <= set(left.index), "a client that is gone would be called"
    return float(left[codes].mean())


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.__name__)
def test_the_list_is_as_good_however_the_outcomes_come_in(
    tmp_path: Path, order: Callable[[Company], Files]
) -> None:
    company = Company(2_000, seed=1)
    assert precision(tmp_path, company, order, capacity=100) >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 7])
@pytest.mark.parametrize(("order", "least"), [*zip(ORDERS, (0.86, 0.86, 0.86, 0.83), strict=True)])
def test_of_ten_thousand_clients_most_of_the_first_500_leave(
    tmp_path: Path, order: Callable[[Company], Files], least: float, seed: int
) -> None:
    found = precision(tmp_path, Company(10_000, seed), order, capacity=500)
    print(f"{order.__name__} {seed} {found:.3f}")
    assert found >= least


def test_after_an_outcome_came_in_no_row_stands_twice_and_nobody_is_called_who_left(
    tmp_path: Path,
) -> None:
    settings = configured(tmp_path)
    months = [fabricate.delivery(month, 400, seed=3) for month in (1, 2, 3, 4)]
    for number, (now, then) in enumerate(pairwise(months), 1):
        deliver(settings, f"snapshot{number}.csv", now.snapshot)
        ingestion.merge_multiple_dataframe(settings)
        deliver(settings, f"snapshot{number + 1}.csv", then.snapshot)
        deliver(settings, f"x-outcomes{number}.csv", then.outcomes)
        ingestion.merge_multiple_dataframe(settings)
    table = tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns)
    rows = pd.concat([month.snapshot for month in months]).drop(columns="exited")
    assert len(table) == len(rows.drop_duplicates())
    assert not table.drop(columns="exited").duplicated().any()
    book, newest = tables.read_book(settings.output_folder_path, settings.columns)
    assert set(book["corporation"][-newest:]) == set(months[-1].snapshot["corporation"])
    assert book["exited"][-newest:].isna().all()
