"""All rows of the input folder as one dataset: grown from the last one, or else made anew."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from risk import files
from risk.data import final_data, growth, merge, outcomes, periods, row_store, snapshots, standing
from risk.data.growth import Before
from risk.data.known_files import KnownFiles
from risk.data.outcomes import Outcomes
from risk.data.standing import Standing
from risk.rows import csv_lines, equal_rows, long_files, padded_cells, streams, tables, text_words
from risk.rows.long_files import Note, Unusable
from risk.rows.text_words import Whole, Words
from risk.settings import Settings

RULES = (
    final_data,
    growth,
    merge,
    outcomes,
    periods,
    row_store,
    snapshots,
    standing,
    csv_lines,
    equal_rows,
    padded_cells,
    streams,
    tables,
    text_words,
)

log = logging.getLogger("risk.all_rows")


class Rows(NamedTuple):
    """The rows of known files, and after them those that came; files with rows, their arrivals."""

    known: KnownFiles
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


def merged(settings: Settings, record: Note, rows: Rows, told: Outcomes | None) -> Data:
    """All rows merged; of the last ingestion there is a record, and what it knew of outcomes."""
    if rows.known.sources and row_store.has_room(record):
        try:
            return _grown(settings, record, rows, told)
        except Unusable as reason:
            log.info("all rows are merged anew: %s", reason)
    table = tables.merged([rows.known.rows, rows.came], settings.columns)
    own = merge.merged(table, rows.files, settings.columns)
    return Data(
        *(own.table, own.book, own.newest, own.newest_dates, own.repetitions),
        told=outcomes.of(own.told, rows.arrivals, told),
        row=own.row,
        marks=own.marks,
        standing=own.standing,
    )


def _grown(settings: Settings, record: Note, rows: Rows, told: Outcomes | None) -> Data:
    """The last dataset with rows added."""
    folder, note = settings.output_folder_path, record.get("dataset") or {}
    if note.get("made_by") != made_by(settings):
        raise Unusable("the rules have changed")
    if not final_data.is_untouched(settings, note) or told is None:
        raise Unusable(final_data.CHANGED)
    stood = standing.read(folder / files.STANDING, settings.columns)
    if not stood:
        raise Unusable("with other rows their periods or days change")
    picks = final_data.picks(record, settings)
    repetitions = rows.known.repetitions
    before = Before(rows.known.kept, rows.files[: len(repetitions)], *stood)
    own = growth.grown(before, rows.came, rows.files[len(repetitions) :], settings.columns)
    if not final_data.fits(note, own.table):
        raise Unusable("whole numbers have fractions now")
    if not all(map(long_files.can_grow, (folder / files.ROWS, folder / files.DATASET))):
        raise Unusable("what is kept of them cannot be added to")
    return Data(
        table=rows.known.kept.with_rows(rows.came).table_of(*picks.with_more(own.row, own.table)),
        book=own.book,
        newest=own.newest,
        newest_dates={},
        repetitions=[*repetitions, *own.repetitions],
        told=outcomes.of(own.told, rows.arrivals, None),
        row=own.row,
        marks=own.marks,
        standing=own.standing,
        added=len(own.table),
        before=told,
    )


def write(settings: Settings, before: Note, data: Data) -> Note:
    """Write the dataset, the book, and what later rows are merged with; return the note of all."""
    folder = settings.output_folder_path
    book = files.ingestion_id(tables.write(folder / files.CLIENTS, data.book))
    if data.added is None:
        note = final_data.write(settings, data.table, data.row) | {"made_by": made_by(settings)}
        outcomes.write(folder / files.OUTCOMES, data.told, note["id"])
    elif data.added:
        begin = len(data.table) - data.added
        note = final_data.append(settings, before["dataset"], data.table.iloc[begin:], data.row)
        outcomes.append(folder / files.OUTCOMES, data.told, note["id"])
    else:
        note = before["dataset"]
    standing.write(folder / files.STANDING, data.standing, data.book)
    return final_data.stamped(settings, note | {"book": book})


def made_by(settings: Settings) -> str:
    """A name for all that decides what becomes of rows."""
    return row_store.made_by(settings, RULES)
