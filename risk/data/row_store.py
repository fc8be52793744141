"""The rows of the input files as they were judged, kept so that no file is read a second time.

One file, to which each ingestion appends what is new: a stream of Arrow columns with the good rows,
and one with the refused lines. `ingestion.json` says which parts of it count, so what a run that
died has appended does not, and is cut off by the next one.
"""

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import pandas as pd
import pyarrow as pa

from risk import files
from risk.data import input_file
from risk.judging import cell_columns, cell_rules, columnar, csv_file, lines, schema
from risk.judging.lines import Refusal
from risk.rows import tables
from risk.settings import Settings

RULES = (cell_columns, cell_rules, columnar, csv_file, input_file, lines, schema)
ALIGNED = 64  # bytes; else columns would be copied before they are used
MOST_PARTS = 50  # then all of them become one
ID_BYTES = 8
REFUSALS = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())])

Record = dict[str, Any]


class Held(NamedTuple):
    """All good rows that are kept, and all refused lines, file after file."""

    rows: pd.DataFrame
    refusals: list[Refusal]


class Misfit(Exception):
    """What is kept cannot be used; the message is the reason."""


def made_by(settings: Settings) -> str:
    """A name for all that decides what becomes of a line: rules, configuration, libraries."""
    configured = settings.columns, settings.limits, settings.input_folder
    deciding = hashlib.sha256(repr((configured, pa.__version__, pd.__version__)).encode())
    for rules in RULES:
        deciding.update(Path(str(rules.__file__)).read_bytes())
    return deciding.hexdigest()[: files.ID_LENGTH]


def read(record: Record, settings: Settings) -> Held:
    """What this record of an ingestion says is kept."""
    kept = record.get("kept") or {}
    if not kept:
        raise Misfit("nothing is kept of them")
    if kept["made_by"] != made_by(settings):
        raise Misfit("config.json or the rules have changed")
    path = settings.output_folder_path / files.ROWS
    if files.is_foreign(path) or not path.exists():
        raise Misfit("what was kept of them is gone")
    content = pa.memory_map(str(path)).read_buffer()
    if content.size < kept["length"] or bytes(content[:ID_BYTES]).hex() != kept["id"]:
        raise Misfit("what was kept of them is not what it was")
    try:
        return _held(content, kept["parts"], settings)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise Misfit("what was kept of them is damaged") from error


def _held(content: pa.Buffer, parts: list[list[int]], settings: Settings) -> Held:
    streams = [[pa.ipc.open_stream(content[at:]).read_all() for at in part] for part in parts]
    rows = pa.concat_tables([rows for rows, _ in streams])
    refused = pa.concat_tables([refused for _, refused in streams])
    for table in (rows, refused):
        table.validate(full=True)
    refusals = [
        Refusal(*line)
        for line in zip(*(refused[name].to_pylist() for name in REFUSALS.names), strict=True)
    ]
    cells = {name: _cells(rows[name]) for name in settings.columns.all}
    return Held(tables.of_cells(cells, rows.num_rows, settings.columns), refusals)


def _cells(column: pa.ChunkedArray) -> Any:
    return column.to_numpy() if pa.types.is_floating(column.type) else column


def keep(
    settings: Settings, before: Record, rows: pd.DataFrame, refusals: Sequence[Refusal]
) -> Record:
    """Append rows and refused lines to what this record says is kept; return what is kept then."""
    kept, path = before["kept"], settings.output_folder_path / files.ROWS
    with files.appending(path, kept["length"]) as handle:
        part = _write(handle, rows, refusals)
        return {**kept, "parts": [*kept["parts"], part], "length": handle.tell()}


def keep_all(settings: Settings, rows: pd.DataFrame, refusals: Sequence[Refusal]) -> Record:
    """Keep these rows and refused lines instead of all others; return what is kept then."""
    own = secrets.token_bytes(ID_BYTES)
    with files.replacing(settings.output_folder_path / files.ROWS) as handle:
        handle.write(own)
        part = _write(handle, rows, refusals)
        length = handle.tell()
    return {"id": own.hex(), "made_by": made_by(settings), "parts": [part], "length": length}


def can_grow(before: Record) -> bool:
    """Whether what is kept should be appended to once more."""
    return len(before["kept"]["parts"]) < MOST_PARTS


def _write(handle: IO[bytes], rows: pd.DataFrame, refusals: Sequence[Refusal]) -> list[int]:
    """Where the two streams begin that hold these."""
    cells = {str(name): _whole(column) for name, column in rows.items()}
    refused = [list(each) for each in zip(*refusals, strict=True)] or [[]] * len(REFUSALS)
    made = pa.table(cells), pa.table(refused, schema=REFUSALS)
    return [_append(handle, table) for table in made]


def _whole(column: "pd.Series[Any]") -> pa.Array:
    """A column in one piece, so that it can be used as it lies on the disk."""
    if column.dtype == "float64":
        return pa.array(column.to_numpy())
    held = pa.array(column)
    return held.combine_chunks() if isinstance(held, pa.ChunkedArray) else held


def _append(handle: IO[bytes], table: pa.Table) -> int:
    handle.write(bytes(-handle.tell() % ALIGNED))
    begin = handle.tell()
    with pa.ipc.new_stream(handle, table.schema) as stream:
        stream.write_table(table)
    return begin
