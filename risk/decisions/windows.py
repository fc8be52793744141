"""How much of the past to learn from: all of it, or the newest periods that foretell best."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from risk import progress
from risk.dataset.outcomes import Labelled
from risk.dataset.snapshots import Flags
from risk.decisions import challenger
from risk.errors import DataUnusable
from risk.learning import choice, evaluation
from risk.learning.choice import Learned
from risk.learning.evidence import FEWEST_LEAVERS, FEWEST_ROWS
from risk.learning.releases import Release
from risk.models import estimator, pipelines
from risk.models.estimator import Model
from risk.settings import Settings

ALL, AUTO = "all", "auto"
TRIED = 1, 3, 6  # newest periods; beside all of them


class Window(NamedTuple):
    """The rows to learn from, and why these; no reason where config.json leaves no choice."""

    rows: Flags
    periods: int | None  # none where it is all of them
    reason: str = ""


def newest(labelled: Labelled, left: Flags) -> Flags:
    """The rows of the newest period, and of those before it until there are enough to judge by."""
    for period in np.unique(labelled.period)[::-1]:
        rows: Flags = labelled.period >= period
        if rows.sum() >= FEWEST_ROWS and left[rows].sum() >= FEWEST_LEAVERS:
            return rows
    return np.ones(len(left), dtype=bool)


def learned_by(release: Release, labelled: Labelled) -> Flags:
    """Which rows a release has learned from, as far as they are still there."""
    known: Flags = labelled.arrival <= (release.trained or release.arrival or 0)
    if release.periods is None or not known.any():
        return known
    last = np.unique(labelled.period[known])[-release.periods :]
    in_last: Flags = labelled.period >= last[0]
    return known & in_last


class Trained(NamedTuple):
    """A fitted model and its bytes, its window, and up to which arrival it knows the outcomes."""

    learned: Learned
    pickled: bytes
    window: Window
    arrival: int
    learned_from: tuple[int, int]  # rows, and clients among them that left
    trained: int = 0  # the arrival of the training, where a level was corrected since

    @property
    def reasons(self) -> list[str]:
        """Why it learned from these rows, and why it is of this kind; often nothing."""
        return [why for why in (self.window.reason, self.learned.choice) if why]

    def record(self) -> dict[str, Any]:
        """What the model's record and the manifest keep of it."""
        learned, reference = self.learned, self.learned.reference
        return {
            **{"model": learned.kind, "threshold": learned.threshold, "choice": learned.choice},
            **{"periods": self.window.periods, "arrival": self.arrival},
            "trained": self.trained or self.arrival,
            "reference": reference.to_json() if reference else None,
        }


class Fits:
    """The models that a run may fit on the rows whose outcome is known, each fitted once."""

    def __init__(self, labelled: Labelled, settings: Settings) -> None:
        self.labelled, self.columns = labelled, settings.columns
        self.features, self.model = settings.features, settings.model
        self._windows: dict[str, Window] = {}
        self._trained: dict[str, Trained] = {}
        self._models: dict[bytes, tuple[Learned, bytes]] = {}
        self._compared: dict[tuple[bytes, str], Model | None] = {}

    @cached_property
    def left(self) -> Flags:
        """Of which rows the client left."""
        left: Flags = (self.labelled.table[self.columns.target] == 1).to_numpy()
        return left

    @cached_property
    def newest(self) -> Flags:
        """The rows of the newest period, and of those before it as far as they are needed."""
        return newest(self.labelled, self.left)

    def window(self, name: str) -> Window:
        """The window of this name: all rows, or those that the data speaks for."""
        if name not in self._windows:
            everything = Window(np.ones(len(self.left), dtype=bool), None)
            self._windows[name] = self._best() if name == AUTO else everything
        return self._windows[name]

    def trained(self, name: str) -> Trained:
        """The model that learned from all rows of a window."""
        if name not in self._trained:
            window = self.window(name)
            learned_from = int(window.rows.sum()), int(self.left[window.rows].sum())
            of_window = *self._model_of(window.rows), window
            self._trained[name] = Trained(*of_window, self.labelled.last_arrival, learned_from)
        return self._trained[name]

    def _model_of(self, rows: Flags) -> tuple[Learned, bytes]:
        """The model of these rows, and its bytes; two windows may hold the same rows."""
        key = np.packbits(rows).tobytes()
        if key not in self._models:
            table = self.labelled.table[rows]
            progress.say(f"fitting the model on {len(table):,} rows")
            learned = choice.learn(table, self.columns, self.features, self.model)
            self._models[key] = learned, estimator.dumps(learned.model)
        return self._models[key]

    @cached_property
    def judging(self) -> Flags:
        """The half of the newest rows, by client, that judges what others were learned from."""
        clients = self.labelled.table[self.columns.client][self.newest]
        judging = self.newest.copy()
        judging[self.newest] = challenger.judges(clients)
        return judging

    def without(self, judges: Flags, name: str) -> Model | None:
        """The model of a window that did not see the judges; none if it cannot learn."""
        return self._fitted(self.window(name).rows & ~judges, self.trained(name).learned.kind)

    def _fitted(self, rows: Flags, kind: str) -> Model | None:
        """A model of these rows alone, for a comparison."""
        key = np.packbits(rows).tobytes(), kind
        if key not in self._compared:
            table = self.labelled.table[rows]
            try:
                model, _ = estimator.fitted(table, self.columns, self.features, kind)
            except DataUnusable:
                model = None
            self._compared[key] = model
        return self._compared[key]

    def _best(self) -> Window:
        """The newest periods whose model foretells the newest outcomes best.

        A window is measured by the mean log-loss of its model on the half of the newest rows that
        judges and that it has not seen; then all newest rows are learned.
        """
        losses = {
            count: loss
            for count, rows in self._tried().items()
            if (loss := self._least_loss(rows & ~self.judging)) is not None
        }
        if not losses:
            return Window(np.ones(len(self.newest), dtype=bool), None, "all outcomes are learned")
        best = min(losses, key=losses.__getitem__)
        if len(losses) == 1:
            return Window(self._tried()[best], best)
        reason = f"learned from {_words(best)}, which foretold the newest outcomes best"
        others = [f"{_words(count)} {loss:.4f}" for count, loss in losses.items() if count != best]
        rows = self._tried()[best]
        periods = None if best is None else len(np.unique(self.labelled.period[rows]))
        return Window(rows, periods, f"{reason} (log-loss {losses[best]:.4f}; {', '.join(others)})")

    def _tried(self) -> dict[int | None, Flags]:
        """The windows that differ, the longest first."""
        period = self.labelled.period
        first = int(period[self.newest].min(initial=len(period)))
        windows: dict[int | None, Flags] = {None: np.ones(len(period), dtype=bool)}
        for count in reversed(TRIED):
            rows = period > first - count
            if rows.sum() < min(each.sum() for each in windows.values()):
                windows[count] = rows
        return windows

    def _least_loss(self, rows: Flags) -> float | None:
        """The mean log-loss on the rows that judge, of the best model that these rows give."""
        is_auto = self.model == pipelines.AUTO
        kinds = (pipelines.LOGISTIC, pipelines.BOOSTED) if is_auto else (self.model,)
        models = [self._fitted(rows, kind) for kind in kinds]
        losses = [self._loss(model) for model in models if model is not None]
        return min(losses) if losses and self.judging.any() else None

    def _loss(self, model: Model) -> float:
        risks = estimator.probability(model, self.labelled.table[self.judging], self.columns)
        return evaluation.log_loss(self.left[self.judging], risks)


def _words(count: int | None) -> str:
    if count is None:
        return "all periods"
    return f"the newest {count} periods" if count > 1 else "the newest period"
