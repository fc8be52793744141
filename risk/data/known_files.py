"""Files that an earlier ingestion has read: what became of them is kept, as long as they stay."""

import itertools
import logging
import os
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk.data import input_file, input_folder
from risk.data.input_file import Source
from risk.data.input_folder import Arrival
from risk.dataset import row_store
from risk.dataset.row_store import Kept
from risk.judging.lines import Refusal
from risk.rows import tables
from risk.rows.long_files import Note, Unusable
from risk.rows.text_words import Words
from risk.settings import Settings

log = logging.getLogger("risk.known_files")


class KnownFiles(NamedTuple):
    """The files that need not be read again, in the order of their arrival, and their rows."""

    sources: dict[Arrival, Source]
    kept: Kept
    repetitions: list[int]  # of each file with rows, those that changed nothing

    def rows_by_file(self) -> dict[str, pd.DataFrame]:
        """The rows of each file, by its name."""
        ends = itertools.accumulate(source.good for source in self.sources.values())
        pairs = zip(self.sources.values(), ends, strict=True)
        return {
            each.arrival.name: self.kept.rows.iloc[end - each.good : end] for each, end in pairs
        }

    def come_first(self, sources: list[Source]) -> bool:
        """Whether all rows of files that were read now come after the rows of these files."""
        known = [each.arrival in self.sources for each in sources if each.good or each.refusals]
        return known == sorted(known, reverse=True)


def none(settings: Settings) -> KnownFiles:
    """No file."""
    return KnownFiles({}, row_store.nothing(settings), [])


def unchanged(
    settings: Settings, record: Note, known: list[Note], listed: list[Arrival]
) -> KnownFiles:
    """What the last ingestion kept, unless a file with rows has changed: then all are read."""
    if not known:
        return none(settings)
    present, folder = set(listed), settings.input_folder_path
    is_kept = [_is_unchanged(entry, present, folder) for entry in known]
    kept = list(itertools.compress(known, is_kept))
    try:
        for entry, is_unchanged in zip(known, is_kept, strict=True):
            if entry["rows"] and not is_unchanged:
                raise Unusable(f"{entry['name']} has changed or is gone")
        rows = row_store.read(record, settings)
        _judge_whole(rows, kept)
    except Unusable as reason:
        log.info("all files are read: %s", reason)
        return none(settings)
    refusals = iter(rows.refusals)
    sources = [
        input_file.known(entry, list(itertools.islice(refusals, entry["rejected"])))
        for entry in kept
    ]
    repetitions = [entry["duplicates"] for entry in kept if entry["rows"] > entry["rejected"]]
    return KnownFiles({source.arrival: source for source in sources}, rows, repetitions)


def _is_unchanged(entry: Note, listed: set[Arrival], folder: Path) -> bool:
    """Whether a file is what the last ingestion looked at, and could be read then."""
    if not input_file.may_be_kept(entry) or input_folder.of(entry) not in listed:
        return False
    path = folder / entry["name"]
    return input_folder.ctime_ns(path) == entry.get("ctime_ns") and os.access(path, os.R_OK)


def _judge_whole(rows: Kept, kept: list[Note]) -> None:
    """Raise Unusable if there are not as many rows and refused lines as the record counts."""
    rejected = sum(entry["rejected"] for entry in kept)
    good = sum(entry["rows"] for entry in kept) - rejected
    if (rows.count, len(rows.refusals)) != (good, rejected):
        raise Unusable(row_store.DAMAGED)


def keep(
    settings: Settings,
    record: Note,
    sources: list[Source],
    known: KnownFiles,
    came: tuple[pd.DataFrame, Words],
) -> Note:
    """Keep the rows of all files, so that none is read twice; return the note of what is kept.

    Those of the known files, which come first, are kept already. The last marks are of the others.
    """
    rows, marks = came
    new = [source for source in sources if source.arrival not in known.sources]
    if known.sources and not any(source.good or source.refusals for source in new):
        return dict(record["kept"])
    if known.sources and row_store.can_grow(settings, record):
        own = marks[len(marks) - len(rows) :]
        return row_store.keep(settings, record, rows, own, _refusals(new))
    rows = tables.merged([known.kept.rows, rows], settings.columns)
    return row_store.keep_all(settings, rows, marks, _refusals(sources))


def _refusals(sources: list[Source]) -> list[Refusal]:
    return [refusal for source in sources for refusal in source.refusals]
