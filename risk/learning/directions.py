"""Directions along which a model may be off, and what residuals add up to along them."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from risk.columns import CATEGORY, Columns
from risk.models import estimator
from risk.models.estimator import Model, Numbers
from risk.models.last_step import LastStep

LARGEST = 20.0  # log-odds beyond which a risk is as good as certain
FARTHEST = 5.0  # standard deviations: no single giant decides
STEPS, FARTHEST_MOVE, CLOSE = 30, 0.5, 1e-8  # of Newton's method


def along(model: Model, rows: pd.DataFrame, columns: Columns) -> Numbers:
    """Where rows stand along the features, and of trees what these say in all.

    A regression is given standardised numbers, and a category's term is one number too. Trees are
    seen along the compressed number, and along what they say of each level's clients on average: a
    feature that they do not use can begin to count, and the terms of trees are too much of chance.
    """
    step = LastStep(model, columns)
    if step.has_trees:
        told = log_odds(model, rows, columns)
        return np.column_stack([*(_compressed(rows[f], told) for f in columns.features), told])
    inputs, weights = step.rows(step.filled(rows)), step.estimator.coef_[0]
    return np.column_stack(
        [
            inputs[:, at] @ weights[at] if columns.kind(name) == CATEGORY else inputs[:, at[0]]
            for name, at in zip(columns.features, step.places, strict=True)
        ]
    )


def _compressed(cells: "pd.Series[Any]", told: Numbers) -> Numbers:
    """A number's logarithm, the middle one where it is missing; a level's average log-odds."""
    if not pd.api.types.is_numeric_dtype(cells):
        levels = pd.Series(told, index=cells.index).groupby(cells, dropna=False)
        return np.asarray(levels.transform("mean"), dtype="float64")
    filled = cells.fillna(cells.median()).fillna(0.0).to_numpy(dtype="float64")
    return np.asarray(np.sign(filled) * np.log1p(np.abs(filled)))


def log_odds(model: Model, rows: pd.DataFrame, columns: Columns) -> Numbers:
    """What the model says of each row, never beyond what is as good as certain."""
    return of_risks(estimator.probability(model, rows, columns))


def of_risks(risks: Numbers) -> Numbers:
    """The log-odds of risks, never beyond what is as good as certain."""
    return np.asarray(np.clip(special.logit(risks), -LARGEST, LARGEST), dtype="float64")


def outcomes(rows: pd.DataFrame, columns: Columns) -> Numbers:
    """1 for each client that left, else 0."""
    return np.asarray(rows[columns.target] == 1, dtype="float64")


def standard(numbers: Numbers, centre: Numbers, scale: Numbers) -> Numbers:
    """Z: the directions in units of the training, behind the one of the level, which is 1."""
    moved = np.clip((numbers - centre) / scale, -FARTHEST, FARTHEST)
    return np.column_stack([np.ones(len(numbers)), moved])


class Sums(NamedTuple):
    """U, I and J of the formulas in risk/learning/evidence.py."""

    score: Numbers
    information: Numbers
    squares: Numbers


def sums(ways: Numbers, told: Numbers, left: Numbers) -> Sums:
    """What the residuals of such log-odds add up to."""
    risks = special.expit(told)
    residuals = left - risks
    information = (ways.T * (risks * (1 - risks))) @ ways
    return Sums(ways.T @ residuals, information, (ways.T * residuals**2) @ ways)


def fitted(ways: Numbers, told: Numbers, left: Numbers) -> tuple[Numbers, Numbers]:
    """How far log-odds are off along the directions, and the variance of that.

    It is their maximum likelihood, held near 0 as if by one row, so that there always is one.
    """
    one = np.eye(ways.shape[1])
    off: Numbers = np.zeros(len(one))
    for _ in range(STEPS):
        found = sums(ways, told + ways @ off, left)
        move = np.linalg.solve(found.information + one, found.score - off)
        off = off + np.clip(move, -FARTHEST_MOVE, FARTHEST_MOVE)
        if np.abs(move).max() < CLOSE:
            break
    return off, np.asarray(np.linalg.inv(found.information + one))


def level_shift(told: Numbers, left: Numbers) -> float:
    """What must be added to log-odds for as many to leave as did: its maximum likelihood.

    If all left, or none, it is taken as if half a client had not done so.
    """
    count = min(max(float(left.sum()), 0.5), len(left) - 0.5)
    low, high = -3 * LARGEST, 3 * LARGEST
    for _ in range(60 if len(left) else 0):
        middle = (low + high) / 2
        is_low = special.expit(told + middle).sum() < count
        low, high = (middle, high) if is_low else (low, middle)
    return (low + high) / 2
