"""Datasets so plain that one call reads all their numbers, with the same result as line by line."""

import codecs
import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from risk.columns import NUMBER, Columns
from risk.data import cell_rules, schema

ODD = (b'"', b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f")  # quotes, odd blanks
OUTCOMES = pa.array([0.0, 1.0, None])
Numbers = npt.NDArray[np.float64]


def features(content: bytes, columns: Columns) -> Numbers | None:
    """The feature columns, nan where missing, in configured order; None where anything is odd.

    None is no verdict: `judging.features` then judges the file line by line. It also says what is
    wrong, so whatever could be refused counts as odd here, and so does every kind of column but
    plain numbers.
    """
    text = content.removeprefix(codecs.BOM_UTF8)
    if not _are_plain(columns) or not text.isascii() or any(sign in text for sign in ODD):
        return None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    header, _, body = text.partition(b"\n")
    try:
        layout = schema.layout(schema.split(header.decode()), columns, columns.features)
    except schema.FileRefused:
        return None
    read = {name for name, _, _ in layout.cells} - {columns.client, columns.target}
    if layout.width < 2 or header.lstrip().startswith(b"<") or not read <= {*columns.features}:
        return None
    if not body.strip(b"\n"):
        return np.empty((0, len(columns.features)))
    try:
        table = _parsed(body, layout, columns.client)
    except pa.ArrowInvalid:
        return None
    numbers = _features(table, columns)
    del table
    pa.default_memory_pool().release_unused()  # else a worker keeps what its largest dataset took
    return numbers


def _are_plain(columns: Columns) -> bool:
    """Whether every cell is read as a table of plain numbers has it."""
    has_words = columns.missing_words or columns.outcome_words
    return not has_words and all(columns.kind(name) == NUMBER for name in columns.features)


def _parsed(body: bytes, layout: schema.Layout, client: str) -> pa.Table:
    """The columns that are read: clients as text, all others as numbers."""
    names = [str(position) for position in range(layout.width)]
    kinds = {
        names[at]: pa.string() if name == client else pa.float64() for name, at, _ in layout.cells
    }
    table = csv.read_csv(
        pa.BufferReader(body),
        read_options=csv.ReadOptions(use_threads=False, column_names=names),
        parse_options=csv.ParseOptions(quote_char=False),
        convert_options=csv.ConvertOptions(
            column_types=kinds,
            include_columns=list(kinds),
            null_values=sorted(cell_rules.MISSING),
            strings_can_be_null=False,
        ),
    )
    return table.rename_columns([name for name, _, _ in layout.cells])


def _features(table: pa.Table, columns: Columns) -> Numbers | None:
    """The numbers of the features when every cell that is judged is good."""
    if columns.client in table.column_names and not _are_clients(table[columns.client]):
        return None
    if columns.target in table.column_names and not _are_outcomes(table[columns.target]):
        return None
    numbers = np.empty((table.num_rows, len(columns.features)))
    for place, name in enumerate(columns.features):
        numbers[:, place] = cells = table[name].to_numpy()
        if np.count_nonzero(np.isnan(cells)) != table[name].null_count:
            return None
    smallest, largest = np.nanmin(numbers, initial=0), np.nanmax(numbers, initial=0)
    return numbers + 0.0 if smallest >= 0 and math.isfinite(largest) else None


def _are_clients(cells: pa.ChunkedArray) -> bool:
    shortest = pc.min(pc.utf8_length(pc.utf8_trim(cells, " \t"))).as_py()
    longest = pc.max(pc.utf8_length(cells)).as_py()
    return bool(shortest > 0 and longest <= cell_rules.LONGEST_CLIENT)


def _are_outcomes(cells: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.is_in(cells, OUTCOMES)).as_py())
