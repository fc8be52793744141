"""The attrition model: fit it, keep it, load it safely, ask it."""

import logging
import math
import pickle
import platform
import warnings
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from risk.errors import ArtefactRefused, DataUnusable
from risk.learning import pickles
from risk.settings import Columns

Model: TypeAlias = Any  # scikit-learn ships no types
Numbers: TypeAlias = npt.NDArray[np.float64]

CURE = "run python fullprocess.py --force to train and deploy a new one"
BROKEN_PICKLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)

ROUNDING = 1e-9
FEW = 16  # rows: so many are answered one by one before an array's operations take less time
CERTAIN = 700.0  # log-odds, beyond which a risk is too close to 0 or 1 for a plain exponential
TRIAL_ROWS = 200
SHARE_OF_GAPS = 0.2

log = logging.getLogger("risk.estimator")


def unfitted(features: str) -> Model:
    """The model before it has seen a row: numbers as they are ("raw") or compressed ("log")."""
    fill = ("fill", SimpleImputer(strategy="median", keep_empty_features=True))
    if features == "raw":
        return Pipeline([fill, ("fit", LogisticRegression(solver="liblinear", random_state=0))])
    return Pipeline(
        [
            fill,
            ("compress", FunctionTransformer(np.log1p)),
            ("scale", StandardScaler()),
            ("fit", LogisticRegression(max_iter=1000)),
        ]
    )


def fit(table: pd.DataFrame, columns: Columns, features: str) -> Model:
    """The model fitted on rows whose outcome is known."""
    outcomes = table[columns.target].astype("int64")
    if outcomes.nunique() < 2:
        what = f"every one is {outcomes.iloc[0]}" if len(outcomes) else "there is none"
        raise DataUnusable(
            f"clients that left and clients that stayed are both needed to learn from, "
            f"but among the known outcomes {what}; the model stays as it was"
        )
    model = unfitted(features)
    hint = '; use "features": "log"' if features == "raw" else ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(table[list(columns.features)], outcomes)
        except ValueError as error:
            raise DataUnusable(f"the model cannot be fitted: {error}{hint}") from error
    for warning in caught:
        log.warning("while fitting: %s", warning.message)
    learned = [*model[-1].coef_.ravel(), *model[-1].intercept_, *model[0].statistics_]
    if not np.isfinite(learned).all():
        raise DataUnusable(f"the fit ran into numbers too large for it{hint}")
    return model


def probability(model: Model, table: pd.DataFrame, columns: Columns) -> npt.NDArray[np.float64]:
    """How likely each row's client is to leave."""
    if table.empty:
        return np.empty(0)
    risks: npt.NDArray[np.float64] = model.predict_proba(_features(model, table, columns))[:, 1]
    return risks


def predictions(model: Model, table: pd.DataFrame, columns: Columns) -> npt.NDArray[np.int64]:
    """1 for each row whose client is expected to leave, else 0, as the model itself decides."""
    if table.empty:
        return np.empty(0, dtype=np.int64)
    expected: npt.NDArray[np.int64] = model.predict(_features(model, table, columns))
    return expected


def _features(model: Model, table: pd.DataFrame, columns: Columns) -> Any:
    """The rows in the form in which the model was fitted, with column names or without."""
    rows = table[list(columns.features)]
    if not isinstance(model, Pipeline):  # a bare regression takes no missing cells
        rows = rows.fillna(rows.median().fillna(0.0))
    return rows if hasattr(model, "feature_names_in_") else rows.to_numpy()


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


def average(model: Model, table: pd.DataFrame, columns: Columns) -> Average:
    """The client that a table's clients are held against, whose log-odds are their mean."""
    seen = _seen(model, table, columns)
    middle = (seen / max(1, len(seen))).sum(axis=0)  # a sum of the numbers could overflow
    regression = _regression(model)
    log_odds = float(regression.coef_[0] @ middle + regression.intercept_[0])
    return Average(log_odds, middle, _in_units(model, middle[None, :])[0])


def terms(model: Model, table: pd.DataFrame, columns: Columns, middle: Average) -> Terms:
    """The log-odds of each row's client taken apart: with the average's they add up to them."""
    seen = _seen(model, table, columns)
    parts = _regression(model).coef_[0] * (seen - middle.seen)
    given = table[list(columns.features)].to_numpy()
    return Terms(parts, np.where(np.isnan(given), _in_units(model, seen), given))


def _regression(model: Model) -> Any:
    return model[-1] if isinstance(model, Pipeline) else model


def _seen(model: Model, table: pd.DataFrame, columns: Columns) -> npt.NDArray[np.float64]:
    """The numbers that the regression multiplies, one per feature."""
    rows = _features(model, table, columns)
    is_pipeline = isinstance(model, Pipeline) and len(model) > 1 and len(table)
    seen = np.asarray(model[:-1].transform(rows) if is_pipeline else rows, dtype="float64")
    if seen.shape[1] != len(columns.features):
        raise ArtefactRefused(f"the model does not see one number per column; {CURE}")
    return seen


def _in_units(model: Model, seen: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Numbers that the regression sees, back in the units of the columns."""
    for step in reversed(model[:-1] if isinstance(model, Pipeline) and len(seen) else ()):
        if isinstance(step, StandardScaler):
            seen = step.inverse_transform(seen)
        elif isinstance(step, FunctionTransformer) and step.func is np.log1p:
            seen = np.expm1(seen)
    return seen


def f1(model: Model, table: pd.DataFrame, columns: Columns) -> float:
    """F1 of the model on rows whose outcome is known; 0 where no leaver was found."""
    expected = predictions(model, table, columns)
    return float(f1_score(table[columns.target], expected, zero_division=0.0))


def quality(model: Model, known: pd.DataFrame, columns: Columns, share: float) -> dict[str, float]:
    """How good the model is on rows whose outcome is known; `share` of them can be called.

    What cannot be said, such as the ROC AUC of rows of one class, is left out.
    """
    left = known[columns.target].to_numpy() == 1
    expected = predictions(model, known, columns) == 1
    risks = probability(model, known, columns)
    hits, alarms, leavers = int((left & expected).sum()), int(expected.sum()), int(left.sum())
    called = np.argsort(-risks, kind="stable")[: max(1, round(share * len(known)))]
    precision_at_capacity = float(left[called].mean())
    low, high = f1_interval(hits, alarms + leavers - hits)
    measured = {
        "f1": f1(model, known, columns),
        "f1_low": low,
        "f1_high": high,
        "precision": hits / alarms if alarms else 0.0,
        "recall": hits / leavers if leavers else 0.0,
        "brier": float(np.mean((risks - left) ** 2)),
        "precision_at_capacity": precision_at_capacity,
    }
    if leavers:
        measured["lift"] = precision_at_capacity / float(left.mean())
    if 0 < leavers < len(left):
        measured["roc_auc"] = float(roc_auc_score(left, risks))
    return measured


def f1_interval(hits: int, counted: int) -> tuple[float, float]:
    """The 95 % interval of an F1 with so many hits among hits, false alarms and misses.

    The hits' share of the three is a proportion, for which Wilson's interval holds, and F1 grows
    with that share p as 2p / (1 + p).
    """
    low, high = (2 * end / (1 + end) for end in share_interval(hits, counted))
    return low, high


def share_interval(hits: int, counted: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of which so many were counted."""
    if not counted:
        return 0.0, 1.0
    share, z = hits / counted, 1.96
    middle = share + z**2 / (2 * counted)
    reach = z * math.sqrt(share * (1 - share) / counted + z**2 / (4 * counted**2))
    low, high = ((middle + side * reach) / (1 + z**2 / counted) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)


def dumps(model: Model) -> bytes:
    """The model as a plain scikit-learn pickle."""
    return pickle.dumps(model, protocol=4)  # what every Python of today reads


def loads(content: bytes, name: str, columns: Columns) -> Model:
    """The model in a pickle of ours; anything else is refused before it can act."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = pickles.load(content)
            problem = _problem(model, columns)
    except BROKEN_PICKLE as error:
        raise ArtefactRefused(f"{name} is not a model of ours: {error}; {CURE}") from error
    if problem:
        raise ArtefactRefused(f"{name} {problem}; {CURE}")
    for sentence in {str(warning.message).split(". ")[0] for warning in caught}:
        log.warning("%s: %s", name, sentence)
    return model


def _problem(model: Model, columns: Columns) -> str | None:
    """What is wrong with an unpickled object, found by its type and by asking it once."""
    if type(model) is not Pipeline and type(model) is not LogisticRegression:
        return f"holds a {type(model).__name__}, not a model of ours"
    if list(model.classes_) != [0, 1]:
        return "does not tell 0 from 1"
    known = list(getattr(model, "feature_names_in_", columns.features))
    if known != list(columns.features) or model.n_features_in_ != len(known):
        return "was fitted on other columns than config.json names"
    rows = pd.DataFrame({name: [0.0, np.nan] for name in columns.features})
    answers = probability(model, rows, columns)
    if not ((answers >= 0) & (answers <= 1)).all():
        return "does not answer with a probability"
    return None


class _Line(NamedTuple):
    """What a linear model does to a row: fill what is missing, compress or not, weigh, add up."""

    fills: list[float]
    compressed: bool
    weights: list[float]
    intercept: float

    def decisions(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """How far each row is on the leavers' side, and how far off rounding may have put it."""
        filled = np.where(np.isnan(rows), self.fills, rows)
        seen = np.log1p(filled) if self.compressed else filled
        far = seen @ self.weights + self.intercept
        return far, ROUNDING * (np.abs(seen) @ np.abs(self.weights) + abs(self.intercept))

    def decision(self, row: list[float]) -> tuple[float, float]:
        """The same of a single row."""
        far, size = self.intercept, abs(self.intercept)
        for cell, fill, weight in zip(row, self.fills, self.weights, strict=True):
            filled = fill if math.isnan(cell) else cell
            part = weight * (math.log1p(filled) if self.compressed else filled)
            far, size = far + part, size + abs(part)
        return far, ROUNDING * size


class Folded:
    """A model's answers for arrays of its features in configured order, nan where missing.

    Asking scikit-learn costs about a millisecond, most of it for looking at the question. Our
    models are linear, so they are folded into a few operations, which are held against
    scikit-learn there and then; a model that answers otherwise is asked itself, and so is every
    model about rows so near to the border that rounding could decide.
    """

    def __init__(self, model: Model, columns: Columns) -> None:
        self.model, self.columns = model, columns
        self.line = _folded(model)
        trial = _trial_rows(len(columns.features), with_gaps=self.takes_gaps)
        if self.line and not self._agrees(trial):
            log.warning("the model cannot be folded, so every answer takes longer")
            self.line = None

    @property
    def takes_gaps(self) -> bool:
        """Whether the model fills in missing cells."""
        return isinstance(self.model, Pipeline)

    @property
    def weights(self) -> list[float]:
        """What the regression multiplies each feature with, as it sees it."""
        return [float(weight) for weight in _regression(self.model).coef_[0]]

    def answers(self, rows: Numbers) -> tuple[npt.NDArray[np.int64], Numbers]:
        """0 or 1 for each row, as the model itself decides, and how likely its client leaves."""
        if not len(rows):
            return np.empty(0, dtype=np.int64), np.empty(0)
        if not self.takes_gaps and np.isnan(rows).any():
            raise DataUnusable("the deployed model cannot take rows with missing cells")
        if self.line is None:
            return self._asked(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            far, doubt = self.line.decisions(rows)
            risks = 1 / (1 + np.exp(-far))
        expected = (far > 0).astype(np.int64)
        unsure = ~(np.abs(far) > doubt)
        if unsure.any():
            expected[unsure], risks[unsure] = self._asked(rows[unsure])
        return expected, risks

    def listed(self, rows: list[list[float]]) -> tuple[list[int], list[float]]:
        """The same of rows in lists, where a few are not worth an array."""
        if self.line and self.takes_gaps and len(rows) <= FEW:
            found = [self.line.decision(row) for row in rows]
            if all(doubt < abs(far) < CERTAIN for far, doubt in found):
                risks = [1 / (1 + math.exp(-far)) for far, _ in found]
                return [int(far > 0) for far, _ in found], risks
        numbers = np.array(rows, dtype="float64").reshape(len(rows), len(self.columns.features))
        expected, likely = self.answers(numbers)
        return expected.tolist(), likely.tolist()

    def _asked(self, rows: Numbers) -> tuple[npt.NDArray[np.int64], Numbers]:
        """The same from scikit-learn itself."""
        table = pd.DataFrame(rows, columns=list(self.columns.features))
        with np.errstate(over="ignore", invalid="ignore"):
            risks = probability(self.model, table, self.columns)
            if not np.isfinite(risks).all():
                raise DataUnusable("these numbers are too large for the deployed model")
            return predictions(self.model, table, self.columns), risks

    def _agrees(self, rows: Numbers) -> bool:
        """Whether scikit-learn answers the same, of all rows together and of each alone."""
        asked, wanted = self._asked(rows)
        alone = [self.listed([row]) for row in rows.tolist()]
        each = [expected for expected, _ in alone], [risks for _, risks in alone]
        return all(
            (np.ravel(expected) == asked).all()
            and np.allclose(np.ravel(risks), wanted, rtol=1e-9, atol=1e-12)
            for expected, risks in (self.answers(rows), each)
        )


def _folded(model: Model) -> _Line | None:
    """The operations of one of our models, none when it is built in another way."""
    *before, last = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
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


def libraries() -> dict[str, str]:
    """The versions a model depends on."""
    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
