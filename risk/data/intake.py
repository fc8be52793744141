"""The input folder's files: judged, put in order, merged; nothing is written here."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from risk import files, progress, shapes
from risk.columns import Columns
from risk.data import input_file, input_folder, judging, merge, outcomes, tables
from risk.data.input_file import Source
from risk.data.input_folder import Arrival
from risk.data.outcomes import Outcomes
from risk.errors import ArtefactRefused, InputMissing
from risk.settings import Settings
from risk.shapes import Kind

log = logging.getLogger("risk.intake")

MOST_NAMED = 3


class Intake(NamedTuple):
    """What the input folder holds."""

    sources: list[Source]
    merged: merge.Merged
    outcomes: Outcomes
    arrival: int
    waiting: list[str]
    missed: list[str]

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
        return input_folder.Seen(
            frozenset(each.arrival for each in self.sources if len(each.table))
        )

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
        return [source.arrival.name for source in self.sources if len(source.table)]

    @property
    def files(self) -> list[dict[str, Any]]:
        """Every file that was looked at, with its counts."""
        pairs = zip(self.sources, self.merged.repetitions, strict=True)
        return [source.counts(duplicates) for source, duplicates in pairs]

    def files_of(self, arrivals: Iterable[Arrival]) -> list[dict[str, Any]]:
        """The same for these files alone."""
        names = {arrival.name for arrival in arrivals}
        return [file for file in self.files if file["name"] in names]

    def rows_of(self, new: Iterable[Arrival], columns: Columns) -> pd.DataFrame:
        """All rows of these files."""
        arrived = [tables.with_days(source.table, columns) for source in self._of(new)]
        return tables.merged(arrived, columns)

    @property
    def rejected(self) -> pd.DataFrame:
        """Every refused line, and one row for each file refused whole, as rejected.csv has them."""
        rows = [
            (source.arrival.name, *refusal)
            for source in self.sources
            for refusal in source.refusals or _whole(source)
        ]
        table = pd.DataFrame(rows, columns=["file", *judging.Refusal._fields])
        return table.astype({"line": "Int64"})


def _few(beginning: list[str], of_files: list[str]) -> str:
    """Sentences as one; of those about files the first few."""
    more = len(of_files) - MOST_NAMED
    rest = [f"{more} more files likewise"] if more > 0 else []
    return "; ".join(beginning + of_files[:MOST_NAMED] + rest)


def _whole(source: Source) -> list[judging.Refusal]:
    return [judging.Refusal(None, source.reason, "")] if source.reason else []


def gather(settings: Settings) -> Intake:
    """Read the whole input folder."""
    listing = input_folder.listing(settings.input_folder_path)
    input_folder.say_passed_over(settings, listing.passed_over, again=True)
    if not listing.files:
        raise InputMissing(f"there is no .csv file in {settings.input_folder}/")
    record = files.read_json(settings.output_folder_path / files.INGESTION) or {}
    is_same_folder = record.get("input_folder") == settings.input_folder
    known = record["files"] if is_same_folder else []
    read_before = {
        (entry["name"], entry["sha256"]): input_folder.has_rows(entry) for entry in known
    }
    sources, waiting = [], []
    for number, arrival in enumerate(listing.files):
        progress.at(f"reading {arrival.name}", number, len(listing.files), "files")
        path = settings.input_folder_path / arrival.name
        try:
            sources.append(input_file.read(arrival, settings, read_before))
        except input_folder.StillChanging as reason:
            log.warning("%s waits for the next run: %s", files.short(path), reason)
            waiting.append(arrival.name)
    _say_what_is_gone(settings, known, sources, waiting)
    missed = [entry["name"] for entry in known if entry["accepted"] and entry["name"] in waiting]
    before = _outcomes_before(settings)
    last = _last_arrival(settings, record, before)
    came = last + any(source.is_new and len(source.table) for source in sources)
    sources = _in_order(sources, known, came, settings)
    delivered = [merge.Delivered(each.arrival.name, each.table) for each in sources]
    merged = merge.merged(delivered, settings.columns)
    told = [came if each.is_new else each.arrived_first for each in sources]
    known_outcomes = outcomes.of(merged.told, told, before)
    return Intake(sources, merged, known_outcomes, came, waiting, missed)


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


def _last_arrival(settings: Settings, record: dict[str, Any], before: Outcomes | None) -> int:
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


def _note(path: Path, kind: Kind) -> dict[str, Any]:
    """A record; a damaged one says nothing here, and those who need it say that it is damaged."""
    with suppress(ArtefactRefused):
        return files.read_json(path, kind) or {}
    return {}


def _say_what_is_gone(
    settings: Settings, known: list[dict[str, Any]], sources: list[Source], waiting: list[str]
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
    sources: list[Source], known: list[dict[str, Any]], number: int, settings: Settings
) -> list[Source]:
    """Files keep the place of their first arrival, filled in or not; others follow by name.

    Each is returned with the arrival that gave it its place: for new ones the one of this number.
    """
    places = {(entry["name"], entry["sha256"]): place for place, entry in enumerate(known)}
    names = {entry["name"]: place for place, entry in enumerate(known)}
    changed = [source for source in sources if source.is_new and source.arrival.name in names]
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


def _filled_in(changed: list[Source], settings: Settings) -> set[str]:
    """The files that hold what they held before, with outcomes that came in."""
    columns = settings.columns
    try:
        before = tables.read(settings.output_folder_path / files.FINAL_DATA, columns)
    except (InputMissing, ArtefactRefused):
        return set()
    return {
        source.arrival.name
        for source in changed
        if merge.is_filled_in(source.table, before, columns)
    }


def marked(
    looked_at: list[dict[str, Any]], earlier: list[dict[str, Any]], *, is_unchanged: bool
) -> list[dict[str, Any]]:
    """The entries of an ingestion, each with whether its file adds nothing to the data.

    A file with rows keeps its mark as long as it is the same: a second reading of its rows changes
    nothing, although they may not have been judged yet.
    """
    marks = {
        input_folder.of(entry): entry.get("adds_nothing", False)
        for entry in earlier
        if input_folder.has_rows(entry)
    }

    def adds_nothing(entry: dict[str, Any]) -> bool:
        return not input_folder.has_rows(entry) or marks.get(
            input_folder.of(entry), is_unchanged and not entry["accepted"]
        )

    return [entry | {"adds_nothing": adds_nothing(entry)} for entry in looked_at]
