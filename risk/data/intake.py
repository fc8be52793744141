"""The input folder's files: judged, put in order, merged; nothing is written here."""

import itertools
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk import files, progress, shapes
from risk.columns import Columns
from risk.data import input_file, input_folder, merge, outcomes, row_store
from risk.data.input_file import Source
from risk.data.input_folder import Arrival
from risk.data.outcomes import Outcomes
from risk.data.row_store import Misfit, Record
from risk.errors import ArtefactRefused, InputMissing
from risk.judging import lines
from risk.rows import tables
from risk.settings import Settings
from risk.shapes import Kind

log = logging.getLogger("risk.intake")

MOST_NAMED = 3


class Intake(NamedTuple):
    """What the input folder holds: its files in their order, and all their good rows."""

    sources: list[Source]
    rows: pd.DataFrame
    merged: merge.Merged
    outcomes: Outcomes
    arrival: int
    waiting: list[str]
    missed: list[str]
    held: int  # so many of the files, the first ones, were read by an earlier ingestion

    @property
    def table(self) -> pd.DataFrame:
        """The dataset."""
        return self.merged.table

    @property
    def book(self) -> pd.DataFrame:
        """Every client's newest row."""
        return self.merged.book

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
    def files(self) -> list[Record]:
        """Every file that was looked at, with its counts."""
        pairs = zip(self.sources, self.merged.repetitions, strict=True)
        return [source.counts(duplicates) for source, duplicates in pairs]

    def files_of(self, arrivals: Iterable[Arrival]) -> list[Record]:
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
    held = _held(settings, record, known, listing.files)
    came = _read(settings, known, [each for each in listing.files if each not in held.sources])
    sources = [*held.sources.values(), *(each.source for each in came.read)]
    for source in sources:
        input_file.say_what_is_refused(source, settings.input_folder_path)
    waiting = came.waiting
    _say_what_is_gone(settings, known, sources, waiting)
    missed = [e["name"] for e in known if e["accepted"] and e["name"] in waiting]
    before = _outcomes_before(settings)
    last = _last_arrival(settings, record, before)
    number = last + any(source.is_new and source.good for source in sources)
    new_rows = {each.source.arrival.name: each.rows for each in came.read}
    sources = _in_order(sources, new_rows, known, number, settings)
    new = sources[len(held.sources) :]
    table = tables.merged(
        [held.rows, *(new_rows.pop(source.arrival.name) for source in new)], settings.columns
    )
    del came  # whose rows are in the table
    merged = merge.of_rows(
        table,
        [(source.arrival.name, source.good) for source in sources],
        settings.columns,
    )
    told = [number if each.is_new else each.arrived_first for each in sources]
    known_outcomes = outcomes.of(merged.told, told, before)
    return Intake(
        *(sources, table, merged, known_outcomes, number, waiting, missed, len(held.sources))
    )


class _Held(NamedTuple):
    """The files that need not be read again, in the order of their arrival, and their rows."""

    sources: dict[Arrival, Source]
    rows: pd.DataFrame


class _Came(NamedTuple):
    """The files that were read, and those that cannot be read whole yet."""

    read: list[input_file.Read]
    waiting: list[str]


def _held(settings: Settings, record: Record, known: list[Record], listed: list[Arrival]) -> _Held:
    """What the last ingestion kept, unless something has changed: then all files are read."""
    nothing = _Held({}, tables.merged([], settings.columns))
    if not known:
        return nothing
    try:
        _judge_unchanged(known, set(listed), settings.input_folder_path)
        held = row_store.read(record, settings)
    except Misfit as reason:
        log.info("all files are read: %s", reason)
        return nothing
    refusals = iter(held.refusals)
    sources = {
        input_folder.of(entry): input_file.kept(
            entry, list(itertools.islice(refusals, entry["rejected"]))
        )
        for entry in known
    }
    return _Held(sources, held.rows)


def _judge_unchanged(known: list[Record], listed: set[Arrival], folder: Path) -> None:
    """Raise Misfit if one of the files is no longer what the last ingestion looked at."""
    for entry in known:
        if not input_file.may_be_kept(entry):
            raise Misfit(f"{entry['name']} could not be read")
        ctime = input_folder.ctime_ns(folder / entry["name"])
        if input_folder.of(entry) not in listed or ctime != entry.get("ctime_ns"):
            raise Misfit(f"{entry['name']} has changed or is gone")


def _read(settings: Settings, known: list[Record], listed: list[Arrival]) -> _Came:
    """Read these files."""
    read_before = {
        (entry["name"], entry["sha256"]): input_folder.has_rows(entry) for entry in known
    }
    came = _Came([], [])
    for number, arrival in enumerate(listed):
        progress.at(f"reading {arrival.name}", number, len(listed), "files")
        path = settings.input_folder_path / arrival.name
        try:
            came.read.append(input_file.read(arrival, settings, read_before))
        except input_folder.StillChanging as reason:
            log.warning("%s waits for the next run: %s", files.short(path), reason)
            came.waiting.append(arrival.name)
    return came


def keep(taken: Intake, settings: Settings) -> Record:
    """Keep what was read, so that the next ingestion need not read it; return the record of it."""
    path = settings.output_folder_path / files.INGESTION
    before = files.read_json(path) or {}
    new = taken.sources[taken.held :]
    if taken.held and not new:
        return dict(before["kept"])
    if taken.held and row_store.can_grow(before):
        rows = taken.rows.iloc[len(taken.rows) - sum(source.good for source in new) :]
        return row_store.keep(settings, before, rows, _refusals(new))
    return row_store.keep_all(settings, taken.rows, _refusals(taken.sources))


def _refusals(sources: list[Source]) -> list[lines.Refusal]:
    return [refusal for source in sources for refusal in source.refusals]


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


def _last_arrival(settings: Settings, record: Record, before: Outcomes | None) -> int:
    """The number of the last arrival, also where the record of the last ingestion is lost.

    Whatever has learned of outcomes or weighed them has noted a number: none may be given twice.
    """
    models, production = settings.output_model_path, settings.prod_deployment_path
    notes = (
        record,
        _note(models / files.MODEL_RECORD, shapes.TRAINED),
        _note(production / files.MANIFEST, shapes.MANIFEST),
    )
    of_notes = [note.get("arrival") or (1 if note else 0) for note in notes]
    weighed = _note(settings.output_folder_path / files.WEIGHED, shapes.WEIGHED)
    told = int(before.rows["arrival"].max(initial=0)) if before else 0
    return int(max(*of_notes, *weighed.values(), told))


def _note(path: Path, kind: Kind) -> Record:
    """A record; a damaged one says nothing here, and those who need it say that it is damaged."""
    with suppress(ArtefactRefused):
        return files.read_json(path, kind) or {}
    return {}


def _say_what_is_gone(
    settings: Settings, known: list[Record], sources: list[Source], waiting: list[str]
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


def _in_order(
    sources: list[Source],
    rows: dict[str, pd.DataFrame],
    known: list[Record],
    number: int,
    settings: Settings,
) -> list[Source]:
    """Files keep the place of their first arrival, filled in or not; others follow by name.

    Each is returned with the arrival that gave it its place: for new ones the one of this number.
    """
    places = {(entry["name"], entry["sha256"]): place for place, entry in enumerate(known)}
    names = {entry["name"]: place for place, entry in enumerate(known)}
    came = [source.arrival.name for source in sources if source.is_new]
    changed = {name: rows[name] for name in came if name in names and name in rows}
    filled_in = _filled_in(changed, settings) if changed else set()

    def place(source: Source) -> int:
        name = source.arrival.name
        same = names[name] if name in filled_in else len(known)
        return places.get((name, source.sha256), same)

    in_order = sorted(
        sources, key=lambda each: (place(each), input_folder.natural(each.arrival.name))
    )
    first = [*(entry.get("arrival", 1) for entry in known), number]
    return [source._replace(arrived_first=first[place(source)]) for source in in_order]


def _filled_in(changed: dict[str, pd.DataFrame], settings: Settings) -> set[str]:
    """The files that hold what they held before, with outcomes that came in."""
    columns = settings.columns
    try:
        before = tables.read(settings.output_folder_path / files.FINAL_DATA, columns)
    except (InputMissing, ArtefactRefused):
        return set()
    return {name for name, rows in changed.items() if merge.is_filled_in(rows, before, columns)}


def marked(looked_at: list[Record], earlier: list[Record], *, is_unchanged: bool) -> list[Record]:
    """The entries of an ingestion, each with whether its file adds nothing to the data.

    A file with rows keeps its mark as long as it is the same: a second reading of its rows changes
    nothing, although they may not have been judged yet.
    """
    marks = {
        input_folder.of(entry): entry.get("adds_nothing", False)
        for entry in earlier
        if input_folder.has_rows(entry)
    }

    def adds_nothing(entry: Record) -> bool:
        return not input_folder.has_rows(entry) or marks.get(
            input_folder.of(entry), is_unchanged and not entry["accepted"]
        )

    return [entry | {"adds_nothing": adds_nothing(entry)} for entry in looked_at]
