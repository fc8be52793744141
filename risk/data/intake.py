"""The input folder's files: judged, put in order, merged; nothing is written here."""

import itertools
import logging
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from risk import files, progress
from risk.columns import Columns
from risk.data import arrivals, input_file, input_folder, known_files
from risk.data.input_file import Source
from risk.data.input_folder import Arrival
from risk.data.known_files import KnownFiles
from risk.dataset import all_rows, outcomes
from risk.dataset.all_rows import Arrived, Data
from risk.dataset.outcomes import Outcomes
from risk.errors import ArtefactRefused, InputMissing
from risk.judging import lines
from risk.rows import tables
from risk.rows.long_files import Note
from risk.settings import Settings

log = logging.getLogger("risk.intake")

MOST_NAMED = 3


class Intake(NamedTuple):
    """What the input folder holds: its files in their order, their good rows, what they tell.

    `known` are files of an earlier ingestion whose rows come first; `came` are those of the others.
    """

    sources: list[Source]
    known: KnownFiles
    came: pd.DataFrame
    data: Data
    arrival: int
    waiting: list[str]
    missed: list[str]
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
        repetitions = iter(self.data.repetitions)
        return [each.counts(next(repetitions) if each.good else 0) for each in self.sources]

    def files_of(self, arrivals: Iterable[Arrival]) -> list[Note]:
        """The same for these files alone."""
        names = {arrival.name for arrival in arrivals}
        return [file for file in self.files if file["name"] in names]

    def rows_of(self, new: Iterable[Arrival], columns: Columns) -> pd.DataFrame:
        """All rows of these files."""
        rows, sources = self._came_by_file(), self._of(new)
        if any(source.arrival.name not in rows for source in sources):
            rows |= self.known.rows_by_file()
        arrived = [tables.with_days(rows[each.arrival.name], columns) for each in sources]
        return tables.merged(arrived, columns)

    @property
    def rows_by_file(self) -> list[pd.DataFrame]:
        """The good rows of each file."""
        rows = self.known.rows_by_file() | self._came_by_file()
        return [rows[source.arrival.name] for source in self.sources]

    def _came_by_file(self) -> dict[str, pd.DataFrame]:
        """The rows of each file that was read now, by its name."""
        came = [source for source in self.sources if source.arrival not in self.known.sources]
        ends = itertools.accumulate(source.good for source in came)
        pairs = zip(came, ends, strict=True)
        return {each.arrival.name: self.came.iloc[end - each.good : end] for each, end in pairs}

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
    entries = record["files"] if is_same_folder else []
    known = known_files.unchanged(settings, record, entries, listing.files)
    read = _read(settings, entries, [each for each in listing.files if each not in known.sources])
    sources = [*known.sources.values(), *(each.source for each in read.files)]
    for source in sources:
        input_file.say_what_is_refused(source, settings.input_folder_path)
    waiting = read.waiting
    _say_what_is_gone(settings, entries, sources, waiting)
    missed = [e["name"] for e in entries if e["accepted"] and e["name"] in waiting]
    before = _outcomes_before(settings)
    last = arrivals.last_number(settings, record, before)
    number = last + any(source.is_new and source.good for source in sources)
    rows = {each.source.arrival.name: each.rows for each in read.files}
    del read  # whose rows are let go as soon as they are in the table
    sources = arrivals.in_order(sources, rows, entries, number, settings)
    if not known.come_first(sources):
        rows |= known.rows_by_file()
        known = known_files.none(settings)
    new = [source for source in sources if source.arrival not in known.sources]
    came = tables.merged(_rows_of(new, rows), settings.columns)
    told = [number if each.is_new else each.arrived_first for each in sources if each.good]
    rows_now = Arrived(known.kept, known.repetitions, came, in_files(sources), told)
    data = all_rows.merged(settings, record, rows_now, before)
    return Intake(sources, known, came, data, number, waiting, missed, record)


def in_files(sources: list[Source]) -> list[tuple[str, int]]:
    """The files that have rows, and how many."""
    return [(source.arrival.name, source.good) for source in sources if source.good]


def _rows_of(sources: list[Source], rows: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """The rows of each file, taken out of what is given."""
    return [rows.pop(source.arrival.name) for source in sources]


class _Read(NamedTuple):
    """The files that were read, and those that cannot be read whole yet."""

    files: list[input_file.Read]
    waiting: list[str]


def _read(settings: Settings, known: list[Note], listed: list[Arrival]) -> _Read:
    """Read these files."""
    read_before = {
        (entry["name"], entry["sha256"]): input_folder.has_rows(entry) for entry in known
    }
    read, work = _Read([], []), progress.of(len(listed), "files")
    for number, arrival in enumerate(listed):
        work.at(f"reading {arrival.name}", number)
        path = settings.input_folder_path / arrival.name
        try:
            read.files.append(input_file.read(arrival, settings, read_before))
        except input_folder.StillChanging as reason:
            log.warning("%s waits for the next run: %s", files.short(path), reason)
            read.waiting.append(arrival.name)
    return read


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
