"""The columns of the list that pages look through, and where each of its rows lies.

The other cells stay in the file until somebody looks at them. Finding all this takes a second for
a million clients, and their middle client takes more, so the writer of a long list keeps both
beside the list. Without what it kept, or beside another list, pages are as good but slower.
"""

import codecs
import csv
import io
import json
import os
import weakref
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import ipc

from risk import files
from risk.learning import ranking
from risk.reasons.attribution import Average
from risk.rows import memory, row_blocks

INDEX = ".index"  # in place of .csv
WORTH_KEEPING = 20_000_000  # bytes of a list; a shorter one is looked through in a moment
BLOCK = 8 * 2**20
NEWLINE, RETURN, QUOTE = b'\n\r"'
WORDS = pa.dictionary(pa.int32(), pa.string())
CODE = "corporation"
KINDS = {
    CODE: pa.string(),
    "risk": pa.float64(),
    "rank": pa.int32(),
    "band": WORDS,
    ranking.OUTCOME: WORDS,
    "previous_rank": pa.int32(),
    ranking.AT_STAKE: pa.float64(),  # only where clients have a value
}
MAY_BE_EMPTY = ("previous_rank",)
LIST, MIDDLE = b"list", b"middle"  # what the index is of
BEGIN, ALPHABETICAL = "begin", "alphabetical"  # where a row begins, its place by code
PLACES = {BEGIN: pa.int64(), ALPHABETICAL: pa.int32()}
UNUSABLE = (OSError, ValueError, LookupError, TypeError, pa.ArrowException)

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


class _Kept(NamedTuple):
    """What the writer of a list has kept: its columns, and the middle client."""

    table: pa.Table
    middle: Average


class OpenList:
    """A list that stays readable when the next one takes its place."""

    def __init__(self, path: Path, at_once: int = BLOCK) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        self._header = row_blocks.header(self._descriptor)
        self.names = _names(self._header)
        kept = _kept(path, self._descriptor, self.names)
        self.table = kept.table if kept else _found(self._descriptor, self._header, at_once)
        self.middle = kept.middle if kept else None
        ends = [os.fstat(self._descriptor).st_size]
        self._begins = np.append(self.table[BEGIN].to_numpy(), ends)

    def rows(self, places: Sequence[int] | Places) -> Iterator[dict[str, str]]:
        """All cells of the rows at these places."""
        together = np.flatnonzero(np.diff(places) != 1) + 1
        for run in filter(len, np.split(np.asarray(places), together)):
            lines = io.StringIO(self._content(run[0], run[-1] + 1).decode(), newline="")
            for cells in filter(None, csv.reader(lines)):
                yield dict(zip(self.names, cells, strict=True))

    def place(self, code: str) -> int | None:
        """Where the client with this code is, if the list has it."""
        place = pc.index(self.table[CODE], code).as_py()
        return None if place < 0 else int(place)

    def are_among(self, codes: Collection[str]) -> Flags:
        """Whether each client is one of these."""
        return np.asarray(pc.is_in(self.table[CODE], pa.array(codes, pa.string())))

    def have_text(self, text: str) -> Flags:
        """Whether each code contains a text, whatever the case; beyond ASCII that takes longer."""
        codes, folded = self.table[CODE], text.casefold()
        has = np.array(pc.match_substring(pc.ascii_lower(codes), folded))
        others = np.flatnonzero(~np.asarray(pc.string_is_ascii(codes)))
        has[others] = [folded in code.casefold() for code in codes.take(others).to_pylist()]
        return has

    def part(self, begin: int, end: int) -> bytes:
        """Header and rows from one place up to another, as they stand in the file."""
        return self._header + self._content(begin, end)

    def _content(self, begin: int, end: int) -> bytes:
        at, after = (int(self._begins[place]) for place in (begin, min(end, self.table.num_rows)))
        return os.pread(self._descriptor, after - at, at)


def keep(draft: Path, path: Path, middle: Average) -> None:
    """Keep what is found in a list that is about to take its place at `path`, if it is long."""
    descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_size < WORTH_KEEPING:
            path.with_suffix(INDEX).unlink(missing_ok=True)
            return
        table = _found(descriptor, row_blocks.header(descriptor))
        known = {LIST: _identity(descriptor), MIDDLE: json.dumps(_as_json(middle))}
        table = table.replace_schema_metadata(known)
    finally:
        os.close(descriptor)
    with (
        files.replacing(path.with_suffix(INDEX)) as handle,
        ipc.new_file(handle, table.schema) as kept,
    ):
        kept.write_table(table)


def _as_json(middle: Average) -> dict[str, object]:
    return middle._asdict() | {"row": middle.row.tolist()}


def _average(known: dict[str, Any]) -> Average:
    return Average(
        float(known["log_odds"]),
        tuple(known["values"]),
        tuple(map(float, known["fills"])),
        np.array(known["row"], dtype=np.float64),
        tuple(map(tuple, known["copies"])),
    )


def _identity(descriptor: int) -> bytes:
    """What distinguishes this list from the ones before and after, also under its draft's name."""
    status = os.fstat(descriptor)
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}".encode()


def _names(header: bytes) -> list[str]:
    """The names in the header of a list."""
    try:
        (names,) = csv.reader([header.decode()])
    except csv.Error as error:
        raise ValueError(f"its header is none: {error}") from error
    if CODE not in names:
        raise ValueError(f"it has no {CODE}")
    return names


def _kinds(names: Collection[str]) -> dict[str, pa.DataType]:
    """Those of our columns that a list has."""
    return {name: kind for name, kind in KINDS.items() if name in names}


def _kept(path: Path, descriptor: int, names: list[str]) -> _Kept | None:
    """What the writer of this very list has kept, if it did so in the way of this module."""
    wanted = pa.schema((_kinds(names) | PLACES).items())
    try:
        content = path.with_suffix(INDEX).read_bytes()
        table = ipc.open_file(pa.py_buffer(content)).read_all()
        known = table.schema.metadata or {}
        if known.get(LIST) != _identity(descriptor) or table.schema != wanted:
            return None
        table.validate(full=True)
        return _Kept(table, _average(json.loads(known[MIDDLE])))
    except UNUSABLE:
        return None


def _found(descriptor: int, header: bytes, at_once: int = BLOCK) -> pa.Table:
    """The columns in a list, read a block at a time."""
    names = _names(header)
    kinds = _kinds(names)
    parts = [pa.schema([*kinds.items(), (BEGIN, PLACES[BEGIN])]).empty_table()]
    for at, block in row_blocks.blocks(descriptor, len(header), at_once):
        part, begins = _parsed(block, names, kinds), _row_begins(block)
        if part.num_rows != len(begins):
            raise ValueError("rows and lines differ")
        parts.append(part.append_column(BEGIN, pa.array(begins + at)))
    table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    if gaps := [name for name in kinds if name not in MAY_BE_EMPTY and table[name].null_count]:
        raise ValueError(f"{gaps[0]} is empty")
    places = np.empty(table.num_rows, dtype=np.int32)
    places[pc.sort_indices(table[CODE]).to_numpy()] = np.arange(len(places))
    memory.give_back()
    return table.append_column(ALPHABETICAL, pa.array(places))


def _row_begins(block: bytes) -> Places:
    """Where rows begin: after each newline but those between quotes; an empty line is no row."""
    signs = np.frombuffer(block, dtype=np.uint8)
    ends: Places = np.flatnonzero(signs == NEWLINE)
    if b'"' in block:
        quotes = np.flatnonzero(signs == QUOTE)
        if len(quotes) % 2:
            raise ValueError("a quote is open")
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    begins = np.insert(ends + 1, 0, 0)
    begins = begins[begins < len(block)]
    return begins[~np.isin(signs[begins], (NEWLINE, RETURN))]


def _parsed(block: bytes, names: list[str], kinds: dict[str, pa.DataType]) -> pa.Table:
    has_quotes = b'"' in block
    if block.startswith(codecs.BOM_UTF8):  # the first sign of a code, of which one is passed over
        block = codecs.BOM_UTF8 + block
    return arrow_csv.read_csv(
        pa.py_buffer(block),
        read_options=arrow_csv.ReadOptions(column_names=names),
        parse_options=arrow_csv.ParseOptions(
            quote_char='"' if has_quotes else False, newlines_in_values=has_quotes
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=kinds,
            include_columns=list(kinds),
            null_values=[""],
            strings_can_be_null=False,
        ),
    )
