"""Clients in the JSON of a request, whose cells are numbers, texts or null."""

import math
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from risk import files, shapes
from risk.cache import Remembered, state
from risk.columns import CATEGORY, DATE, MONEY, NUMBER, PERCENT, Columns
from risk.errors import RequestRefused
from risk.judging import cell_rules, schema
from risk.judging.cell_rules import LineRefused
from risk.rows import tables
from risk.settings import MOST_COLUMNS, MOST_ROWS
from risk.web.pages import service

LARGEST_NUMBER = sys.float_info.max

Rows = list[list[float]] | tables.Asked
Rule = Callable[[object, str], cell_rules.Cell]


def rows_of(clients: object, columns: Columns) -> Rows:
    """The features of each client in configured order; a bad client refuses the request."""
    if not isinstance(clients, list):
        raise _wrong("'clients' must be a list")
    if len(clients) > MOST_ROWS:
        raise RequestRefused("too_large", f"at most {MOST_ROWS} clients are read", 413)
    rules = _rules(columns)
    rows = [_of_client(client, place, columns, rules) for place, client in enumerate(clients, 1)]
    if tables.are_numbers(columns):
        return rows
    cells = tables.Cells(columns)
    for row in rows:
        cells.add(row)
    return cells.asked(_newest_dates(columns))


def _newest_dates(columns: Columns) -> Mapping[str, float]:
    """The newest date of each column in the newest period of the data, if there is any."""
    if all(columns.kind(name) != DATE for name in columns.features):
        return {}
    return _watched(service().settings.output_folder_path / files.INGESTION).now()


@cache
def _watched(record: Path) -> Remembered[Mapping[str, float]]:
    """The newest dates that the record of the last ingestion has, read again when it changes."""

    def read() -> Mapping[str, float]:
        newest: Mapping[str, float] = (files.read_json(record) or {}).get("newest_dates", {})
        return newest

    return Remembered(read, partial(state, record))


def _of_client(client: object, place: int, columns: Columns, rules: Mapping[str, Rule]) -> Any:
    """One client's cells."""
    if not isinstance(client, dict) or len(client) > MOST_COLUMNS:
        raise _wrong(f"client {place} must be an object of at most {MOST_COLUMNS} columns")
    try:
        if columns.client in client:
            _judge_code(client[columns.client], columns.client)
        return [rule(client[name], name) for name, rule in rules.items()]
    except KeyError as error:
        raise _wrong(f"client {place} has no {error.args[0]!r}") from None
    except LineRefused as reason:
        raise _wrong(f"client {place}: {reason}") from None


def _judge_code(code: object, name: str) -> None:
    if not isinstance(code, str):
        raise LineRefused(f"{name} must be text")
    cell_rules.client(code, name)


@cache
def _rules(columns: Columns) -> dict[str, Rule]:
    """How a cell of each feature is read; a text is read as in a file."""
    of_text = schema.rules_of(columns)
    return {name: _rule(columns.kind(name), of_text[name], columns) for name in columns.features}


def _rule(kind: str, of_text: cell_rules.Rule, columns: Columns) -> Rule:
    if kind in (CATEGORY, DATE):
        return partial(_text, of_text)
    rule: Rule = _number if kind == NUMBER else _signed
    if kind in (MONEY, PERCENT):
        rule = partial(_written, of_text)
    return cell_rules.unless(columns.missing_words, rule)


def _number(cell: object, name: str) -> float:
    """A number from 0 up; null where it is missing."""
    if cell is None:
        return math.nan
    if type(cell) is not float and type(cell) is not int:
        raise LineRefused(f"{name} must be a number or null")
    if not 0 <= cell <= LARGEST_NUMBER:
        raise LineRefused(f"{name} is {'below 0' if cell < 0 else 'too large for a number'}")
    return float(cell)


def _signed(cell: object, name: str) -> float:
    """Any number; null where it is missing."""
    if cell is None:
        return math.nan
    if type(cell) is not float and type(cell) is not int:
        raise LineRefused(f"{name} must be a number or null")
    if not -LARGEST_NUMBER <= cell <= LARGEST_NUMBER:
        raise LineRefused(f"{name} is too large for a number")
    return float(cell)


def _written(of_text: cell_rules.Rule, cell: object, name: str) -> cell_rules.Cell:
    """A number, or how people write it; null where it is missing."""
    return of_text(cell, name) if isinstance(cell, str) else _signed(cell, name)


def _text(of_text: cell_rules.Rule, cell: object, name: str) -> cell_rules.Cell:
    """A text that a file could hold; null where it is missing."""
    if cell is None:
        return math.nan
    if not isinstance(cell, str):
        raise LineRefused(f"{name} must be text or null")
    if not shapes.text(cell) or "\r" in cell:
        raise LineRefused(f"{name} holds what no file can hold")
    return of_text(cell, name)


def _wrong(message: str) -> RequestRefused:
    return RequestRefused("bad_request", message)
