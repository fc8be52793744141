"""The test data: every CSV file of a folder, judged as input files are."""

import logging
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk.cache import Remembered
from risk.columns import Columns
from risk.data import input_folder
from risk.data.input_folder import Arrival, StillChanging, TooLarge, Unreadable
from risk.errors import DataUnusable, InputMissing
from risk.judging import csv_file, schema
from risk.judging.schema import FileRefused
from risk.rows import tables
from risk.settings import LARGEST_DATASET, Limits, Settings

log = logging.getLogger("risk.test_data")


class TestData(NamedTuple):
    """The rows with an outcome of each usable file, and why each of the others is left out."""

    folder: str
    columns: Columns
    files: dict[str, pd.DataFrame]
    left_out: dict[str, str]
    is_complete: bool = True  # else a file could not be read now, and may be later

    @property
    def rows(self) -> pd.DataFrame:
        """All rows to score on, at least one."""
        if not self.files:
            raise InputMissing(f"there is no usable .csv file in {self.folder}/")
        if not any(map(len, self.files.values())):
            raise DataUnusable(
                f"no row in {self.folder}/ has an outcome, so nothing can be scored on it"
            )
        return tables.merged(list(self.files.values()), self.columns)

    @property
    def first_file(self) -> str:
        """The name of the first file that has something to score on; there must be one."""
        _ = self.rows
        return next(name for name, rows in self.files.items() if len(rows))


def read(settings: Settings) -> TestData:
    """Read the folder of the test data; what is left out is logged."""
    folder, columns = settings.test_data_path, settings.columns
    usable, left_out, is_complete = {}, {}, True
    for arrival in input_folder.listing(folder).files:
        name = f"{folder.name}/{arrival.name}"
        try:
            table = _file(folder / arrival.name, name, arrival, columns, settings.limits)
        except (FileRefused, TooLarge, StillChanging, Unreadable) as reason:
            log.warning("%s is left out: %s", name, reason)
            left_out[arrival.name] = str(reason)
            is_complete &= not isinstance(reason, StillChanging | Unreadable)
        else:
            usable[arrival.name] = tables.with_outcome(table, columns)
    return TestData(folder.name, columns, usable, left_out, is_complete)


def rows(settings: Settings) -> pd.DataFrame:
    """The rows with an outcome of all test data."""
    return read(settings).rows


def watched(settings: Settings) -> Remembered[TestData]:
    """The test data for a server, read again when a file has changed."""
    return Remembered(
        partial(read, settings),
        lambda: input_folder.listing(settings.test_data_path).files,
        lambda data: data.is_complete,
    )


def _file(
    path: Path, name: str, arrival: Arrival, columns: Columns, limits: Limits
) -> pd.DataFrame:
    """The good rows of one file, or one of the four reasons to leave it out."""
    input_folder.judge_size(arrival.size, limits.largest_file_mb)
    if arrival.size > LARGEST_DATASET:
        raise FileRefused(f"it is larger than {LARGEST_DATASET} bytes")
    snapshot = input_folder.snapshot(path, limits.largest_file_mb)
    schema.judge_length(snapshot.content)
    reading = csv_file.read_csv(snapshot.content, columns, name=name)
    csv_file.judge_share(reading, limits.refused_share)
    if reading.refusals:
        first = reading.refusals[0]
        log.warning(
            "%s: %d lines are left out, the first is line %s: %s",
            *(name, len(reading.refusals), first.line, first.reason),
        )
    return tables.with_days(reading.table, columns)
