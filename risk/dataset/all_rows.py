"""All rows of the input folder as one dataset: grown from the last one, or else made anew."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from risk import files
from risk.dataset import (
    final_data,
    growth,
    merge,
    outcomes,
    row_store,
    standing,
)
from risk.dataset.final_data import Picks
from risk.dataset.growth import Before
from risk.dataset.outcomes import Outcomes
from risk.dataset.row_store import Kept
from risk.dataset.standing import Standing
from risk.rows import csv_lines, long_files, memory, tables
from risk.rows.long_files import Note, Unusable
from risk.rows.text_words import Whole, Words
from risk.settings import Settings

MANY = 1_000_000  # rows, of which no column is held longer than needed

log = logging.getLogger("risk.all_rows")


class Arrived(NamedTuple):
    """The rows that are kept of known files, and after them those that came.

    `repetitions` are those of known files with rows; `files` are all files with rows, each with
    its arrival.
    """

    kept: Kept
    repetitions: list[int]
    came: pd.DataFrame
    files: Sequence[tuple[str, int]]
    arrivals: list[int]


class Data(NamedTuple):
    """The dataset, and every client's newest row, the last ones of the newest period.

    The last rows of the dataset, so many as `added` says, came to the one that was there before;
    without a number all of it is made anew.
    """

    table: pd.DataFrame
    book: pd.DataFrame
    newest: int
    newest_dates: dict[str, float]
    repetitions: list[int]  # of each file with rows
    told: Outcomes  # of the rows that are added, or of all
    row: Whole  # where the same rows stand among all rows
    marks: Words  # of the rows that came, at least
    standing: Standing | None
    added: int | None = None
    before: Outcomes | None = None  # of the rows to which they are added

    @property
    def outcomes(self) -> Outcomes:
        """What is known of the outcomes of all rows."""
        return self.before.with_more(self.told) if self.before else self.told


def merged(settings: Settings, record: Note, rows: Arrived, told: Outcomes | None) -> Data:
    """All rows merged; of the last ingestion there is a record, and what it knew of outcomes."""
    if rows.kept.count:
        try:
            return _grown(settings, rows, _last(settings, record, told))
        except Unusable as reason:
            log.info("all rows are merged anew: %s", reason)
    table = tables.merged([rows.kept.rows, rows.came], settings.columns)
    if len(table) > MANY:
        memory.give_back()
        memory.give_back_at_once()
    own = merge.merged(table, rows.files, settings.columns)
    return Data(
        *(own.table, own.book, own.newest, own.newest_dates, own.repetitions),
        told=outcomes.of(own.told, rows.arrivals, told),
        row=own.row,
        marks=own.marks,
        standing=own.standing,
    )


class _Last(NamedTuple):
    """What the last ingestion left."""

    picks: Picks
    standing: Standing
    book: pd.DataFrame
    told: Outcomes
    whole: set[str]  # the columns of whole numbers


def _last(settings: Settings, record: Note, told: Outcomes | None) -> _Last:
    """What the last ingestion left to be added to."""
    note = record.get("dataset")
    if not note:
        raise Unusable("nothing is known of how they were merged last")
    if not final_data.is_untouched(settings, note) or not told or len(told.rows) != note["rows"]:
        raise Unusable(final_data.CHANGED)
    can_grow = long_files.can_grow(settings.output_folder_path / files.DATASET)
    if not (can_grow and row_store.can_grow(settings, record)):
        raise Unusable("what is kept of them cannot be added to")
    stood = standing.read(settings.output_folder_path / files.STANDING, settings.columns)
    if not stood:
        raise Unusable("with other rows their periods or days change")
    return _Last(final_data.picks(record, settings), *stood, told, set(note["whole"]))


def _grown(settings: Settings, rows: Arrived, last: _Last) -> Data:
    """The last dataset with rows added."""
    known = len(rows.repetitions)
    before = Before(rows.kept, rows.files[:known], last.standing, last.book)
    own = growth.grown(before, rows.came, rows.files[known:], settings.columns)
    if not last.whole <= csv_lines.whole_columns(own.table):  # which are written another way
        raise Unusable("whole numbers have fractions now")
    picks = last.picks.with_more(own.row, own.table)
    return Data(
        table=rows.kept.with_rows(rows.came).table_of(*picks),
        book=own.book,
        newest=own.newest,
        newest_dates={},
        repetitions=[*rows.repetitions, *own.repetitions],
        told=outcomes.of(own.told, rows.arrivals, None),
        row=own.row,
        marks=own.marks,
        standing=own.standing,
        added=len(own.table),
        before=last.told,
    )


def write(settings: Settings, before: Note, data: Data) -> Note:
    """Write the dataset, the book, and what later rows are merged with; return the note of all."""
    folder = settings.output_folder_path
    book = files.ingestion_id(tables.write(folder / files.CLIENTS, data.book))
    if data.added is None:
        note = final_data.write(settings, data.table, data.row)
        outcomes.write(folder / files.OUTCOMES, data.told, note["id"])
    elif data.added:
        begin = len(data.table) - data.added
        note = final_data.append(settings, before["dataset"], data.table.iloc[begin:], data.row)
        path, stamp = folder / files.OUTCOMES, before["dataset"]["stamps"][files.OUTCOMES]
        outcomes.append(path, stamp, data.told, note["id"])
    else:
        note = before["dataset"]
    standing.write(folder / files.STANDING, data.standing, data.book)
    return final_data.stamped(settings, note | {"book": book})
