"""Files that an earlier ingestion has read: what became of them is kept, as long as they stay."""

import itertools
import logging
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk import files
from risk.data import input_file, input_folder, row_store
from risk.data.input_file import Source
from risk.data.input_folder import Arrival
from risk.data.row_store import Held, Misfit, Record
from risk.judging.lines import Refusal
from risk.rows import tables
from risk.settings import Settings

log = logging.getLogger("risk.known_files")


class KnownFiles(NamedTuple):
    """The files that need not be read again, in the order of their arrival, and their rows."""

    sources: dict[Arrival, Source]
    rows: pd.DataFrame


def unchanged(
    settings: Settings, record: Record, known: list[Record], listed: list[Arrival]
) -> KnownFiles:
    """What the last ingestion kept, unless something has changed: then all files are read."""
    nothing = KnownFiles({}, tables.merged([], settings.columns))
    if not known:
        return nothing
    try:
        _judge_unchanged(known, set(listed), settings.input_folder_path)
        held = row_store.read(record, settings)
        _judge_whole(held, known)
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
    return KnownFiles(sources, held.rows)


def _judge_unchanged(known: list[Record], listed: set[Arrival], folder: Path) -> None:
    """Raise Misfit if one of the files is no longer what the last ingestion looked at."""
    for entry in known:
        if not input_file.may_be_kept(entry):
            raise Misfit(f"{entry['name']} could not be read")
        ctime = input_folder.ctime_ns(folder / entry["name"])
        if input_folder.of(entry) not in listed or ctime != entry.get("ctime_ns"):
            raise Misfit(f"{entry['name']} has changed or is gone")


def _judge_whole(held: Held, known: list[Record]) -> None:
    """Raise Misfit if there are not as many rows and refused lines as the record counts."""
    rejected = sum(entry["rejected"] for entry in known)
    good = sum(entry["rows"] for entry in known) - rejected
    if (len(held.rows), len(held.refusals)) != (good, rejected):
        raise Misfit("what was kept of them is not what it was")


def keep(settings: Settings, sources: list[Source], rows: pd.DataFrame, unchanged: int) -> Record:
    """Keep what was read, so that the next ingestion need not read it; return the record of it.

    Of so many files, the first ones, all is kept already.
    """
    path = settings.output_folder_path / files.INGESTION
    before = files.read_json(path) or {}
    new = sources[unchanged:]
    if unchanged and not new:
        return dict(before["kept"])
    if unchanged and row_store.can_grow(before):
        came = rows.iloc[len(rows) - sum(source.good for source in new) :]
        return row_store.keep(settings, before, came, _refusals(new))
    return row_store.keep_all(settings, rows, _refusals(sources))


def _refusals(sources: list[Source]) -> list[Refusal]:
    return [refusal for source in sources for refusal in source.refusals]
