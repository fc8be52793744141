"""How a cell is read: as a client's code, as a feature of each kind, as an outcome."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from risk.columns import CATEGORY, DATE, MONEY, NUMBER, PERCENT, SIGNED

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


class LineRefused(Exception):
    """This line cannot be used; the message is the reason."""


Cell = str | float
Rule = Callable[[str, str], Cell]
Given = TypeVar("Given")


def client(cell: str, name: str) -> str:
    """A client code, exactly as written."""
    if not cell.strip():
        raise LineRefused(f"{name} is empty")
    if len(cell) > LONGEST_CLIENT:
        raise LineRefused(f"{name} is longer than {LONGEST_CLIENT} characters")
    if "\n" in cell:
        raise LineRefused(f"{name} holds a line break")
    return cell


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


def outcome_in(left: str, stayed: str) -> Rule:
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
