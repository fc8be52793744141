"""Why a client is at risk, in words that a client manager understands."""

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from risk.learning.attribution import Average, Terms
from risk.learning.estimator import Numbers

MOST_REASONS = 3
BETWEEN = "; "
TIMES = "\u00d7"
MILLION = 1_000_000
AGAINST = "speaks against it: "  # that the risk is high, or low
COUNTS_AS_THIRD = 0.5  # a third reason must weigh half as much as the first
A_LOT = math.log(4)  # it makes the odds of leaving four times as high, or a quarter
A_LITTLE = math.log(1.25)
HARDLY = math.log(1.02)

CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
BETWEEN_WORDS = re.compile(r"[\s_.\-]+")
MOMENT = re.compile(r"\b(last|this|previous|current) ?(day|week|month|quarter|year)\b")

Texts = npt.NDArray[np.object_]


def label(column: str) -> str:
    """A column's name as a person would say it: lastmonth_activity is "activity last month"."""
    words = BETWEEN_WORDS.sub(" ", CAMEL.sub(" ", column)).strip()
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


def cell(value: float) -> str:
    """A number of the data, or that it is not known."""
    return "not known" if math.isnan(value) else number(value)


def about(value: float) -> str:
    """The middle client's number, which needs no fractions of an employee."""
    return number(float(round(value)) if 10 <= abs(value) < 1e15 else value)


def push(part: float) -> str:
    """Which way a term of the log-odds pushes, and how hard."""
    weight = abs(part)
    if not weight >= HARDLY:
        return "hardly matters"
    strength = " a lot" if weight >= A_LOT else " a little" if weight < A_LITTLE else ""
    return f"{'raises' if part > 0 else 'lowers'} the risk{strength}"


def times(part: float) -> str:
    """A term of the log-odds as a factor of the odds, with the digits that count."""
    if abs(part) > 20:
        return "more than millionfold" if part > 0 else "less than a millionth"
    factor = math.exp(part)
    if factor >= MILLION:
        return f"{TIMES} {factor / MILLION:,.0f} million"
    return f"{TIMES} {factor:,.0f}" if factor >= 100 else f"{TIMES} {factor:.2g}"


def sentence(name: str, given: float, taken: float, middle: str, part: float) -> str:
    """One reason: the client's value beside the middle client's, and which way it pushes."""
    if math.isnan(given):
        value = f"not known, taken as {about(taken)}"
    else:
        value = f"{'= ' if name[-1:].isdigit() else ''}{number(given)}"
    return f"{name} {value} (middle client {middle}): {push(part)}"


def against(parts: Numbers, lean: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which terms push away from where their client stands: 1 for a high risk, -1 for a low one."""
    is_against: npt.NDArray[np.bool_] = (parts * lean[:, None] < 0) & (np.abs(parts) >= HARDLY)
    return is_against


def in_words(
    terms: Terms,
    given: Numbers,
    middle: Average,
    names: Sequence[str],
    lean: npt.NDArray[np.int64],
) -> Texts:
    """The two or three terms that weigh most, for each client as one text.

    What speaks against a high or a low risk is marked and comes last.
    """
    turned = against(terms.parts, lean)
    pieces = _sentences(terms, given, middle, names)
    pieces = np.where(turned, AGAINST + pieces, pieces)
    order, counts = _heaviest_first(np.abs(terms.parts), turned)
    pieces = np.take_along_axis(pieces, order, axis=1)
    texts: Texts = pieces[:, 0]
    for place in range(1, order.shape[1]):
        texts = texts + np.where(counts[:, place], BETWEEN + pieces[:, place], "")
    return texts


def _sentences(terms: Terms, given: Numbers, middle: Average, names: Sequence[str]) -> Texts:
    """The reason of each client and feature; equal values have equal reasons, made once."""
    pieces = np.empty(given.shape, dtype=object)
    for at, name in enumerate(names):
        values, first, which = np.unique(given[:, at], return_index=True, return_inverse=True)
        pairs = zip(values, terms.values[first, at], terms.parts[first, at], strict=True)
        usual = about(middle.values[at])
        words = [sentence(name, value, taken, usual, part) for value, taken, part in pairs]
        pieces[:, at] = np.array([*words, ""], dtype=object)[which]
    return pieces


def _heaviest_first(
    weights: Numbers, turned: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The places of each client's heaviest terms, those against it last, and which of them count.

    Two count always, a third one by its weight; one that does not count comes last of all.
    """
    order = np.argsort(-weights, axis=1, kind="stable")[:, :MOST_REASONS]
    weights = np.take_along_axis(weights, order, axis=1)
    counts = weights >= COUNTS_AS_THIRD * weights[:, :1]
    counts[:, :2] = True
    last = np.where(counts, np.take_along_axis(turned, order, axis=1), 2)
    return np.take_along_axis(order, np.argsort(last, axis=1, kind="stable"), axis=1), counts


def heaviest(text: str, count: int = 2) -> tuple[str, ...]:
    """The first reasons of a text with all, for where there is no room for more."""
    return tuple(text.split(BETWEEN)[:count])
