"""Long columns by the numbers of their rows: what is found in blocks is what is found at once."""

import numpy as np
import pytest

from risk.rows import long_columns
from risk.rows.long_columns import BLOCK

LENGTHS = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]


def numbers(length: int, below: int) -> "np.typing.NDArray[np.int32]":
    return np.random.default_rng(length).integers(0, below, length).astype(np.int32)


@pytest.mark.parametrize("length", LENGTHS)
def test_cells_are_those_of_the_rows(length: int) -> None:
    column, rows = np.arange(1000) * 0.5, numbers(length, 1000)
    assert long_columns.taken(column, rows).tolist() == column[rows].tolist()


@pytest.mark.parametrize("length", LENGTHS)
def test_flags_are_set_for_just_these_rows(length: int) -> None:
    rows = numbers(length, 3 * BLOCK)
    flags = long_columns.flagged(4 * BLOCK, rows, np.array([7]))
    assert np.flatnonzero(flags).tolist() == sorted({7, *rows.tolist()})


@pytest.mark.parametrize("length", LENGTHS)
def test_the_last_place_of_each_number_is_found(length: int) -> None:
    own = numbers(length, 50)
    last = {number: place for place, number in enumerate(own.tolist())}
    wanted = [last.get(number, -1) for number in range(max(last, default=-1) + 1)]
    assert long_columns.last_places(own).tolist() == wanted
