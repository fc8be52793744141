"""The list that the client managers work from: its order, its bands, its words."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import Columns
from risk.learning import attribution, estimator
from risk.learning.attribution import Average, Terms
from risk.learning.estimator import Model, Numbers
from risk.learning.releases import Release

BANDS = (("high", 0.5), ("medium", 0.2), ("low", 0.0))  # from this risk on
OUTCOME = "outcome"  # what the client's newest row says of it
OPEN, STAYED = "open", "stayed"
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
    """What each risk is nearer to: 1 in the highest band, -1 in the lowest, 0 between."""
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


def ranked(
    model: Model,
    book: pd.DataFrame,
    columns: Columns,
    probability: Probability = estimator.probability,
) -> Ranked:
    """The clients that may still leave: open outcomes first, each by risk, ties by code."""
    clients = book[book[columns.target] != 1].sort_values(columns.client)
    risks = probability(model, clients, columns).round(DECIMALS)
    risks = np.nan_to_num(risks, nan=0.5)  # where numbers too large cancelled out to nothing
    places = np.lexsort((-risks, clients[columns.target].notna()))
    clients = clients.iloc[places].reset_index(drop=True)
    middle = attribution.average(model, clients, columns)
    terms = attribution.terms(model, clients, columns, middle)
    return Ranked(clients, risks[places], terms, middle)


def still_open(listed: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether the outcome of each client on a list is still unknown."""
    is_open: npt.NDArray[np.bool_] = (listed[OUTCOME] == OPEN).to_numpy(dtype=bool)
    return is_open


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
    first = f"of the first {is_open.sum():,}, whose outcome is open,"
    words = f"{first} would leave, if the model is right and nobody calls"
    return Expected(round(float(risks[is_open].sum())), words)


def order(is_open: npt.NDArray[np.bool_]) -> str:
    """How a list of such clients is ordered, in words."""
    if not is_open.any():
        return "Highest risk first; by its newest row each of them stayed so far."
    if is_open.all():
        return "Highest risk first; the outcome of each of them is open."
    first = f"First the {is_open.sum():,} whose outcome is open, by risk"
    return f"{first}; then those that stayed by their newest row, by risk."


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
