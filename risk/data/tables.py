"""Tables: out of CSV files whose every line is judged, merged, written and read again."""

import contextlib
import csv
import functools
import io
import logging
from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk import files
from risk.cli import progress
from risk.data import input_folder, schema
from risk.data.schema import FileRefused, LineRefused
from risk.errors import ArtefactRefused, DataUnusable, InputMissing
from risk.settings import LARGEST_DATASET, Columns, Limits

LINES_OF_A_RECORD = 50
LINES_UNTIL_SAID = 50_000
LONGEST_TEXT = 10_000
LARGEST_WHOLE_NUMBER = 2**53
MOST_NAMED = 1000

log = logging.getLogger("risk.tables")


class Refusal(NamedTuple):
    """A line that did not go in; a file refused whole has no line."""

    line: int | None
    reason: str
    text: str


class Judged(NamedTuple):
    """The good rows of one file as plain values, in the order of the named columns."""

    rows: list[schema.Row]
    names: list[str]
    refusals: list[Refusal]
    ignored_columns: list[str]
    lines: int


class Features(NamedTuple):
    """The features of one file's good rows, nan where missing, and its first refused lines."""

    rows: npt.NDArray[np.float64]
    refused: list[Refusal]
    refused_count: int


class Reading(NamedTuple):
    """What became of the lines of one file, blank ones and the header not counted."""

    table: pd.DataFrame
    refusals: list[Refusal]
    ignored_columns: list[str]
    lines: int


def read_csv(
    content: bytes, columns: Columns, required: Sequence[str] | None = None, name: str = ""
) -> Reading:
    """Judge every line of a CSV file; raise FileRefused when none can be used.

    How far a long one of this name has come is shown on a terminal.
    """
    needed = (columns.client, *columns.features) if required is None else required
    judged = judge(content, columns, needed, name)
    return Reading(as_table(judged.rows, judged.names, columns), *judged[2:])


def judge_share(reading: Reading, most: float) -> None:
    """Refuse a file of whose lines a greater share than this is refused."""
    refused = len(reading.refusals)
    if refused > Fraction(str(most)) * reading.lines:
        first = reading.refusals[0]
        raise FileRefused(
            f"{refused} of {reading.lines} lines are refused, more than the share of {most} that "
            f"refused_share allows; the first is line {first.line}: {first.reason}"
        )


def judge(content: bytes, columns: Columns, required: Sequence[str], name: str = "") -> Judged:
    """Every line of a CSV file that must have these columns, before a table is made of it."""
    layout, judged = _opened(content, columns, required, name)
    rows: list[schema.Row] = []
    refusals: list[Refusal] = []
    counted = 0
    for row, refused, taken in judged:
        if row is not None:
            rows.append(row)
        refusals += refused
        counted += taken
    names = [name for name, _, _ in layout.cells]
    return Judged(rows, names, refusals, layout.ignored, counted)


def features(content: bytes, columns: Columns) -> Features:
    """What can be asked about: nothing but numbers, which take a tenth of the room of rows."""
    layout, judged = _opened(content, columns, columns.features, "")
    places = [at for at, (name, _, _) in enumerate(layout.cells) if name in columns.features]
    numbers, count = array("d"), 0
    refused: list[Refusal] = []
    for row, refusals, _ in judged:
        if row is not None:
            numbers.extend(row[place] for place in places)  # type: ignore[misc]
        refused += refusals[: MOST_NAMED - len(refused)]
        count += len(refusals)
    return Features(np.asarray(numbers).reshape(-1, len(places)), refused, count)


class _Record(NamedTuple):
    """One line or quoted group of lines: its row or its refusals, and how many lines it took."""

    row: schema.Row | None
    refusals: list[Refusal]
    taken: int


class _Opened(NamedTuple):
    """A file whose header is good, and the lines below it as they are judged."""

    layout: schema.Layout
    judged: Iterator[_Record]


def _opened(content: bytes, columns: Columns, required: Sequence[str], name: str) -> _Opened:
    lines = _lines(content)
    start = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    if start == len(lines):
        raise FileRefused("it is empty")
    if lines[start].lstrip().startswith("<"):
        raise FileRefused("it is an HTML or XML page, not a CSV file")
    header, taken = _fields(lines, start)
    layout = schema.layout(header or [lines[start]], columns, required)
    return _Opened(layout, _judged(lines, start + taken, layout, name))


def _lines(content: bytes) -> list[str]:
    """The physical lines without their ends."""
    if b"\0" in content:
        raise FileRefused("it holds NUL bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(f"it is not UTF-8 (byte {error.start})") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _fields(lines: list[str], at: int) -> tuple[list[str] | None, int]:
    """The record that begins at this line and its length; no record if its quotes never match."""
    if '"' not in lines[at]:
        return schema.split(lines[at]), 1
    for length in (1, LINES_OF_A_RECORD):  # most records end where their line does
        record = csv.reader((line + "\n" for line in lines[at : at + length]), strict=True)
        with contextlib.suppress(csv.Error):
            return next(record), record.line_num
    return None, 1


def _judged(lines: list[str], start: int, layout: schema.Layout, name: str) -> Iterator[_Record]:
    """Every record in order; blank lines are none.

    Reading goes on at the line after a refused one, so an unclosed quote spoils only its own line;
    only a record that is whole is refused whole.
    """
    at, next_said = start, LINES_UNTIL_SAID
    while at < len(lines):
        if not lines[at] or lines[at].isspace():
            at += 1
            continue
        if at >= next_said and name:
            progress(f"{name}: {at:,} of {len(lines):,} lines are judged")
            next_said += LINES_UNTIL_SAID
        fields, taken = _fields(lines, at)
        try:
            if fields is None:
                raise LineRefused("its quotes do not match")
            yield _Record(schema.row(fields, layout), [], taken)
        except LineRefused as reason:
            taken = taken if fields and len(fields) == layout.width else 1
            refusals = [
                Refusal(number + 1, str(reason), lines[number][:LONGEST_TEXT])
                for number in range(at, at + taken)
            ]
            yield _Record(None, refusals, taken)
        at += taken


def as_table(rows: Sequence[schema.Row], names: Sequence[str], columns: Columns) -> pd.DataFrame:
    """Rows as a table with text clients and float numbers; unknown outcomes where no column was."""
    cells = list(zip(*rows, strict=True)) or [()] * len(names)
    table = pd.DataFrame(
        {
            name: pd.Series(values, dtype="str" if name == columns.client else "float64")
            for name, values in zip(names, cells, strict=True)
        }
    )
    if columns.target not in table:
        table[columns.target] = pd.Series(float("nan"), index=table.index, dtype="float64")
    return table


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows by the names of its columns, None where nothing is known."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): cell for name, cell in row.items()} for row in rows]


def numbers(table: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """These columns of any table as an array, nan where a cell is missing."""
    if table.empty:
        return np.empty((0, len(names)))
    found = np.empty((len(table), len(names)))
    for place, name in enumerate(names):
        if list(table.columns).count(name) != 1:
            raise DataUnusable(f"the table must have the column {name!r} once")
        try:
            found[:, place] = table[name].to_numpy(dtype="float64", na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise DataUnusable(f"the column {name!r} must hold numbers: {error}") from error
        if (found[:, place] < 0).any() or np.isinf(found[:, place]).any():
            raise DataUnusable(f"the column {name!r} must hold finite numbers from 0 up")
    return found


def merged(tables: Sequence[pd.DataFrame], columns: Columns) -> pd.DataFrame:
    """All rows in order, under one index."""
    empty = as_table([], columns.all, columns)
    return pd.concat(tables, ignore_index=True) if tables else empty


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole numbers without a decimal point, missing cells empty."""
    with files.replacing(path) as handle:
        plain(table).to_csv(handle, index=False, lineterminator="\n", encoding="utf-8")


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """The same table, its whole numbers as such, so that 78 is written and not 78.0."""
    whole = [name for name, cells in table.select_dtypes("float64").items() if _is_whole(cells)]
    return table.astype(dict.fromkeys(whole, "Int64"))


def _is_whole(cells: "pd.Series[float]") -> bool:
    present = cells.dropna()
    return bool(((present % 1 == 0) & (present.abs() < LARGEST_WHOLE_NUMBER)).all())


def parse(content: bytes, name: str, columns: Columns) -> pd.DataFrame:
    """A table that `write` wrote; every client is text and only an empty number is missing."""
    numbers = (*columns.features, columns.target)
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            dtype={columns.client: "str", **dict.fromkeys(numbers, "float64")},
            keep_default_na=False,
            na_values={number: [""] for number in numbers},
        )
    except ValueError as error:
        raise ArtefactRefused(
            f"{name} is damaged ({str(error).strip()}); run python ingestion.py"
        ) from error
    if tuple(table.columns) != columns.all:
        raise ArtefactRefused(
            f"{name} has other columns than config.json names; run python ingestion.py"
        )
    return table


def read(path: Path, columns: Columns) -> pd.DataFrame:
    """A table that ingestion wrote."""
    return parse(files.read_bytes(path, "ingestion.py"), files.short(path), columns)


def with_outcome(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The rows whose outcome is known."""
    return table[table[columns.target].notna()]


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
        reading = read_csv(snapshot.content, columns, name=name)
        judge_share(reading, limits.refused_share)
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
    return merged(list(_labelled(folder, columns, limits).values()), columns)


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
                found[arrival.name] = with_outcome(rows, columns)
    if not found:
        raise InputMissing(f"there is no usable .csv file in {folder.name}/")
    if not any(map(len, found.values())):
        raise DataUnusable(
            f"no row in {folder.name}/ has an outcome, so nothing can be scored on it"
        )
    return found
