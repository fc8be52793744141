"""The list that the client managers work from: its order, its bands, its words."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import Columns
from risk.learning.releases import Release
from risk.models import estimator
from risk.models.estimator import Model, Numbers
from risk.reasons import attribution
from risk.reasons.attribution import Average, Terms
from risk.rows.tables import Book

BANDS = (("high", 0.5), ("medium", 0.2), ("low", 0.0))  # from this risk on
OUTCOME = "outcome"  # what the client's newest row says of it
OPEN, STAYED, ABSENT = "open", "stayed", "not in the newest data"
MARKS = (OPEN, STAYED, ABSENT)  # in the order of the list
MOST_WORTH = 1e15  # of one client, so that sums stay numbers
VALUE, AT_STAKE = "value", "at_stake"  # what a client is worth, and that times its risk
DECIMALS = 12  # beyond them equal clients may differ, by where they stand in the table

Row = dict[str, Any]
Probability = Callable[[Model, pd.DataFrame, Columns], Numbers]


class Basis(NamedTuple):
    """What a list rests on: the release that ranked, its deployment, the moment of the data."""

    release: str
    deployed_at: str
    as_of: str


def bands(risks: Numbers) -> npt.NDArray[np.object_]:
    """The word for each risk."""
    names = np.array([name for name, _ in reversed(BANDS)], dtype=object)
    starts = [start for _, start in reversed(BANDS)]
    by_risk: npt.NDArray[np.object_] = names[np.searchsorted(starts, risks, side="right") - 1]
    return by_risk


def lean(risks: Numbers) -> npt.NDArray[np.int64]:
    """1 for a risk in the highest band, -1 in the lowest, else 0.

    A term with the opposite sign speaks against the risk.
    """
    ends = BANDS[0][1], BANDS[-2][1]
    return (risks >= ends[0]).astype(np.int64) - (risks < ends[1])


def span(band: str) -> str:
    """The risks that a band holds, in words."""
    starts = dict(BANDS)
    above = min((start for start in starts.values() if start > starts[band]), default=1.0)
    if above == 1.0:
        return f"{100 * starts[band]:.0f}\u00a0%\u00a0or\u00a0more"
    if starts[band] == 0.0:
        return f"below\u00a0{100 * above:.0f}\u00a0%"
    return f"{100 * starts[band]:.0f}\u00a0to\u00a0{100 * above:.0f}\u00a0%"


def percent(risk: float) -> str:
    """A risk in percent; nothing is certain, and nothing is rounded into the next band."""
    if risk < 0.005:
        return "<\u00a01\u00a0%"
    if any(start - 0.005 <= risk < start for _, start in BANDS):
        return f"{math.floor(1000 * risk) / 10:.1f}\u00a0%"
    return f"{100 * risk:.0f}\u00a0%" if risk < 0.995 else ">\u00a099\u00a0%"


class Ranked(NamedTuple):
    """The clients in the order of the list, and all that is known of each."""

    clients: pd.DataFrame
    risks: Numbers
    terms: Terms
    average: Average
    marks: npt.NDArray[np.object_]


def ranked(
    model: Model,
    book: Book,
    columns: Columns,
    order: str = "risk",
    probability: Probability = estimator.probability,
) -> Ranked:
    """The clients that may still leave: open outcomes first, each by risk, ties by code.

    Those that stayed follow, then those without a row in the newest period. By `"value"` the
    order within is that of what is at stake.
    """
    marks = _marks(book, columns)
    listed = np.flatnonzero(book.rows[columns.target] != 1)
    clients, marks = book.rows.iloc[listed], marks[listed]
    by_code = clients[columns.client].array.argsort()
    clients, marks = clients.iloc[by_code], marks[by_code]
    risks = risks_of(model, clients, columns, probability)
    weights = at_stake(risks, clients, columns) if order == "value" else risks
    groups = pd.Categorical(marks, MARKS).codes
    places = np.lexsort((-risks, -weights, groups))
    clients = clients.iloc[places].reset_index(drop=True)
    middle = attribution.average(model, clients, columns)
    terms = attribution.terms(model, clients, columns, middle)
    return Ranked(clients, risks[places], terms, middle, marks[places])


def risks_of(
    model: Model,
    clients: pd.DataFrame,
    columns: Columns,
    probability: Probability = estimator.probability,
) -> Numbers:
    """The risks of some clients as the list has them."""
    risks = probability(model, clients, columns).round(DECIMALS)
    return np.nan_to_num(risks, nan=0.5)  # where numbers too large cancelled out to nothing


def _marks(book: Book, columns: Columns) -> npt.NDArray[np.object_]:
    """What the newest row says of each client of the book."""
    marks = np.where(book.rows[columns.target].isna(), OPEN, STAYED).astype(object)
    marks[: len(marks) - book.newest] = ABSENT
    return marks


def at_stake(risks: Numbers, clients: pd.DataFrame, columns: Columns) -> Numbers:
    """What is expected to be lost with each client; nothing where its value is not known."""
    values = clients[columns.value].fillna(0.0) if columns.value else 0.0 * risks
    stake: Numbers = risks * np.clip(np.asarray(values, dtype="float64"), -MOST_WORTH, MOST_WORTH)
    return stake


def still_open(marks: "pd.Series[str]") -> npt.NDArray[np.bool_]:
    """Whether the outcome of each client on a list is still unknown, as of the newest data."""
    is_open: npt.NDArray[np.bool_] = (marks == OPEN).to_numpy(dtype=bool)
    return is_open


def may_be_called(marks: "pd.Series[str]") -> npt.NDArray[np.bool_]:
    """Whether the newest data tell of each client on a list."""
    is_there: npt.NDArray[np.bool_] = (marks != ABSENT).to_numpy(dtype=bool)
    return is_there


def counts(listed: pd.DataFrame) -> dict[str, int]:
    """How many clients each band has: those whose outcome is open, or all if there are none."""
    is_open = still_open(listed[OUTCOME])
    counted = bands(listed["risk"].to_numpy()[is_open | ~is_open.any()])
    return {name: int((counted == name).sum()) for name, _ in BANDS}


class Stake(NamedTuple):
    """What is expected to be lost: with all on a list, those to call, those of each band."""

    in_all: float
    to_call: float
    by_band: dict[str, float]


def stake(listed: pd.DataFrame, called: int) -> Stake | None:
    """The sums of what is at stake on a list that tells it."""
    if AT_STAKE not in listed:
        return None
    lost = listed[AT_STAKE].to_numpy()
    of_band = bands(listed["risk"].to_numpy())
    by_band = {name: float(lost[of_band == name].sum()) for name, _ in BANDS}
    first = may_be_called(listed[OUTCOME][:called])
    return Stake(float(lost.sum()), float(lost[:called][first].sum()), by_band)


class Expected(NamedTuple):
    """How many of the first on the list would leave, and which clients are counted."""

    leaving: int
    words: str


def expected(risks: Numbers, is_open: npt.NDArray[np.bool_]) -> Expected:
    """What to expect of these clients, the first on the list.

    A risk is about the period of a client's newest row. If that row says that the client stayed,
    the period is over, and the risk only says how much the client looks like one that leaves.
    """
    if not is_open.any():
        first = f"of the first {len(risks):,}"
        words = f"{first} look like clients that leave, though all of them stayed so far"
        return Expected(round(float(risks.sum())), words)
    first = f"of the first {is_open.sum():,}"
    first += "" if is_open.all() else ", whose outcome is open,"
    words = f"{first} would leave, if the model is right and nobody calls"
    return Expected(round(float(risks[is_open].sum())), words)


def order(marks: "pd.Series[str]", by: str = "risk") -> str:
    """How a list of clients with these marks is ordered, in words."""
    counts = {mark: int((marks == mark).sum()) for mark in MARKS}
    by_what = "risk" if by == "risk" else "what is at stake"
    groups = [
        f"the {counts[OPEN]:,} whose outcome is open",
        f"the {counts[STAYED]:,} that stayed by their newest row",
        f"the {counts[ABSENT]:,} that are not in the newest data",
    ]
    if counts[OPEN] == len(marks):
        return f"By {by_what}; the outcome of each of them is open."
    if counts[STAYED] == len(marks):
        return f"By {by_what}; by its newest row each of them stayed so far."
    there = [group for mark, group in zip(MARKS, groups, strict=True) if counts[mark]]
    return f"First {'; then '.join(there)}; each by {by_what}."


def basis_now(release: Release, as_of: str) -> Basis:
    """The basis of a current list: the deployed release, the moment of the last ingestion."""
    return Basis(release.release, release.time, as_of)


def moved(rank: int, previous: int | None) -> str:
    """Where a client went since the previous list, in words."""
    if previous is None or pd.isna(previous):
        return "new"
    if rank == previous:
        return "same"
    return f"up {previous - rank:,}" if rank < previous else f"down {rank - previous:,}"
