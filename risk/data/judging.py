"""Judge every line of a CSV file: each becomes a row, or a refusal with its reason."""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import pandas as pd

from risk import progress
from risk.columns import Columns
from risk.data import schema, tables
from risk.data.cell_rules import LineRefused
from risk.data.schema import FileRefused

LINES_OF_A_RECORD = 50
LINES_UNTIL_SAID = 50_000
LONGEST_TEXT = 10_000
MOST_NAMED = 1000


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

    rows: tables.Asked
    refused: list[Refusal]
    refused_count: int


class Reading(NamedTuple):
    """What became of the lines of one file, not counting blank ones and the header."""

    table: pd.DataFrame
    refusals: list[Refusal]
    ignored_columns: list[str]
    lines: int


def read_csv(
    content: bytes, columns: Columns, required: Sequence[str] | None = None, name: str = ""
) -> Reading:
    """Judge every line of a CSV file; raise FileRefused when none can be used.

    On a terminal, the progress with a long file is shown under this name.
    """
    needed = (columns.client, *columns.features) if required is None else required
    judged = judge(content, columns, needed, name)
    return Reading(tables.as_table(judged.rows, judged.names, columns), *judged[2:])


def judge_share(reading: Reading, most: float) -> None:
    """Refuse a file if too large a share of its lines is refused."""
    refused = len(reading.refusals)
    if refused > Fraction(str(most)) * reading.lines:
        first = reading.refusals[0]
        raise FileRefused(
            f"{refused} of {reading.lines} lines are refused, more than the share of {most} that "
            f"refused_share allows; the first is line {first.line}: {first.reason}"
        )


def judge(content: bytes, columns: Columns, required: Sequence[str], name: str = "") -> Judged:
    """Every line of a CSV file, which must have these columns, as plain values."""
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
    """The cells that a model can be asked about, in a tenth of the memory that rows take."""
    layout, judged = _opened(content, columns, columns.features, "")
    places = [at for at, (name, _, _) in enumerate(layout.cells) if name in columns.features]
    cells, count = tables.Cells(columns), 0
    refused: list[Refusal] = []
    for row, refusals, _ in judged:
        if row is not None:
            cells.add([row[place] for place in places])
        refused += refusals[: MOST_NAMED - len(refused)]
        count += len(refusals)
    return Features(cells.asked(), refused, count)


class Record(NamedTuple):
    """One line or quoted group of lines: where it begins, its fields, how many lines it takes.

    Without fields, its quotes never match.
    """

    at: int
    fields: list[str] | None
    taken: int


class _Judgement(NamedTuple):
    """The row of a record or its refusals, and how many lines it took."""

    row: schema.Row | None
    refusals: list[Refusal]
    taken: int


class _Opened(NamedTuple):
    """A file whose header is good, and the lines below it as they are judged."""

    layout: schema.Layout
    judged: Iterator[_Judgement]


def _opened(content: bytes, columns: Columns, required: Sequence[str], name: str) -> _Opened:
    lines = lines_of(content)
    header, start = header_of(lines)
    layout = schema.layout(header, columns, required)
    return _Opened(layout, _judged(lines, start, layout, name))


def header_of(lines: list[str]) -> tuple[list[str], int]:
    """The names of the columns, and the line below them."""
    start = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    if start == len(lines):
        raise FileRefused("it is empty")
    if lines[start].lstrip().startswith("<"):
        raise FileRefused("it is an HTML or XML page, not a CSV file")
    header, taken = _fields(lines, start)
    return header or [lines[start]], start + taken


def lines_of(content: bytes) -> list[str]:
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
    """The record that begins at this line, None if its quotes never match, and how long it is."""
    if '"' not in lines[at]:
        return schema.split(lines[at]), 1
    for length in (1, LINES_OF_A_RECORD):  # most records end where their line does
        record = csv.reader((line + "\n" for line in lines[at : at + length]), strict=True)
        with contextlib.suppress(csv.Error):
            return next(record), record.line_num
    return None, 1


def records(lines: list[str], start: int, width: int) -> Iterator[Record]:
    """Every record from this line on, without blank lines.

    After a record that has not all its fields, reading goes on at the next line, so an unclosed
    quote spoils only its own line.
    """
    at = start
    while at < len(lines):
        if not lines[at] or lines[at].isspace():
            at += 1
            continue
        fields, taken = _fields(lines, at)
        taken = taken if fields and len(fields) == width else 1
        yield Record(at, fields, taken)
        at += taken


def _judged(lines: list[str], start: int, layout: schema.Layout, name: str) -> Iterator[_Judgement]:
    """What becomes of every record; one of several lines is refused as one."""
    next_said = LINES_UNTIL_SAID
    for at, fields, taken in records(lines, start, layout.width):
        if at >= next_said and name:
            progress.at(f"judging {name}", at, len(lines), "lines")
            next_said += LINES_UNTIL_SAID
        try:
            if fields is None:
                raise LineRefused("its quotes do not match")
            yield _Judgement(schema.row(fields, layout), [], taken)
        except LineRefused as reason:
            refusals = [
                Refusal(number + 1, str(reason), lines[number][:LONGEST_TEXT])
                for number in range(at, at + taken)
            ]
            yield _Judgement(None, refusals, taken)
