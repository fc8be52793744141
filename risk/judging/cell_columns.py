"""Plain lines as whole columns: the cells as they are kept, and which lines are good."""

import codecs
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from risk.columns import NUMBER, SIGNED, Columns
from risk.judging import cell_rules, schema
from risk.judging.cell_rules import MISSING, Cell, LineRefused, Rule

NUMERAL = r"[0-9]+(?:\.[0-9]+)?(?:[eE]-?[0-9]{1,2})?"  # which every reader reads alike
LONGEST_LINE = 300  # a longer one is looked at alone
LEAST_BLOCK = 1024 * 1024  # bytes that pyarrow reads at a time; with fewer it is slower
TELLING = r"[!-~]|\pL|\pN"  # in a text with one of these not all is blank

Column = Any  # an array of float64, nan where missing, or an Arrow array of texts
Flags = npt.NDArray[np.bool_]


class NotPlain(Exception):
    """The lines must be read one by one."""


def is_text(name: str, columns: Columns) -> bool:
    """Whether the cells of a column are kept as text."""
    return name in (columns.client, columns.period, *columns.categories)


def is_numeral(name: str, columns: Columns) -> bool:
    """Whether the cells of a column are numbers without anything around them."""
    is_other = is_text(name, columns) or name == columns.target or columns.missing_words
    return not is_other and columns.kind(name) in (NUMBER, SIGNED)


def pattern(layout: schema.Layout, columns: Columns) -> str:
    """A pattern for lines that `of` can read; whatever else is wrong with such a line, `of` finds.

    A cell may stand in quotes, as long as they hide nothing and can just be left out.
    """
    missing = "|".join(map(re.escape, sorted(MISSING)))
    fields = [r'[^,"\n]*'] * layout.width
    for name, at, _ in layout.cells:
        if is_numeral(name, columns):
            sign = "" if columns.kind(name) == NUMBER else "-?"
            fields[at] = f"(?:{missing}|{sign}{NUMERAL})"
    either = [f'(?:{field}|"{field}")' for field in fields]
    return f"^{','.join(either)}\n$"


def of(text: pa.Buffer, layout: schema.Layout, columns: Columns) -> tuple[list[Column], Flags]:
    """The columns of lines without quotes, and which lines are good.

    Raises ArrowInvalid if a line has not all its fields, or if a cell of a number column is none.
    """
    if bytes(memoryview(text)[:3]) == codecs.BOM_UTF8:
        raise NotPlain  # the first character of a code, which would be passed over
    table = _parsed(text, layout, columns)
    good = np.ones(table.num_rows, dtype=bool)
    kept = []
    for (name, _, rule), cells in zip(layout.cells, table.itercolumns(), strict=True):
        column, is_good = _column(name, rule, cells.combine_chunks(), columns)
        kept.append(column)
        if is_good is not None:
            good &= is_good
    return kept, good


def _parsed(text: pa.Buffer, layout: schema.Layout, columns: Columns) -> pa.Table:
    names = [str(at) for at in range(layout.width)]
    kinds = {names[at]: _type(name, columns) for name, at, _ in layout.cells}
    return arrow_csv.read_csv(
        pa.BufferReader(text),
        read_options=arrow_csv.ReadOptions(
            use_threads=False, column_names=names, block_size=max(text.size + 1, LEAST_BLOCK)
        ),
        parse_options=arrow_csv.ParseOptions(quote_char=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=kinds,
            include_columns=list(kinds),
            null_values=sorted(MISSING),
            strings_can_be_null=False,
        ),
    )


def _type(name: str, columns: Columns) -> pa.DataType:
    if name == columns.client:
        return pa.large_string()
    return pa.float64() if is_numeral(name, columns) else pa.dictionary(pa.int32(), pa.string())


def _column(
    name: str, rule: Rule, cells: pa.Array, columns: Columns
) -> tuple[Column, Flags | None]:
    """One column as it is kept, and which of its cells are good; None stands for all."""
    if name == columns.client:
        return cells, _are_clients(cells)
    if is_numeral(name, columns):
        return _numbers(cells, columns.kind(name))
    return _looked_up(name, rule, cells, is_text(name, columns))


def _are_clients(cells: pa.Array) -> Flags | None:
    """Which of these are surely codes of clients; None stands for all."""
    _, offsets, data = cells.buffers()
    ends = np.frombuffer(offsets, np.int64)[cells.offset : cells.offset + len(cells) + 1]
    length = np.diff(ends)
    first = np.append(np.frombuffer(data or b"", np.uint8), 0)[ends[:-1]]
    good = (length > 0) & (length <= cell_rules.LONGEST_CLIENT) & (first > 32) & (first < 127)
    if good.all():
        return None
    others = cells.filter(pa.array(~good))
    is_short = pc.less_equal(pc.utf8_length(others), cell_rules.LONGEST_CLIENT)
    good[~good] = flags(pc.and_(is_short, pc.match_substring_regex(others, TELLING)))
    return good


def _numbers(cells: pa.Array, kind: str) -> tuple[Column, Flags | None]:
    """Numbers without -0, nan where missing, and which of them are good."""
    numbers = cells.to_numpy(zero_copy_only=False) + 0.0
    least = 0 if kind == NUMBER else -sys.float_info.max
    is_within = (numbers >= least) & (numbers <= sys.float_info.max)
    if np.count_nonzero(is_within) == len(numbers) - cells.null_count:
        return numbers, None
    return numbers, is_within | ~flags(cells.is_valid())


def _looked_up(
    name: str, rule: Rule, cells: pa.Array, is_kept_as_text: bool
) -> tuple[Column, Flags | None]:
    """Each distinct text as its rule reads it, and where that finds nothing wrong."""
    found = [_or_none(rule, text, name) for text in cells.dictionary.to_pylist()]
    column = kept(found, is_kept_as_text)
    at = cells.indices.to_numpy()
    is_good = None
    if None in found:
        is_good = np.array([each is not None for each in found])[at]
    return column.take(cells.indices) if is_kept_as_text else column[at], is_good


def _or_none(rule: Rule, text: str, name: str) -> Cell | None:
    try:
        return rule(text, name)
    except LineRefused:
        return None


def kept(cells: Sequence[Cell | None], is_kept_as_text: bool) -> Column:
    """Cells as a column."""
    if is_kept_as_text:
        texts = [cell if isinstance(cell, str) else None for cell in cells]
        return pa.array(texts, pa.large_string())
    return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)


def flags(of_arrow: pa.Array) -> Flags:
    """An Arrow array of truths as flags."""
    return np.asarray(of_arrow.to_numpy(zero_copy_only=False), dtype=bool)
