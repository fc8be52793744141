#!/usr/bin/env python3
"""Merge the input folder's CSV files into one clean, de-duplicated dataset: python ingestion.py"""

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from risk import cli, files
from risk.columns import Columns
from risk.data import arrivals, input_folder, intake, known_files
from risk.data.input_folder import Arrival
from risk.data.intake import Intake
from risk.dataset import all_rows, outcomes
from risk.dataset.outcomes import Labelled, Outcomes
from risk.decisions import judgement
from risk.errors import DataUnusable
from risk.learning.releases import Release
from risk.records import recording
from risk.records.pending import Run
from risk.rows import statistics, tables
from risk.rows.statistics import Look
from risk.rows.tables import Book
from risk.settings import Settings

log = logging.getLogger("risk.ingestion")


@dataclass(frozen=True)
class Dataset:
    """What an ingestion wrote, and the record of it as ingestion.json has it."""

    table: pd.DataFrame
    book: Book
    outcomes: Outcomes
    columns: Columns
    record: dict[str, Any]

    @cached_property
    def labelled(self) -> Labelled:
        """The rows whose outcome is known."""
        return self.outcomes.labelled(self.table, self.columns)

    @property
    def id(self) -> str:
        """The name of this ingestion, which the model's record keeps."""
        return str(self.record["id"])

    @cached_property
    def look(self) -> Look:
        """What the dataset looks like."""
        return statistics.look(self.table, self.columns)

    @property
    def clients(self) -> int:
        """How many clients the book has."""
        return len(self.book.rows)

    @property
    def as_of(self) -> tuple[Look, Book, str]:
        """What the dataset looks like, and the book, with their moment."""
        return self.look, self.book, self.record["time"]


def merge_multiple_dataframe(settings: Settings | None = None) -> pd.DataFrame:
    """Read every CSV file of the input folder; write the merged dataset and the record of it."""
    settings = settings or Settings.load()
    return store(intake.gather(settings), settings).table


def store(taken: Intake, settings: Settings) -> Dataset:
    """Write the refused lines, the book, the dataset and, last of all, what they were made of."""
    folder, rejected, data = settings.output_folder_path, taken.rejected, taken.data
    tables.write(folder / files.REJECTED, rejected)
    if data.table.empty:
        why = (
            f"{folder.name}/{files.REJECTED} says why" if len(rejected) else "no file holds any yet"
        )
        raise DataUnusable(
            f"no row in {settings.input_folder}/ can be used: {why}; the dataset stays as it was"
        )
    # first, as none of it counts before ingestion.json names it: a failure here leaves no mixed set
    came = taken.came, data.marks
    kept = known_files.keep(settings, taken.before, taken.sources, taken.known, came)
    record = _record(taken, all_rows.write(settings, taken.before, data), settings)
    files.write_json(folder / files.INGESTION, record | {"kept": kept})
    files.write_names(folder / files.INGESTED_FILES, taken.names)
    log.info(
        "%d rows of %d clients from %d files, %d rejected",
        *(len(data.table), len(data.book), len(taken.names), len(rejected)),
    )
    book = Book(data.book, data.newest)
    told = data.told
    if data.before:
        told = outcomes.read(folder / files.OUTCOMES, record["id"])  # as they lie there
    return Dataset(data.table, book, told, settings.columns, record)


def _record(taken: Intake, dataset: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The content of ingestion.json; data that have not changed keep their time."""
    before = taken.before
    written = {"book": dataset["book"], "id": dataset["id"], "input_folder": settings.input_folder}
    is_unchanged = written.items() <= before.items()
    is_same_folder = before.get("input_folder") == settings.input_folder
    earlier = before["files"] if is_same_folder else []
    return written | {
        "time": before["time"] if is_unchanged else files.now(),
        "arrival": taken.arrival,
        "newest": taken.data.newest,
        "newest_dates": taken.data.newest_dates,
        "limits": settings.limits._asdict(),
        "columns": judgement.columns_id(settings),
        "dataset": dataset,
        "files": arrivals.marked(taken.files, earlier, is_unchanged=is_unchanged),
    }


class Taken(NamedTuple):
    """What came in with a run, and the dataset made of it; or why nothing is new."""

    arrived: Intake
    dataset: Dataset | None
    nothing_new: str = ""


def take_in(
    settings: Settings, deployed: Release | None, new: list[Arrival], run: Run, *, force: bool
) -> Taken:
    """Ingest for a run, unless what arrived cannot be read yet; say so if nothing is new."""
    arrived = run.timed("ingestion", intake.gather, settings)
    if arrived.must_wait(new) and not force:
        return Taken(arrived, None, f"{', '.join(arrived.waiting)} cannot be read whole yet")
    before = judgement.data_ids(settings)
    dataset = run.timed("ingestion", store, arrived, settings)
    run.add("ingested_files", arrived.files_of(new))
    recording.remember_columns(run, dataset.look)
    if deployed:
        run.must_follow_the_data()
    is_unchanged = judgement.data_ids(settings) == before
    adding = input_folder.unseen(arrived.read_of(new), judgement.settled(settings, deployed))
    is_nothing = is_unchanged and not adding and not force
    return Taken(arrived, dataset, arrived.nothing_of(new) if is_nothing else "")


if __name__ == "__main__":
    cli.run(recording.step_on_record(merge_multiple_dataframe, recording.ingestion_facts))
