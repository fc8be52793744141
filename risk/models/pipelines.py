"""The models before they have seen a row, one for each choice that config.json offers."""

import contextlib
import functools
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from threadpoolctl import ThreadpoolController

from risk.columns import DATE, NUMBER, Columns

Model: TypeAlias = Any  # scikit-learn ships no types
Step: TypeAlias = tuple[str, Any]

LOGISTIC, BOOSTED, AUTO = "logistic", "boosted", "auto"
NUMBERS, SIGNED, CATEGORIES = "numbers", "signed", "categories"  # the branches of a model
FEWEST_ROWS = 10  # of a level that has a place of its own
MOST_LEVELS = 254  # of one category: with what is rare they fit a byte
LOOKED_AT = 200_000  # rows that trees look at to find out where a column can be split
MOST_FOR_NEWTON = 50  # columns: each step looks at all pairs of them
TIGHT = 1e-10  # of the mean slope; Newton's last step makes it much smaller still
FEWEST_TO_STOP = 20  # rows of each outcome, of which a tenth tells when to stop adding trees


def unfitted(kind: str, table: pd.DataFrame, columns: Columns, features: str) -> Model:
    """The model of this kind; the rows that it will learn from say which levels it knows."""
    if kind == BOOSTED:
        return _boosted(table, columns)
    if not needs_columns_apart(columns, features):
        return linear(features, len(columns.features))
    return Pipeline([("prepare", _prepared(table, columns, features)), _regression(features)])


def needs_columns_apart(columns: Columns, features: str) -> bool:
    """Whether a linear model treats some columns in another way than the others."""
    return bool(columns.categories or (features == "log" and _below_zero(columns)))


def is_of_columns(model: Model) -> bool:
    """Whether a model is a regression on scaled columns of numbers."""
    return isinstance(model, Pipeline) and "scale" in model.named_steps


def linear(features: str, width: int) -> Model:
    """A regression on numbers from 0 up: as they are ("raw"), "scaled", or compressed ("log")."""
    if features == "raw" or width > MOST_FOR_NEWTON:
        return Pipeline([*_numbers(features), _regression(features)])
    solver = LogisticRegression(solver="newton-cholesky", tol=TIGHT, max_iter=1000)
    return Pipeline([*_numbers(features), ("fit", solver)])


def _numbers(features: str) -> list[Step]:
    compress = [("compress", FunctionTransformer(np.log1p))] if features == "log" else []
    scale = [] if features == "raw" else [("scale", StandardScaler())]
    return [_fill(), *compress, *scale]


def _fill() -> Step:
    return "fill", SimpleImputer(strategy="median", keep_empty_features=True)


def _regression(features: str) -> Step:
    if features == "raw":
        return "fit", LogisticRegression(solver="liblinear", random_state=0)
    return "fit", LogisticRegression(max_iter=1000)


def _below_zero(columns: Columns) -> list[str]:
    """The features whose numbers may be below 0."""
    return [name for name in columns.numeric if columns.kind(name) not in (NUMBER, DATE)]


def _prepared(table: pd.DataFrame, columns: Columns, features: str) -> ColumnTransformer:
    """Every kind of column in its own way."""
    signed = _below_zero(columns) if features == "log" else []
    numbers = [name for name in columns.numeric if name not in signed]
    parts = [
        (NUMBERS, Pipeline(_numbers(features)), numbers),
        (SIGNED, Pipeline(_signed(len(signed))), signed),
        (CATEGORIES, _one_place_each(table, columns), list(columns.categories)),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def _signed(count: int) -> list[Step]:
    """sign(x) log(1 + |x|): what is above 0 and what is below are compressed side by side."""
    apart = np.hstack([np.eye(count), -np.eye(count)])
    return [
        _fill(),
        ("apart", FunctionTransformer(np.dot, kw_args={"b": apart})),
        ("from 0 up", FunctionTransformer(np.clip, kw_args={"a_min": 0.0, "a_max": None})),
        ("compress", FunctionTransformer(np.log1p)),
        ("together", FunctionTransformer(np.dot, kw_args={"b": apart.T.copy()})),
        ("scale", StandardScaler()),
    ]


def levels(cells: "pd.Series[Any]") -> list[str]:
    """The levels of a category that have a place of their own: those with enough rows."""
    counts = cells.value_counts()
    frequent = [(-count, str(level)) for level, count in counts.items() if count >= FEWEST_ROWS]
    return sorted(level for _, level in sorted(frequent)[:MOST_LEVELS])


def _one_place_each(table: pd.DataFrame, columns: Columns) -> Model:
    """A 1 at the place of the level, or of what is missing; all others have none."""
    known = [[*levels(table[name]), np.nan] for name in columns.categories]
    return _of_words(OneHotEncoder(categories=known, handle_unknown="ignore"))


def _numbered(table: pd.DataFrame, name: str) -> Model:
    """The level's number; all others share the next one, and what is missing stays so."""
    known = levels(table[name])
    return _of_words(
        OrdinalEncoder(
            categories=[[*known, np.nan]],
            handle_unknown="use_encoded_value",
            unknown_value=len(known),
        )
    )


def _of_words(encoder: Model) -> Model:
    """An encoder for words; a column without a word comes out of a CSV file as one of numbers."""
    words = FunctionTransformer(np.array, kw_args={"dtype": "O"})
    return Pipeline([("words", words), ("encode", encoder)])


def _boosted(table: pd.DataFrame, columns: Columns) -> Model:
    """Trees that see two features at most together, so that each risk can be taken apart."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # only who asks for it pays

    fewest = table[columns.target].value_counts().min()
    trees = HistGradientBoostingClassifier(
        categorical_features=list(range(len(columns.categories))) or None,
        interaction_cst="pairwise",
        early_stopping=bool(fewest >= FEWEST_TO_STOP),
        random_state=0,
    )
    enough = FEWEST_ROWS * (1 + len(table) // LOOKED_AT)
    numbers = [name for name in columns.numeric if table[name].count() >= enough]
    if len(numbers) == len(columns.features):
        return Pipeline([("fit", trees)])
    parts = [
        (f"category {place}", _numbered(table, name), [name])
        for place, name in enumerate(columns.categories)
    ]
    if numbers:  # no tree can be grown on a column in which it happens to see no number
        parts.append((NUMBERS, "passthrough", numbers))
    return Pipeline([("prepare", ColumnTransformer(parts)), ("fit", trees)])


def branches(model: Model) -> list[tuple[str, Any, list[str]]]:
    """What a model does to its columns one by one: a name, the transformer, the columns."""
    first = model[0] if isinstance(model, Pipeline) else None
    if not isinstance(first, ColumnTransformer):
        return []
    return [branch for branch in first.transformers_ if not isinstance(branch[1], str)]


def levels_of(model: Model) -> dict[str, list[Any]]:
    """The levels that a model knows of each category, nan for a missing one at the end."""
    return {
        name: known.tolist()
        for _, way, names in branches(model)
        if isinstance(way, Pipeline) and isinstance(way[-1], OneHotEncoder | OrdinalEncoder)
        for name, known in zip(names, way[-1].categories_, strict=True)
    }


def places(model: Model, columns: Columns) -> list[tuple[str, Any]]:
    """What a regression multiplies: a feature and none, or a category and its level, in order."""
    known = levels_of(model)
    names = [name for _, _, each in branches(model) for name in each] or columns.features
    return [(name, level) for name in names for level in known.get(name, [None])]


def learned(model: Model) -> list[Any]:
    """The numbers that a fitted model answers with."""
    ways = [model, *(way for _, way, _ in branches(model) if isinstance(way, Pipeline))]
    fills = [step.statistics_ for way in ways for step in way if isinstance(step, SimpleImputer)]
    last = model[-1]
    of_last = (last._baseline_prediction,) if is_boosted(model) else (last.coef_, last.intercept_)
    return [*fills, *of_last]


def is_boosted(model: Model) -> bool:
    """Whether a model is made of trees."""
    last = model[-1] if isinstance(model, Pipeline) else model
    return type(last).__name__ == "HistGradientBoostingClassifier"


def all_by_one_thread() -> contextlib.AbstractContextManager[Any]:
    """For as long as it is open, no library uses several threads, for trees or for matrices.

    Our rows are narrow, so threads wait for each other longer than they count: a fit by several
    takes more time, also on a million rows, and where the cores have other work, too, one risk
    by trees takes a fifth of a second instead of a hundredth.
    """
    limit: contextlib.AbstractContextManager[Any] = _pools().limit(limits=1)
    return limit


@functools.cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def slimmed(model: Model) -> Model:
    """A fitted model without what answering does not need, so that a pickle needs few classes.

    The numbers of the levels are whole from 0 up already, as the trees' own encoder would make
    them; where a level was never seen it answers as for a missing one, with or without it.
    """
    if is_boosted(model):
        trees = model[-1]
        trees._preprocessor = None
        trees._loss.__dict__ = {"link": trees._loss.link}
        for name in ("_feature_subsample_rng", "_random_seed", "_label_encoder"):
            delattr(trees, name)
        _slim(trees._bin_mapper)
    return model


def _slim(mapper: Any) -> None:
    """Leave of the bins the numbers of the levels."""
    mapper.bin_thresholds_ = [
        bins if is_category else np.empty(0)
        for bins, is_category in zip(mapper.bin_thresholds_, mapper.is_categorical_, strict=True)
    ]
    mapper.is_categorical = mapper.known_categories = mapper.random_state = None
    mapper.n_threads = None
    del mapper.n_bins_non_missing_
