"""Which model is chosen, by clients that it has not seen, and where its risks are cut best."""

import logging
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss

from company import fabricate
from risk.columns import Columns
from risk.learning import choice, evaluation
from risk.learning.choice import CrossValidated
from risk.models import estimator
from tests.models.mixed import COLUMNS, table

SHIPPED = Columns(
    "corporation", ("lastmonth_activity", "lastyear_activity", "number_of_employees"), "exited"
)


# -- groups of clients ---------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0.0, 1.0])), min_size=1, max_size=120)
)
def test_a_clients_rows_are_in_one_group_and_each_outcome_is_in_several(
    rows: list[tuple[int, float]],
) -> None:
    known = pd.DataFrame(rows, columns=["client", "left"])
    known["client"] = known["client"].map("C{:02}".format).astype("str")
    group = choice.folds(known, COLUMNS)
    assert (pd.Series(group).groupby(known["client"]).nunique() == 1).all()
    assert (choice.folds(known, COLUMNS) == group).all()
    clients = pd.Series(group).groupby(known["client"]).first()
    assert clients.value_counts().reindex(range(5), fill_value=0).max() <= -(-len(clients) // 5)
    for outcome in (0, 1):
        of_outcome = known["left"] == outcome
        if known["client"][of_outcome].nunique() >= 5:
            assert len(set(group[of_outcome])) > 1


def test_the_groups_do_not_depend_on_the_order_of_the_rows() -> None:
    known = table(300)
    turned = known[::-1]
    assert (choice.folds(turned, COLUMNS)[::-1] == choice.folds(known, COLUMNS)).all()


def test_of_very_many_rows_some_clients_are_looked_at() -> None:
    known = table(1000)
    group = choice.folds(known, COLUMNS, most_rows=400)
    assert set(group) == {-1, 0, 1, 2, 3, 4}
    assert (group >= 0).sum() == 400
    of_some = choice.learn(known, COLUMNS, "log", "logistic", most_rows=400)
    assert of_some.threshold not in (
        None,
        choice.learn(known, COLUMNS, "log", "logistic").threshold,
    )


# -- which model ---------------------------------------------------------------------------------


CHOSEN = re.compile(
    r"(\w+) was chosen: its log-loss in cross-validation is (0\.\d{3}), (\w+) has (0\.\d{3})"
)


def test_trees_are_chosen_where_the_truth_has_curves_and_interactions() -> None:
    learned = choice.learn(table(2000, is_bent=True), COLUMNS, "log", "auto")
    said = CHOSEN.fullmatch(learned.choice)
    assert said
    assert said.group(1, 3) == ("boosted", "logistic")
    assert float(said[2]) < float(said[4]) - 0.1
    assert learned.kind == "boosted"
    assert learned.model[-1].interaction_cst == "pairwise"


def test_the_regression_is_chosen_where_it_is_as_good() -> None:
    known = pd.concat(fabricate.periods(2, clients=800, seed=3)).dropna(subset="exited")
    learned = choice.learn(known, SHIPPED, "log", "auto")
    said = CHOSEN.fullmatch(learned.choice)
    assert said
    assert (said[1], learned.kind) == ("logistic", "logistic")
    alone = estimator.fit(known, SHIPPED, "log")
    assert estimator.dumps(learned.model) == estimator.dumps(alone)


@pytest.mark.parametrize(("outcome", "word"), [(1.0, "left"), (0.0, "stayed")])
def test_where_few_clients_left_or_stayed_nothing_is_compared(outcome: float, word: str) -> None:
    known = table(200).assign(left=1 - outcome)
    known.loc[:7, "left"] = outcome  # of four clients
    learned = choice.learn(known, COLUMNS, "log", "auto")
    assert (learned.kind, learned.threshold) == ("logistic", None)
    why = f"only 4 clients that {word} are known, and 5 are needed"
    assert learned.choice == f"logistic was chosen without a cross-validation: {why}"
    known.loc[:8, "left"] = outcome
    assert choice.learn(known, COLUMNS, "log", "auto").threshold is not None


@pytest.mark.parametrize("kind", ["logistic", "boosted"])
def test_what_is_asked_for_is_not_discussed(kind: str) -> None:
    learned = choice.learn(table(400), COLUMNS, "log", kind)
    assert (learned.kind, learned.choice) == (kind, "")
    assert learned.threshold is not None


def test_a_model_that_cannot_be_fitted_is_not_chosen(caplog: pytest.LogCaptureFixture) -> None:
    """Numbers too large for a sum of squares: the regression on raw numbers fails on them."""
    known = table(400).assign(balance=np.where(np.arange(400) < 4, 1.7e308, 1.0))
    with caplog.at_level(logging.WARNING):
        found = choice._unlearned(known, COLUMNS, "scaled", "logistic")
    assert found is None
    assert "cannot be cross-validated" in caplog.text


@pytest.mark.parametrize("giant", [1e100, 1e300, 1.7e308])
def test_a_giant_ends_no_comparison(giant: float) -> None:
    known = table(400)
    known.loc[:1, ["balance", "invoice"]] = giant  # of one client
    learned = choice.learn(known, COLUMNS, "log", "auto")
    assert 0 <= (learned.threshold or 0) <= 1
    assert "was chosen" in learned.choice
    for features in ("raw", "log", "scaled"):
        found = choice._unlearned(known, COLUMNS, features, "logistic")
        assert found is None or np.isfinite(found.log_loss), features


def test_numbers_that_look_the_same_are_shown_with_more_digits() -> None:
    same = np.array([True, False] * 10)
    validated: dict[str, CrossValidated | None] = {
        "logistic": CrossValidated(same, np.full(20, 0.5)),
        "boosted": CrossValidated(same, np.where(same, 0.50001, 0.49999)),
    }
    assert choice._chosen(validated, "") == (
        "boosted",
        "boosted was chosen: its log-loss in cross-validation is 0.69313, logistic has 0.69315",
    )


def test_the_log_loss_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    left, risks = random.random(100) < 0.3, random.random(100)
    assert CrossValidated(left, risks).log_loss == pytest.approx(log_loss(left, risks))


# -- where risks are cut -------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60).filter(
        lambda rows: any(left for left, _ in rows)
    )
)
def test_no_threshold_has_a_better_f1(rows: list[tuple[bool, int]]) -> None:
    left = np.array([left for left, _ in rows])
    risks = np.array([risk / 20 for _, risk in rows])
    best = CrossValidated(left, risks).best_threshold
    reached = f1_score(left, risks >= best)
    assert all(reached >= f1_score(left, risks >= other) for other in set(risks))
    assert 0 <= best <= 1


def test_the_threshold_is_found_with_clients_that_the_model_had_not_seen() -> None:
    """At a low rate of leavers, F1 at 0.5 is near nothing; new clients are cut as well by it."""
    known, new = table(3000), table(3000, seed=5)
    known = known[(known["left"] == 0) | (np.arange(3000) % 5 == 0)]
    new = new[(new["left"] == 0) | (np.arange(3000) % 5 == 0)]
    learned = choice.learn(known, COLUMNS, "log", "logistic")
    on = evaluation.evaluate(learned.model, {"new": new}, COLUMNS, learned.threshold)["new"]
    measured = on.quality(0.1)
    assert measured["threshold"] == learned.threshold
    assert measured["f1_best"] == f1_score(on.left, on.risks >= measured["threshold"])
    assert measured["f1_best"] > measured["f1"] + 0.05


def test_without_a_threshold_nothing_is_said_of_one() -> None:
    known = table(300)
    fitted = estimator.fit(known, COLUMNS, "log")
    on = evaluation.evaluate(fitted, {"": known}, COLUMNS)[""]
    assert on.f1_best is None
    assert not {"f1_best", "threshold"} & on.quality(0.1).keys()
