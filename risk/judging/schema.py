"""What makes a header and a row good, and what a period is."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from risk.columns import Columns
from risk.judging import cell_rules
from risk.judging.cell_rules import ISO_DATE, KINDS, MISSING, Cell, LineRefused, Rule, unless
from risk.settings import MOST_COLUMNS, MOST_ROWS

LARGEST_WHOLE = 2**53  # beyond it a float has no digit for each whole number


class FileRefused(Exception):
    """Nothing of this file can be used; the message is the reason."""


class Layout(NamedTuple):
    """How the lines of one file are read: which cell becomes which column, by which rule."""

    width: int
    cells: list[tuple[str, int, Rule]]
    ignored: list[str]


Row = tuple[Cell, ...]


def judge_length(content: bytes) -> None:
    """Refuse a dataset of more rows than are scored or asked about."""
    long = len(content) > MOST_ROWS
    if long and max(content.count(b"\n"), content.count(b"\r")) > MOST_ROWS + 1:
        raise FileRefused(f"a dataset has at most {MOST_ROWS} rows")


def split(line: str) -> list[str]:
    """The fields of a line without quotes, at most one more than is allowed."""
    return line.split(",", MOST_COLUMNS)


def layout(header: Sequence[str], columns: Columns, required: Sequence[str]) -> Layout:
    """Find the columns by name; their order and further columns do not matter."""
    if len(header) > MOST_COLUMNS:
        raise FileRefused(f"it has more than {MOST_COLUMNS} columns")
    names = [name.strip() for name in header]
    for name in columns.all:
        if names.count(name) > 1:
            raise FileRefused(f"the column {name!r} stands there {names.count(name)} times")
    lacking = [name for name in required if name not in names]
    if lacking:
        raise FileRefused(f"the header has no column {', '.join(map(repr, lacking))}")
    rules = rules_of(columns)
    if columns.period:
        rules[columns.period] = _period_of_one_form()
    cells = [(name, names.index(name), rules[name]) for name in columns.all if name in names]
    return Layout(len(names), cells, [name for name in names if name not in columns.all])


def row(fields: Sequence[str], layout: Layout) -> Row:
    """The configured columns of one line, in configured order: text, numbers, nan where missing."""
    if len(fields) != layout.width:
        width = len(fields) if len(fields) <= MOST_COLUMNS else f"more than {MOST_COLUMNS}"
        raise LineRefused(f"{width} fields where the header has {layout.width}")
    return tuple(rule(fields[position], name) for name, position, rule in layout.cells)


def rules_of(columns: Columns) -> dict[str, Rule]:
    """How a cell of each column is read."""
    of_outcome = (
        cell_rules.outcome_in(*columns.outcome_words)
        if columns.outcome_words
        else cell_rules.outcome
    )
    rules = {name: unless(columns.missing_words, KINDS[columns.kind(name)]) for name in columns.all}
    no_outcomes = [word for word in columns.missing_words if not _is_read_by(of_outcome, word)]
    rules[columns.target] = unless(no_outcomes, of_outcome)
    rules[columns.client] = cell_rules.client
    if columns.period:
        rules[columns.period] = period
    return rules


def _is_read_by(rule: Rule, cell: str) -> bool:
    """Whether a rule finds something in a cell, and does not take it as missing."""
    try:
        return not math.isnan(float(rule(cell, "")))
    except LineRefused:
        return False


def period(cell: str, name: str) -> str:
    """A date or a number, which tells the time of a row, in one spelling for each number."""
    text = cell.strip(" \t")
    if text in MISSING:
        raise LineRefused(f"{name} is empty")
    value = moment(text, name)
    if ISO_DATE.fullmatch(text):
        return text
    return repr(int(value) if value.is_integer() and abs(value) < LARGEST_WHOLE else value)


def _period_of_one_form() -> Rule:
    """The rule for one file's periods: all dates or all numbers, which have no common order.

    The first line that has one decides.
    """
    forms: list[tuple[str, str]] = []

    def read(cell: str, name: str) -> str:
        text = period(cell, name)
        form = ("date", "dates") if ISO_DATE.fullmatch(text) else ("number", "numbers")
        if form not in (forms or [form]):
            raise LineRefused(f"{name} is a {form[0]} where the file has {forms[0][1]}")
        forms[:] = [form]
        return text

    return read


def moment(text: str, name: str = "") -> float:
    """A period as a number, so that periods can be ordered."""
    return cell_rules.day(text, name) if ISO_DATE.fullmatch(text) else cell_rules.signed(text, name)
