"""Rows that are equal, found by sorting marks; rows that differ are never taken as one."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from risk.rows import text_words
from risk.rows.text_words import WORD, Whole, Words

Flags = npt.NDArray[np.bool_]

MIX, LAST_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
HALF = np.uint64(32)


class Repeats(NamedTuple):
    """The rows that equal others, group after group, each group in the order of its rows.

    `group` numbers the group of each; a group begins at `begin` of them.
    """

    row: Whole
    group: Whole
    begin: Whole


def repeats(marks: Words, words_of: Callable[[Whole], list[Words]]) -> Repeats:
    """The rows that have a mark in common, and are equal in the words of each row."""
    row, begins = _alike(marks)
    words = words_of(row)
    is_equal = _equal_to_next(words) & ~begins[1:]
    if np.count_nonzero(is_equal) < np.count_nonzero(~begins[1:]):  # other rows have one mark
        run = np.cumsum(begins)
        in_order = np.lexsort((row, *words, run))
        row, words = row[in_order], [word[in_order] for word in words]
        is_equal = _equal_to_next([*words, run[in_order].view(np.uint64)])
    has_equal = np.append(is_equal, False)[: len(row)]
    has_equal[1:] |= is_equal
    begins = ~np.append(False, is_equal)[: len(row)][has_equal]
    group = np.cumsum(begins, dtype=row.dtype) - 1
    return Repeats(row[has_equal], group, np.flatnonzero(begins).astype(row.dtype))


def _alike(marks: Words) -> tuple[Whole, Flags]:
    """The rows whose marks begin alike, one run of them after the other, and where runs begin."""
    count = len(marks)
    bits = np.uint64(max(count - 1, 1).bit_length())
    place = (np.uint64(1) << bits) - np.uint64(1)
    in_order = marks & ~place
    in_order |= np.arange(count, dtype=np.uint64)
    in_order.sort()  # those that begin alike together, in the order of their rows
    is_like = (in_order[1:] ^ in_order[:-1]) <= place
    is_alike = np.append(is_like, False)[:count]
    is_alike[1:] |= is_like
    row = (in_order[is_alike] & place).astype(np.int32 if count < 2**31 else np.int64)
    return row, ~np.append(False, is_like)[:count][is_alike]


def _equal_to_next(words: list[Words]) -> Flags:
    equal: Flags = np.all([word[1:] == word[:-1] for word in words], axis=0)
    return equal


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
    if not _are_short(cells):
        return pd.factorize(cells)[0]
    # distinct words have distinct marks, so these suffice
    marks = _mixed(np.uint64(0), _marks(cells))
    same = repeats(marks, lambda own: [marks[own]])
    is_alone = np.ones(len(marks), dtype=bool)
    is_alone[same.row] = False
    number = np.empty(len(marks), dtype=same.row.dtype)
    number[is_alone] = len(same.begin) + np.arange(len(marks) - len(same.row))
    number[same.row] = same.group
    return number


def _mixed(total: Words | np.uint64, more: Words) -> Words:
    total = (total ^ more) * MIX
    return total ^ (total >> HALF)


def _words(cells: "pd.Series[Any]") -> Words:
    if cells.dtype == "float64" or _are_short(cells):
        return _marks(cells)  # which tells numbers and short texts apart
    return pd.factorize(cells)[0].view(np.uint64)


def _marks(cells: "pd.Series[Any]") -> Words:
    return _of_numbers(cells) if cells.dtype == "float64" else _together(map(_mark, _texts(cells)))


def _of_numbers(cells: "pd.Series[float]") -> Words:
    numbers = cells.to_numpy() + 0.0  # so that -0 is 0
    numbers[np.isnan(numbers)] = np.nan  # one bit pattern for every NaN
    return numbers.view(np.uint64)


def _texts(cells: "pd.Series[str]") -> list[pa.Array]:
    """The texts of a column, piece by piece."""
    held = pa.array(cells)
    pieces = held.chunks if isinstance(held, pa.ChunkedArray) else [held]
    return [pc.cast(piece, pa.large_binary()) for piece in pieces]


def _are_short(cells: "pd.Series[str]") -> bool:
    return all(text_words.longest(texts) <= WORD for texts in _texts(cells))


def _together(parts: Iterable[Words]) -> Words:
    return np.concatenate([np.empty(0, dtype=np.uint64), *parts])


def _mark(texts: pa.Array) -> Words:
    """A fingerprint of each text; one of up to eight bytes is its own."""
    mark = text_words.word(texts, 0)
    for at in range(WORD, text_words.longest(texts), WORD):
        more = text_words.word(texts, at)
        mark = np.where(more, _mixed(mark, more), mark)
    return mark
