"""A linear model as a few operations on arrays, for fast answers, and as weights in a table."""

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
from risk.learning import estimator, pipelines, reasons
from risk.learning.estimator import Model, Numbers

log = logging.getLogger("risk.linear")

ROUNDING = 1e-9
FEW = 16  # rows: so many are answered one by one before an array's operations take less time
CERTAIN = 700.0  # log-odds, beyond which a risk is too close to 0 or 1 for a plain exponential
TRIAL_ROWS = 200
SHARE_OF_GAPS = 0.2
NOTHING = "-"
OF_COMPRESSED = (
    "Weight: what the regression multiplies the compressed and scaled number with, so weights can "
    "be compared. Doubling: what the odds of leaving are multiplied by when 1 + the number doubles "
    "and all else stays."
)
OF_OTHERS = (
    "Weight: what the regression multiplies the number with, as it sees it. What a doubling does "
    "depends on the number that it begins with."
)

OF_LEVELS = (
    "Of a category the heaviest levels are shown; rare ones and ones never seen have no weight."
)
OF_TREES = (
    "The model is made of trees, so a feature has no one weight. Share: how much of what the trees "
    "have learned comes from their splits on the feature. Splits: how many there are."
)
TINY = float(np.finfo(float).tiny)
MOST_LEVELS = 5  # of a category that are shown


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


class Coefficients(NamedTuple):
    """A row for each feature: its name, its weight, the odds for a doubling; and what they mean."""

    head: tuple[str, str, str]
    rows: list[tuple[str, str, str]]
    meaning: str

    @property
    def table(self) -> list[list[str]]:
        """The head and the rows, as a terminal shows them."""
        return [list(row) for row in (self.head, *self.rows)]


def coefficients(model: Model, columns: Columns) -> Coefficients:
    """The coefficients of a model in words; a dash where a doubling has no one effect."""
    if pipelines.is_boosted(model):
        return _shares(model, columns)
    weights = estimator.regression(model).coef_[0]
    per_unit = _per_unit(model, weights)
    doublings = [
        NOTHING if math.isnan(each) else reasons.times(each * math.log(2)) for each in per_unit
    ]
    shown = [f"{weight:+.3g}" for weight in weights]
    cells = list(zip(_names(model, columns), shown, doublings, strict=True))
    rows = [cells[at] for at in _heaviest(model, columns, np.abs(weights))]
    meaning = OF_OTHERS if np.isnan(per_unit).all() else OF_COMPRESSED
    if columns.categories:
        meaning = f"{meaning} {OF_LEVELS}"
    return Coefficients(("feature", "weight", "odds for a doubling"), rows, meaning)


def _per_unit(model: Model, weights: Numbers) -> list[float]:
    """The weights of numbers that are compressed and no more; nan for all else."""
    if not (branches := pipelines.branches(model)):
        line = line_of(model)
        return line.weights if line and line.compressed else [math.nan] * len(weights)
    scales = np.full(len(weights), math.nan)
    if branches[0][0] == pipelines.NUMBERS and "compress" in branches[0][1].named_steps:
        scales[: len(branches[0][2])] = branches[0][1].named_steps["scale"].scale_
    found: list[float] = (weights / scales).tolist()
    return found


def _names(model: Model, columns: Columns) -> list[str]:
    """What a regression multiplies, in its order: a feature, or a category being some level."""
    names = []
    for name, level in pipelines.places(model, columns):
        words = "not known" if isinstance(level, float) else level
        names.append(reasons.label(name) if level is None else f"{reasons.label(name)}: {words}")
    return names


def _heaviest(model: Model, columns: Columns, weights: Numbers) -> list[int]:
    """The weights to show, in the order of the columns: of a category the heaviest ones."""
    of_feature: dict[str, list[int]] = {name: [] for name in columns.features}
    for at, (name, _) in enumerate(pipelines.places(model, columns)):
        of_feature[name].append(at)
    return [
        at
        for places in of_feature.values()
        for at in sorted(places, key=lambda at: -weights[at])[:MOST_LEVELS]
    ]


def _shares(model: Model, columns: Columns) -> Coefficients:
    """How much the trees use each feature."""
    nodes = np.concatenate([tree.nodes for (tree,) in model[-1]._predictors])
    inner = nodes[nodes["is_leaf"] == 0]
    seen = [name for _, _, names in pipelines.branches(model) for name in names]
    seen = seen or list(columns.features)
    gains = np.bincount(inner["feature_idx"], inner["gain"], minlength=len(seen))
    splits = np.bincount(inner["feature_idx"], minlength=len(seen))
    used = dict(zip(seen, zip(gains / max(gains.sum(), TINY), splits, strict=True), strict=True))
    rows = []
    for name in columns.features:
        share, count = used.get(name, (0.0, 0))
        rows.append((reasons.label(name), f"{100 * share:.0f}\u00a0%", f"{count:,}"))
    return Coefficients(("feature", "share", "splits"), rows, OF_TREES)
