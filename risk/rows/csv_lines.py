"""Rows as lines of a CSV file, made of whole columns at a time, as pandas would write them."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import is_float_dtype, is_numeric_dtype

from risk.rows import padded_cells
from risk.rows.padded_cells import COMMA, NEWLINE, Fours, Numbers

QUOTE = '"'
SPECIAL = '[",\r\n]'  # a cell with one of these stands between quotes
LEAST_PLAIN = 1e-4  # below it Python writes an exponent
LARGEST_WHOLE_NUMBER = 2**53
ROWS_AT_ONCE = 50_000  # of which each may hold a refused line of 10,000 characters

Cells: TypeAlias = Any  # an array of pyarrow, which ships no types


def parts(table: pd.DataFrame, whole: set[str] | None = None) -> Iterator[bytes]:
    """The header, then the rows, many at a time; whole numbers have no decimal point.

    Columns of whole numbers are found out unless they are given.
    """
    whole = whole_columns(table) if whole is None else whole
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(table.columns)
    yield header.getvalue().encode()
    is_whole = [name in whole for name in table.columns]
    for begin in range(0, len(table), ROWS_AT_ONCE):
        some = table.iloc[begin : begin + ROWS_AT_ONCE]
        yield _rows([column for _, column in some.items()], is_whole)


def whole_columns(table: pd.DataFrame) -> set[str]:
    """The names of the columns that hold whole numbers only."""
    return {str(name) for name, column in table.items() if _is_whole(column)}


def _is_whole(column: "pd.Series[Any]") -> bool:
    """Whether a column of floats holds whole numbers only, so that 78 is written and not 78.0."""
    if not is_float_dtype(column):
        return False
    return all(
        _are_whole(column.iloc[begin : begin + ROWS_AT_ONCE])
        for begin in range(0, len(column), ROWS_AT_ONCE)
    )


def _are_whole(some: "pd.Series[float]") -> bool:
    numbers = _floats(some)
    is_whole = (np.rint(numbers) == numbers) & (np.abs(numbers) < LARGEST_WHOLE_NUMBER)
    return bool((is_whole | np.isnan(numbers)).all())


def _floats(column: "pd.Series[Any]") -> Numbers:
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _rows(columns: "list[pd.Series[Any]]", is_whole: list[bool]) -> bytes:
    """Lines of these cells; the quick way knows no long texts."""
    ends = [COMMA] * (len(columns) - 1) + [NEWLINE]
    padded: list[list[Fours]] = []
    for column, whole, end in zip(columns, is_whole, ends, strict=True):
        if (own := _padded(column, end, is_whole=whole)) is None:
            return bytes(lines(list(map(_written, columns, is_whole))))
        padded.append(own)
    return padded_cells.lines(padded)


def _padded(column: "pd.Series[Any]", end: str, *, is_whole: bool) -> list[Fours] | None:
    if is_float_dtype(column):
        quick = padded_cells.of_numbers(_floats(column), end, is_whole=is_whole)
        if quick is not None:
            return quick
    texts = _written(column, is_whole)
    return padded_cells.of_texts(pc.cast(texts, pa.large_binary()), end)


def _written(column: "pd.Series[Any]", is_whole: bool) -> Cells:
    """A column as the cells of a CSV; whole numbers have no decimal point."""
    if not is_whole:
        return cells(column)
    numbers = pc.cast(pa.array(_floats(column), from_pandas=True), pa.int64())
    return pc.fill_null(pc.cast(numbers, pa.string()), "")


def cells(column: "pd.Series[Any]") -> Cells:
    """A column as the cells of a CSV; what is missing is empty."""
    return _numbers(column) if is_numeric_dtype(column) else _texts(column)


def repeated(text: str, rows: int) -> Cells:
    """The same text in so many rows."""
    return pa.repeat(_quoted(pa.array([text]))[0], rows)


def lines(columns: Sequence[Cells]) -> memoryview:
    """The lines of rows with these cells."""
    return _content(
        pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, ","), "", "\n")
    )


def _content(texts: Cells) -> memoryview:
    """All texts, one after another."""
    _, offsets, content = texts.buffers()
    if content is None:
        return memoryview(b"")
    first, last = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    return memoryview(content)[first:last]


def _has_special(texts: Cells) -> bool:
    """Whether one of these texts holds a sign that means something in a CSV file."""
    content = bytes(_content(texts))
    return any(sign in content for sign in (b'"', b",", b"\r", b"\n"))


def _texts(column: "pd.Series[Any]") -> Cells:
    texts = pa.array(column, pa.string())
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    return _quoted(pc.fill_null(whole, ""))


def _quoted(texts: Cells) -> Cells:
    """Texts as cells: in quotes where one holds a sign that means something in a CSV file."""
    if not _has_special(texts):
        return texts
    is_special = pc.match_substring_regex(texts, SPECIAL)
    has_quotes = QUOTE.encode() in bytes(_content(texts))
    doubled = pc.replace_substring(texts, QUOTE, 2 * QUOTE) if has_quotes else texts
    quoted = pc.binary_join_element_wise(QUOTE, doubled, QUOTE, "")
    return quoted if pc.all(is_special).as_py() else pc.if_else(is_special, quoted, texts)


def _numbers(column: "pd.Series[Any]") -> Cells:
    """Numbers as Python writes them, so that each is read back as the same one."""
    numbers = pa.array(column, from_pandas=True)
    texts = pc.cast(numbers, pa.string())
    if is_float_dtype(column):
        is_whole = pc.invert(pc.match_substring(texts, "."))
        texts = pc.if_else(is_whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
        is_small = pc.and_(pc.less(pc.abs(numbers), LEAST_PLAIN), pc.not_equal(numbers, 0))
        is_odd = pc.or_(pc.match_substring_regex(texts, "[ein]"), is_small)  # exponents, infinity
        is_odd = pc.fill_null(is_odd, False)
        own = [repr(each) for each in numbers.filter(is_odd).to_pylist()]
        texts = pc.replace_with_mask(texts, is_odd, pa.array(own, pa.string()))
    return pc.fill_null(texts, "")
