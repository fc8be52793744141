"""The rows of the input files as they were judged, kept so that no file is read a second time.

One file, to which each ingestion appends what is new: a stream of Arrow columns with the good rows,
one with the refused lines, and the rows' marks in order. `ingestion.json` says which parts of it
count, so what a run that died has appended does not, and is cut off by the next one.
"""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from risk import files
from risk.columns import Columns
from risk.judging.lines import Refusal
from risk.rows import equal_rows, long_files, streams, tables
from risk.rows.long_columns import Flags, flagged
from risk.rows.long_files import Note, Unusable
from risk.rows.text_words import Whole, Words
from risk.settings import Settings

RULES = ("columns.py", "settings.py", "data/*.py", "dataset/*.py", "judging/*.py", "rows/*.py")
MOST_PARTS = 100  # then all of them become one
REFUSALS = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
DAMAGED = "what was kept of them is not what it was"


def rules_id(settings: Settings) -> str:
    """A name for all that decides what becomes of lines and rows: rules, configuration, libraries.

    The modules stand for their rules as they are, so a comment there counts as a change.
    """
    configured = settings.columns, settings.limits, settings.input_folder
    libraries = pa.__version__, pd.__version__, np.__version__
    deciding = hashlib.sha256(repr((configured, libraries)).encode())
    for modules in RULES:
        for module in sorted(Path(__file__).parent.parent.glob(modules)):
            deciding.update(module.read_bytes())
    return deciding.hexdigest()[: files.ID_LENGTH]


class Part(NamedTuple):
    """What one ingestion has appended; the marks of its rows are in the order of `in_order`."""

    rows: pa.Table
    refused: pa.Table
    in_order: Words


class Kept:
    """All good rows that are kept, and all refused lines, file after file."""

    def __init__(self, parts: list[Part], own: Columns) -> None:
        self.parts, self._columns = parts, own
        self.count = sum(len(part.rows) for part in parts)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows as a table."""
        return streams.table(pa.concat_tables(part.rows for part in self.parts), self._columns)

    @cached_property
    def refusals(self) -> list[Refusal]:
        """The refused lines."""
        refused = pa.concat_tables(part.refused for part in self.parts)
        cells = (refused[name].to_pylist() for name in REFUSALS.names)
        return [Refusal(*line) for line in zip(*cells, strict=True)]

    def with_rows(self, rows: pd.DataFrame) -> "Kept":
        """These, and other rows after them."""
        part = Part(streams.arrow(rows), REFUSALS.empty_table(), np.empty(0, dtype=np.uint64))
        return Kept([*self.parts, part], self._columns)

    def table_of(self, row: Whole, others: Mapping[str, Any]) -> pd.DataFrame:
        """The rows with these numbers; of some columns there are other cells."""
        if len(row) and int(row.max()) >= self.count:
            raise Unusable(DAMAGED)
        if (row[1:] <= row[:-1]).any():
            return self.rows.take(row).reset_index(drop=True).assign(**others)
        flags, ends = flagged(self.count, row), itertools.accumulate(map(len, self.each_rows))
        own = [flags[end - len(part) : end] for part, end in zip(self.each_rows, ends, strict=True)]
        names = [name for name in self._columns.all if name not in others]
        cells = {name: self._picked(name, own, len(row)) for name in names}
        return tables.of_cells({**cells, **others}, len(row), self._columns)

    def _picked(self, name: str, which: list[Flags], count: int) -> Any:
        """So many cells of a column, some of each part."""
        parts = [rows[name].combine_chunks() for rows in self.each_rows]
        if not pa.types.is_floating(parts[0].type):
            picked = (part.filter(pa.array(own)) for part, own in zip(parts, which, strict=True))
            return pa.chunked_array(picked, type=parts[0].type)
        cells, at = np.empty(count), 0
        for part, own in zip(parts, which, strict=True):
            end = at + int(np.count_nonzero(own))
            np.compress(own, part.to_numpy(zero_copy_only=False), out=cells[at:end])
            at = end
        return cells

    @property
    def each_rows(self) -> list[pa.Table]:
        """The rows of each part."""
        return [part.rows for part in self.parts]

    def sharing(self, marks: Words) -> Whole:
        """The rows whose marks begin like one of these, in their order."""
        found: list[Whole] = [np.empty(0, dtype=np.int64)]
        begin = 0
        for part in self.parts:
            found.append(begin + equal_rows.sharing(part.in_order, marks))
            begin += len(part.rows)
        return np.sort(np.concatenate(found))

    def rows_at(self, places: Whole) -> pd.DataFrame:
        """Some of the rows, which are in order."""
        begin, taken = 0, []
        for part in self.parts:  # one by one, as a column in several pieces is copied whole
            first, end = np.searchsorted(places, [begin, begin + len(part.rows)])
            taken.append(part.rows.take(pa.array(places[first:end] - begin)))
            begin += len(part.rows)
        return streams.table(pa.concat_tables(taken), self._columns)


def nothing(settings: Settings) -> Kept:
    """No rows."""
    rows = streams.arrow(tables.merged([], settings.columns))
    return Kept(
        [Part(rows, REFUSALS.empty_table(), np.empty(0, dtype=np.uint64))], settings.columns
    )


def read(record: Note, settings: Settings) -> Kept:
    """What this record of an ingestion says is kept."""
    kept = record.get("kept") or {}
    if not kept.get("parts"):
        raise Unusable("nothing is kept of them")
    if kept["made_by"] != rules_id(settings):
        raise Unusable("config.json or the rules have changed")
    path = settings.output_folder_path / files.ROWS
    if files.is_foreign(path) or not path.exists():
        raise Unusable("what was kept of them is gone")
    try:
        content = long_files.content_of(path, kept.get("stamp")) or _verified(path, kept["parts"])
    except OSError as error:
        raise Unusable("what was kept of them cannot be read") from error
    try:
        own = pa.py_buffer(content)
        return Kept([_part(own, part) for part in kept["parts"]], settings.columns)
    except (pa.ArrowException, OSError, LookupError, ValueError) as error:  # of the record's places
        raise Unusable("what was kept of them is not where the record says") from error


def _verified(path: Path, parts: list[Note]) -> memoryview:
    """The content of a file that has another stamp than on record, if it is the same."""
    content = long_files.content(path, "ingestion.py")
    for part in parts:
        own = content[part["rows"] : part["end"]]
        if hashlib.sha256(own).hexdigest() != part["sha256"]:
            raise Unusable(DAMAGED)
    return content


def _part(content: pa.Buffer, part: Note) -> Part:
    rows, refused = (streams.read(content, [part[what]]) for what in ("rows", "refused"))
    refused = refused.cast(REFUSALS)
    in_order = np.frombuffer(content[part["marks"] : part["end"]], np.uint64)
    if len(in_order) != len(rows):
        raise ValueError
    return Part(rows, refused, in_order)


def keep(
    settings: Settings, before: Note, rows: pd.DataFrame, marks: Words, refusals: Sequence[Refusal]
) -> Note:
    """Append rows and refused lines to what this record says is kept; return what is kept then."""
    kept, path = before["kept"], settings.output_folder_path / files.ROWS
    with files.appending(path, kept["parts"][-1]["end"]) as handle:
        parts = [*kept["parts"], _append(handle, rows, marks, refusals)]
    return {**kept, "parts": parts, "stamp": long_files.stamp(path)}


def keep_all(
    settings: Settings, rows: pd.DataFrame, marks: Words, refusals: Sequence[Refusal]
) -> Note:
    """Keep these rows and refused lines instead of all others; return what is kept then."""
    path = settings.output_folder_path / files.ROWS
    with files.replacing(path) as handle:
        parts = [_append(handle, rows, marks, refusals)]
    return {"made_by": rules_id(settings), "parts": parts, "stamp": long_files.stamp(path)}


def can_grow(settings: Settings, before: Note) -> bool:
    """Whether what is kept can be appended to once more, and nobody else has that file."""
    has_room = len(before["kept"]["parts"]) < MOST_PARTS
    return has_room and long_files.can_grow(settings.output_folder_path / files.ROWS)


def _append(
    handle: IO[bytes], rows: pd.DataFrame, marks: Words, refusals: Sequence[Refusal]
) -> Note:
    """Where the streams and the marks lie that hold these, and the hash of all."""
    streams.align(handle)
    written = _Hashed(handle)
    refused = [list(each) for each in zip(*refusals, strict=True)] or [[]] * len(REFUSALS)
    note = {
        "rows": streams.write(written, streams.arrow(rows)),
        "refused": streams.write(written, pa.table(refused, schema=REFUSALS)),
        "marks": streams.align(written),
    }
    written.write(equal_rows.in_order(marks).data)
    return note | {"end": handle.tell(), "sha256": written.digest.hexdigest()}


class _Hashed:
    """A file whose bytes are hashed while they are written."""

    closed = False

    def __init__(self, handle: IO[bytes]) -> None:
        self.handle, self.digest = handle, hashlib.sha256()

    def write(self, content: bytes | memoryview) -> int:
        """Write, and hash."""
        self.digest.update(content)
        return self.handle.write(content)

    def tell(self) -> int:
        """How many bytes there are."""
        return self.handle.tell()

    def flush(self) -> None:
        """Nothing is held back here."""
