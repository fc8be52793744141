"""The places of rows that belong to one period."""

import numpy as np
import pytest

from risk.columns import Columns
from risk.dataset import periods

FILES = Columns("client", ("x",), "exited")
MONTHS = FILES._replace(period="month")


@pytest.mark.parametrize("clients", [40, 100_000], ids=["counted by flags", "counted by sorting"])
@pytest.mark.parametrize(
    ("counts", "columns", "begins"),
    [
        ([20, 20, 20], FILES, [0, 1, 2]),
        ([20, 9, 20], FILES, [0, 0, 2]),  # a few corrections
        ([9, 20], FILES, [0, 0]),  # clients that joined since
        ([20, 10, 20], FILES, [0, 1, 2]),  # just half of them
        ([20, 0, 20], FILES, [0, 0, 2]),  # a place without rows
        ([20, 9, 20], MONTHS, [0, 1, 2]),
        ([20, 1, 20], MONTHS, [0, 0, 2]),
        ([], FILES, []),
    ],
)
def test_a_place_of_few_clients_belongs_to_its_neighbour(
    clients: int, counts: list[int], columns: Columns, begins: list[int]
) -> None:
    step = clients // 40
    client = np.concatenate([[], *(step * np.arange(count) for count in counts)]).astype(np.int32)
    places = np.repeat(np.arange(len(counts), dtype=np.int16), counts)
    again = np.where(np.isin(places, np.flatnonzero(np.array(counts) < 20)), 4, 1)
    client, places = np.repeat(client, again), np.repeat(places, again)  # counted once in each
    counted = periods.clients_of(places, client)
    assert counted == counts
    assert periods.begins(counted, columns).tolist() == begins[: len(counts)]


def test_periods_are_numbered_from_the_oldest() -> None:
    assert periods.numbers([0, 20, 0, 20, 9, 20], FILES).tolist() == [0, 0, 0, 1, 1, 2]
    assert periods.numbers([], FILES).tolist() == []
