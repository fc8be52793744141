"""A risk taken apart: exact terms for regressions and trees, whatever the kinds of the columns."""

import math
from collections.abc import Callable, Set
from itertools import combinations
from typing import TypeAlias

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from risk.columns import Columns
from risk.models import estimator, pairwise
from risk.models.last_step import LastStep
from risk.reasons import attribution
from tests.reasons.subscribers import COLUMNS, FEW, LEARNED, MODELS, book

ACTIVITY = ("lastmonth_activity", "lastyear_activity")
PAIRED = Columns(
    "corporation", (*ACTIVITY, "number_of_employees"), "exited", pairs=((*ACTIVITY, 12.0),)
)


def log_odds(asked: estimator.Model, table: pd.DataFrame, columns: Columns) -> estimator.Numbers:
    found: estimator.Numbers = asked.decision_function(estimator.inputs(asked, table, columns))
    return found


@pytest.mark.parametrize("kind", MODELS)
def test_the_terms_of_every_kind_of_column_add_up_to_the_log_odds(kind: str) -> None:
    clients = book(1000, seed=5, missing=0.1)
    clients.loc[:20, "plan"] = "never seen"
    middle = attribution.average(MODELS[kind], clients, COLUMNS)
    terms = attribution.terms(MODELS[kind], clients, COLUMNS, middle)
    wanted = log_odds(MODELS[kind], clients, COLUMNS)
    assert np.abs(middle.log_odds + terms.parts.sum(axis=1) - wanted).max() < 1e-9


@pytest.mark.parametrize("kind", MODELS)
def test_the_terms_are_the_same_whatever_the_number_of_clients_at_once(kind: str) -> None:
    clients = book(500, seed=6)
    middle = attribution.average(MODELS[kind], clients, COLUMNS)
    terms = attribution.terms(MODELS[kind], clients, COLUMNS, middle)
    again = attribution.average(MODELS[kind], clients, COLUMNS, at_once=77)
    assert again.log_odds == pytest.approx(middle.log_odds, abs=1e-9)
    in_parts = attribution.terms(MODELS[kind], clients, COLUMNS, again, at_once=77)
    assert in_parts.parts == pytest.approx(terms.parts, abs=1e-9)


Worth: TypeAlias = Callable[[list[Set[int]]], estimator.Numbers]


def shapley(worth: Worth, width: int) -> estimator.Numbers:
    """The Shapley values by their definition: over all sets of the other features."""
    sets = [frozenset(s) for size in range(width + 1) for s in combinations(range(width), size)]
    of_set = dict(zip(sets, worth(sets), strict=True))
    total = np.zeros((len(of_set[frozenset()]), width))
    for chosen in sets:
        for at in set(range(width)) - chosen:
            ways = math.factorial(len(chosen)) * math.factorial(width - len(chosen) - 1)
            share = ways / math.factorial(width)
            total[:, at] += share * (of_set[chosen | {at}] - of_set[chosen])
    return total


def test_the_terms_of_trees_are_the_shapley_values_against_the_middle_client() -> None:
    clients = book(400, seed=7, missing=0.1)
    middle = attribution.average(MODELS["boosted"], clients, COLUMNS)
    terms = attribution.terms(MODELS["boosted"], clients, COLUMNS, middle).parts[:20]
    usual = dict(zip(COLUMNS.features, middle.values, strict=True))
    assert usual["balance"] == clients["balance"].median()
    assert usual["plan"] == clients["plan"].value_counts().index[0]

    def worth(sets: list[Set[int]]) -> estimator.Numbers:
        table = pd.concat([clients[:20]] * len(sets), ignore_index=True)
        for at, name in enumerate(COLUMNS.features):
            is_out = np.repeat([at not in chosen for chosen in sets], 20)
            table[name] = table[name].mask(is_out, usual[name])
        return log_odds(MODELS["boosted"], table, COLUMNS).reshape(len(sets), 20)

    wanted = shapley(worth, len(COLUMNS.features))
    assert np.abs(terms - wanted).max() < 1e-9
    assert (np.argsort(-np.abs(terms)) == np.argsort(-np.abs(wanted))).all()


def test_the_terms_of_a_regression_are_the_shapley_values_against_all_clients() -> None:
    """A regression's middle client is none: the mean over all whose values could be put in."""
    asked = estimator.fit(LEARNED, FEW, "log", "logistic")
    clients = book(60, seed=8, missing=0.1)
    middle = attribution.average(asked, clients, FEW)
    terms = attribution.terms(asked, clients, FEW, middle).parts[:20]
    own = clients.loc[np.repeat(np.arange(20), len(clients))].reset_index(drop=True)
    others = pd.concat([clients] * 20, ignore_index=True)

    def worth(sets: list[Set[int]]) -> estimator.Numbers:
        table = pd.concat([own] * len(sets), ignore_index=True)
        other = pd.concat([others] * len(sets), ignore_index=True)
        for at, name in enumerate(FEW.features):
            is_out = np.repeat([at not in chosen for chosen in sets], len(own))
            table[name] = table[name].where(~is_out, other[name])
        return log_odds(asked, table, FEW).reshape(len(sets), 20, -1).mean(axis=2)

    wanted = shapley(worth, len(FEW.features))
    assert np.abs(terms - wanted).max() < 1e-9
    assert (np.argsort(-np.abs(terms)) == np.argsort(-np.abs(wanted))).all()


@pytest.mark.parametrize("kind", MODELS)
def test_the_average_of_nobody_asks_nothing(kind: str) -> None:
    nobody = book(10, seed=9)[:0]
    middle = attribution.average(MODELS[kind], nobody, COLUMNS)
    assert math.isfinite(middle.log_odds)
    assert attribution.terms(MODELS[kind], nobody, COLUMNS, middle).parts.shape == (0, 12)


def test_trees_are_looked_up_as_they_answer() -> None:
    clients = book(2000, seed=10, missing=0.2)
    clients.loc[:50, "region"] = "never seen"
    numbers = clients[list(COLUMNS.numeric)].columns
    clients.loc[100:120, numbers] = 1e12
    clients.loc[121:140, ["balance", "discount"]] = -1e12
    step = LastStep(MODELS["boosted"], COLUMNS)
    assert step.tables
    found = step.log_odds(step.rows(clients))
    assert np.abs(found - log_odds(MODELS["boosted"], clients, COLUMNS)).max() < 1e-9


def test_trees_that_see_three_features_together_are_asked_themselves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    columns = COLUMNS._replace(features=("data_gb", "support_calls", "balance", "contract_end"))
    table = LEARNED[[*columns.features, "churned"]]
    trees = HistGradientBoostingClassifier(random_state=0, max_iter=5)
    asked = Pipeline([("fit", trees)]).fit(table[list(columns.features)], table["churned"])
    assert not pairwise.Pairwise(asked).agrees
    middle = attribution.average(asked, table, columns)
    assert np.isfinite(attribution.terms(asked, table, columns, middle).parts).all()
    assert "cannot be looked up" in caplog.text


def paired(rows: int, seed: int) -> pd.DataFrame:
    """Clients whose activity of a month is a share of that of their year."""
    random = np.random.default_rng(seed)
    year = np.round(np.exp(random.normal(7, 1.2, rows)))
    ratio = np.exp(random.normal(0, 0.8, rows))
    table = pd.DataFrame(
        {
            "corporation": pd.Series([f"{place:04}" for place in range(rows)], dtype="str"),
            "lastmonth_activity": np.round(year / 12 * ratio),
            "lastyear_activity": year,
            "number_of_employees": np.round(np.exp(random.normal(4, 1, rows))) + 1,
            "exited": (random.random(rows) < 1 / (1 + 2 * ratio**2)).astype("float64"),
        }
    )
    table.loc[0, "lastmonth_activity"] = np.nan
    table.loc[1, "lastyear_activity"] = np.nan
    table.loc[2, "lastyear_activity"] = 0.0
    table.loc[3, "lastmonth_activity"] = 0.0
    return table


@pytest.mark.parametrize("kind", MODELS)
def test_a_change_is_what_the_month_adds_beyond_the_client_s_own_level(kind: str) -> None:
    table = paired(1500, seed=1)
    asked = estimator.fit(table, PAIRED, "log", kind)
    middle = attribution.average(asked, table, PAIRED)
    changes = attribution.terms(asked, table, PAIRED, middle).changes[:, 0]
    assert np.isnan(changes[:3]).all()
    assert np.isfinite(changes[3:]).all()
    usual = table["lastyear_activity"] * middle.values[0] / middle.values[1]
    unchanged = table.assign(lastmonth_activity=usual)
    own = log_odds(asked, table, PAIRED) - log_odds(asked, unchanged, PAIRED)
    beside = {"number_of_employees": middle.values[2]}
    by_middle = log_odds(asked, table.assign(**beside), PAIRED)
    by_middle = by_middle - log_odds(asked, unchanged.assign(**beside), PAIRED)
    assert changes[3:] == pytest.approx(((own + by_middle) / 2)[3:], abs=1e-9)
    assert kind == "boosted" or changes[3:] == pytest.approx(own[3:], abs=1e-9)


def test_a_change_that_no_middle_client_can_be_compared_with_is_not_told() -> None:
    table = paired(300, seed=2).assign(lastyear_activity=0.0)
    table["exited"] = np.arange(300) % 2.0
    asked = estimator.fit(table, PAIRED, "log", "logistic")
    middle = attribution.average(asked, table, PAIRED)
    assert np.isnan(attribution.terms(asked, table, PAIRED, middle).changes).all()
