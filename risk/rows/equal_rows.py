"""Rows that are equal, found by sorting marks; rows that differ are never taken as one."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Words = npt.NDArray[np.uint64]
Whole = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]

WORD = 8  # bytes
MIX, LAST_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
HALF = np.uint64(32)


class Groups(NamedTuple):
    """Rows of one group are equal, in the order in which they came.

    `order` names all rows, group after group; a group begins at `begin` of it. `number` is the
    group of each row.
    """

    number: Whole
    order: Whole
    begin: Whole

    @property
    def size(self) -> Whole:
        """How many rows each group has."""
        return np.diff(self.begin, append=len(self.order))

    @property
    def first(self) -> Whole:
        """The first row of each group."""
        return self.order[self.begin]


def of(marks: Words, words_of: Callable[[Whole], list[Words]]) -> Groups:
    """The groups of equal rows: of one mark, and equal in the words of each row."""
    count = len(marks)
    bits = np.uint64(max(count - 1, 1).bit_length())
    place = (np.uint64(1) << bits) - np.uint64(1)
    sorted_ = marks & ~place
    sorted_ |= np.arange(count, dtype=np.uint64)
    sorted_.sort()  # equal rows together, in their order
    order: Whole = (sorted_ & place).astype(np.int32 if count < 2**31 else np.int64)
    sorted_ >>= bits
    is_like = sorted_[1:] == sorted_[:-1]
    del sorted_
    alike = np.flatnonzero(is_like)
    words = words_of(np.append(order[alike], order[alike + 1]))
    differ = np.any([each[: len(alike)] != each[len(alike) :] for each in words], axis=0)
    is_equal = is_like.copy()
    is_equal[alike[differ]] = False
    if differ.any():
        order, is_equal = _untangled(words_of, order, is_like, is_equal)
    begin = np.flatnonzero(np.append(True, ~is_equal)[:count]).astype(order.dtype)
    number = np.empty_like(order)
    number[order] = np.cumsum(np.append(True, ~is_equal)[:count], dtype=order.dtype) - 1
    return Groups(number, order, begin)


def _untangled(
    words_of: Callable[[Whole], list[Words]], order: Whole, is_like: Flags, is_equal: Flags
) -> tuple[Whole, Flags]:
    """The same where rows that differ have one mark: these are sorted by what they hold."""
    order, is_equal = order.copy(), is_equal.copy()
    run = np.cumsum(np.append(True, ~is_like))
    mixed = np.unique(run[1:][is_like & ~is_equal])
    at = np.flatnonzero(np.isin(run, mixed))
    rows = order[at]
    keys = [*words_of(rows), run[at]]
    in_order = np.lexsort((rows, *keys))
    order[at] = rows[in_order]
    same = np.all([key[in_order][1:] == key[in_order][:-1] for key in keys], axis=0)
    is_next = at[1:] == at[:-1] + 1
    is_equal[at[1:][is_next] - 1] = same[is_next]
    return order, is_equal


def marks_of(table: pd.DataFrame, names: Iterable[str]) -> Words:
    """A mark of each row, made of these columns: the same in every table that has such a row."""
    total = np.zeros(len(table), dtype=np.uint64)
    for name in names:
        total = _mixed(total, _marks(table[name]))
    total *= LAST_MIX
    return total ^ (total >> HALF)


def words_of(table: pd.DataFrame, names: Iterable[str]) -> list[Words]:
    """Columns as numbers that are equal where just the cells are; missing cells are equal."""
    return [_words(table[name]) for name in names]


def numbered(cells: "pd.Series[Any]") -> Whole:
    """Equal cells by one number, from 0 on."""
    if all(_longest(texts) <= WORD for texts in _texts(cells)):
        words = _marks(cells)
        mixed = _mixed(np.uint64(0), words)  # which tells short texts apart as well as they do
        return of(mixed, lambda own: [words[own]]).number
    return pd.factorize(cells)[0]


def _mixed(total: Words | np.uint64, more: Words) -> Words:
    total = (total ^ more) * MIX
    return total ^ (total >> HALF)


def _words(cells: "pd.Series[Any]") -> Words:
    if cells.dtype == "float64" or all(_longest(texts) <= WORD for texts in _texts(cells)):
        return _marks(cells)  # which tells numbers and short texts apart
    return pd.factorize(cells)[0].view(np.uint64)


def _marks(cells: "pd.Series[Any]") -> Words:
    return _of_numbers(cells) if cells.dtype == "float64" else _together(map(_mark, _texts(cells)))


def _of_numbers(cells: "pd.Series[float]") -> Words:
    numbers = cells.to_numpy() + 0.0  # so that -0 is 0
    numbers[np.isnan(numbers)] = np.nan  # of which there are many
    return numbers.view(np.uint64)


def _texts(cells: "pd.Series[str]") -> list[pa.Array]:
    """The texts of a column, piece by piece."""
    held = pa.array(cells)
    pieces = held.chunks if isinstance(held, pa.ChunkedArray) else [held]
    return [pc.cast(piece, pa.large_binary()) for piece in pieces]


def _together(parts: Iterable[Words]) -> Words:
    return np.concatenate([np.empty(0, dtype=np.uint64), *parts])


def _longest(texts: pa.Array) -> int:
    return int(_ends(texts)[1].max(initial=0))


def _ends(texts: pa.Array) -> tuple[Whole, Whole]:
    """Where each text begins among the bytes, and how long it is."""
    ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return ends[:-1], np.diff(ends)


def _mark(texts: pa.Array) -> Words:
    """A fingerprint of each text; one of up to eight bytes is its own."""
    mark = _word(texts, 0)
    for at in range(WORD, _longest(texts), WORD):
        more = _word(texts, at)
        mark = np.where(more, _mixed(mark, more), mark)
    return mark


def _word(texts: pa.Array, at: int) -> Words:
    """Eight bytes of each text from this one on, 0 where it has no more; no text holds a NUL."""
    begin, length = _ends(texts)
    left = np.clip(length - at, 0, WORD)
    held = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    padded = np.append(held, np.zeros(2 * WORD, dtype=np.uint8))
    words = np.lib.stride_tricks.as_strided(
        padded[:WORD].view(np.uint64), (len(padded) - WORD + 1,), (1,)
    )
    unused = ((WORD - left) * WORD).astype(np.uint64)  # bits; to shift by all 64 is undefined
    found = words[np.minimum(begin + at, len(words) - 1)]
    return np.where(left, (found << unused) >> unused, np.uint64(0))
