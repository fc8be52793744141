"""Rows that are equal, found by sorting marks; rows that differ are never taken as one."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from risk.rows import text_words
from risk.rows.long_columns import blocks, flagged, taken
from risk.rows.text_words import WORD, Whole, Words

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Numbered = npt.NDArray[Any]  # equal where cells are equal

MIX, LAST_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
HALF = np.uint64(32)


class Repeats(NamedTuple):
    """The rows that equal others, group after group, each group in the order of its rows.

    `group` numbers the group of each; a group begins at `begin` of them.
    """

    row: Whole
    group: Whole
    begin: Whole


class Runs(NamedTuple):
    """Rows in runs, and which of them begin one."""

    row: Whole
    begins: Flags


def repeats(marks: Words, words_of: Callable[[Whole], list[Numbered]]) -> Repeats:
    """The rows that have a mark in common, and are equal in the words of each row."""
    row, begins = _alike(*_in_runs(marks))
    row, begins = _told_apart(row, begins, words_of(row))
    row, begins = _alike(row, begins)
    group = np.cumsum(begins, dtype=row.dtype) - row.dtype.type(1)
    return Repeats(row, group, np.flatnonzero(begins).astype(row.dtype))


def _in_runs(marks: Words) -> Runs:
    """All rows, those whose marks begin alike in one run, and where runs begin."""
    count, place = len(marks), _place(len(marks))
    ordered = in_order(marks.copy())
    begins = np.ones(count, dtype=bool)
    row: Whole = np.empty(count, dtype=np.int32 if count < 2**31 else np.int64)
    for block in blocks(count):
        some = ordered[block.start : block.stop + 1]
        row[block] = some[: block.stop - block.start] & place
        begins[block.start + 1 : block.stop + 1] = (some[1:] ^ some[:-1]) > place
    return Runs(row, begins)


def in_order(marks: Words) -> Words:
    """Marks that begin alike together, each with its row in place of its end; they are used up."""
    place = _place(len(marks))
    for block in blocks(len(marks)):
        own = marks[block]
        own &= ~place
        own |= np.arange(block.start, block.start + len(own), dtype=np.uint64)
    marks.sort()
    return marks


def _place(count: int) -> np.uint64:
    """The bits that tell so many rows apart."""
    return (np.uint64(1) << np.uint64(max(count - 1, 1).bit_length())) - np.uint64(1)


def sharing(ordered: Words, marks: Words) -> Whole:
    """The rows of marks in order that may be one of these marks: no such row is left out."""
    place = _place(len(ordered))
    wanted = np.unique(marks & ~place)
    begin = np.searchsorted(ordered, wanted)
    count = np.searchsorted(ordered, wanted | place, side="right") - begin
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row: Whole = (ordered[np.repeat(begin, count) + within] & place).astype(np.int64)
    return row


def _alike(row: Whole, begins: Flags) -> Runs:
    """The runs of two rows or more."""
    is_alike = ~begins
    is_alike[:-1] |= is_alike[1:]
    return Runs(row[is_alike], begins[is_alike])


def _told_apart(row: Whole, begins: Flags, words: list[Numbered]) -> Runs:
    """The same runs, each divided into runs of rows that are equal in these words of each row."""
    is_other = ~_equal_to_next(words)
    is_other &= ~begins[1:]
    if not is_other.any():
        return Runs(row, begins)
    run = np.cumsum(begins, dtype=row.dtype)
    at = np.flatnonzero(taken(flagged(int(run[-1]) + 1, run[1:][is_other]), run))
    in_order = at[np.lexsort((row[at], *(word[at] for word in words), run[at]))]
    for each in (row, *words):
        each[at] = each[in_order]
    return Runs(row, np.append(True, ~_equal_to_next([*words, run])))


def _equal_to_next(words: Sequence[Numbered]) -> Flags:
    equal: Flags = words[0][1:] == words[0][:-1]
    for word in words[1:]:
        equal &= word[1:] == word[:-1]
    return equal


def marks_of(table: pd.DataFrame, names: Iterable[str]) -> Words:
    """A mark of each row, made of these columns: the same in every table that has such a row."""
    columns = [_held(table[name]) for name in names]
    marks = np.zeros(len(table), dtype=np.uint64)
    for block in blocks(len(table)):  # which the processor has at hand
        some = marks[block]
        for column in columns:
            some[:] = _mixed(some, _marks(column[block]))
        some *= LAST_MIX
        some ^= some >> HALF
    return marks


def words_of(table: pd.DataFrame, names: Iterable[str], rows: Whole) -> list[Numbered]:
    """Columns in these rows as numbers that are equal where cells are, missing ones among them."""
    return [_words(table[name].iloc[rows]) for name in names]


def numbered(cells: "pd.Series[Any]") -> Whole:
    """Equal cells by one number, from 0 on."""
    if not _are_short(cells):
        return pd.factorize(cells)[0]
    marks = marks_of(cells.to_frame("cell"), ["cell"])  # of distinct words distinct ones
    row, begins = _in_runs(marks)
    row, begins = _told_apart(row, begins, [taken(marks, row)])
    run, number = np.cumsum(begins, dtype=row.dtype), np.empty_like(row)
    for block in blocks(len(row)):
        number[row[block]] = run[block] - 1
    return number


def _mixed(total: Words | np.uint64, more: Words) -> Words:
    total = (total ^ more) * MIX
    return total ^ (total >> HALF)


def _words(cells: "pd.Series[Any]") -> Numbered:
    if cells.dtype == "float64" or _are_short(cells):
        return _marks(_held(cells))  # which tells numbers and short texts apart
    return pd.factorize(cells)[0]


def _held(cells: "pd.Series[Any]") -> Any:
    """A column as an array of numbers, or as chunks of texts."""
    if cells.dtype == "float64":
        return cells.to_numpy()
    held = pa.array(cells)
    return held if isinstance(held, pa.ChunkedArray) else pa.chunked_array([held])


def _marks(held: Any) -> Words:
    return _of_numbers(held) if isinstance(held, np.ndarray) else _of_texts(held)


def _of_numbers(held: Numbers) -> Words:
    numbers = held + 0.0  # so that -0 is 0
    numbers[np.isnan(numbers)] = np.nan  # one bit pattern for every NaN
    return numbers.view(np.uint64)


def _of_texts(held: pa.ChunkedArray) -> Words:
    return np.concatenate([np.empty(0, dtype=np.uint64), *map(_mark, _pieces(held))])


def _pieces(held: pa.ChunkedArray) -> list[pa.Array]:
    return [pc.cast(piece, pa.large_binary()) for piece in held.chunks]


def _are_short(cells: "pd.Series[str]") -> bool:
    return all(text_words.longest(texts) <= WORD for texts in _pieces(_held(cells)))


def _mark(texts: pa.Array) -> Words:
    """A fingerprint of each text; one of up to eight bytes is its own."""
    mark = text_words.word(texts, 0)
    for at in range(WORD, text_words.longest(texts), WORD):
        more = text_words.word(texts, at)
        mark = np.where(more, _mixed(mark, more), mark)
    return mark
