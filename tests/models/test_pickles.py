"""Pickles that are almost models of ours: each is refused, and none ends the process."""

import builtins
import copy
import functools
import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from risk.errors import ArtefactRefused
from risk.models import estimator
from risk.models.trees import NODE
from tests.models.mixed import COLUMNS, table
from tests.models.test_estimator import Call, outcomes_of

KNOWN = table(600)
ROWS = KNOWN[list(COLUMNS.features)]
BOOSTED = estimator.fit(KNOWN, COLUMNS, "log", "boosted")
LINEAR = estimator.fit(KNOWN, COLUMNS, "log", "logistic")
Wrong = Callable[[Any], object]


def refusal_of(content: bytes) -> str:
    """What is said of a pickle that is refused."""
    with pytest.raises(ArtefactRefused) as refusal:
        estimator.loads(content, "trainedmodel.pkl", COLUMNS)
    assert (refusal.value.exit_code, "\n" in str(refusal.value)) == (76, False)
    return str(refusal.value)


def with_wrong(model: Any, wrong: Wrong) -> bytes:
    """The pickle of a model in which something is put wrong."""
    changed = copy.deepcopy(model)
    wrong(changed)
    return pickle.dumps(changed, protocol=4)


def test_the_nodes_of_trees_are_as_scikit_learn_has_them() -> None:
    assert NODE == PREDICTOR_RECORD_DTYPE


def test_as_they_are_both_are_accepted() -> None:
    for model in (BOOSTED, LINEAR):
        assert outcomes_of([pickle.dumps(copy.deepcopy(model), 4)], COLUMNS) == ["loaded"]


# -- trees ---------------------------------------------------------------------------------------


def nodes(model: Any) -> Any:
    return model[-1]._predictors[0][0].nodes


def put(field: str, value: object, at: int = 0) -> Wrong:
    """A node of the first tree gets another value."""

    def wrong(model: Any) -> None:
        assert not nodes(model)["is_leaf"][at]
        nodes(model)[field][at] = value

    return wrong


def sorts(field: str, value: object) -> Wrong:
    """A node that tells levels apart gets another value."""

    def wrong(model: Any) -> None:
        for (tree,) in model[-1]._predictors:
            places = np.flatnonzero(tree.nodes["is_categorical"])
            tree.nodes[field][places] = value

    return wrong


def tree(**values: Any) -> Wrong:
    return lambda model: vars(model[-1]._predictors[0][0]).update(values)


def trees(**values: Any) -> Wrong:
    return lambda model: vars(model[-1]).update(values)


def mapper(**values: Any) -> Wrong:
    return lambda model: vars(model[-1]._bin_mapper).update(values)


def of_width(width: int) -> Any:
    return np.zeros((width, 8), dtype=np.uint32)


def numbers(*values: float) -> Any:
    return np.array(values, dtype="float64")


def categories(value: float) -> Wrong:
    """The first level of a category is another number."""

    def wrong(model: Any) -> None:
        model[-1]._bin_mapper.bin_thresholds_[0][0] = value

    return wrong


def wide_type(field: str, kind: str) -> Any:
    fields = [(name, kind if name == field else NODE[name]) for name in NODE.names or ()]
    return np.dtype(fields)


WRONG_TREES = {
    "a child beyond the end": put("left", 2**31),
    "the other child beyond the end": put("right", 10_000),
    "a child just beyond the end": lambda model: put("right", len(nodes(model)))(model),
    "a node that is its own child": put("left", 0),
    "a child before its parent": put("left", 0, at=1),
    "a circle of two": lambda model: (put("left", 1)(model), put("left", 0, at=1)(model)),
    "a feature beyond the row": put("feature_idx", 7),
    "a feature far beyond the row": put("feature_idx", 2**40),
    "a feature before the row": put("feature_idx", -1),
    "a bitset that is not there": lambda model: sorts(
        "bitset_idx", max(len(tree.raw_left_cat_bitsets) for (tree,) in model[-1]._predictors)
    )(model),
    "a bitset far away": sorts("bitset_idx", 2**31),
    "levels of a number": sorts("feature_idx", 6),
    "a leaf without an end": put("value", np.nan),
    "an endless leaf": lambda model: nodes(model)["value"].fill(np.inf),
    "no nodes": tree(nodes=np.zeros(0, dtype=NODE)),
    "a tree without a leaf": lambda model: nodes(model)["is_leaf"].fill(0),
    "nodes in two dimensions": tree(nodes=np.zeros((1, 1), dtype=NODE)),
    "nodes of numbers": tree(nodes=numbers(1, 2, 3)),
    "nodes of objects": tree(nodes=np.array(["a", "b"], dtype="O")),
    "nodes in a list": tree(nodes=[0.0]),
    "nodes of another type": tree(nodes=np.zeros(3, dtype=wide_type("feature_idx", "<i4"))),
    "nodes in the other byte order": tree(nodes=np.zeros(3, dtype=wide_type("left", ">u4"))),
    "nodes that hold objects": tree(nodes=np.zeros(3, dtype=wide_type("value", "O"))),
    "nodes that hold nodes": tree(nodes=np.zeros(3, dtype=wide_type("value", "2f8"))),
    "bitsets too narrow": tree(raw_left_cat_bitsets=np.zeros((9, 1), dtype=np.uint32)),
    "bitsets by column": tree(raw_left_cat_bitsets=np.asfortranarray(of_width(9))),
    "bitsets of another type": tree(raw_left_cat_bitsets=of_width(9).astype("uint8")),
    "bitsets in one dimension": tree(raw_left_cat_bitsets=np.zeros(8, dtype=np.uint32)),
    "no bitsets": tree(raw_left_cat_bitsets=None),
    "a tree that is none": trees(_predictors=[[None]]),
    "a row of trees at a time": lambda model: (
        model[-1]._predictors[0].append(model[-1]._predictors[0][0])
    ),
    "no trees at a time": trees(_predictors=[[]]),
    "trees in a tuple": lambda model: trees(_predictors=tuple(model[-1]._predictors))(model),
    "trees by name": trees(_predictors={}),
    "a level of 256": categories(256.0),
    "a level far away": categories(1e18),
    "a level below 0": categories(-1.0),
    "half a level": categories(0.5),
    "a level that is none": categories(np.nan),
    "levels of objects": mapper(bin_thresholds_=[np.array(["a"], dtype="O")] * 7),
    "levels of too few columns": mapper(bin_thresholds_=[numbers(0)]),
    "no levels": mapper(bin_thresholds_=None),
    "another count of columns": mapper(is_categorical_=np.ones(700, dtype=np.uint8)),
    "kinds of columns that are objects": mapper(is_categorical_=np.array(["a"] * 7, dtype="O")),
    "bins that are none": trees(_bin_mapper=None),
    "more bins than a byte has": mapper(n_bins=2**20),
    "rows of another width": trees(n_features_in_=9),
    "rows without a width": trees(n_features_in_=None),
    "a width that is true": trees(n_features_in_=True),
    "many classes": trees(n_trees_per_iteration_=2**40),
    "a beginning of objects": trees(_baseline_prediction=np.array([["a"]], dtype="O")),
    "a beginning for many": trees(_baseline_prediction=np.zeros((1, 1000))),
    "a fit that goes on": trees(_in_fit=True),
    "an encoder in front": trees(_preprocessor=OrdinalEncoder()),
    "another method": trees(_raw_predict=np.log1p),
    "another word": trees(odd=1),
    "another loss": trees(_loss=None),
    "a loss with another link": lambda model: vars(model[-1]._loss).update(link=np.log1p),
    "a loss with a method": lambda model: vars(model[-1]._loss).update(predict_proba=np.log1p),
    "a link with a method": lambda model: vars(model[-1]._loss.link).update(inverse=np.log1p),
    "names of other columns": lambda model: setattr(
        model[0], "feature_names_in_", np.array(["a"] * 7, dtype="O")
    ),
}


@pytest.mark.parametrize("wrong", WRONG_TREES.values(), ids=list(WRONG_TREES))
def test_trees_that_lead_astray_are_refused(wrong: Wrong) -> None:
    content = with_wrong(BOOSTED, wrong)
    assert outcomes_of([content], COLUMNS) == ["ArtefactRefused"]
    refusal_of(content)


def test_trees_of_numbers_alone_are_checked_as_well() -> None:
    columns = COLUMNS._replace(features=("usage", "balance"))
    fitted = estimator.fit(KNOWN, columns, "log", "boosted")
    assert outcomes_of([estimator.dumps(fitted)], columns) == ["loaded"]
    for wrong in (put("feature_idx", 2), put("left", 2**31), put("is_categorical", 1)):
        assert outcomes_of([with_wrong(fitted, wrong)], columns) == ["ArtefactRefused"]


def test_trees_that_are_filled_while_they_are_read_are_refused() -> None:
    """A list that holds the model which holds the list is whole only when all has been made."""
    odd = copy.deepcopy(BOOSTED)
    put("left", 2**31)(odd)
    rounds: list[Any] = []
    bad, odd[-1]._predictors = odd[-1]._predictors, rounds
    rounds += [odd, *bad]
    assert (
        outcomes_of([pickle.dumps(rounds, 4), pickle.dumps(odd, 4)], COLUMNS)
        == ["ArtefactRefused"] * 2
    )


# -- what stands before them ---------------------------------------------------------------------


def way(model: Any, name: str) -> Any:
    return next(each for own, each, _ in model[0].transformers_ if own == name)


def function(**values: Any) -> Wrong:
    """The function that compresses numbers is another one."""
    return lambda model: vars(way(model, "numbers")[1]).update(values)


def apart(value: object) -> Wrong:
    return lambda model: vars(way(model, "signed")[1]).update(kw_args={"b": value})


def encoder(**values: Any) -> Wrong:
    return lambda model: vars(way(model, "categories")[1]).update(values)


def columns_apart(**values: Any) -> Wrong:
    return lambda model: vars(model[0]).update(values)


def last(**values: Any) -> Wrong:
    return lambda model: vars(model[-1]).update(values)


LEVELS = [np.array(["a", np.nan], dtype="O")] * 2
EYE = np.hstack([np.eye(3), -np.eye(3)])
WRONG_WAYS = {
    "a partial": function(func=functools.partial(np.log1p)),
    "a partial of what acts": function(func=functools.partial(os.system, "true")),
    "another function of numpy's": function(func=np.exp),
    "a function that reads files": function(func=np.load),
    "a built-in function": function(func=builtins.print),
    "a class": function(func=Pipeline),
    "a type of numbers": function(func=np.float64),
    "no function but an argument": function(func=None, kw_args={"b": np.eye(2)}),
    "an argument too many": function(kw_args={"out": np.zeros(3)}),
    "the way back": function(inverse_func=np.log1p),
    "an array of objects": apart(np.array([["a"]], dtype="O")),
    "an array that is a list": apart([[1.0]]),
    "an array of other numbers": apart(2 * EYE),
    "an array of another shape": apart(np.zeros((1, 100_000))),
    "an array of one dimension": apart(numbers(1.0)),
    "no array": lambda model: vars(way(model, "signed")[1]).update(kw_args={}),
    "an array and a place to write": lambda model: vars(way(model, "signed")[1]).update(
        kw_args={"b": EYE, "out": np.zeros(3)}
    ),
    "other ends": lambda model: vars(way(model, "signed")[2]).update(
        kw_args={"a_min": "a", "a_max": None}
    ),
    "words as numbers": lambda model: vars(way(model, "categories")[0]).update(
        kw_args={"dtype": "f8"}
    ),
    "fewer places than levels": encoder(_n_features_outs=[1, 1]),
    "more places than levels": encoder(_n_features_outs=[10**9, 10**9]),
    "places that are none": encoder(_n_features_outs=None),
    "levels that are left out": encoder(_drop_idx_after_grouping=np.array([0, 0])),
    "rare levels together": encoder(_infrequent_enabled=True),
    "levels of another kind": encoder(categories_=[numbers(1.0), numbers(2.0)]),
    "levels without an end": encoder(categories_=[np.array(["a"], dtype="O")] * 2),
    "no level at all": encoder(categories_=[np.array([], dtype="O")] * 2),
    "levels of one column": encoder(categories_=LEVELS[:1], _n_features_outs=[2]),
    "levels that are missing": lambda model: vars(way(model, "categories")[1]).pop("categories_"),
    "another kind of numbers": encoder(dtype="O"),
    "many processes": columns_apart(n_jobs=-1),
    "another output": columns_apart(_sklearn_output_config={"transform": "pandas"}),
    "columns by a function": lambda model: columns_apart(
        transformers_=[(*model[0].transformers_[0][:2], np.log1p)]
    )(model),
    "columns by number": lambda model: columns_apart(
        transformers_=[(*model[0].transformers_[0][:2], [0, 10**9])]
    )(model),
    "no columns apart": columns_apart(transformers_=None),
    "weights of objects": last(coef_=np.array([["a"] * 10], dtype="O")),
    "too few weights": last(coef_=np.zeros((1, 1))),
    "an intercept of objects": last(intercept_=np.array(["a"], dtype="O")),
    "another method": last(predict_proba=np.log1p),
}


@pytest.mark.parametrize("wrong", WRONG_WAYS.values(), ids=list(WRONG_WAYS))
def test_a_model_that_prepares_its_rows_otherwise_is_refused(wrong: Wrong) -> None:
    content = with_wrong(LINEAR, wrong)
    assert outcomes_of([content], COLUMNS) == ["ArtefactRefused"]
    refusal_of(content)


def forest() -> Any:
    return Pipeline([("fit", RandomForestClassifier(2).fit([[0], [1]], [0, 1]))])


def untrimmed() -> Any:
    rows = np.arange(100.0)[:, None]
    return Pipeline([("fit", HistGradientBoostingClassifier().fit(rows, rows[:, 0] > 50))])


OTHERS = {
    "a forest": (forest, "RandomForestClassifier"),
    "trees with all that fitting needs": (untrimmed, "asks for "),
    "columns apart by another class": (
        lambda: ColumnTransformer([("a", forest(), [0])]),
        "RandomForestClassifier",
    ),
    "a range of what is none": (lambda: Call(slice, "a"), "a range that is none"),
    "a set": (lambda: {1, 2}, "a set"),
    "bytes": (lambda: b"abc", "bytes"),
    "a table with odd keys": (lambda: {(1, 2): 3}, "keys"),
    "a frame": (lambda: ROWS[:1], "asks for"),
    "a call of numpy": (lambda: Call(np.dot, [[1.0]], [[1.0]]), "not callable"),
    "another call of numpy": (lambda: Call(np.array, "x" * 10), "not callable"),
    "a huge result": (lambda: Call(np.dot, [[1.0]] * 10_000, [[1.0] * 10_000]), "not callable"),
    "a model with a state that is none": (
        lambda: Call(Pipeline, state=["steps"]),
        "a Pipeline that is none",
    ),
}


@pytest.mark.parametrize(("value", "said"), OTHERS.values(), ids=list(OTHERS))
def test_what_only_looks_like_a_model_is_refused(value: Callable[[], Any], said: str) -> None:
    content = pickle.dumps(value(), 4)
    assert outcomes_of([content], COLUMNS) == ["ArtefactRefused"]
    with pytest.raises(ArtefactRefused, match=said):
        estimator.loads(content, "trainedmodel.pkl", COLUMNS)


def test_a_model_that_holds_itself_is_refused() -> None:
    odd = Pipeline([("fit", FunctionTransformer())])
    odd.steps.append(("again", odd))
    assert outcomes_of([pickle.dumps(odd, 4)], COLUMNS) == ["ArtefactRefused"]


@pytest.mark.parametrize(
    "count", [40, pytest.param(400, marks=pytest.mark.slow)], ids="{} bytes".format
)
@pytest.mark.parametrize("name", ["BOOSTED", "LINEAR"])
def test_a_model_with_one_wrong_byte_ends_no_process(name: str, count: int) -> None:
    content = estimator.dumps(globals()[name])
    random = np.random.default_rng(0)
    damaged = []
    for position in random.choice(len(content), count, replace=False):
        wrong = bytearray(content)
        wrong[position] ^= 1 << random.integers(8)
        if wrong[position] != ord("r"):  # after which Python sets memory aside
            damaged.append(bytes(wrong))
    outcomes = outcomes_of(damaged, COLUMNS)
    assert set(outcomes) == {"loaded", "ArtefactRefused"}, f"crashed on number {len(outcomes)}"
    assert len(outcomes) == len(damaged)


def test_what_is_accepted_answers_every_row() -> None:
    """Rows with all that a table of ours may hold, asked of models that came out of a pickle."""
    odd = pd.concat([ROWS, estimator.trial(COLUMNS)]).assign(
        balance=1e300, usage=[1e300, 0.0] * 301
    )
    for model in (BOOSTED, LINEAR):
        back = estimator.loads(estimator.dumps(model), "trainedmodel.pkl", COLUMNS)
        risks = estimator.probability(back, odd, COLUMNS)
        assert ((risks >= 0) & (risks <= 1)).all()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"]" * 100_000 + b"a" * 99_999 + b".", id="lists in lists"),
        pytest.param(b")" + b"\x85" * 100_000 + b".", id="tuples in tuples"),
        pytest.param(b"]" + b"2a2a" * 50 + b".", id="a list that holds itself"),
    ],
)
def test_depth_without_end_is_refused(content: bytes) -> None:
    assert outcomes_of([b"\x80\x04" + content], COLUMNS) == ["ArtefactRefused"]
