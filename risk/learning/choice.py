"""Which model suits the data, and where its risks are best cut, as rows show it has not learned."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import Columns
from risk.errors import DataUnusable
from risk.learning import evaluation, evidence
from risk.learning.evidence import Judged, Reference
from risk.models import estimator, pipelines
from risk.models.estimator import Model, Numbers
from risk.models.pipelines import AUTO, BOOSTED, LOGISTIC

FOLDS = 5
MOST_ROWS = 200_000  # that are looked at in a comparison: so many clients, with all their rows
DIGITS = 3
LOOKED_AT = 1000  # rows

log = logging.getLogger("risk.choice")


class Learned(NamedTuple):
    """A fitted model; of which kind it is, and why; the threshold of the best F1, if one is known.

    A threshold is known where each of five groups of clients could be judged by a model that has
    learned from the others; what that shows of the model is kept for when new outcomes come in.
    """

    model: Model
    kind: str
    threshold: float | None = None
    choice: str = ""
    reference: Reference | None = None


def learn(
    known: pd.DataFrame,
    columns: Columns,
    features: str,
    model: str,
    most_rows: int = MOST_ROWS,
) -> Learned:
    """The model that config.json asks for, or the better one, fitted on all rows.

    Each kind is fitted five times more, also where one is asked for and nothing is compared: the
    threshold is found among risks of clients that a model has not learned from.
    """
    kinds = (LOGISTIC, BOOSTED) if model == AUTO else (model,)
    few = _few(known, columns)
    with pipelines.all_by_one_thread():
        validated = {
            kind: _unlearned(known, columns, features, kind, most_rows)
            for kind in (() if few else kinds)
        }
    kind, choice = model, ""
    if model == AUTO:
        kind, choice = _chosen(validated, few)
    fitted = estimator.fit(known, columns, features, kind)
    found = validated.get(kind)
    judged = found.judged if found else [_with_own_rows(fitted, known, columns)]
    reference = _reference(judged, columns)
    return Learned(fitted, kind, found.best_threshold if found else None, choice, reference)


def _reference(judged: Sequence[Judged], columns: Columns) -> Reference | None:
    """What evidence is held against; nothing where the numbers are too odd for a statistic."""
    try:
        return evidence.reference(judged, columns)
    except ValueError as problem:
        log.warning("no evidence can be held against this model: %s", problem)
        return None


class CrossValidated(NamedTuple):
    """Which clients left, and the risk of each by a model that learned from others alone.

    `judged` are these models, each with the rows that it has not learned from.
    """

    left: npt.NDArray[np.bool_]
    risks: Numbers
    judged: Sequence[Judged] = ()

    @property
    def log_loss(self) -> float:
        """How surprised the model was by what came, on average."""
        return evaluation.log_loss(self.left, self.risks)

    @property
    def best_threshold(self) -> float:
        """From which risk on clients must count as leaving, for F1 to be best."""
        order = np.argsort(-self.risks, kind="stable")
        risks, hits = self.risks[order], np.cumsum(self.left[order])
        f1 = 2 * hits / (hits[-1] + np.arange(1, len(risks) + 1))
        is_end = np.append(risks[1:] < risks[:-1], True)  # equal risks stand on one side
        best = int(np.argmax(np.where(is_end, f1, -1)))
        return _between(risks[best], risks[best + 1] if best + 1 < len(risks) else 0.0)


def _between(above: float, below: float) -> float:
    """A number in between, with no more digits than it takes."""
    for digits in range(2, 16):
        number = round(float(above + below) / 2, digits)
        if below < number <= above:
            return number
    return float(above)


def _few(known: pd.DataFrame, columns: Columns) -> str:
    """Why clients cannot be told apart into five groups; empty if they can."""
    for outcome, what in ((1, "left"), (0, "stayed")):
        clients = known.loc[known[columns.target] == outcome, columns.client]
        count = clients[:LOOKED_AT].nunique()  # which is nearly always enough
        if count < FOLDS and (count := clients.nunique()) < FOLDS:
            return f"only {count} clients that {what} are known, and {FOLDS} are needed"
    return ""


def _chosen(validated: dict[str, "CrossValidated | None"], few: str) -> tuple[str, str]:
    """The kind with the smaller loss, and the sentence that says so."""
    losses = {kind: found.log_loss for kind, found in validated.items() if found}
    if not losses.keys() >= {LOGISTIC, BOOSTED}:
        why = few or "there a model could not be fitted"
        return LOGISTIC, f"{LOGISTIC} was chosen without a cross-validation: {why}"
    best, other = sorted(losses, key=losses.__getitem__)
    shown = _apart(losses[best], losses[other])
    sentence = f"its log-loss in cross-validation is {shown[0]}, {other} has {shown[1]}"
    return best, f"{best} was chosen: {sentence}"


def _apart(*numbers: float) -> list[str]:
    """Both with as many digits as it takes to see which is the smaller one."""
    shown = [[f"{number:.{digits}f}" for number in numbers] for digits in range(DIGITS, 9)]
    return next((both for both in shown if both[0] != both[1]), shown[0])


def _unlearned(
    known: pd.DataFrame,
    columns: Columns,
    features: str,
    kind: str,
    most_rows: int = MOST_ROWS,
) -> CrossValidated | None:
    """What is said of each client by a model that learned from others; None if one cannot learn."""
    group = folds(known, columns, most_rows)
    rows, group = known[group >= 0], group[group >= 0]
    risks, models = np.empty(len(rows)), []
    try:
        for fold in range(FOLDS):
            model, _ = estimator.fitted(rows[group != fold], columns, features, kind)
            with np.errstate(over="ignore", invalid="ignore"):
                risks[group == fold] = estimator.probability(model, rows[group == fold], columns)
            models.append(model)
    except (DataUnusable, ValueError) as problem:  # the latter of numbers that became too large
        log.warning("the model cannot be cross-validated: %s", problem)
        return None
    risks = np.nan_to_num(risks, nan=0.5)  # where numbers too large cancelled out to nothing
    judged = [
        Judged(model, rows[group == fold], risks[group == fold])
        for fold, model in enumerate(models)
    ]
    return CrossValidated((rows[columns.target] == 1).to_numpy(), risks, judged)


def _with_own_rows(model: Model, known: pd.DataFrame, columns: Columns) -> Judged:
    """A model that was not cross-validated, with the rows that it has learned from."""
    risks = estimator.probability(model, known, columns)
    return Judged(model, known, np.nan_to_num(risks, nan=0.5))


def folds(
    known: pd.DataFrame, columns: Columns, most_rows: int = MOST_ROWS
) -> npt.NDArray[np.int64]:
    """The group of each row, 0 to 4: a client's rows are in one; -1 if there are more than needed.

    Clients that left, that stayed, and that did both are spread evenly, and always in the same way.
    """
    codes, clients = pd.factorize(known[columns.client], sort=True)
    left = known[columns.target].to_numpy() == 1
    outcomes = np.zeros(len(clients), dtype=np.int64)
    np.bitwise_or.at(outcomes, codes, np.where(left, 1, 2))
    looked_at = int(len(clients) * min(1.0, most_rows / len(known)))
    shuffled = np.random.default_rng(0).permutation(len(clients))[:looked_at]
    turn = shuffled[np.argsort(outcomes[shuffled], kind="stable")]
    group = np.full(len(clients), -1)
    group[turn] = np.arange(len(turn)) % FOLDS
    return group[codes]
