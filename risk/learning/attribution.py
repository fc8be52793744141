"""A risk taken apart: what each feature adds to the middle client's log-odds."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from risk.columns import Columns
from risk.errors import ArtefactRefused
from risk.learning import estimator
from risk.learning.estimator import Model, Numbers


class Average(NamedTuple):
    """The average client among some: at the mean of what the regression sees of each.

    Its values are in the columns' own units; of compressed numbers that is about their geometric
    mean, which no single giant moves.
    """

    log_odds: float
    regressors: Numbers
    values: Numbers


class Terms(NamedTuple):
    """What each feature adds to the average client's log-odds, one row per client.

    `values` are the features as the model took them, missing cells filled.
    """

    parts: Numbers
    values: Numbers


def average(model: Model, table: pd.DataFrame, columns: Columns) -> Average:
    """The average client of a table, whose log-odds are the mean of all."""
    regressors = _regressors(model, table, columns)
    # divided first, as a sum of the numbers could overflow
    middle = (regressors / max(1, len(regressors))).sum(axis=0)
    last = estimator.regression(model)
    log_odds = float(last.coef_[0] @ middle + last.intercept_[0])
    return Average(log_odds, middle, _in_units(model, middle[None, :])[0])


def terms(model: Model, table: pd.DataFrame, columns: Columns, middle: Average) -> Terms:
    """The terms of each client, which add up to the difference of its log-odds from the average."""
    regressors = _regressors(model, table, columns)
    parts = estimator.regression(model).coef_[0] * (regressors - middle.regressors)
    given = table[list(columns.features)].to_numpy()
    return Terms(parts, np.where(np.isnan(given), _in_units(model, regressors), given))


def _regressors(model: Model, table: pd.DataFrame, columns: Columns) -> Numbers:
    """The numbers that the regression multiplies, one per feature."""
    rows = estimator.inputs(model, table, columns)
    is_pipeline = isinstance(model, Pipeline) and len(model) > 1 and len(table)
    regressors = np.asarray(model[:-1].transform(rows) if is_pipeline else rows, dtype="float64")
    if regressors.shape[1] != len(columns.features):
        raise ArtefactRefused(f"the model does not see one number per column; {estimator.CURE}")
    return regressors


def _in_units(model: Model, regressors: Numbers) -> Numbers:
    """The same numbers in the units of the columns."""
    for step in reversed(model[:-1] if isinstance(model, Pipeline) and len(regressors) else ()):
        if isinstance(step, StandardScaler):
            regressors = step.inverse_transform(regressors)
        elif isinstance(step, FunctionTransformer) and step.func is np.log1p:
            regressors = np.expm1(regressors)
    return regressors
