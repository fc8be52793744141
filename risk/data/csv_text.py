"""A table as the text of a CSV file, the same to the byte as pandas writes it but sooner.

Whole numbers have no decimal point, missing cells are empty, a text with a comma, a quote or a line
break stands in quotes.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

ROWS_AT_ONCE = 200_000
LARGEST_WHOLE_NUMBER = 2**53
LEAST_PLAIN = 1e-4  # below it Python writes an exponent
TO_QUOTE = '[,"\n\r]'
BARE = arrow_csv.WriteOptions(include_header=False, quoting_style="none")


def parts(table: pd.DataFrame) -> Iterator[bytes]:
    """The header, then the rows, many at a time."""
    yield _line(list(table.columns)).encode()
    whole = {name for name, cells in table.items() if _is_whole(cells)}
    for begin in range(0, len(table), ROWS_AT_ONCE):
        some = table.iloc[begin : begin + ROWS_AT_ONCE]
        columns = [_column(cells, name in whole) for name, cells in some.items()]
        yield _rows(columns)


def _line(names: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue()


def _is_whole(cells: "pd.Series[Any]") -> bool:
    """Whether a column of numbers holds whole ones only, so that 78 is written and not 78.0."""
    if cells.dtype != "float64":
        return False
    numbers = cells.to_numpy()
    is_whole = (np.rint(numbers) == numbers) & (np.abs(numbers) < LARGEST_WHOLE_NUMBER)
    return bool((is_whole | np.isnan(numbers)).all())


def _column(cells: "pd.Series[Any]", is_whole: bool) -> pa.Array:
    """The cells as they are written, but for quotes."""
    if cells.dtype != "float64":
        held = pa.array(cells if cells.dtype == "str" else cells.astype("str"))
        return held.combine_chunks() if isinstance(held, pa.ChunkedArray) else held
    numbers = pa.array(cells.to_numpy(), from_pandas=True)
    return pc.cast(numbers, pa.int64()) if is_whole else _texts(numbers)


def _texts(numbers: pa.Array) -> pa.Array:
    """Numbers as Python writes them, which differs from Arrow's way for large and small ones."""
    texts = pc.cast(numbers, pa.string())
    is_whole = pc.invert(pc.match_substring(texts, "."))
    texts = pc.if_else(is_whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
    is_small = pc.and_(pc.less(pc.abs(numbers), LEAST_PLAIN), pc.not_equal(numbers, 0))
    is_odd = pc.or_(pc.match_substring_regex(texts, "[ein]"), is_small)  # an exponent, infinite
    is_odd = pc.fill_null(is_odd, False)
    own = [repr(each) for each in numbers.filter(is_odd).to_pylist()]
    return pc.replace_with_mask(texts, is_odd, pa.array(own, pa.string()))


def _rows(columns: list[pa.Array]) -> bytes:
    """Lines of these cells; the quick way knows no quotes."""
    of_text = [
        pa.types.is_string(each.type) or pa.types.is_large_string(each.type) for each in columns
    ]
    odd = [
        is_text and bool(pc.any(pc.match_substring_regex(column, TO_QUOTE)).as_py())
        for column, is_text in zip(columns, of_text, strict=True)
    ]
    if not any(odd):
        names = [str(at) for at in range(len(columns))]
        out = pa.BufferOutputStream()
        arrow_csv.write_csv(pa.table(columns, names=names), out, BARE)
        return bytes(out.getvalue().to_pybytes())
    return "".join(
        _line(list(row)) for row in zip(*(each.to_pylist() for each in columns), strict=True)
    ).encode()
