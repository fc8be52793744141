"""Long columns by the numbers of their rows, a block at a time.

numpy would make eight bytes of every number first, which with millions of them is most of the work.
"""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]
Kind = TypeVar("Kind", bound=np.generic)

BLOCK = 65_536


def taken(column: npt.NDArray[Kind], rows: Whole) -> npt.NDArray[Kind]:
    """The cells of these rows."""
    cells = np.empty(len(rows), dtype=column.dtype)
    for block in blocks(len(rows)):
        cells[block] = column[rows[block]]
    return cells


def flagged(rows: int, *which: Whole) -> Flags:
    """Which of so many rows are among these."""
    flags = np.zeros(rows, dtype=bool)
    for some in which:
        for block in blocks(len(some)):
            flags[some[block]] = True
    return flags


def last_places(numbers: Whole) -> Whole:
    """For each number up to the largest one where it stands last; -1 for one that does not."""
    last = np.full(int(numbers.max(initial=-1)) + 1, -1)
    for block in blocks(len(numbers)):
        own = numbers[block]
        last[own] = np.arange(block.start, block.start + len(own))
    return last


def blocks(rows: int) -> Iterator[slice]:
    """So many rows, block after block."""
    return (slice(begin, begin + BLOCK) for begin in range(0, rows, BLOCK))
