"""The rows of one client in a long table, found by its code without holding the table."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pandas as pd

from risk import files
from risk.columns import Columns
from risk.errors import InputMissing
from risk.rows import tables

BLOCK = 2**20
QUOTE = b'"'
SPECIAL = re.compile(r'[",\r\n]')  # a cell with one of these stands between quotes


def of_client(path: Path, corporation: str, columns: Columns, at_once: int = BLOCK) -> pd.DataFrame:
    """A client's rows in a table that ingestion wrote, in their order."""
    try:
        with path.open("rb") as table:
            header = table.readline()
            rows = [row for block in _blocks(table, at_once) for row in _rows(block, corporation)]
    except FileNotFoundError:
        raise InputMissing(
            f"{files.short(path)} is missing; run python ingestion.py first"
        ) from None
    return tables.parse(header + b"".join(rows), files.short(path), columns)


def _blocks(table: IO[bytes], at_once: int) -> Iterator[bytes]:
    """The rows of a file in blocks of whole rows."""
    rest = b""
    while content := table.read(at_once):
        block = rest + content
        end = block.rfind(b"\n")
        while end >= 0 and _is_quoted(block, 0, end):
            end = block.rfind(b"\n", 0, end)
        yield block[: end + 1]
        rest = block[end + 1 :]
    yield rest


def _rows(block: bytes, corporation: str) -> Iterator[bytes]:
    """The rows in a block whose first cell is this code, in quotes or not."""
    code = corporation.encode()
    cells = [] if SPECIAL.search(corporation) else [code]
    if QUOTE in block:
        cells.append(QUOTE + code.replace(QUOTE, 2 * QUOTE) + QUOTE)
    for at in sorted(at for cell in cells for at in _places(block, cell + b",")):
        end = block.find(b"\n", at)
        while end >= 0 and _is_quoted(block, at, end):
            end = block.find(b"\n", end + 1)
        yield (block[at:end] if end >= 0 else block[at:]) + b"\n"


def _places(block: bytes, begin: bytes) -> Iterator[int]:
    """Where rows begin like this, but not lines within quotes."""
    at = block.find(begin)
    while at >= 0:
        if block[at - 1 : at] in (b"", b"\n") and not _is_quoted(block, 0, at):
            yield at
        at = block.find(begin, at + 1)


def _is_quoted(block: bytes, begin: int, at: int) -> bool:
    """Whether a place is between quotes, if a row begins at `begin`."""
    return block.count(QUOTE, begin, at) % 2 == 1
