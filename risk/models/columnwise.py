"""A regression on columns of numbers: what scikit-learn's pipeline would learn, in less time.

The steps are scikit-learn's own and end in the same state. But each number that they learn of a
column is found in the column itself, one after the other, and no table is copied for each step.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

Numbers = npt.NDArray[np.float64]

MANY = 500_000  # rows: from so many on it pays to begin with the answer of a sample
IN_SAMPLE = 100_000


class _Learned(NamedTuple):
    """The numbers that leave a column without gaps, around 0 and of spread 1."""

    fill: float
    mean: float
    variance: float
    scale: float


def fit(model: Any, table: pd.DataFrame, names: Sequence[str], outcomes: npt.ArrayLike) -> None:
    """Fit a pipeline of `pipelines.linear` on these columns of a table, which may have gaps."""
    steps = dict(model.steps)
    rows = np.empty((len(table), len(names)))
    learned = []
    for place, name in enumerate(names):
        numbers = table[name].to_numpy("float64")
        rows[:, place], of_column = _prepared(numbers, compress="compress" in steps)
        learned.append(of_column)
    _tell(steps, learned, names, len(rows))
    _solve(steps["fit"], rows, np.asarray(outcomes, dtype=np.int64))


def _prepared(numbers: Numbers, *, compress: bool) -> tuple[Numbers, _Learned]:
    """A column as the solver wants it, and what was learned of it."""
    is_missing = np.isnan(numbers)
    present = numbers[~is_missing]
    fill = float(np.median(present, overwrite_input=True)) if len(present) else 0.0
    cells = np.where(is_missing, fill, numbers)
    if compress:
        np.log1p(cells, out=cells)
    mean = float(cells.mean())
    cells -= mean
    variance = float(np.dot(cells, cells) / len(cells) - cells.mean() ** 2)
    scale = 1.0 if _is_constant(variance, mean, len(cells)) else float(np.sqrt(variance))
    cells /= scale
    return cells, _Learned(fill, mean, variance, scale)


def _is_constant(variance: float, mean: float, rows: int) -> bool:
    """Whether rounding alone can explain the variance; scikit-learn draws the line there too."""
    rounding = np.finfo(np.float64).eps
    return bool(variance <= rows * rounding * variance + (rows * mean * rounding) ** 2)


def _tell(
    steps: Mapping[str, Any], learned: Sequence[_Learned], names: Sequence[str], rows: int
) -> None:
    """Let the steps before the last learn these numbers."""
    fills = pd.DataFrame([[column.fill for column in learned]], columns=list(names))
    filled = steps["fill"].fit_transform(fills)
    if "compress" in steps:
        filled = steps["compress"].fit_transform(filled)
    scaler = steps["scale"].fit(filled)
    scaler.mean_ = np.array([column.mean for column in learned])
    scaler.var_ = np.array([column.variance for column in learned])
    scaler.scale_ = np.array([column.scale for column in learned])
    scaler.n_samples_seen_ *= rows  # of which it has seen one


def _solve(last: LogisticRegression, rows: Numbers, outcomes: npt.NDArray[np.int64]) -> None:
    """Fit the last step; from the answer of a sample two steps lead to that of many rows."""
    every = len(rows) // IN_SAMPLE
    is_sampled = len(rows) >= MANY and 0 < outcomes[::every].mean() < 1
    last.set_params(warm_start=is_sampled)
    if is_sampled:
        last.fit(rows[::every], outcomes[::every])
    last.fit(rows, outcomes)
    last.set_params(warm_start=False)
