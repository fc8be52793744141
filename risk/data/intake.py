"""The input folder's files: judged, put in order, merged; nothing is written here."""

import logging
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk import files, progress
from risk.columns import Columns
from risk.data import arrivals, input_file, input_folder, known_files, merge, outcomes
from risk.data.input_file import Source
from risk.data.input_folder import Arrival
from risk.data.known_files import KnownFiles
from risk.data.outcomes import Outcomes
from risk.data.row_store import Note
from risk.errors import ArtefactRefused, InputMissing
from risk.judging import lines
from risk.rows import tables
from risk.settings import Settings

log = logging.getLogger("risk.intake")

MOST_NAMED = 3


class Intake(NamedTuple):
    """What the input folder holds: its files in their order, all their good rows, what they tell.

    `table` is the dataset, `book` every client's newest row, the last ones of the newest period.
    """

    sources: list[Source]
    rows: pd.DataFrame
    table: pd.DataFrame
    book: pd.DataFrame
    newest: int
    newest_dates: dict[str, float]
    repetitions: list[int]
    outcomes: Outcomes
    arrival: int
    waiting: list[str]
    missed: list[str]
    known: frozenset[Arrival]  # files of an earlier ingestion, if their rows come first
    before: Note  # of the last ingestion

    @property
    def seen(self) -> input_folder.Seen:
        """The files whose rows are in the table; ingestion.json tells of the others."""
        return input_folder.Seen(frozenset(each.arrival for each in self.sources if each.good))

    def read_of(self, new: Iterable[Arrival]) -> list[Arrival]:
        """Those of the files that do not wait."""
        return [arrival for arrival in new if arrival.name not in self.waiting]

    def with_refused(self, sentence: str) -> str:
        """The same sentence, and which files are refused whole until they are mended."""
        return _few([sentence], [each.why_nothing_new for each in self.sources if each.reason])

    def nothing_of(self, new: Iterable[Arrival]) -> str:
        """Why files that arrived change nothing."""
        return _few([], [source.why_nothing_new for source in self._of(new)])

    def must_wait(self, new: Iterable[Arrival]) -> bool:
        """Whether all new files wait, or a file waits whose rows were in the data before."""
        return bool(self.waiting) and (not self.read_of(new) or bool(self.missed))

    def _of(self, arrivals: Iterable[Arrival]) -> list[Source]:
        names = {arrival.name for arrival in arrivals}
        return [source for source in self.sources if source.arrival.name in names]

    @property
    def names(self) -> list[str]:
        """The files whose rows are in the table, in the order in which they arrived."""
        return [source.arrival.name for source in self.sources if source.good]

    @property
    def files(self) -> list[Note]:
        """Every file that was looked at, with its counts."""
        pairs = zip(self.sources, self.repetitions, strict=True)
        return [source.counts(duplicates) for source, duplicates in pairs]

    def files_of(self, arrivals: Iterable[Arrival]) -> list[Note]:
        """The same for these files alone."""
        names = {arrival.name for arrival in arrivals}
        return [file for file in self.files if file["name"] in names]

    def rows_of(self, new: Iterable[Arrival], columns: Columns) -> pd.DataFrame:
        """All rows of these files."""
        names = {arrival.name for arrival in new}
        arrived = [
            tables.with_days(rows, columns)
            for source, rows in zip(self.sources, self.rows_by_file, strict=True)
            if source.arrival.name in names
        ]
        return tables.merged(arrived, columns)

    @property
    def rows_by_file(self) -> list[pd.DataFrame]:
        """The good rows of each file."""
        ends = np.cumsum([source.good for source in self.sources])
        pairs = zip(self.sources, ends, strict=True)
        return [self.rows.iloc[end - source.good : end] for source, end in pairs]

    @property
    def rejected(self) -> pd.DataFrame:
        """Every refused line, and one row for each file refused whole, as rejected.csv has them."""
        rows = [
            (source.arrival.name, *refusal)
            for source in self.sources
            for refusal in source.refusals or _whole(source)
        ]
        table = pd.DataFrame(rows, columns=["file", *lines.Refusal._fields])
        return table.astype({"line": "Int64"})


def _few(beginning: list[str], of_files: list[str]) -> str:
    """Sentences as one; of those about files the first few."""
    more = len(of_files) - MOST_NAMED
    rest = [f"{more} more files likewise"] if more > 0 else []
    return "; ".join(beginning + of_files[:MOST_NAMED] + rest)


def _whole(source: Source) -> list[lines.Refusal]:
    return [lines.Refusal(None, source.reason, "")] if source.reason else []


def gather(settings: Settings) -> Intake:
    """The whole input folder; of files that an earlier ingestion has read, what it kept of them."""
    listing = input_folder.listing(settings.input_folder_path)
    input_folder.say_passed_over(settings, listing.passed_over, again=True)
    if not listing.files:
        raise InputMissing(f"there is no .csv file in {settings.input_folder}/")
    record = files.read_json(settings.output_folder_path / files.INGESTION) or {}
    is_same_folder = record.get("input_folder") == settings.input_folder
    known = record["files"] if is_same_folder else []
    held = known_files.unchanged(settings, record, known, listing.files)
    came = _read(settings, known, [each for each in listing.files if each not in held.sources])
    sources = [*held.sources.values(), *(each.source for each in came.read)]
    for source in sources:
        input_file.say_what_is_refused(source, settings.input_folder_path)
    waiting = came.waiting
    _say_what_is_gone(settings, known, sources, waiting)
    missed = [e["name"] for e in known if e["accepted"] and e["name"] in waiting]
    before = _outcomes_before(settings)
    last = arrivals.last_number(settings, record, before)
    number = last + any(source.is_new and source.good for source in sources)
    new_rows = {each.source.arrival.name: each.rows for each in came.read}
    del came  # whose rows are let go as soon as they are in the table
    sources = arrivals.in_order(sources, new_rows, known, number, settings)
    table, known_first = _together(held, sources, new_rows, settings.columns)
    del held  # with millions of rows it counts
    in_files = [(source.arrival.name, source.good) for source in sources]
    merged = merge.merged(table, in_files, settings.columns)
    told = [number if each.is_new else each.arrived_first for each in sources]
    return Intake(
        sources=sources,
        rows=table,
        table=merged.table,
        book=merged.book,
        newest=merged.newest,
        newest_dates=merged.newest_dates,
        repetitions=merged.repetitions,
        outcomes=outcomes.of(merged.told, told, before),
        arrival=number,
        waiting=waiting,
        missed=missed,
        known=known_first,
        before=record,
    )


def _together(
    held: KnownFiles, sources: list[Source], new_rows: dict[str, pd.DataFrame], columns: Columns
) -> tuple[pd.DataFrame, frozenset[Arrival]]:
    """The rows of all files in their order, and the known files if their rows come first."""
    if held.come_first(sources):
        new = [source for source in sources if source.arrival not in held.sources]
        parts = [held.rows, *_rows_of(new, new_rows)]
        return tables.merged(parts, columns), frozenset(held.sources)
    new_rows |= held.rows_by_file()
    return tables.merged(_rows_of(sources, new_rows), columns), frozenset()


def _rows_of(sources: list[Source], rows: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """The rows of each file, taken out of what is given."""
    return [rows.pop(source.arrival.name) for source in sources]


class _Came(NamedTuple):
    """The files that were read, and those that cannot be read whole yet."""

    read: list[input_file.Read]
    waiting: list[str]


def _read(settings: Settings, known: list[Note], listed: list[Arrival]) -> _Came:
    """Read these files."""
    read_before = {
        (entry["name"], entry["sha256"]): input_folder.has_rows(entry) for entry in known
    }
    came, work = _Came([], []), progress.of(len(listed), "files")
    for number, arrival in enumerate(listed):
        work.at(f"reading {arrival.name}", number)
        path = settings.input_folder_path / arrival.name
        try:
            came.read.append(input_file.read(arrival, settings, read_before))
        except input_folder.StillChanging as reason:
            log.warning("%s waits for the next run: %s", files.short(path), reason)
            came.waiting.append(arrival.name)
    return came


def _outcomes_before(settings: Settings) -> Outcomes | None:
    """When the outcomes of the last ingestion came; if that is lost, the files alone tell it."""
    path = settings.output_folder_path / files.OUTCOMES
    try:
        return outcomes.read(path)
    except InputMissing:
        return None
    except ArtefactRefused as refusal:
        log.warning("%s; when its outcomes came is told from the files alone", refusal)
        return None


def _say_what_is_gone(
    settings: Settings, known: list[Note], sources: list[Source], waiting: list[str]
) -> None:
    """Say which files have vanished or cannot be opened any more, and how many rows with them."""
    unreadable = {each.arrival.name for each in sources if input_folder.is_unreadable(each.reason)}
    present = {source.arrival.name for source in sources}.union(waiting)
    for name, accepted in ((entry["name"], entry["accepted"]) for entry in known):
        path = files.short(settings.input_folder_path / name)
        if name not in present:
            log.warning("%s is gone, and its %d rows with it", path, accepted)
        elif name in unreadable and accepted:
            log.warning("%s cannot be opened, and its %d rows are gone with it", path, accepted)
