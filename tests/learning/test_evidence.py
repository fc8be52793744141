"""What new outcomes say of a model: whether it holds, and if not, what has changed."""

import functools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from company import fabricate
from risk.columns import Columns
from risk.learning import choice, directions, evidence
from risk.learning.choice import Learned
from risk.learning.evidence import HOLDS, LEVEL, SHAPE, UNKNOWN, Evidence, Reference
from risk.models import estimator
from tests.models import mixed

SHIPPED = Columns(
    "corporation", ("lastmonth_activity", "lastyear_activity", "number_of_employees"), "exited"
)
PLAIN = Columns("client", ("calls", "debts", "rooms"), "left")
KINDS = pytest.mark.parametrize("kind", ["logistic", "boosted"])

Weights = tuple[float, float, float, float]
TRUTH: Weights = (-2.0, 0.9, -0.6, 0.0)


def plain(rows: int, seed: int, truth: Weights = TRUTH) -> pd.DataFrame:
    """Rows of a truth that a regression on compressed numbers can learn."""
    random = np.random.default_rng(seed)
    numbers = random.standard_normal((rows, 3))
    left = random.random(rows) < 1 / (1 + np.exp(-truth[0] - numbers @ truth[1:]))
    table = pd.DataFrame(np.expm1(5 + numbers), columns=list(PLAIN.features))
    return table.assign(
        client=pd.Series([f"C{place}" for place in range(rows)], dtype="str"),
        left=left.astype("float64"),
    )


def weighed(learned: Learned, rows: pd.DataFrame, columns: Columns) -> Evidence:
    """What the rows say of a model."""
    assert learned.reference
    return evidence.weigh(learned.model, learned.reference, rows, columns)


def months(count: int, clients: int, seed: int, **change: Any) -> list[pd.DataFrame]:
    """Months of one truth, the last one perhaps of another."""
    return fabricate.periods(count + 1, clients, seed, **change)[1:]


# -- how often it is wrong -----------------------------------------------------------------------


def false_alarms(
    draws: int, pair: Callable[[int], list[pd.DataFrame]], columns: Columns, kind: str
) -> npt.NDArray[np.float64]:
    """The p-values where new rows are of the truth that the model has learned."""
    found = []
    for draw in range(draws):
        known, new = pair(draw)
        found.append(weighed(choice.learn(known, columns, "log", kind), new, columns).p)
    return np.array(found)


def plausible(alarms: int, draws: int, share: float) -> bool:
    """Whether so many false alarms are no surprise at this share (in one of 10,000 cases)."""
    return bool(stats.binom.sf(alarms - 1, draws, share) > 1e-4)


def pair_of_plain(rows: int, training: int) -> Callable[[int], list[pd.DataFrame]]:
    return lambda draw: [plain(training, 2 * draw), plain(rows, 2 * draw + 1)]


def pair_of_months(clients: int, training: int) -> Callable[[int], list[pd.DataFrame]]:
    def drawn(draw: int) -> list[pd.DataFrame]:
        *known, new = months(training + 1, clients, draw)
        return [pd.concat(known, ignore_index=True), new]

    return drawn


def test_rows_of_the_same_truth_are_hardly_ever_taken_for_others() -> None:
    p = false_alarms(25, pair_of_plain(1500, 500), PLAIN, "logistic")
    assert plausible((p < 0.05).sum(), 25, 0.05)
    assert plausible((p > 0.5).sum(), 25, 0.5)
    assert plausible((p < 0.5).sum(), 25, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "clients", "training", "draws"),
    [
        ("logistic", 300, 3, 250),  # of which 250 stay until the last month
        ("logistic", 1000, 1, 250),
        ("logistic", 10_000, 3, 20),
        ("boosted", 1000, 1, 40),
        ("boosted", 1000, 4, 20),
    ],
)
def test_months_of_one_truth_are_hardly_ever_taken_for_others(
    kind: str, clients: int, training: int, draws: int
) -> None:
    p = false_alarms(draws, pair_of_months(clients, training), SHIPPED, kind)
    assert plausible((p < 0.01).sum(), draws, 0.02)
    assert plausible((p < 0.1).sum(), draws, 0.12)


# -- what it finds -------------------------------------------------------------------------------


@KINDS
def test_a_model_that_holds_is_said_to_hold(kind: str) -> None:
    known, new = plain(3000, 1), plain(2000, 2)
    found = weighed(choice.learn(known, PLAIN, "log", kind), new, PLAIN)
    assert found.what == HOLDS
    assert found.p >= 0.01
    assert found.features == ()
    assert found.sentence == (
        f"the deployed model still holds on 2,000 new outcomes ({evidence.chance(found.p)})"
    )


@KINDS
def test_more_that_leave_are_a_change_of_the_level_alone(kind: str) -> None:
    learned = choice.learn(plain(4000, 1), PLAIN, "log", kind)
    new = plain(4000, 2, (-1.5, *TRUTH[1:]))
    found = weighed(learned, new, PLAIN)
    assert found.what == LEVEL
    assert found.delta == pytest.approx(0.5, abs=0.15)
    assert found.effect == pytest.approx(found.delta, abs=0.15)
    assert found.sentence == (
        f"of 4,000 new outcomes {found.leavers:,} left, {found.expected:,.0f} were expected "
        "(p < 0.0001): more leave, the order of the list still holds"
    )
    moved = estimator.recalibrated(learned.model, found.delta)
    risks = estimator.probability(moved, new, PLAIN)
    assert risks.sum() == pytest.approx(found.leavers, abs=1e-3)
    fewer = weighed(learned, plain(4000, 2, (-2.7, *TRUTH[1:])), PLAIN)
    assert (fewer.what, fewer.sentence[-44:]) == (
        LEVEL,
        "fewer leave, the order of the list still holds"[-44:],
    )


@KINDS
def test_a_feature_without_weight_that_begins_to_matter_is_seen(kind: str) -> None:
    learned = choice.learn(plain(4000, 1), PLAIN, "log", kind)
    found = weighed(learned, plain(4000, 2, (*TRUTH[:3], 0.5)), PLAIN)
    assert (found.what, found.features) == (SHAPE, ("rooms",))
    assert found.sentence == "rooms began to count (p < 0.0001)"


@KINDS
def test_a_feature_that_counts_less_and_one_that_turned_are_told_apart(kind: str) -> None:
    learned = choice.learn(plain(4000, 1), PLAIN, "log", kind)
    found = weighed(learned, plain(4000, 2, (-2.0, 0.9, 0.6, 0.0)), PLAIN)
    assert found.sentence == "debts counts the other way round (p < 0.0001)"
    found = weighed(learned, plain(4000, 3, (-2.0, 0.3, -0.6, 0.0)), PLAIN)
    assert found.sentence == "calls counts less than the model says (p < 0.0001)"
    found = weighed(learned, plain(4000, 3, (-2.0, 1.6, -0.6, 0.0)), PLAIN)
    assert found.sentence == "calls counts more than the model says (p < 0.0001)"


@KINDS
def test_clients_that_leave_for_other_reasons_are_noticed(kind: str) -> None:
    *known, new = months(3, 1500, seed=3, drift=True)
    learned = choice.learn(pd.concat(known, ignore_index=True), SHIPPED, "log", kind)
    found = weighed(learned, new, SHIPPED)
    assert (found.what, found.p < 1e-9) == (SHAPE, True)
    assert "number_of_employees" in found.features


# -- where little can be told --------------------------------------------------------------------


def test_few_outcomes_tell_nothing_yet() -> None:
    learned = choice.learn(plain(3000, 1), PLAIN, "log", "logistic")
    new = plain(2000, 2)
    few = weighed(learned, new[:199], PLAIN)
    assert (few.what, few.p) == (UNKNOWN, 1.0)
    said = f"only 199 new outcomes, {few.leavers} of clients that left: cannot tell yet"
    assert few.sentence == said
    assert weighed(learned, new[:200], PLAIN).what != UNKNOWN
    assert weighed(learned, new[:0], PLAIN).what == UNKNOWN


@KINDS
def test_of_a_training_without_cross_validation_something_is_known(kind: str) -> None:
    known = plain(400, 1).assign(left=0.0)
    known.loc[:3, "left"] = 1.0
    learned = choice.learn(known, PLAIN, "log", kind)
    assert learned.threshold is None
    found = weighed(learned, plain(400, 2), PLAIN)
    assert 0 <= found.p <= 1


# -- whatever comes ------------------------------------------------------------------------------


def odd(rows: pd.DataFrame, how: str) -> pd.DataFrame:
    """Rows that are hard to learn from, or to weigh."""
    sizes = rows["usage"].fillna(0.0)
    changes: dict[str, dict[str, Any]] = {
        "constant": {"balance": 3.0},
        "nothing known": {"balance": np.nan, "plan": pd.Series(np.nan, rows.index, dtype="str")},
        "giants": {"balance": np.where(sizes > 200, 1e300, -1e300)},
        "separable": {"left": (sizes > 150).astype("float64")},
        "all left": {"left": 1.0},
        "one client": {"client": "C"},
        "one level": {"plan": "basic", "region": "north"},
        "unknown levels": {"plan": "new", "region": "never seen"},
        "as it is": {},
    }
    return rows.assign(**changes[how])


HARD = ("as it is", "constant", "nothing known", "giants", "separable", "one client", "one level")


@functools.cache
def learned_of(rows: int, how: str, kind: str) -> Learned:
    """What a model learns of such rows."""
    return choice.learn(odd(mixed.table(rows), how), mixed.COLUMNS, "log", kind)


@pytest.mark.parametrize("how", HARD)
def test_what_the_evidence_needs_of_a_training_can_be_kept(how: str) -> None:
    reference = learned_of(60, how, "logistic").reference
    assert reference
    again = Reference.from_json(json.loads(json.dumps(reference.to_json())))
    assert again.rows == reference.rows
    for name in ("centre", "scale", "off", "variance"):
        assert np.allclose(getattr(again, name), getattr(reference, name), rtol=1e-6)


@given(
    st.one_of(
        st.tuples(st.sampled_from([60, 300]), st.sampled_from(HARD), st.just("logistic")),
        st.tuples(st.just(200), st.sampled_from(HARD[:3]), st.just("boosted")),
    ),
    st.sampled_from([*HARD, "all left", "unknown levels"]),
    st.integers(1, 400),
    st.integers(0, 2**32),
)
def test_there_always_is_a_p_value(
    training: tuple[int, str, str], new: str, rows: int, seed: int
) -> None:
    found = weighed(learned_of(*training), odd(mixed.table(rows, seed), new), mixed.COLUMNS)
    assert 0 <= found.p <= 1
    assert all(map(math.isfinite, (found.delta, found.effect, found.expected)))
    assert found.sentence


def test_eighty_features_are_not_too_many() -> None:
    names = tuple(f"number {place}" for place in range(80))
    columns = Columns("client", names, "left")
    random = np.random.default_rng(0)

    def drawn(rows: int) -> pd.DataFrame:
        return plain(rows, 1).assign(**{name: random.exponential(1, rows) for name in names})

    learned = choice.learn(drawn(600), columns, "log", "logistic")
    assert 0 <= weighed(learned, drawn(200), columns).p <= 1


def test_of_very_many_rows_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    known, new = plain(3000, 1), plain(3000, 2, (-1.5, *TRUTH[1:]))
    learned = choice.learn(known, PLAIN, "log", "logistic")
    whole = weighed(learned, new, PLAIN)
    monkeypatch.setattr(evidence, "MOST_ROWS", 1000)
    some = weighed(learned, new, PLAIN)
    assert (some.rows, some.leavers, some.delta) == (whole.rows, whole.leavers, whole.delta)
    assert whole.p < some.p < 0.01
    assert choice.learn(known, PLAIN, "log", "logistic").reference.rows == 1000  # type: ignore[union-attr]


# -- a model that is moved -----------------------------------------------------------------------


@KINDS
def test_a_model_that_is_moved_stays_one_of_ours(kind: str) -> None:
    rows = mixed.table(600)
    model = estimator.fit(rows, mixed.COLUMNS, "log", kind)
    before = directions.log_odds(model, rows, mixed.COLUMNS)
    moved = estimator.recalibrated(model, -0.4)
    kept = estimator.loads(estimator.dumps(moved), "it", mixed.COLUMNS)
    assert directions.log_odds(kept, rows, mixed.COLUMNS) == pytest.approx(before - 0.4)
    assert directions.log_odds(model, rows, mixed.COLUMNS) == pytest.approx(before, abs=0)


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.31, "p = 0.31"),
        (0.0312, "p = 0.031"),
        (0.00042, "p = 0.0004"),
        (0.00001, "p < 0.0001"),
        (1.0, "p = 1.00"),
    ],
)
def test_a_p_value_has_the_digits_that_count(p: float, words: str) -> None:
    assert evidence.chance(p) == words
