"""How good a model is on rows whose outcome is known."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from risk import files
from risk.columns import Columns
from risk.models import estimator
from risk.models.estimator import Model, Numbers

Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.integer]
SMALLEST_RISK = 1e-15


class Evaluation(NamedTuple):
    """Which clients left, and what a model said of each."""

    left: Flags
    expected: Flags
    risks: Numbers
    threshold: float | None = None  # from which risk on F1 was best when the model was fitted

    @property
    def rows(self) -> int:
        """How many rows the model was asked about."""
        return len(self.left)

    @property
    def leavers(self) -> int:
        """How many of their clients left."""
        return _count(self.left)

    @property
    def hits(self) -> int:
        """How many of those that left were expected to."""
        return _count(self.left & self.expected)

    @property
    def f1(self) -> float:
        """F1; 0 where no leaver was found."""
        return _f1(self.left, self.expected)

    @property
    def f1_best(self) -> float | None:
        """F1 if clients count as leaving from the threshold on; none where it is not known."""
        if self.threshold is None:
            return None
        return _f1(self.left, self.risks >= self.threshold)

    def quality(self, share: float) -> dict[str, float]:
        """All metrics, when this share of the clients can be called.

        A metric that is not defined, such as the ROC AUC of a single class, is left out.
        """
        hits, alarms, leavers = self.hits, _count(self.expected), self.leavers
        called = _highest(self.risks, max(1, round(share * self.rows)))
        precision_at_capacity = float(self.left[called].mean())
        low, high = f1_interval(hits, alarms + leavers - hits)
        measured = {
            "f1": self.f1,
            "f1_low": low,
            "f1_high": high,
            "precision": hits / alarms if alarms else 0.0,
            "recall": hits / leavers if leavers else 0.0,
            "brier": float(np.mean((self.risks - self.left) ** 2)),
            "precision_at_capacity": precision_at_capacity,
        }
        if leavers:
            measured["lift"] = precision_at_capacity / (leavers / self.rows)
        if 0 < leavers < self.rows:
            measured["roc_auc"] = _roc_auc(self.left, self.risks)
        if self.threshold is not None and self.f1_best is not None:
            measured |= {"f1_best": self.f1_best, "threshold": self.threshold}
        return measured


def _highest(risks: Numbers, count: int) -> Whole:
    """So many rows with the highest risks; of those with the same risk the first."""
    if count >= len(risks):
        return np.arange(len(risks))
    least = np.partition(risks, -count)[-count]
    above = np.flatnonzero(risks > least)
    return np.append(above, np.flatnonzero(risks == least)[: count - len(above)])


def _roc_auc(left: Flags, risks: Numbers) -> float:
    """The share of pairs of a leaver and one that stayed in which the leaver has the higher risk.

    A tie counts half. No risk is below 0, so the bits of all are in their order, and the outcome
    takes the place of the sign behind them: to sort such marks takes a tenth of the time of sorting
    places.
    """
    marks = risks.view(np.uint64) << np.uint64(1)
    marks |= left
    marks.sort()
    places = np.flatnonzero(marks & np.uint64(1))
    leavers, others = len(places), len(left) - len(places)
    not_above = places.sum() - leavers * (leavers - 1) // 2
    last = np.flatnonzero(marks[1:] ^ marks[:-1] == 1)  # that stayed, before leavers of its risk
    stayed = last + 1 - np.searchsorted(marks, marks[last])
    gone = np.searchsorted(marks, marks[last + 1], side="right") - (last + 1)
    return float((2 * not_above - (stayed * gone).sum()) / (2 * leavers * others))


def _f1(left: Flags, expected: Flags) -> float:
    named = _count(left) + _count(expected)
    return 2 * _count(left & expected) / named if named else 0.0


def _count(flags: Flags) -> int:
    return int(np.count_nonzero(flags))


def log_loss(left: Flags, risks: Numbers) -> float:
    """How surprised a model was by what came, on average."""
    likely = np.where(left, risks, 1 - risks)
    return float(-np.log(np.clip(likely, SMALLEST_RISK, None)).mean())


def evaluate(
    model: Model,
    datasets: Mapping[str, pd.DataFrame],
    columns: Columns,
    threshold: float | None = None,
) -> dict[str, Evaluation]:
    """The model on datasets whose outcomes are all known; it is asked once, for all of them."""
    tables = list(datasets.values())
    answers = estimator.ask(model, tables, columns) if tables else []
    return {
        name: Evaluation((table[columns.target] == 1).to_numpy(), expected == 1, risks, threshold)
        for (name, table), (expected, risks) in zip(datasets.items(), answers, strict=True)
    }


def f1(model: Model, known: pd.DataFrame, columns: Columns) -> float:
    """F1 of a model on rows whose outcome is known."""
    return evaluate(model, {"": known}, columns)[""].f1


def capacity_share(capacity: int, clients: int) -> float:
    """The share of a book of so many clients that the managers can call."""
    return min(1.0, capacity / max(1, clients))


class Candidate(NamedTuple):
    """A model, the hash of its pickle, and its evaluation by dataset."""

    sha256: str
    model: Model
    on: dict[str, Evaluation]

    def f1(self, dataset: str) -> float | None:
        """F1 on one of the datasets, None if it was not asked about that one."""
        return self.on[dataset].f1 if dataset in self.on else None


def candidate(
    pickled: bytes,
    name: str,
    datasets: Mapping[str, pd.DataFrame],
    columns: Columns,
    threshold: float | None = None,
) -> Candidate:
    """The model in these bytes, checked and evaluated; the name is for messages."""
    model = estimator.loads(pickled, name, columns)
    return Candidate(files.sha256(pickled), model, evaluate(model, datasets, columns, threshold))


def f1_interval(hits: int, counted: int) -> tuple[float, float]:
    """The 95 % interval of an F1 with so many hits among hits, false alarms and misses.

    The hits' share of the three is a proportion, for which Wilson's interval holds, and F1 grows
    with that share p as 2p / (1 + p).
    """
    low, high = (2 * end / (1 + end) for end in share_interval(hits, counted))
    return low, high


def share_interval(hits: int, counted: int) -> tuple[float, float]:
    """Wilson's 95 % interval of the share of hits among those counted."""
    if not counted:
        return 0.0, 1.0
    interval = binomtest(hits, counted).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
