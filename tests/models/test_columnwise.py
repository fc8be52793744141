"""A regression fitted column by column: what scikit-learn's own pipeline learns, at the optimum."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from risk.columns import Columns
from risk.models import columnwise, estimator, pipelines

Numbers = npt.NDArray[np.float64]
RANDOM = np.random.default_rng(7)
ROWS = 400
USUAL = np.round(np.exp(RANDOM.normal(4, 2, (ROWS, 3))))


def outcomes_of(numbers: Numbers) -> Numbers:
    """Outcomes that depend on the first column, and on chance."""
    first = np.nan_to_num(numbers[:, 0], posinf=0)
    rank = first.argsort().argsort() / len(first)
    return (RANDOM.random(len(first)) < 0.1 + 0.6 * rank).astype("float64")


def with_column(at: int, column: Any) -> Numbers:
    """The usual numbers with another column."""
    numbers = USUAL.copy()
    numbers[:, at] = column
    return numbers


def gaps(share: float) -> Numbers:
    """The usual numbers with so many of them missing."""
    return np.where(RANDOM.random(USUAL.shape) < share, np.nan, USUAL)


ODD = [
    pytest.param(USUAL, id="usual numbers"),
    pytest.param(with_column(1, 5.0), id="a constant column"),
    pytest.param(with_column(1, 0.1 + 1e-17), id="a constant whose mean is rounded"),
    pytest.param(with_column(1, 0.0), id="a column of zeros"),
    pytest.param(with_column(1, np.nan), id="a column without a number"),
    pytest.param(with_column(1, [np.nan] * (ROWS - 1) + [3]), id="a column with one number"),
    pytest.param(with_column(1, USUAL[:, 0]), id="a column twice"),
    pytest.param(with_column(1, 7 * USUAL[:, 0] + 6), id="nearly a column twice, compressed"),
    pytest.param(with_column(1, USUAL[:, 0] + USUAL[:, 2]), id="a sum of columns"),
    pytest.param(with_column(1, USUAL[:, 1] * 1e300), id="huge numbers"),
    pytest.param(with_column(1, USUAL[:, 1] * 1e-300), id="tiny numbers"),
    pytest.param(with_column(1, [1.0] * (ROWS - 1) + [1e200]), id="one far from all others"),
    pytest.param(gaps(0.1), id="missing cells"),
    pytest.param(gaps(0.9), id="hardly a number"),
    pytest.param(USUAL[:, :1], id="one column"),
    pytest.param(np.hstack([USUAL + n for n in range(20)]), id="more columns than Newton takes"),
    pytest.param(USUAL[:12], id="few rows"),
]


def tables(numbers: Numbers, left: Numbers) -> tuple[pd.DataFrame, Columns]:
    """These numbers as a dataset."""
    names = [f"n{place}" for place in range(numbers.shape[1])]
    columns = Columns("corporation", tuple(names), "exited")
    table = pd.DataFrame(numbers, columns=names).assign(corporation="A", exited=left)
    return table, columns


def learned(table: pd.DataFrame, columns: Columns, features: str) -> Any:
    """Our model of a dataset, which is fitted without a warning."""
    model, warned = estimator.fitted(table, columns, features, pipelines.LOGISTIC)
    assert warned == []
    return model


def way_to_the_optimum(model: Any, table: pd.DataFrame, columns: Columns) -> Numbers:
    """How far one more step of Newton's would move each weight, and the intercept."""
    rows = model[:-1].transform(table[list(columns.features)])
    rows = np.hstack([rows, np.ones((len(rows), 1))])
    weights = np.append(model[-1].coef_[0], model[-1].intercept_)
    penalty = np.append(np.ones(len(weights) - 1), 0.0)
    risks = 1 / (1 + np.exp(-rows @ weights))
    slope = rows.T @ (risks - table[columns.target]) + penalty * weights
    bend = (rows.T * (risks * (1 - risks))) @ rows + np.diag(penalty)
    step: Numbers = np.linalg.solve(bend, slope)
    return step


@pytest.mark.parametrize("numbers", ODD)
@pytest.mark.parametrize("features", ["log", "scaled"])
def test_the_weights_are_those_of_the_optimum(numbers: Numbers, features: str) -> None:
    if features == "scaled" and np.nanmax(numbers, initial=0) > 1e150:
        pytest.skip("no spread can be computed of numbers that are not compressed")
    table, columns = tables(numbers, outcomes_of(numbers))
    model = learned(table, columns, features)
    step = way_to_the_optimum(model, table, columns)
    most = 1e-6 if len(columns.features) <= pipelines.MOST_FOR_NEWTON else 1e-1
    assert np.abs(step).max() < most


@pytest.mark.parametrize("leavers", [1, ROWS - 1])
def test_one_client_that_differs_is_enough(leavers: int) -> None:
    left = np.zeros(ROWS)
    left[:leavers] = 1
    table, columns = tables(USUAL, left)
    model = learned(table, columns, "log")
    assert np.abs(way_to_the_optimum(model, table, columns)).max() < 1e-6


def test_outcomes_that_one_column_tells_surely_are_learned() -> None:
    table, columns = tables(USUAL, (USUAL[:, 0] > 50).astype("float64"))
    model = learned(table, columns, "log")
    assert np.abs(way_to_the_optimum(model, table, columns)).max() < 1e-6


@pytest.mark.parametrize("numbers", ODD)
@pytest.mark.parametrize("features", ["log", "scaled"])
def test_every_step_ends_in_the_state_that_scikit_learn_gives_it(
    numbers: Numbers, features: str
) -> None:
    table, columns = tables(numbers, outcomes_of(numbers))
    theirs = pipelines.linear(features, len(columns.features))
    names = list(columns.features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers without a spread
        try:
            theirs.fit(table[names], table["exited"].astype("int64"))
        except ValueError:
            pytest.skip("scikit-learn cannot learn from them either")
    ours = learned(table, columns, features)
    for our, their in zip(ours, theirs, strict=True):
        assert vars(our).keys() == vars(their).keys()
        for name, value in vars(their).items():
            found = vars(our)[name]
            assert type(found) is type(value), name
            if isinstance(value, np.ndarray) and value.dtype == "float64":
                rough = 1e-6 if name in ("coef_", "intercept_") else 1e-11
                np.testing.assert_allclose(found, value, rough, rough, err_msg=name)
            elif name != "n_iter_":
                assert repr(found) == repr(value), name
    assert np.allclose(ours.predict_proba(table[names]), theirs.predict_proba(table[names]))


def test_of_many_rows_two_steps_from_the_answer_of_a_sample_lead_to_the_optimum() -> None:
    rows = columnwise.MANY
    numbers = np.round(np.exp(RANDOM.normal(4, 2, (rows, 2))))
    table, columns = tables(numbers, outcomes_of(numbers))
    model = learned(table, columns, "log")
    assert model[-1].n_iter_ <= 3
    assert model[-1].warm_start is False
    assert np.abs(way_to_the_optimum(model, table, columns)).max() < 1e-6


def test_of_many_rows_a_sample_may_miss_the_only_client_that_left() -> None:
    rows = columnwise.MANY
    left = np.zeros(rows)
    left[1] = 1
    numbers = np.random.default_rng(3).normal(4, 2, (rows, 2))  # alike whatever ran before
    table, columns = tables(np.round(np.exp(numbers)), left)
    model = learned(table, columns, "log")
    step = way_to_the_optimum(model, table, columns)
    assert np.abs(step).max() < 1e-4, "one in so many bends the mean slope hardly, so it ends early"
