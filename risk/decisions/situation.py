"""What is known when a decision is due: the model in use, the outcomes, the models to be had."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from risk import files
from risk.dataset.outcomes import Labelled
from risk.decisions.gates import NEWEST, TEST
from risk.decisions.windows import Fits, Trained
from risk.errors import RiskError
from risk.learning import evaluation
from risk.learning.evaluation import Candidate, Evaluation
from risk.learning.evidence import Reference
from risk.learning.releases import Release
from risk.settings import Settings


class InUse(NamedTuple):
    """A model in use: its release, its evaluation, and what outcomes were held against it.

    Those of the arrivals up to `weighed` were, and have said that it stays. `title` is how
    sentences name it.
    """

    release: Release
    candidate: Candidate
    weighed: int
    title: str

    @property
    def score(self) -> float:
        """Its F1 when it went out."""
        return self.release.score

    @property
    def arrival(self) -> int:
        """Up to which arrival it has learned from the outcomes.

        Of an old release, or one that was put there by hand, it is taken to be the first.
        """
        return self.release.arrival or 1

    @property
    def reference(self) -> Reference | None:
        """What evidence against it is held against, if its training told."""
        known = self.release.reference
        return Reference.from_json(known) if known else None


def in_use(release: Release, candidate: Candidate, weighed: Mapping[str, int]) -> InUse:
    """A release in use; `weighed` says up to which arrival, by the model's sha256."""
    return InUse(release, candidate, weighed.get(candidate.sha256, 0), release.title)


class Proposal(NamedTuple):
    """A model that may go out, and its evaluation, which was made from its bytes."""

    trained: Trained
    scored: Candidate


def plainly(_step: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function without timing it."""
    return function(*arguments)


class Situation:
    """What is known when a decision is due; each model is fitted once, whoever asks for it."""

    def __init__(
        self,
        labelled: Labelled,
        test: pd.DataFrame | RiskError,
        settings: Settings,
        share: float,
        *,
        arrival: int,
        timed: Callable[..., Any] = plainly,
    ) -> None:
        self.labelled, self.test, self.columns = labelled, test, settings.columns
        self.share, self.arrival, self.timed = share, arrival, timed
        self.fits = Fits(labelled, settings)
        self._proposals: dict[str, Proposal] = {}
        self._scored: dict[bytes, Candidate] = {}

    @property
    def known_datasets(self) -> dict[str, pd.DataFrame]:
        """What a model in use is scored on: what there is."""
        newest = {NEWEST: self.labelled.table} if len(self.labelled.table) else {}
        return newest if isinstance(self.test, RiskError) else {TEST: self.test, **newest}

    @property
    def datasets(self) -> dict[str, pd.DataFrame]:
        """What a new model is scored on; an error without usable test data."""
        if isinstance(self.test, RiskError):
            raise self.test
        return {TEST: self.test, NEWEST: self.labelled.table}

    def proposal(self, window: str) -> Proposal:
        """The model of a window."""
        if window not in self._proposals:
            _ = self.datasets  # without which no model is trained
            self._proposals[window] = self.scored(self.timed("training", self.fits.trained, window))
        return self._proposals[window]

    def scored(self, trained: Trained) -> Proposal:
        """A model evaluated from its bytes; two windows may have given the same."""
        pickled = trained.pickled
        if pickled not in self._scored:
            about = (self.datasets, self.columns, trained.learned.threshold)
            ask = evaluation.candidate
            self._scored[pickled] = self.timed("scoring", ask, pickled, files.MODEL, *about)
        return Proposal(trained, self._scored[pickled])


def unseen(in_use: InUse | None, now: Situation) -> Evaluation | None:
    """How a model does on the outcomes that came last, of which it has not learned; each once."""
    if in_use is None or NEWEST not in in_use.candidate.on:
        return None
    rows = np.flatnonzero((now.labelled.arrival == now.arrival) & (now.arrival > in_use.arrival))
    on = in_use.candidate.on[NEWEST]
    return Evaluation(on.left[rows], on.expected[rows], on.risks[rows]) if len(rows) else None
