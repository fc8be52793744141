"""One client's risk explained: what each feature adds to the middle client's, in words."""

import math
from typing import NamedTuple

import numpy as np

from risk.columns import Columns
from risk.learning import ranking, reasons
from risk.learning.ranking import Ranked


class Reason(NamedTuple):
    """What one feature adds to the log-odds of the middle client, in numbers and in words."""

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
    parts, taken = ranked.terms.parts[place], ranked.terms.values[place]
    given = ranked.clients[list(columns.features)].to_numpy()[place]
    usual = [reasons.about(value) for value in ranked.average.values]
    against = reasons.against(parts[None, :], ranking.lean(ranked.risks[[place]]))[0]
    by_weight = [
        Reason(
            reasons.label(columns.features[at]),
            reasons.cell(given[at]),
            reasons.about(taken[at]),
            usual[at],
            float(parts[at]),
            reasons.push(parts[at]),
            bool(against[at]),
        )
        for at in np.argsort(-np.abs(parts), kind="stable")
    ]
    usual_risk = _risk(ranked.average.log_odds)
    return Explanation(float(ranked.risks[place]), usual_risk, by_weight, usual)


def _risk(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0  # else exp overflows
