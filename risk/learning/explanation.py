"""One client's risk explained: what each feature adds to the middle client's, in words."""

import math
from typing import NamedTuple

import numpy as np

from risk.columns import Columns
from risk.learning import ranking
from risk.learning.ranking import Ranked
from risk.reasons import phrases, sentences


class Reason(NamedTuple):
    """What one topic adds to the log-odds of the middle client, in numbers and in words."""

    name: str
    given: str
    taken: str
    usual: str
    part: float
    words: str
    is_against: bool  # where the client stands, at high or at low risk


class Explanation(NamedTuple):
    """A client's risk beside the middle client's, and the reasons for the difference.

    `usual` has the middle client's values in the order of the columns.
    """

    risk: float
    usual_risk: float
    reasons: list[Reason]
    usual: list[str]


def explained(ranked: Ranked, corporation: str, columns: Columns) -> Explanation | None:
    """All reasons of one client, the heaviest first; none if it is not among the ranked."""
    places = np.flatnonzero((ranked.clients[columns.client] == corporation).to_numpy(dtype=bool))
    if not len(places):
        return None
    place = int(places[0])
    risk, usual_risk = float(ranked.risks[place]), _risk(ranked.average.log_odds)
    usual = [
        phrases.about(value, columns.kind(name))
        for name, value in zip(columns.features, ranked.average.values, strict=True)
    ]
    return Explanation(risk, usual_risk, _reasons(ranked, place, columns), usual)


def _reasons(ranked: Ranked, place: int, columns: Columns) -> list[Reason]:
    """All reasons of the client at this place, the heaviest first."""
    own = slice(place, place + 1)
    terms, clients = ranked.terms.rows(own), ranked.clients[own]
    topics, parts = sentences.by_topic(terms, ranked.average, columns)
    against = sentences.against(parts, ranking.lean(ranked.risks[own]))[0]
    found = []
    for at in np.argsort(-np.abs(parts[0]), kind="stable"):
        part = float(parts[0, at])
        codes, facts = sentences.facts(topics[at], clients, terms.changes, ranked.average, columns)
        name, given, usual, taken, _ = facts[codes[0]]
        push = phrases.push(part)
        found.append(Reason(name, given, taken, usual, part, push, bool(against[at])))
    return found


def _risk(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0  # else exp overflows
