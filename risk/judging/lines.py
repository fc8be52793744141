"""A CSV file line by line: each record becomes a row, or is refused with its reason."""

import contextlib
import csv
from collections.abc import Iterator
from typing import NamedTuple

from risk import progress
from risk.judging import schema
from risk.judging.cell_rules import LineRefused
from risk.judging.schema import FileRefused

LINES_OF_A_RECORD = 50
LINES_UNTIL_SAID = 50_000
LONGEST_TEXT = 10_000


class Refusal(NamedTuple):
    """A line that did not go in; a file refused whole has no line."""

    line: int | None
    reason: str
    text: str


class Record(NamedTuple):
    """One line or quoted group of lines: where it begins, its fields, how many lines it takes.

    Without fields, its quotes never match.
    """

    at: int
    fields: list[str] | None
    taken: int


class Judgement(NamedTuple):
    """The row of a record or its refusals, and how many lines it took."""

    row: schema.Row | None
    refusals: list[Refusal]
    taken: int


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


def header_of(lines: list[str]) -> tuple[list[str], int]:
    """The names of the columns, and the line below them."""
    start = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    if start == len(lines):
        raise FileRefused("it is empty")
    if lines[start].lstrip().startswith("<"):
        raise FileRefused("it is an HTML or XML page, not a CSV file")
    header, taken = fields_of(lines, start)
    return header or [lines[start]], start + taken


def fields_of(lines: list[str], at: int) -> tuple[list[str] | None, int]:
    """The record that begins at this line, None if its quotes never match, and how long it is."""
    if '"' not in lines[at]:
        return schema.split(lines[at]), 1
    for length in (1, LINES_OF_A_RECORD):  # most records end where their line does
        record = csv.reader((line + "\n" for line in lines[at : at + length]), strict=True)
        with contextlib.suppress(csv.Error):
            return next(record), record.line_num
    return None, 1


def is_blank(line: str) -> bool:
    """Whether a line holds nothing, and is passed over."""
    return not line or line.isspace()


def records(lines: list[str], start: int, width: int) -> Iterator[Record]:
    """Every record from this line on, without blank lines.

    After a record that has not all its fields, reading goes on at the next line, so an unclosed
    quote spoils only its own line.
    """
    at = start
    while at < len(lines):
        if is_blank(lines[at]):
            at += 1
            continue
        fields, taken = fields_of(lines, at)
        taken = taken if fields and len(fields) == width else 1
        yield Record(at, fields, taken)
        at += taken


def judged(lines: list[str], start: int, layout: schema.Layout, name: str) -> Iterator[Judgement]:
    """What becomes of every record from this line on."""
    next_said, work = LINES_UNTIL_SAID, progress.of(len(lines), "lines")
    for record in records(lines, start, layout.width):
        if record.at >= next_said and name:
            work.at(f"judging {name}", record.at)
            next_said += LINES_UNTIL_SAID
        yield judgement(record, lines[record.at : record.at + record.taken], layout)


def judgement(record: Record, lines: list[str], layout: schema.Layout) -> Judgement:
    """What becomes of a record that holds these lines; one of several lines is refused as one."""
    try:
        if record.fields is None:
            raise LineRefused("its quotes do not match")
        return Judgement(schema.row(record.fields, layout), [], record.taken)
    except LineRefused as reason:
        refusals = [
            Refusal(record.at + number, str(reason), line[:LONGEST_TEXT])
            for number, line in enumerate(lines, 1)
        ]
        return Judgement(None, refusals, record.taken)
