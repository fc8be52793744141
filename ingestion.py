#!/usr/bin/env python3
"""Merge the input folder's CSV files into one clean, de-duplicated dataset: python ingestion.py"""

import logging

import pandas as pd

from risk import files, intake, ledger, tables
from risk.cli import run
from risk.errors import DataUnusable
from risk.intake import Intake
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
    record = {
        "id": files.ingestion_id((folder / files.FINAL_DATA).read_bytes()),
        "time": files.now(),
        "input_folder": settings.input_folder,
        "files": found.files,
    }
    files.write_json(folder / files.INGESTION, record)
    files.write_names(folder / files.INGESTED_FILES, found.names)
    log.info(
        "%d rows of %d clients from %d files, %d rejected",
        *(len(found.table), len(found.book), len(found.names), len(rejected)),
    )
    return found.table


if __name__ == "__main__":
    run(ledger.recorded(merge_multiple_dataframe, ledger.ingested))
