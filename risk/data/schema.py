"""The columns of the data and what makes a header and a row good."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from risk.columns import CATEGORY, DATE, MONEY, NUMBER, PERCENT, SIGNED, Columns
from risk.settings import MOST_COLUMNS, MOST_ROWS

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})
MISSING_LEVELS = frozenset({"", "NULL"})  # of a category, where NA and None may well be levels
OUTCOMES = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
BLANK, BLANKS = r"[ \u00a0\u202f]?", " \u00a0\u202f"
CURRENCY = r"(?:[$\u00a2-\u00a5\u0e3f\u20a0-\u20cf]|[A-Z]{3})"  # a sign, or a code such as EUR
GROUPS = r"[0-9]{1,3}([,'\u2019 \u00a0\u2009\u202f])[0-9]{3}(?:\4[0-9]{3})*(?:\.[0-9]+)?"
MONEY_CELL = re.compile(
    rf"([+-]?){BLANK}(?:{CURRENCY}{BLANK})?([+-]?)({GROUPS}|[0-9.]+)(?:{BLANK}{CURRENCY})?"
)
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
EPOCH = date(1970, 1, 1).toordinal()
LONGEST_CLIENT = LONGEST_LEVEL = 200
LARGEST_WHOLE = 2**53  # beyond it a float has no digit for each whole number


class FileRefused(Exception):
    """Nothing of this file can be used; the message is the reason."""


class LineRefused(Exception):
    """This line cannot be used; the message is the reason."""


class Layout(NamedTuple):
    """How the lines of one file are read: which cell becomes which column, by which rule."""

    width: int
    cells: list[tuple[str, int, "Rule"]]
    ignored: list[str]


Cell = str | float
Row = tuple[Cell, ...]
Rule = Callable[[str, str], Cell]
Given = TypeVar("Given")


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


def client(cell: str, name: str) -> str:
    """A client code, exactly as written."""
    if not cell.strip():
        raise LineRefused(f"{name} is empty")
    if len(cell) > LONGEST_CLIENT:
        raise LineRefused(f"{name} is longer than {LONGEST_CLIENT} characters")
    if "\n" in cell:
        raise LineRefused(f"{name} holds a line break")
    return cell


def rules_of(columns: Columns) -> dict[str, Rule]:
    """How a cell of each column is read."""
    of_outcome = _outcome_in(*columns.outcome_words) if columns.outcome_words else outcome
    rules = {name: unless(columns.missing_words, KINDS[columns.kind(name)]) for name in columns.all}
    no_outcomes = [word for word in columns.missing_words if not _is_read_by(of_outcome, word)]
    rules[columns.target] = unless(no_outcomes, of_outcome)
    rules[columns.client] = client
    if columns.period:
        rules[columns.period] = period
    return rules


def _is_read_by(rule: Rule, cell: str) -> bool:
    """Whether a rule finds something in a cell, and does not take it as missing."""
    try:
        return not math.isnan(float(rule(cell, "")))
    except LineRefused:
        return False


def unless(
    missing: Sequence[str], rule: Callable[[Given, str], Cell]
) -> Callable[[Given, str], Cell]:
    """The rule, but for cells that hold one of these words, or the number that one of them is."""
    if not missing:
        return rule
    words = frozenset(missing)
    numbers = frozenset(float(word) for word in words if DECIMAL.fullmatch(word))

    def read(cell: Given, name: str) -> Cell:
        if isinstance(cell, str):
            is_missing = cell.strip(" \t") in words
        else:
            is_missing = type(cell) in (int, float) and cell in numbers
        return math.nan if is_missing else rule(cell, name)

    return read


def number(cell: str, name: str) -> float:
    """A plain finite decimal from 0 up, or nan where the cell is missing."""
    value = signed(cell, name)
    if value < 0:
        raise LineRefused(f"{name} is below 0")
    return value


def signed(cell: str, name: str) -> float:
    """A plain finite decimal, or nan where the cell is missing."""
    text = cell.strip(" \t")
    if text in MISSING:
        return math.nan
    if not DECIMAL.fullmatch(text):
        raise LineRefused(f"{name} is not a number")
    value = float(text)
    if math.isinf(value):
        raise LineRefused(f"{name} is too large for a number")
    return value + 0.0  # so that -0 is 0


def money(cell: str, name: str) -> float:
    """A number that may have a currency, as a sign or three capitals, and groups of thousands."""
    text = cell.strip(BLANKS + "\t")
    if not (parts := MONEY_CELL.fullmatch(text)):
        return signed(text, name)
    sign, sign_too, amount, separator = parts.groups()
    return signed(sign + sign_too + (amount.replace(separator, "") if separator else amount), name)


def percent(cell: str, name: str) -> float:
    """A number that may have a percent sign behind it: 12 % is 12."""
    text = cell.strip(BLANKS + "\t")
    return signed(text.removesuffix("%").rstrip(BLANKS + "\t") if text != "%" else text, name)


def category(cell: str, name: str) -> str | float:
    """A word, exactly as written."""
    if cell.strip(" \t") in MISSING_LEVELS:
        return math.nan
    if len(cell) > LONGEST_LEVEL:
        raise LineRefused(f"{name} is longer than {LONGEST_LEVEL} characters")
    if "\n" in cell:
        raise LineRefused(f"{name} holds a line break")
    return cell


def day(cell: str, name: str) -> float:
    """A date as its number of days since 1970, or nan where the cell is missing."""
    text = cell.strip(" \t")
    if text in MISSING:
        return math.nan
    if not ISO_DATE.fullmatch(text):
        raise LineRefused(f"{name} is not a date like 2026-01-31")
    try:
        return float(date.fromisoformat(text).toordinal() - EPOCH)
    except ValueError:
        raise LineRefused(f"{name} is no day of the calendar") from None


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
    return day(text, name) if ISO_DATE.fullmatch(text) else signed(text, name)


def outcome(cell: str, name: str) -> float:
    """1 for a client that left, 0 for one that stayed, nan while it is not known."""
    text = cell.strip(" \t")
    if text in MISSING:
        return math.nan
    if (known := _usual_outcome(text)) is None:
        raise LineRefused(f"{name} is neither 0 nor 1 nor empty")
    return known


def _usual_outcome(text: str) -> float | None:
    """What a word or a number says that everybody reads as an outcome."""
    if (known := OUTCOMES.get(text.casefold())) is not None:
        return known
    is_one = DECIMAL.fullmatch(text) and float(text) in (0, 1)
    return float(text) + 0.0 if is_one else None


def _outcome_in(left: str, stayed: str) -> Rule:
    """The rule for an outcome in words of the company's own; numbers among them count as numbers.

    The usual outcomes count too, unless one of the words is among them and may mean the contrary.
    """
    words = {stayed.casefold(): 0.0, left.casefold(): 1.0}
    numbers = {float(word): value for word, value in words.items() if DECIMAL.fullmatch(word)}
    is_usual = any(_usual_outcome(word) is not None for word in words)

    def read(cell: str, name: str) -> float:
        text = cell.strip(" \t")
        known = words.get(text.casefold())
        if known is None and DECIMAL.fullmatch(text):
            known = numbers.get(float(text))
        if known is None and not is_usual:
            known = _usual_outcome(text)
        if known is not None:
            return known
        if text in MISSING:
            return math.nan
        raise LineRefused(f"{name} is neither {left} nor {stayed} nor empty")

    return read


KINDS: dict[str, Rule] = {
    NUMBER: number,
    SIGNED: signed,
    MONEY: money,
    PERCENT: percent,
    CATEGORY: category,
    DATE: day,
}
