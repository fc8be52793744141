"""The columns of the data and what makes a header and a row good."""

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from risk.settings import MOST_COLUMNS, MOST_ROWS, Columns

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "None"})
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
LONGEST_CLIENT = 200


class FileRefused(Exception):
    """Nothing of this file can be used; the message is the reason."""


class LineRefused(Exception):
    """This line cannot be used; the message is the reason."""


class Layout(NamedTuple):
    """How the lines of one file are read: which cell becomes which column, by which rule."""

    width: int
    cells: list[tuple[str, int, "Rule"]]
    ignored: list[str]


Row = tuple[str | float, ...]
Rule = Callable[[str, str], str | float]


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
    rules: dict[str, Rule] = {columns.client: client, columns.target: outcome}
    cells = [
        (name, names.index(name), rules.get(name, number)) for name in columns.all if name in names
    ]
    return Layout(len(names), cells, [name for name in names if name not in columns.all])


def row(fields: Sequence[str], layout: Layout) -> Row:
    """The configured columns of one line, in configured order: text, numbers, nan where missing."""
    if len(fields) != layout.width:
        width = len(fields) if len(fields) <= MOST_COLUMNS else f"more than {MOST_COLUMNS}"
        raise LineRefused(f"{width} fields where the header has {layout.width}")
    return tuple(rule(fields[position], name) for name, position, rule in layout.cells)


def client(cell: str, name: str) -> str:
    """A client code, exactly as written."""
    if not cell.strip():
        raise LineRefused(f"{name} is empty")
    if len(cell) > LONGEST_CLIENT:
        raise LineRefused(f"{name} is longer than {LONGEST_CLIENT} characters")
    if "\n" in cell:
        raise LineRefused(f"{name} holds a line break")
    return cell


def number(cell: str, name: str) -> float:
    """A plain finite decimal from 0 up, or nan where the cell is missing."""
    text = cell.strip(" \t")
    if text in MISSING:
        return math.nan
    if not NUMBER.fullmatch(text):
        raise LineRefused(f"{name} is not a number")
    value = float(text)
    if math.isinf(value):
        raise LineRefused(f"{name} is too large for a number")
    if value < 0:
        raise LineRefused(f"{name} is below 0")
    return value + 0.0  # so that -0 is 0


def outcome(cell: str, name: str) -> float:
    """1 for a client that left, 0 for one that stayed, nan while it is not known."""
    text = cell.strip(" \t")
    if text in MISSING:
        return math.nan
    if not NUMBER.fullmatch(text) or float(text) not in (0, 1):
        raise LineRefused(f"{name} is neither 0 nor 1 nor empty")
    return float(text) + 0.0
