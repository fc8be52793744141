"""A risk taken apart: what each feature adds to the middle client's log-odds."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from risk.errors import ArtefactRefused
from risk.learning import estimator
from risk.settings import Columns


class Average(NamedTuple):
    """The average client among some: at the mean of what the regression sees of each.

    Its values are in the columns' own units; of compressed numbers that is about their geometric
    mean, which no single giant moves.
    """

    log_odds: float
    seen: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


class Terms(NamedTuple):
    """What each feature adds to the average client's log-odds, one row per client.

    `values` are the features as the model took them, missing cells filled.
    """

    parts: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


def average(model: estimator.Model, table: pd.DataFrame, columns: Columns) -> Average:
    """The client that a table's clients are held against, whose log-odds are their mean."""
    seen = _seen(model, table, columns)
    middle = (seen / max(1, len(seen))).sum(axis=0)  # a sum of the numbers could overflow
    last = estimator.regression(model)
    log_odds = float(last.coef_[0] @ middle + last.intercept_[0])
    return Average(log_odds, middle, _in_units(model, middle[None, :])[0])


def terms(model: estimator.Model, table: pd.DataFrame, columns: Columns, middle: Average) -> Terms:
    """The log-odds of each row's client taken apart: with the average's they add up to them."""
    seen = _seen(model, table, columns)
    parts = estimator.regression(model).coef_[0] * (seen - middle.seen)
    given = table[list(columns.features)].to_numpy()
    return Terms(parts, np.where(np.isnan(given), _in_units(model, seen), given))


def _seen(model: estimator.Model, table: pd.DataFrame, columns: Columns) -> npt.NDArray[np.float64]:
    """The numbers that the regression multiplies, one per feature."""
    rows = estimator.inputs(model, table, columns)
    is_pipeline = isinstance(model, Pipeline) and len(model) > 1 and len(table)
    seen = np.asarray(model[:-1].transform(rows) if is_pipeline else rows, dtype="float64")
    if seen.shape[1] != len(columns.features):
        raise ArtefactRefused(f"the model does not see one number per column; {estimator.CURE}")
    return seen


def _in_units(model: estimator.Model, seen: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Numbers that the regression sees, back in the units of the columns."""
    for step in reversed(model[:-1] if isinstance(model, Pipeline) and len(seen) else ()):
        if isinstance(step, StandardScaler):
            seen = step.inverse_transform(seen)
        elif isinstance(step, FunctionTransformer) and step.func is np.log1p:
            seen = np.expm1(seen)
    return seen
