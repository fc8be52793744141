"""A linear model as a few operations on arrays, for fast answers."""

import logging
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from risk.columns import Columns
from risk.errors import DataUnusable
from risk.models import estimator, pipelines
from risk.models.estimator import Model, Numbers

log = logging.getLogger("risk.linear")

ROUNDING = 1e-9
FEW = 16  # rows: so many are answered one by one before an array's operations take less time
CERTAIN = 700.0  # log-odds, beyond which a risk is too close to 0 or 1 for a plain exponential
TRIAL_ROWS = 200
SHARE_OF_GAPS = 0.2


class _Line(NamedTuple):
    """What a linear model does to a row: fill what is missing, compress or not, weigh, add up."""

    fills: list[float]
    compressed: bool
    weights: list[float]
    intercept: float

    def decisions(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """The log-odds of each row, and how much rounding may have changed them."""
        filled = np.where(np.isnan(rows), self.fills, rows)
        regressors = np.log1p(filled) if self.compressed else filled
        far = regressors @ self.weights + self.intercept
        return far, ROUNDING * (np.abs(regressors) @ np.abs(self.weights) + abs(self.intercept))

    def decision(self, row: list[float]) -> tuple[float, float]:
        """The same for a single row."""
        far, size = self.intercept, abs(self.intercept)
        for cell, fill, weight in zip(row, self.fills, self.weights, strict=True):
            filled = fill if math.isnan(cell) else cell
            part = weight * (math.log1p(filled) if self.compressed else filled)
            far, size = far + part, size + abs(part)
        return far, ROUNDING * size


class Folded:
    """A model's answers for arrays of its features in configured order, nan where missing.

    Asking scikit-learn takes about a millisecond, most of it for checks of the input. Our models
    are linear, so they are folded into a few operations, which are compared with scikit-learn at
    once. A model that differs is asked itself, and so is any about rows so close to the border
    that rounding could decide.
    """

    def __init__(self, model: Model, columns: Columns) -> None:
        self.model, self.columns = model, columns
        self.line = line_of(model)
        trial = _trial_rows(len(columns.features), with_gaps=self.takes_gaps)
        if self.line and not self._agrees(trial):
            log.warning("the model cannot be folded, so every answer takes longer")
            self.line = None

    @property
    def takes_gaps(self) -> bool:
        """Whether the model fills in missing cells."""
        return isinstance(self.model, Pipeline)

    def answers(self, rows: Numbers) -> tuple[npt.NDArray[np.int64], Numbers]:
        """0 or 1 for each row, as the model itself decides, and how likely its client leaves."""
        if not len(rows):
            return np.empty(0, dtype=np.int64), np.empty(0)
        if not self.takes_gaps and np.isnan(rows).any():
            raise DataUnusable("the deployed model cannot take rows with missing cells")
        if self.line is None:
            return self._asked(self._table(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            far, doubt = self.line.decisions(rows)
            risks = 1 / (1 + np.exp(-far))
        expected = (far > 0).astype(np.int64)
        unsure = ~(np.abs(far) > doubt)
        if unsure.any():
            expected[unsure], risks[unsure] = self._asked(self._table(rows[unsure]))
        return expected, risks

    def listed(self, rows: list[list[float]]) -> tuple[list[int], list[float]]:
        """The answers for rows in lists; a few rows are faster without an array."""
        if self.line and self.takes_gaps and len(rows) <= FEW:
            decisions = [self.line.decision(row) for row in rows]
            if all(doubt < abs(far) < CERTAIN for far, doubt in decisions):
                risks = [1 / (1 + math.exp(-far)) for far, _ in decisions]
                return [int(far > 0) for far, _ in decisions], risks
        numbers = np.array(rows, dtype="float64").reshape(len(rows), len(self.columns.features))
        expected, likely = self.answers(numbers)
        return expected.tolist(), likely.tolist()

    def of_table(self, table: pd.DataFrame) -> estimator.Answers:
        """The answers for a table with all columns of the features, words among them or not."""
        if self.line is None and len(table):
            return self._asked(table)
        numbers = table[list(self.columns.features)].to_numpy(dtype="float64", na_value=np.nan)
        return estimator.Answers(*self.answers(numbers))

    def _table(self, rows: Numbers) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=list(self.columns.features))

    def _asked(self, table: pd.DataFrame) -> estimator.Answers:
        """The answers of scikit-learn itself."""
        with np.errstate(over="ignore", invalid="ignore"):
            (answers,) = estimator.ask(self.model, [table], self.columns)
        if not np.isfinite(answers.risks).all():
            raise DataUnusable("these numbers are too large for the deployed model")
        return answers

    def _agrees(self, rows: Numbers) -> bool:
        """Whether scikit-learn answers the same, of all rows together and of each alone."""
        asked, wanted = self._asked(self._table(rows))
        alone = [self.listed([row]) for row in rows.tolist()]
        each = [expected for expected, _ in alone], [risks for _, risks in alone]
        return all(
            (np.ravel(expected) == asked).all()
            and np.allclose(np.ravel(risks), wanted, rtol=1e-9, atol=1e-12)
            for expected, risks in (self.answers(rows), each)
        )


def line_of(model: Model) -> _Line | None:
    """The operations of one of our models, none when it is built in another way."""
    *before, last = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    if pipelines.is_boosted(model):
        return None
    weights, intercept = last.coef_[0].astype("float64"), float(last.intercept_[0])
    fills, compressed = [math.nan] * len(weights), False
    for step in before:
        if isinstance(step, SimpleImputer):
            fills = step.statistics_.astype("float64").tolist()
        elif isinstance(step, FunctionTransformer):
            compressed = True
        elif isinstance(step, StandardScaler) and step.mean_ is not None:
            weights = weights / step.scale_
            intercept -= float(step.mean_ @ weights)
        else:
            return None
    return _Line(fills, compressed, weights.tolist(), intercept)


def _trial_rows(width: int, *, with_gaps: bool) -> Numbers:
    """Rows of all magnitudes, the same every time."""
    random = np.random.default_rng(0)
    rows = np.floor(10 ** random.uniform(-1, 9, size=(TRIAL_ROWS, width)))
    if with_gaps:
        rows[random.random(rows.shape) < SHARE_OF_GAPS] = np.nan
    return rows
