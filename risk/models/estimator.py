"""The attrition model: fit it, keep it, load it safely, ask it."""

import copy
import itertools
import logging
import pickle
import platform
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from risk.columns import CATEGORY, DATE, NUMBER, Columns
from risk.errors import ArtefactRefused, DataUnusable
from risk.models import columnwise, pickles, pipelines

Model: TypeAlias = pipelines.Model
Numbers: TypeAlias = npt.NDArray[np.float64]

CURE = "run python fullprocess.py --force to train and deploy a new one"
BROKEN_PICKLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    RecursionError,
    TypeError,
    ValueError,
)

EVEN, ROUNDING = 0.5, 1e-9
AT_ONCE = 2**17  # rows: what is made of them stays in the processor's cache from step to step

log = logging.getLogger("risk.estimator")


def fit(
    table: pd.DataFrame, columns: Columns, features: str, kind: str = pipelines.LOGISTIC
) -> Model:
    """The model of this kind, fitted on rows whose outcome is known."""
    model, warned = fitted(table, columns, features, kind)
    for sentence in warned:
        log.warning("while fitting: %s", sentence)
    return model


def fitted(
    table: pd.DataFrame, columns: Columns, features: str, kind: str
) -> tuple[Model, list[str]]:
    """The model of this kind, fitted, and the warnings of the fit, none of which is logged.

    A comparison fits ten models, and would log the same warnings for each.
    """
    outcomes = table[columns.target].astype("int64")
    if outcomes.nunique() < 2:
        what = f"every one is {outcomes.iloc[0]}" if len(outcomes) else "there is none"
        raise DataUnusable(
            f"clients that left and clients that stayed are both needed to learn from, "
            f"but among the known outcomes {what}; the model stays as it was"
        )
    model = pipelines.unfitted(kind, table, columns, features)
    hint = '; use "features": "log"' if features != "log" else ""
    with warnings.catch_warnings(record=True) as caught, pipelines.all_by_one_thread():
        warnings.simplefilter("always")
        try:
            if pipelines.is_of_columns(model):
                columnwise.fit(model, table, columns.features, outcomes)
            else:
                model.fit(_features(table, columns), outcomes)
        except ValueError as error:
            why = str(error).partition("\n")[0]  # scikit-learn goes on for long
            raise DataUnusable(f"the model cannot be fitted: {why}{hint}") from error
    if not all(np.isfinite(numbers).all() for numbers in pipelines.learned(model)):
        raise DataUnusable(f"the fit ran into numbers too large for it{hint}")
    return pipelines.slimmed(model), [str(warning.message) for warning in caught]


def _features(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The columns that the model sees; of a category a missing cell is nan, however it came."""
    rows = table[list(columns.features)]
    return rows.astype(dict.fromkeys(columns.categories, "str")) if columns.categories else rows


def probability(model: Model, table: pd.DataFrame, columns: Columns) -> Numbers:
    """How likely each row's client is to leave."""
    return ask(model, [table], columns)[0].risks


class Answers(NamedTuple):
    """What a model says of each row: whether its client leaves, and how likely."""

    expected: npt.NDArray[np.int64]
    risks: Numbers


def ask(model: Model, datasets: Sequence[pd.DataFrame], columns: Columns) -> list[Answers]:
    """The answers for each of these tables, for all of which the model is asked once.

    A client leaves when the risk is above one half, which is how the model decides too; where
    rounding could tip it, the model is asked.
    """
    *ends, count = np.cumsum([len(table) for table in datasets])
    risks, close = np.empty(count), []
    with pipelines.all_by_one_thread():
        for begin, rows in _blocks(model, datasets, columns):
            told = model.predict_proba(rows)[:, 1]
            risks[begin : begin + len(rows)] = told
            is_close = np.abs(told - EVEN) < ROUNDING
            if is_close.any():
                close.append((begin + np.flatnonzero(is_close), rows[is_close]))
        expected = (risks > EVEN).astype(np.int64)
        if close:
            places, undecided = zip(*close, strict=True)
            expected[np.concatenate(places)] = model.predict(_together(undecided))
    return list(map(Answers, np.split(expected, ends), np.split(risks, ends)))


def _blocks(
    model: Model, tables: Sequence[pd.DataFrame], columns: Columns
) -> Iterator[tuple[int, Any]]:
    """The rows of all tables one after the other, many at once, and where each block begins.

    The last bits of a risk may depend on where among others its row stands, and whether it stands
    alone. So no block ends with its table, and the last is not the shortest but the longest.
    """
    asked = [inputs(model, table, columns) for table in tables]
    *firsts, count = np.cumsum([0, *map(len, asked)]).tolist()
    begins = range(0, count, AT_ONCE)[: max(1, count // AT_ONCE)]
    for begin, end in itertools.pairwise([*begins, count]):
        parts = [
            rows[max(begin - first, 0) : max(end - first, 0)]
            for rows, first in zip(asked, firsts, strict=True)
        ]
        yield begin, _together(parts)


def _together(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    return np.concatenate(parts)


def regression(model: Model) -> Any:
    """The last step of a model, with the weights."""
    return model[-1] if isinstance(model, Pipeline) else model


def recalibrated(model: Model, delta: float) -> Model:
    """A copy of the model with this added to the log-odds of every client."""
    moved = copy.deepcopy(model)
    last = regression(moved)
    if pipelines.is_boosted(moved):
        last._baseline_prediction = last._baseline_prediction + delta
    else:
        last.intercept_ = last.intercept_ + delta
    return moved


def inputs(model: Model, table: pd.DataFrame, columns: Columns) -> Any:
    """The rows in the form in which the model was fitted, with column names or without."""
    rows = _features(table, columns)
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
    if isinstance(model, Pipeline) and set(pipelines.levels_of(model)) != {*columns.categories}:
        return "was fitted on columns of other kinds than config.json names"
    answers = probability(model, trial(columns), columns)
    if not ((answers >= 0) & (answers <= 1)).all():
        return "does not answer with a probability"
    return None


def trial(columns: Columns) -> pd.DataFrame:
    """Two rows with all that a column may hold: one has numbers and words, the other nothing."""
    number = {NUMBER: 0.0, DATE: 0.0}
    return pd.DataFrame(
        {
            name: pd.Series(["never seen", None], dtype="str")
            if columns.kind(name) == CATEGORY
            else [number.get(columns.kind(name), -1.0), np.nan]
            for name in columns.features
        }
    )


def libraries() -> dict[str, str]:
    """The versions a model depends on."""
    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
