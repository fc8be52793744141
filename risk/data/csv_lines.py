"""Rows as lines of a CSV file, made of whole columns at a time."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import is_float_dtype, is_numeric_dtype

QUOTE = '"'
SPECIAL = '[",\r\n]'
ALIKE = 1e-4, 1e5  # between them Python and pyarrow write a number with decimals the same way

Cells: TypeAlias = Any  # an array of pyarrow, which ships no types


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


def _texts(column: "pd.Series[Any]") -> Cells:
    texts = pa.array(column, pa.string())
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    return _quoted(pc.fill_null(whole, ""))


def _quoted(texts: Cells) -> Cells:
    """Texts as cells: in quotes where one holds a sign that means something in a CSV file."""
    is_special = pc.match_substring_regex(texts, SPECIAL)
    if not pc.any(is_special).as_py():
        return texts
    has_quotes = QUOTE.encode() in bytes(_content(texts))
    doubled = pc.replace_substring(texts, QUOTE, 2 * QUOTE) if has_quotes else texts
    quoted = pc.binary_join_element_wise(QUOTE, doubled, QUOTE, "")
    return quoted if pc.all(is_special).as_py() else pc.if_else(is_special, quoted, texts)


def _numbers(column: "pd.Series[Any]") -> Cells:
    """Numbers as Python writes them, so that each is read back as the same one."""
    texts = pc.cast(pa.array(column, from_pandas=True), pa.string())
    if is_float_dtype(column):
        numbers = column.to_numpy(dtype="float64", na_value=np.nan)
        size = np.abs(numbers)
        is_alike = (size >= ALIKE[0]) & (size < ALIKE[1]) & (numbers != np.round(numbers))
        is_other = ~is_alike & ~np.isnan(numbers)
        own = pa.array(list(map(repr, numbers[is_other].tolist())), pa.string())
        texts = pc.replace_with_mask(texts, pa.array(is_other), own)
    return pc.fill_null(texts, "")
