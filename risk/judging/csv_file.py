"""Judge every line of a CSV file: by columns where the file is plain, else one by one."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import pandas as pd

from risk.columns import Columns
from risk.judging import columnar, lines, schema
from risk.judging.lines import Judgement, Refusal
from risk.judging.schema import FileRefused
from risk.rows import tables

MOST_NAMED = 1000
WORTH_THE_CALL = 3_000  # bytes; a shorter dataset is read sooner line by line


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
    if quick := columnar.judged(content, columns, needed, name):
        table = tables.of_cells(quick.cells, quick.row_count, columns)
        return Reading(table, quick.refusals, quick.ignored_columns, quick.lines)
    judged = judge(content, columns, needed, name)
    table = tables.as_table(judged.rows, judged.names, columns)
    return Reading(table, judged.refusals, judged.ignored_columns, judged.lines)


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
    is_long = len(content) > WORTH_THE_CALL
    if is_long and (quick := columnar.judged(content, columns, columns.features)):
        rows = tables.asked(quick.cells, columns)
        return Features(rows, quick.refusals[:MOST_NAMED], len(quick.refusals))
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


class _Opened(NamedTuple):
    """A file whose header is good, and the lines below it as they are judged."""

    layout: schema.Layout
    judged: Iterator[Judgement]


def _opened(content: bytes, columns: Columns, required: Sequence[str], name: str) -> _Opened:
    content_lines = lines.lines_of(content)
    header, start = lines.header_of(content_lines)
    layout = schema.layout(header, columns, required)
    return _Opened(layout, lines.judged(content_lines, start, layout, name))
