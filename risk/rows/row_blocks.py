"""A CSV file in blocks of whole rows; a line between quotes ends none.

Each function passes over the bytes once: quotes are counted onward, never again from the start.
"""

import os
from collections.abc import Iterator

NEWLINE, QUOTE = b"\n", b'"'
HEADER = 2**16  # bytes in which a header is expected


def header(descriptor: int, at_once: int = HEADER) -> bytes:
    """The first row with its end; nothing if the file is empty."""
    block = next((block for _, block in blocks(descriptor, 0, at_once)), b"")
    return block[: row_end(block, 0)]


def blocks(descriptor: int, at: int, at_once: int) -> Iterator[tuple[int, bytes]]:
    """The rows from here on: where each block begins, and what it holds.

    Only the last one may end without a newline, or within quotes.
    """
    size = at_once
    while block := os.pread(descriptor, size, at):
        end = whole_rows(block) if len(block) == size else len(block)
        if end:
            yield at, block[:end]
            at += end
        else:
            size *= 2


def whole_rows(block: bytes) -> int:
    """Where the last whole row ends in what begins with a row."""
    is_open, end = block.count(QUOTE) % 2 == 1, len(block)
    while True:
        newline = block.rfind(NEWLINE, 0, end)
        is_open ^= block.count(QUOTE, newline + 1, end) % 2 == 1
        if not is_open:
            return newline + 1
        end = newline


def row_end(block: bytes, begin: int) -> int:
    """Where the row ends that begins here."""
    is_open, at = False, begin
    while (newline := block.find(NEWLINE, at)) >= 0:
        is_open ^= block.count(QUOTE, at, newline) % 2 == 1
        at = newline + 1
        if not is_open:
            return at
    return len(block)
