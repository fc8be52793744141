"""The attrition model: fit it, keep it, load it safely, ask it."""

import logging
import pickle
import platform
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from risk.columns import Columns
from risk.errors import ArtefactRefused, DataUnusable
from risk.learning import pickles

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

EVEN, ROUNDING = 0.5, 1e-9

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


def probability(model: Model, table: pd.DataFrame, columns: Columns) -> Numbers:
    """How likely each row's client is to leave."""
    if table.empty:
        return np.empty(0)
    risks: Numbers = model.predict_proba(inputs(model, table, columns))[:, 1]
    return risks


class Answers(NamedTuple):
    """What a model says of each row: whether its client leaves, and how likely."""

    expected: npt.NDArray[np.int64]
    risks: Numbers


def ask(model: Model, datasets: Sequence[pd.DataFrame], columns: Columns) -> list[Answers]:
    """The answers for each of these tables, for all of which the model is asked once.

    A client leaves when the risk is above one half, which is how the model decides too; where
    rounding could tip it, the model is asked.
    """
    rows = _together([inputs(model, table, columns) for table in datasets])
    risks = model.predict_proba(rows)[:, 1] if len(rows) else np.empty(0)
    expected = (risks > EVEN).astype(np.int64)
    close = np.abs(risks - EVEN) < ROUNDING
    if close.any():
        expected[close] = model.predict(rows[close])
    ends = np.cumsum([len(table) for table in datasets])[:-1]
    return list(map(Answers, np.split(expected, ends), np.split(risks, ends)))


def _together(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    return np.concatenate(parts)


def regression(model: Model) -> Any:
    """The last step of a model, with the weights."""
    return model[-1] if isinstance(model, Pipeline) else model


def inputs(model: Model, table: pd.DataFrame, columns: Columns) -> Any:
    """The rows in the form in which the model was fitted, with column names or without."""
    rows = table[list(columns.features)]
    if not isinstance(model, Pipeline):  # a bare regression takes no missing cells
        rows = rows.fillna(rows.median().fillna(0.0))
    return rows if hasattr(model, "feature_names_in_") else rows.to_numpy()


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
    """What is wrong with an unpickled object, by its type and by one trial prediction."""
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


def libraries() -> dict[str, str]:
    """The versions a model depends on."""
    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
