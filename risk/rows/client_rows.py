"""The rows of one client in a long table, found by its code without holding the table."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from risk import files
from risk.columns import Columns
from risk.errors import InputMissing
from risk.rows import row_blocks, tables
from risk.rows.csv_lines import SPECIAL
from risk.rows.row_blocks import NEWLINE, QUOTE

BLOCK = 2**20


def of_client(path: Path, corporation: str, columns: Columns, at_once: int = BLOCK) -> pd.DataFrame:
    """A client's rows in a table that ingestion wrote, in their order."""
    try:
        with path.open("rb") as table:
            header = row_blocks.header(table.fileno())
            blocks = row_blocks.blocks(table.fileno(), len(header), at_once)
            rows = [row for _, block in blocks for row in rows_in(block, corporation)]
    except FileNotFoundError:
        raise InputMissing(
            f"{files.short(path)} is missing; run python ingestion.py first"
        ) from None
    return tables.parse(header + b"".join(rows), files.short(path), columns)


def rows_in(block: bytes, corporation: str) -> Iterator[bytes]:
    """The rows in a block whose first cell is this code, in quotes or not."""
    code = corporation.encode()
    cells = [] if re.search(SPECIAL, corporation) else [code]
    if QUOTE in block:
        cells.append(QUOTE + code.replace(QUOTE, 2 * QUOTE) + QUOTE)
    at, is_open = 0, False
    for begin in sorted(place for cell in cells for place in _line_begins(block, cell + b",")):
        is_open ^= block.count(QUOTE, at, begin) % 2 == 1
        at = begin
        if not is_open:
            yield block[begin : row_blocks.row_end(block, begin)]


def _line_begins(block: bytes, text: bytes) -> Iterator[int]:
    """Where lines begin like this, rows or not."""
    if block.startswith(text):
        yield 0
    newline = block.find(NEWLINE + text)
    while newline >= 0:
        yield newline + 1
        newline = block.find(NEWLINE + text, newline + 1)
