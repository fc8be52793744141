"""One client beside the one in the middle: its rows in the data, and every term of its risk."""

import math
import threading
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk.learning import ranking, reasons
from risk.learning.deployed import Deployed
from risk.learning.ranking import Ranked
from risk.settings import Columns


class Reason(NamedTuple):
    """What one value adds to the middle client's log-odds, in numbers and in words."""

    name: str
    given: str
    taken: str
    usual: str
    part: float
    words: str
    is_against: bool = False  # where the client stands, at high or at low risk

    @property
    def factor(self) -> str:
        """By how much it multiplies the odds of leaving."""
        return reasons.times(self.part)


class Explained(NamedTuple):
    """A risk taken apart: the middle client's log-odds and the parts add up to the client's.

    The middle client's values are there in the order of the columns.
    """

    risk: float
    usual_risk: float
    log_odds: float
    usual_log_odds: float
    reasons: list[Reason]
    in_order: list[str]

    @property
    def factor(self) -> str:
        """By how much all of it multiplies the odds of leaving."""
        return reasons.times(sum(reason.part for reason in self.reasons))


class Period(NamedTuple):
    """One row of the data: the features in words, and what became of the client."""

    values: list[str]
    outcome: str


class Company:
    """All clients as the deployed release ranks them, kept until either has changed."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._lock = threading.Lock()
        self._held: tuple[Deployed, pd.DataFrame, Ranked] | None = None

    def ranked(self, deployed: Deployed, book: pd.DataFrame) -> Ranked:
        """The clients of the book, ranked."""
        with self._lock:
            held = self._held
            if not held or held[0] is not deployed or held[1] is not book:
                found = ranking.ranked(deployed.model, book, self.columns)
                self._held = held = (deployed, book, found)
            return held[2]


def explained(found: Ranked, corporation: str, columns: Columns) -> Explained | None:
    """All reasons of one client, the heaviest first; none if it is not among the ranked."""
    places = np.flatnonzero((found.clients[columns.client] == corporation).to_numpy(dtype=bool))
    if not len(places):
        return None
    place = int(places[0])
    parts, taken = found.terms.parts[place], found.terms.values[place]
    given = found.clients[list(columns.features)].to_numpy()[place]
    usual = found.average.log_odds
    against = reasons.against(parts[None, :], ranking.lean(found.risks[[place]]))[0]
    return Explained(
        float(found.risks[place]),
        _risk(usual),
        usual + float(parts.sum()),
        usual,
        [
            Reason(
                reasons.label(columns.features[at]),
                _shown(given[at]),
                reasons.about(taken[at]),
                reasons.about(found.average.values[at]),
                float(parts[at]),
                reasons.push(parts[at]),
                bool(against[at]),
            )
            for at in np.argsort(-np.abs(parts), kind="stable")
        ],
        [reasons.about(value) for value in found.average.values],
    )


def periods(dataset: pd.DataFrame, corporation: str, columns: Columns) -> list[Period]:
    """The rows of a client in the data, the oldest first."""
    own = dataset[(dataset[columns.client] == corporation).to_numpy(dtype=bool)]
    return [
        Period([_shown(value) for value in features], _outcome(outcome))
        for *features, outcome in own[[*columns.features, columns.target]].to_numpy()
    ]


def changes(
    dataset: pd.DataFrame, book: pd.DataFrame, corporation: str, columns: Columns
) -> list[str]:
    """What is otherwise in a client's newest row than in its last one with other numbers.

    A row that came twice stands in the data once, so the book says which is the newest.
    """
    names = list(columns.features)
    own = book[(book[columns.client] == corporation).to_numpy(dtype=bool)][names].to_numpy()
    rows = dataset[(dataset[columns.client] == corporation).to_numpy(dtype=bool)][names].to_numpy()
    others = [row for row in rows if not np.array_equal(row, own[-1:].ravel(), equal_nan=True)]
    if not len(own) or not others:
        return []
    told = map(_change, map(reasons.label, names), others[-1], own[-1])
    return [words for words in told if words]


def _change(name: str, before: float, now: float) -> str:
    """How a number changed, in words; nothing where no difference can be seen."""
    then, today = _shown(before), _shown(now)
    if then == today:
        return ""
    if math.isnan(now) or math.isnan(before):
        return f"{name} was {then} and is {today}"
    return f"{name} {'fell' if now < before else 'rose'} from {then} to {today}"


def _shown(value: float) -> str:
    return "not known" if math.isnan(value) else reasons.shown(value)


def _outcome(value: float) -> str:
    if math.isnan(value):
        return "not known yet"
    return "left" if value == 1 else "stayed"


def _risk(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0  # else exp overflows
