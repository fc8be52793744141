"""The rows of the input files as they were judged, kept so that no file is read a second time.

One file, to which each ingestion appends what is new: a stream of Arrow columns with the good rows,
and one with the refused lines. `ingestion.json` says which parts of it count, so what a run that
died has appended does not, and is cut off by the next one.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import pandas as pd
import pyarrow as pa

from risk import columns, files
from risk import settings as configuration
from risk.data import input_file, input_folder
from risk.judging import cell_columns, cell_rules, columnar, csv_file, lines, schema
from risk.judging.lines import Refusal
from risk.rows import tables
from risk.settings import Settings

RULES = (
    configuration,
    columns,
    input_folder,
    tables,
    cell_columns,
    cell_rules,
    columnar,
    csv_file,
    input_file,
    lines,
    schema,
)
ALIGNED = 64  # bytes; else columns would be copied before they are used
MOST_PARTS = 50  # then all of them become one
REFUSALS = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())])

Note = dict[str, Any]


class Held(NamedTuple):
    """All good rows that are kept, and all refused lines, file after file."""

    rows: pd.DataFrame
    refusals: list[Refusal]


class Unusable(Exception):
    """What is kept cannot be used; the message is the reason."""


def made_by(settings: Settings) -> str:
    """A name for all that decides what becomes of a line: rules, configuration, libraries.

    The modules with the rules stand for them as they are, so a comment there counts as a change.
    """
    configured = settings.columns, settings.limits, settings.input_folder
    deciding = hashlib.sha256(repr((configured, pa.__version__, pd.__version__)).encode())
    for rules in RULES:
        deciding.update(Path(str(rules.__file__)).read_bytes())
    return deciding.hexdigest()[: files.ID_LENGTH]


def read(record: Note, settings: Settings) -> Held:
    """What this record of an ingestion says is kept."""
    kept = record.get("kept") or {}
    if not kept.get("parts"):
        raise Unusable("nothing is kept of them")
    if kept["made_by"] != made_by(settings):
        raise Unusable("config.json or the rules have changed")
    path = settings.output_folder_path / files.ROWS
    if files.is_foreign(path) or not path.exists():
        raise Unusable("what was kept of them is gone")
    try:
        content = pa.memory_map(str(path)).read_buffer()
    except OSError as error:
        raise Unusable("what was kept of them cannot be read") from error
    for part in kept["parts"]:
        if files.sha256(content[part["rows"] : part["end"]]) != part["sha256"]:
            raise Unusable("what was kept of them is not what it was")
    try:
        return _held(content, kept["parts"], settings)
    except (pa.ArrowException, OSError, LookupError, ValueError) as error:  # of the record's places
        raise Unusable("what was kept of them is not where the record says") from error


def _held(content: pa.Buffer, parts: list[Note], settings: Settings) -> Held:
    def together(what: str) -> pa.Table:
        return pa.concat_tables(
            [pa.ipc.open_stream(content[part[what] :]).read_all() for part in parts]
        )

    rows, refused = together("rows"), together("refused")
    refusals = [
        Refusal(*line)
        for line in zip(*(refused[name].to_pylist() for name in REFUSALS.names), strict=True)
    ]
    cells = {name: _cells(rows[name]) for name in settings.columns.all}
    return Held(tables.of_cells(cells, rows.num_rows, settings.columns), refusals)


def _cells(column: pa.ChunkedArray) -> Any:
    return column.to_numpy() if pa.types.is_floating(column.type) else column


def keep(settings: Settings, before: Note, rows: pd.DataFrame, refusals: Sequence[Refusal]) -> Note:
    """Append rows and refused lines to what this record says is kept; return what is kept then."""
    kept, path = before["kept"], settings.output_folder_path / files.ROWS
    with files.appending(path, kept["parts"][-1]["end"]) as handle:
        return {**kept, "parts": [*kept["parts"], _append(handle, rows, refusals)]}


def keep_all(settings: Settings, rows: pd.DataFrame, refusals: Sequence[Refusal]) -> Note:
    """Keep these rows and refused lines instead of all others; return what is kept then."""
    with files.replacing(settings.output_folder_path / files.ROWS) as handle:
        return {"made_by": made_by(settings), "parts": [_append(handle, rows, refusals)]}


def can_grow(before: Note, path: Path) -> bool:
    """Whether what is kept there can be appended to once more, and nobody else has that file."""
    has_room = len(before["kept"]["parts"]) < MOST_PARTS
    return has_room and os.access(path, os.W_OK) and path.stat().st_nlink == 1


def _append(handle: IO[bytes], rows: pd.DataFrame, refusals: Sequence[Refusal]) -> Note:
    """Where the two streams lie that hold these, and the hash of both."""
    handle.write(bytes(-handle.tell() % ALIGNED))
    written = _Hashed(handle)
    cells = {str(name): _whole(column) for name, column in rows.items()}
    refused = [list(each) for each in zip(*refusals, strict=True)] or [[]] * len(REFUSALS)
    begin = [
        _write(written, table) for table in (pa.table(cells), pa.table(refused, schema=REFUSALS))
    ]
    end = {"end": handle.tell(), "sha256": written.digest.hexdigest()}
    return dict(zip(("rows", "refused"), begin, strict=True)) | end


class _Hashed:
    """A file whose bytes are hashed while they are written."""

    closed = False

    def __init__(self, handle: IO[bytes]) -> None:
        self.handle, self.digest = handle, hashlib.sha256()

    def write(self, content: bytes) -> int:
        """Write, and hash."""
        self.digest.update(content)
        return self.handle.write(content)

    def flush(self) -> None:
        """Nothing is held back here."""


def _write(written: _Hashed, table: pa.Table) -> int:
    written.write(bytes(-written.handle.tell() % ALIGNED))
    begin = written.handle.tell()
    with pa.ipc.new_stream(pa.PythonFile(written, mode="w"), table.schema) as stream:
        stream.write_table(table)
    return begin


def _whole(column: "pd.Series[Any]") -> pa.Array:
    """A column in one piece, so that it can be used as it lies on the disk."""
    if column.dtype == "float64":
        return pa.array(column.to_numpy())
    held = pa.array(column)
    return held.combine_chunks() if isinstance(held, pa.ChunkedArray) else held
