"""Arrivals: which place a file has among all, and the numbers that outcomes are known by."""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from risk import files, shapes
from risk.columns import DATE, Columns
from risk.data import input_folder
from risk.data.input_file import Source
from risk.dataset import final_data
from risk.dataset.outcomes import Outcomes
from risk.errors import ArtefactRefused, InputMissing
from risk.rows.long_files import Note
from risk.settings import Settings
from risk.shapes import Kind


def last_number(settings: Settings, record: Note, before: Outcomes | None) -> int:
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


def _note(path: Path, kind: Kind) -> Note:
    """A record; a damaged one says nothing here, and those who need it say that it is damaged."""
    with suppress(ArtefactRefused):
        return files.read_json(path, kind) or {}
    return {}


def in_order(
    sources: list[Source],
    rows: dict[str, pd.DataFrame],
    known: list[Note],
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
        before = final_data.read(settings).table
    except (InputMissing, ArtefactRefused):
        return set()
    return {name for name, rows in changed.items() if _is_filled_in(rows, before, columns)}


def _is_filled_in(table: pd.DataFrame, before: pd.DataFrame, columns: Columns) -> bool:
    """Whether most rows of a file that changed were in the dataset before but for the outcome."""
    names = [name for name in columns.all if name != columns.target]
    names = [name for name in names if columns.kind(name) != DATE]  # whose days moved on
    now = table[names].drop_duplicates()
    return 2 * len(now.merge(before[names].drop_duplicates())) > len(now)


def marked(looked_at: list[Note], earlier: list[Note], *, is_unchanged: bool) -> list[Note]:
    """The entries of an ingestion, each with whether its file adds nothing to the data.

    A file with rows keeps its mark as long as it is the same: a second reading of its rows changes
    nothing, although they may not have been judged yet.
    """
    marks = {
        input_folder.of(entry): entry.get("adds_nothing", False)
        for entry in earlier
        if input_folder.has_rows(entry)
    }

    def adds_nothing(entry: Note) -> bool:
        return not input_folder.has_rows(entry) or marks.get(
            input_folder.of(entry), is_unchanged and not entry["accepted"]
        )

    return [entry | {"adds_nothing": adds_nothing(entry)} for entry in looked_at]
