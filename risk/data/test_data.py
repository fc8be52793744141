"""The test data: every CSV file of a folder, judged as input files are."""

import functools
import logging
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk.data import input_folder, judging, schema, tables
from risk.data.schema import FileRefused
from risk.errors import DataUnusable, InputMissing
from risk.settings import LARGEST_DATASET, Columns, Limits

log = logging.getLogger("risk.test_data")


class TestFile(NamedTuple):
    """A file of test data: its rows, none where it is refused whole for this reason."""

    rows: pd.DataFrame | None
    reason: str = ""


@functools.lru_cache(maxsize=16)
def _test_file(
    folder: Path, arrival: input_folder.Arrival, columns: Columns, limits: Limits
) -> TestFile:
    """A file of test data, which several steps need; its flaws are said once."""
    name = f"{folder.name}/{arrival.name}"
    try:
        input_folder.judge_size(arrival.size, limits.largest_file_mb)
        if arrival.size > LARGEST_DATASET:
            raise FileRefused(f"it is larger than {LARGEST_DATASET} bytes")
        snapshot = input_folder.snapshot(folder / arrival.name, limits.largest_file_mb)
        schema.judge_length(snapshot.content)
        reading = judging.read_csv(snapshot.content, columns, name=name)
        judging.judge_share(reading, limits.refused_share)
    except (FileRefused, input_folder.TooLarge) as reason:
        log.warning("%s is left out: %s", name, reason)
        return TestFile(None, str(reason))
    if reading.refusals:
        first = reading.refusals[0]
        log.warning(
            "%s: %d lines are left out, the first is line %s: %s",
            *(name, len(reading.refusals), first.line, first.reason),
        )
    return TestFile(reading.table)


def labelled_rows(folder: Path, columns: Columns, limits: Limits) -> pd.DataFrame:
    """The rows with an outcome in every CSV file of a folder, as test data are."""
    return tables.merged(list(_labelled(folder, columns, limits).values()), columns)


def left_out(folder: Path, columns: Columns, limits: Limits) -> dict[str, str]:
    """The files of test data that are refused whole, each with the reason."""
    reasons = {}
    for arrival in input_folder.listing(folder).files:
        try:
            reasons[arrival.name] = _test_file(folder, arrival, columns, limits).reason
        except (input_folder.StillChanging, input_folder.Unreadable) as reason:
            reasons[arrival.name] = str(reason)
    return {name: reason for name, reason in reasons.items() if reason}


def first_test_file(folder: Path, columns: Columns, limits: Limits) -> str:
    """The name of the first file of test data that has something to score on."""
    labelled = _labelled(folder, columns, limits)
    return next(name for name, rows in labelled.items() if len(rows))


def _labelled(folder: Path, columns: Columns, limits: Limits) -> dict[str, pd.DataFrame]:
    """The rows with an outcome of each usable file of test data, at least one row in all."""
    found = {}
    for arrival in input_folder.listing(folder).files:
        try:
            rows = _test_file(folder, arrival, columns, limits).rows
        except (input_folder.StillChanging, input_folder.Unreadable) as reason:
            log.warning("%s/%s is left out: %s", folder.name, arrival.name, reason)
        else:
            if rows is not None:
                found[arrival.name] = tables.with_outcome(rows, columns)
    if not found:
        raise InputMissing(f"there is no usable .csv file in {folder.name}/")
    if not any(map(len, found.values())):
        raise DataUnusable(
            f"no row in {folder.name}/ has an outcome, so nothing can be scored on it"
        )
    return found
