"""finaldata.csv, and beside it which of all rows it holds, so that it need not be parsed.

Rows may be appended to both. The CSV is then made anew out of what it was, so that nobody ever
reads half of it; the other file counts as long as it has the stamp on record.
"""

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from risk import files
from risk.columns import DATE, Columns
from risk.dataset import outcomes, row_store, snapshots
from risk.dataset.snapshots import Whole
from risk.errors import ArtefactRefused
from risk.rows import csv_lines, long_files, streams, tables
from risk.rows.long_files import Note, Unusable
from risk.rows.streams import Arrow
from risk.settings import Settings

TOGETHER = (files.FINAL_DATA, files.DATASET, files.OUTCOMES, files.STANDING)
Numbers = npt.NDArray[np.float64]

BLOCK = 16 * 2**20  # bytes; so much is hashed anew at most when rows are appended
CHANGED = "the merged data are not what the last ingestion wrote"


class FinalData(NamedTuple):
    """A dataset and its name."""

    table: pd.DataFrame
    id: str


class _Naming:
    """The name of a content that is written piece by piece: made of the hashes of its blocks."""

    def __init__(self, blocks: Iterable[str] = ()) -> None:
        self.blocks, self._digest, self._room = list(blocks), hashlib.sha256(), BLOCK

    def update(self, content: bytes | memoryview) -> None:
        """Add the next piece."""
        rest = memoryview(content)
        while len(rest) >= self._room:
            self._digest.update(rest[: self._room])
            self.blocks.append(self._digest.hexdigest())
            rest, self._digest, self._room = rest[self._room :], hashlib.sha256(), BLOCK
        self._digest.update(rest)
        self._room -= len(rest)

    @property
    def name(self) -> str:
        """The name of all; a content of one block is named by its own hash."""
        last = self._digest.hexdigest()
        whole = files.sha256("".join([*self.blocks, last]).encode()) if self.blocks else last
        return files.ingestion_id(whole)

    @property
    def note(self) -> Note:
        """The name, and what it was made of."""
        return {"id": self.name, "blocks": self.blocks}


def named(content: bytes | memoryview) -> str:
    """The name of the dataset whose CSV this is."""
    naming = _Naming()
    naming.update(content)
    return naming.name


def write(settings: Settings, table: pd.DataFrame, row: Whole) -> Note:
    """Write a dataset, whose rows stand there among all rows; return the note of it."""
    folder, naming = settings.output_folder_path, _Naming()
    whole = csv_lines.whole_columns(table)
    with files.replacing(folder / files.FINAL_DATA) as handle:
        _write(handle, naming, csv_lines.parts(table, whole))
    with files.replacing(folder / files.DATASET) as handle:
        begin = streams.write(handle, _picks(table, row, settings.columns))
    return naming.note | {"whole": sorted(whole), "parts": [begin], "rows": len(table)}


def append(settings: Settings, before: Note, rows: pd.DataFrame, row: Whole) -> Note:
    """Add rows to the dataset that this note is of; return the note of all."""
    path, naming = settings.output_folder_path / files.FINAL_DATA, _Naming(before["blocks"])
    lines = itertools.islice(csv_lines.parts(rows, set(before["whole"])), 1, None)
    with path.open("rb") as earlier, files.replacing(path) as handle:
        if not long_files.has_stamp(earlier, before["stamps"][files.FINAL_DATA]):
            raise ArtefactRefused(f"{files.short(path)} was changed meanwhile; {outcomes.CURE}")
        earlier.seek(len(naming.blocks) * BLOCK)
        naming.update(earlier.read())
        long_files.copy(earlier, handle)
        _write(handle, naming, lines)
    length, *_ = before["stamps"][files.DATASET]
    with files.appending(settings.output_folder_path / files.DATASET, length) as handle:
        begin = streams.write(handle, _picks(rows, row, settings.columns))
    count = before["rows"] + len(rows)
    return before | naming.note | {"parts": [*before["parts"], begin], "rows": count}


def _picks(table: pd.DataFrame, row: Whole, columns: Columns) -> Arrow:
    """Where the rows stand, and the cells that are others there: outcomes, days."""
    days = [table[name].to_numpy() for name in _dates(columns)]
    cells = [row.astype(np.uint32), snapshots.outcomes(table[columns.target].to_numpy()), *days]
    return pa.table([pa.array(each) for each in cells], names=list(map(str, range(len(cells)))))


def _dates(columns: Columns) -> list[str]:
    return [name for name in columns.features if columns.kind(name) == DATE]


def _write(handle: Any, naming: _Naming, parts: Iterator[bytes]) -> None:
    for part in parts:
        handle.write(part)
        naming.update(part)


def stamped(settings: Settings, note: Note) -> Note:
    """The note with the stamps of all files that belong together, which now are written."""
    folder = settings.output_folder_path
    return note | {"stamps": {name: long_files.stamp(folder / name) for name in TOGETHER}}


def is_untouched(settings: Settings, note: Note) -> bool:
    """Whether all files that belong together are as they were written."""
    paths = [settings.output_folder_path / name for name in TOGETHER]
    try:
        is_it = stamped(settings, note)["stamps"] == note["stamps"]
    except OSError:
        return False
    return is_it and all(os.access(path, os.R_OK) for path in paths)


class Picks(NamedTuple):
    """The dataset as rows of all rows, with the cells that are others there."""

    row: Whole
    others: dict[str, Numbers]

    def with_more(self, row: Whole, table: pd.DataFrame) -> "Picks":
        """These, and those of another table, which stand there."""
        others = {name: np.append(each, table[name]) for name, each in self.others.items()}
        return Picks(np.append(self.row, row), others)


def picks(record: Note, settings: Settings) -> Picks:
    """The dataset that this record is of, if the CSV that stands there is its CSV."""
    note, columns = record.get("dataset"), settings.columns
    if not note:
        raise Unusable("nothing stands beside the merged data")
    folder, stamps = settings.output_folder_path, note["stamps"]
    try:
        content = long_files.content_of(folder / files.DATASET, stamps[files.DATASET])
        csv = long_files.stamp(folder / files.FINAL_DATA)
        if content is None or csv != stamps[files.FINAL_DATA]:
            raise Unusable(CHANGED)
        held = streams.read(pa.py_buffer(content), note["parts"])
        row, outcome, *days = (column.to_numpy() for column in held.columns)
        others = dict(zip(_dates(columns), days, strict=True))
        if len(row) != note["rows"]:
            raise Unusable(CHANGED)
    except (pa.ArrowException, OSError, LookupError, ValueError) as error:
        raise Unusable("what stands beside the merged data cannot be read") from error
    target = outcome.astype(np.float64)
    target[outcome == snapshots.OPEN] = np.nan
    return Picks(row, {columns.target: target, **others})


def read(settings: Settings) -> FinalData:
    """The dataset that ingestion wrote: as it picks rows among all, or else its CSV."""
    path = settings.output_folder_path / files.FINAL_DATA
    try:
        record = files.read_json(settings.output_folder_path / files.INGESTION) or {}
        kept = row_store.read(record, settings)  # if the columns are still the same
        return FinalData(kept.table_of(*picks(record, settings)), record["id"])
    except (Unusable, ArtefactRefused):
        content = files.read_bytes(path, "ingestion.py")
        return FinalData(tables.parse(content, files.short(path), settings.columns), named(content))
