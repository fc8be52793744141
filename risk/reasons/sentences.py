"""Why a client is at risk, in sentences that a client manager understands."""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import CATEGORY, DATE, Columns
from risk.models.estimator import Numbers
from risk.reasons import phrases, topics
from risk.reasons.attribution import Average, Terms
from risk.reasons.topics import Topic

MOST_REASONS = 3
COUNTS_AS_THIRD = 0.5  # a third reason must weigh half as much as the first
SHARES = {  # of what is usual for a client
    **{0.01: "a hundredth of", 0.02: "a fiftieth of", 0.05: "a twentieth of", 0.1: "a tenth of"},
    **{0.2: "a fifth of", 0.25: "a quarter of", 1 / 3: "a third of", 0.5: "half"},
    **{1.0: "about", 1.5: "one and a half times", 2.0: "twice"},
    **{3.0: "three times", 4.0: "four times", 5.0: "five times", 10.0: "ten times"},
    **{20.0: "20 times", 50.0: "50 times", 100.0: "100 times"},
}
BETWEEN_SHARES = np.sqrt(np.array([*SHARES][1:]) * np.array([*SHARES][:-1]))

Codes: TypeAlias = npt.NDArray[np.int64]


class Fact(NamedTuple):
    """A client's value beside the middle client's, in a table's words and in a sentence's."""

    name: str
    given: str
    usual: str
    taken: str  # what a missing number is taken as, empty for all else
    words: str


class Said(NamedTuple):
    """The different sentences, and which of them is said of each client."""

    said: list[str]
    which: Codes


class ByTopic(NamedTuple):
    """The topics that reasons speak of, and each client's term of each."""

    topics: list[Topic]
    parts: Numbers


def by_topic(terms: Terms, middle: Average, columns: Columns) -> ByTopic:
    """The terms of features put together to those of topics, with the same sum."""
    found = topics.topics_of(columns, middle.copies)
    pairs = topics.pairs(columns)
    return ByTopic(found, topics.regrouped(terms.parts, terms.changes, pairs, found))


def against(parts: Numbers, lean: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which terms push away from where their client stands: 1 for a high risk, -1 for a low one."""
    is_against: npt.NDArray[np.bool_] = parts * lean[:, None] < 0
    return is_against & (phrases.strength(parts) > 0)


def in_words(
    terms: Terms,
    clients: pd.DataFrame,
    middle: Average,
    columns: Columns,
    lean: npt.NDArray[np.int64],
) -> "pd.Series[str]":
    """The two or three reasons that weigh most, for each client as one text.

    What speaks against a high or a low risk is marked and comes last.
    """
    found, parts = by_topic(terms, middle, columns)
    turned = against(parts, lean)
    order, counts = _heaviest_first(np.abs(parts), turned)
    said: list[str] = []
    which = np.full(order.shape, -1)
    for at, topic in enumerate(found):
        rows, places = np.nonzero((order == at) & counts)
        own = clients[topics.names(topic, columns)].iloc[rows]
        codes, known = facts(topic, own, terms.changes[rows], middle, columns)
        of_topic = _sentences(codes, known, parts[rows, at], turned[rows, at])
        which[rows, places] = len(said) + of_topic.which
        said += of_topic.said
    texts = _texts(said, which[:, 0])
    behind = [phrases.BETWEEN + sentence for sentence in said]
    for place in range(1, order.shape[1]):
        texts += _texts(behind, which[:, place])
    return texts


def _texts(said: list[str], which: Codes) -> "pd.Series[str]":
    """The sentence of each client, nothing for -1."""
    return pd.Series([*said, ""], dtype="str").take(which).reset_index(drop=True)


def _heaviest_first(
    weights: Numbers, turned: npt.NDArray[np.bool_]
) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """The places of each client's heaviest terms, those against it last, and which of them count.

    Two count always, a third one by its weight; one that does not count comes last of all.
    """
    order = np.argsort(-weights, axis=1, kind="stable")[:, :MOST_REASONS]
    weights = np.take_along_axis(weights, order, axis=1)
    counts = weights >= COUNTS_AS_THIRD * weights[:, :1]
    counts[:, :2] = True
    last = np.where(counts, np.take_along_axis(turned, order, axis=1), 2)
    return np.take_along_axis(order, np.argsort(last, axis=1, kind="stable"), axis=1), counts


def _sentences(
    codes: Codes, known: Sequence[Fact], parts: Numbers, turned: npt.NDArray[np.bool_]
) -> Said:
    """The reason of each client; those that read alike are made once."""
    how_hard, is_up = phrases.strength(parts), parts > 0
    kinds = ((codes * len(phrases.HOW_HARD) + how_hard) * 2 + is_up) * 2 + turned
    _, first, which = np.unique(kinds, return_index=True, return_inverse=True)
    said = [
        f"{phrases.AGAINST * bool(turned[at])}{known[codes[at]].words}: "
        f"{phrases.pushes(int(how_hard[at]), is_up=bool(is_up[at]))}"
        for at in first
    ]
    return Said(said, which)


def facts(
    topic: Topic, clients: pd.DataFrame, changes: Numbers, middle: Average, columns: Columns
) -> tuple[Codes, list[Fact]]:
    """What there is to say of a topic, and the place in it of what is said of each client."""
    if topic.pair is None:
        return _of_values(topic, clients, middle, columns)
    pair = topics.pairs(columns)[topic.pair]
    has_changed = np.isfinite(changes[:, topic.pair])
    short, long = (clients[columns.features[at]].to_numpy()[has_changed] for at in pair[:2])
    of_changes = _of_changes(pair, middle, columns)
    of_others, others = _of_values(topic, clients[~has_changed], middle, columns)
    codes = np.empty(len(clients), dtype=np.int64)
    codes[has_changed] = _place_of(pair.factor * (short / long))
    codes[~has_changed] = len(of_changes) + of_others
    return codes, [*of_changes, *others]


def _of_values(
    topic: Topic, clients: pd.DataFrame, middle: Average, columns: Columns
) -> tuple[Codes, list[Fact]]:
    """The facts of a feature's values, each different one once."""
    cells = clients[columns.features[topic.features[0]]]
    codes, values = pd.factorize(cells, use_na_sentinel=False)
    kind = columns.kind(columns.features[topic.features[0]])
    facts_of = _of_levels if kind == CATEGORY else _of_numbers
    return codes.astype(np.int64), facts_of(topic, list(values), middle, columns)


def _of_levels(
    topic: Topic, levels: Sequence[float | str], middle: Average, columns: Columns
) -> list[Fact]:
    """What is said of each level of a category."""
    at = topic.features[0]
    name, most = phrases.label(columns.features[at]), middle.values[at]
    usual, equals = f"most: {phrases.about(most)}", _equals(name)
    return [
        Fact(
            *(name, about := phrases.about(level), usual, ""),
            f"{name} {'' if pd.isna(level) else equals}{about} ({_beside(level, most)})",
        )
        for level in levels
    ]


def _of_numbers(
    topic: Topic, numbers: Sequence[float], middle: Average, columns: Columns
) -> list[Fact]:
    """What is said of each number; copies of its feature are named behind it, without theirs."""
    at = topic.features[0]
    name, *copies = (phrases.label(columns.features[each]) for each in topic.features)
    kind, fill, equals = columns.kind(columns.features[at]), middle.fills[at], _equals(name)
    usual = _usual(middle.values[at], kind)
    taken = "" if math.isnan(fill) else phrases.about(fill, kind)
    behind = f", together with {_all_of(copies)}" if copies else ""
    named, beside = f"{name}{behind}", f" (middle client {usual}){behind}"
    facts = []
    for number in numbers:
        given = phrases.cell(number, kind)
        if not math.isnan(number):
            facts.append(Fact(named, given, usual, "", f"{name} {equals}{given}{beside}"))
        else:
            said = f"{given}, taken as {taken}" if taken else given
            facts.append(Fact(named, given, usual, taken, f"{name} {said}{beside}"))
    return facts


def _equals(name: str) -> str:
    """What keeps a name that ends with a digit apart from the value behind it."""
    return "= " if name[-1:].isdigit() else ""


def _beside(level: float | str, usual: float | str) -> str:
    """How a level compares with the most frequent one, also where both would look the same."""
    if level == usual or (pd.isna(level) and pd.isna(usual)):
        return "like most clients"
    words = phrases.about(usual)
    return f"most clients: {words}" if phrases.about(level) != words else "unlike most clients"


def _usual(value: float, kind: str) -> str:
    """The middle client's number, of a date the days alone."""
    words = phrases.about(value, kind)
    return words.partition(" day")[0] if kind == DATE else words


def _all_of(names: Sequence[str]) -> str:
    """Several names as one: a, b and c."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _place_of(shares: Numbers) -> Codes:
    """The place of each share among the facts of a change, of which the first is nothing left."""
    places: Codes = 1 + np.searchsorted(BETWEEN_SHARES, shares)
    return np.where(shares == 0, 0, places)


def _of_changes(pair: topics.Pair, middle: Average, columns: Columns) -> list[Fact]:
    """All that is said of a change."""
    short, long = (phrases.label(columns.features[place]) for place in pair[:2])
    name = phrases.noun(short, long)
    words = [f"{share} its usual" for share in SHARES.values()]
    if not min(middle.values[pair.short], middle.values[pair.long]) > 0:
        return []
    ratio = pair.factor * (middle.values[pair.short] / middle.values[pair.long])
    usual = words[int(_place_of(np.array([ratio]))[0]) - 1]
    beside = f"(middle client: {usual})"
    nothing = Fact(name, f"no {short}", usual, "", f"no {short} {beside}")
    return [nothing, *(Fact(name, each, usual, "", f"{name} {each} {beside}") for each in words)]
