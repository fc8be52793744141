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
SMALL = 4 * 2**20  # bytes; to let go of what so little takes costs more than to keep it
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
    numbers = _features(table, columns, has_blanks=b" " in body or b"\t" in body)
    del table
    if len(content) > SMALL:
        pa.default_memory_pool().release_unused()  # else a worker keeps what its largest took
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


def _features(table: pa.Table, columns: Columns, *, has_blanks: bool) -> Numbers | None:
    """The numbers of the features when every cell that is judged is good."""
    if columns.client in table.column_names and not _are_clients(
        table[columns.client], has_blanks=has_blanks
    ):
        return None
    if columns.target in table.column_names and not _are_outcomes(table[columns.target]):
        return None
    numbers = np.empty((table.num_rows, len(columns.features)))
    for place, name in enumerate(columns.features):
        ends = pc.min_max(table[name]).as_py()  # None where every cell is missing
        smallest, largest = ends["min"] or 0.0, ends["max"] or 0.0
        if not (smallest >= 0 and math.isfinite(largest)):
            return None
        numbers[:, place] = table[name].to_numpy()
        if np.count_nonzero(np.isnan(numbers[:, place])) != table[name].null_count:
            return None
    return numbers + 0.0


def _are_clients(cells: pa.ChunkedArray, *, has_blanks: bool) -> bool:
    """Whether each code is neither blank nor too long; they are ASCII, so a byte is a letter."""
    ends = pc.min_max(pc.binary_length(cells)).as_py()
    if ends["min"] == 0 or ends["max"] > cell_rules.LONGEST_CLIENT:
        return False
    return not has_blanks or pc.min(pc.binary_length(pc.ascii_trim(cells, " \t"))).as_py() > 0


def _are_outcomes(cells: pa.ChunkedArray) -> bool:
    numbers = cells.to_numpy()
    known = sum(np.count_nonzero(numbers == outcome) for outcome in (0, 1))
    return bool(known + cells.null_count == len(cells))
