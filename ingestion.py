#!/usr/bin/env python3
"""Merge the input folder's CSV files into one clean, de-duplicated dataset: python ingestion.py"""

import logging
from typing import Any

import pandas as pd

from risk import cli, files
from risk.data import input_folder, intake, tables
from risk.data.input_folder import Arrival
from risk.data.intake import Intake
from risk.errors import DataUnusable
from risk.learning import judgement
from risk.learning.releases import Release
from risk.records import recording
from risk.records.pending import Run
from risk.settings import Settings

log = logging.getLogger("risk.ingestion")


def merge_multiple_dataframe(settings: Settings | None = None) -> pd.DataFrame:
    """Read every CSV file of the input folder; write the merged dataset and the record of it."""
    settings = settings or Settings.load()
    return store(intake.gather(settings), settings)


def store(found: Intake, settings: Settings) -> pd.DataFrame:
    """Write the refused lines, the book, the dataset and, last of all, what they were made of."""
    folder, rejected = settings.output_folder_path, found.rejected
    tables.write(folder / files.REJECTED, rejected)
    if found.table.empty:
        why = (
            f"{folder.name}/{files.REJECTED} says why" if len(rejected) else "no file holds any yet"
        )
        raise DataUnusable(
            f"no row in {settings.input_folder}/ can be used: {why}; the dataset stays as it was"
        )
    tables.write(folder / files.CLIENTS, found.book)
    tables.write(folder / files.FINAL_DATA, found.table)
    files.write_json(folder / files.INGESTION, _record(found, settings))
    files.write_names(folder / files.INGESTED_FILES, found.names)
    log.info(
        "%d rows of %d clients from %d files, %d rejected",
        *(len(found.table), len(found.book), len(found.names), len(rejected)),
    )
    return found.table


def take_in(
    settings: Settings, deployed: Release | None, new: list[Arrival], run: Run, *, force: bool
) -> tuple[Intake, str]:
    """Ingest for a run; the sentence says why what arrived is no new data, empty if it is some."""
    arrived = run.timed("ingestion", intake.gather, settings)
    if arrived.must_wait(new) and not force:
        return arrived, f"{', '.join(arrived.waiting)} cannot be read whole yet"
    before = judgement.dataset(settings)
    run.timed("ingestion", store, arrived, settings)
    recording.remember_data(run, arrived, new, settings)
    if deployed:
        run.must_follow_the_data()
    is_unchanged = judgement.dataset(settings) == before
    adding = input_folder.unseen(arrived.read_of(new), judgement.seen(settings, deployed))
    is_nothing = is_unchanged and not adding and not force
    return arrived, arrived.nothing_of(new) if is_nothing else ""


def _record(found: Intake, settings: Settings) -> dict[str, Any]:
    """What ingestion.json is to hold; data that stayed as they were keep their time."""
    folder = settings.output_folder_path
    before = files.read_json(folder / files.INGESTION) or {}
    made = {
        "id": files.ingestion_id((folder / files.FINAL_DATA).read_bytes()),
        "book": files.ingestion_id((folder / files.CLIENTS).read_bytes()),
        "input_folder": settings.input_folder,
    }
    is_unchanged = made.items() <= before.items()
    is_same_folder = before.get("input_folder") == settings.input_folder
    earlier = before["files"] if is_same_folder else []
    return made | {
        "time": before["time"] if is_unchanged else files.now(),
        "limits": settings.limits._asdict(),
        "files": input_folder.marked(found.files, earlier, is_unchanged=is_unchanged),
    }


if __name__ == "__main__":
    cli.run(recording.recorded(merge_multiple_dataframe, recording.ingested))
