"""The words of reasons: of columns, of values of every kind, of how hard a term pushes."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from risk.columns import CATEGORY, DATE, MONEY, NUMBER, PERCENT, SIGNED
from risk.models.estimator import Numbers

BETWEEN = "; "
TIMES = "\u00d7"
MILLION = 1_000_000
AGAINST = "speaks against it: "  # that the risk is high, or low
A_LOT = math.log(4)  # it makes the odds of leaving four times as high, or a quarter
A_LITTLE = math.log(1.25)
HARDLY = math.log(1.02)
STRENGTHS = (HARDLY, A_LITTLE, A_LOT)
HOW_HARD = ("", " a little", "", " a lot")
LONGEST_LEVEL = 40

CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
BETWEEN_WORDS = re.compile(r"[\s_.\-]+")
MOMENT = re.compile(r"\b(last|this|previous|current) ?(day|week|month|quarter|year)\b")


def label(column: str) -> str:
    """A column's name as a person would say it: lastmonth_activity is "activity last month"."""
    words = BETWEEN_WORDS.sub(" ", CAMEL.sub(" ", column.replace(";", ","))).strip()
    words = " ".join(w if len(w) > 1 and w.isupper() else w.lower() for w in words.split())
    if moment := MOMENT.search(words):
        rest = f"{words[: moment.start()]} {words[moment.end() :]}".split()
        words = " ".join([*rest, *moment.groups()])
    return words or column.strip()


def number(value: float) -> str:
    """A client's number: whole where it is, else with three digits that count."""
    size = abs(value)
    if size < 1e-9 or size >= 1e15:
        return "0" if size == 0 else f"{value:.3g}".replace("e+", "e")
    if size >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if size >= 1e-4 else f"{float(f'{value:.3g}'):.11f}".rstrip("0")


def cell(value: Any, kind: str = NUMBER) -> str:
    """A cell of the data in words, or that it is not known."""
    if isinstance(value, str):
        return value
    return "not known" if math.isnan(value) else WORDS[kind](value)


def about(value: Any, kind: str = NUMBER) -> str:
    """The middle client's number, which needs no fractions of an employee, or its word."""
    if isinstance(value, str):
        return level(value)
    return cell(float(round(value)) if 10 <= abs(value) < 1e15 else value, kind)


def level(text: str) -> str:
    """A category's word where it stands in a reason: on one line, not long, without a border."""
    shown = (sign if sign.isprintable() else " " for sign in text.replace(";", ","))
    words = " ".join("".join(shown).split())
    short = words if len(words) <= LONGEST_LEVEL else f"{words[: LONGEST_LEVEL - 1].rstrip()}…"
    return short or "blank"


def _money(value: float) -> str:
    """An amount, with cents where they can be told from nothing."""
    has_cents = 1 <= abs(value) < 10_000 and value != round(value)
    return f"{value:,.2f}" if has_cents else number(value)


def _signed(value: float) -> str:
    text = _money(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _percent(value: float) -> str:
    return f"{_signed(value)}\u00a0%"


def _days(value: float) -> str:
    days = round(value)
    return f"{number(days)} {'day' if days == 1 else 'days'} before the newest"


WORDS: dict[str, Callable[[float], str]] = {
    **{NUMBER: number, SIGNED: _signed, MONEY: _money, PERCENT: _percent, DATE: _days},
    CATEGORY: number,  # of a category that holds numbers, which nobody can have written
}


def noun(first: str, second: str) -> str:
    """What two labels have in common: "activity last month" and "activity last year" activity."""
    kept = [MOMENT.sub("", words).split() for words in (first, second)]
    return " ".join(word for word in kept[0] if word in kept[1]) or first


def strength(parts: Numbers) -> npt.NDArray[np.int64]:
    """How hard each term pushes, from 0 (hardly) to 3 (a lot)."""
    weights = np.nan_to_num(np.abs(parts), nan=0.0)
    found: npt.NDArray[np.int64] = np.searchsorted(STRENGTHS, weights, side="right")
    return found


def push(part: float) -> str:
    """Which way a term of the log-odds pushes, and how hard."""
    return pushes(int(strength(np.array([part]))[0]), is_up=part > 0)


def pushes(how_hard: int, *, is_up: bool) -> str:
    """The same of a term whose strength is known."""
    if not how_hard:
        return "hardly matters"
    return f"{'raises' if is_up else 'lowers'} the risk{HOW_HARD[how_hard]}"


def times(part: float) -> str:
    """A term of the log-odds as a factor of the odds, with the digits that count."""
    if abs(part) > 20:
        return "more than millionfold" if part > 0 else "less than a millionth"
    factor = math.exp(part)
    if factor >= MILLION:
        return f"{TIMES} {factor / MILLION:,.0f} million"
    return f"{TIMES} {factor:,.0f}" if factor >= 100 else f"{TIMES} {factor:.2g}"


def heaviest(text: str, count: int = 2) -> tuple[str, ...]:
    """The first reasons of a text with all, for where there is no room for more."""
    return tuple(text.split(BETWEEN)[:count])
