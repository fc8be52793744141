"""Whether as many leave as the risks say, and how sure that is."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.learning import calibration

Numbers = npt.NDArray[np.float64]


def risks_of(rows: int, seed: int = 0) -> Numbers:
    """Risks as a company's clients have them."""
    log_odds = np.random.default_rng([seed, 1]).normal(-2.5, 1.3, rows)
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def outcomes(risks: Numbers, seed: int) -> npt.NDArray[np.bool_]:
    return np.random.default_rng([seed, 2]).random(len(risks)) < risks


# -- as many as expected -------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [100, 1000])
def test_the_interval_holds_as_many_leavers_as_came_nine_times_in_ten(rows: int) -> None:
    risks = risks_of(rows)
    found = calibration.expected(risks)
    came = [outcomes(risks, draw).sum() for draw in range(2000)]
    held = np.mean([found.low <= count <= found.high for count in came])
    assert held == pytest.approx(0.9, abs=0.03)


# -- among clients of about equal risk -----------------------------------------------------------


def test_chance_alone_makes_such_an_error_of_risks_that_are_right() -> None:
    for rows in (200, 2000):
        risks = risks_of(rows)
        drawn = [calibration.reliability(risks, outcomes(risks, draw)) for draw in range(100)]
        by_chance = drawn[0].by_chance
        assert np.mean([each.error for each in drawn]) == pytest.approx(by_chance, rel=0.15)


@pytest.mark.parametrize("rows", [1000, 10000])
@pytest.mark.parametrize("factor", [0.5, 0.7, 0.9, 1.0, 1.3])
def test_the_errors_interval_holds_the_true_error_nine_times_in_ten(
    factor: float, rows: int
) -> None:
    risks = risks_of(rows)
    truth = risks * factor
    order = np.array_split(np.argsort(risks, kind="stable"), calibration.GROUPS)
    error = np.mean([abs(risks[part].mean() - truth[part].mean()) for part in order])
    drawn = [calibration.reliability(risks, outcomes(truth, draw)) for draw in range(300)]
    held = np.mean([each.low <= error <= each.high for each in drawn])
    assert 0.87 <= held <= 0.98


def test_the_interval_of_a_clearly_wrong_model_does_not_begin_at_0() -> None:
    risks = risks_of(10000)
    shown = calibration.reliability(risks, outcomes(risks / 2, 1))
    assert 0.05 < shown.low < shown.error < shown.high < 0.075


def test_groups_are_of_equal_size_and_show_what_came() -> None:
    risks = np.arange(100) / 100
    left = risks >= 0.5
    shown = calibration.reliability(risks, left)
    assert [group.clients for group in shown.groups] == [10] * 10
    assert [group.observed for group in shown.groups] == [0.0] * 5 + [1.0] * 5
    assert shown.groups[3].predicted == pytest.approx(0.345)
    assert shown.groups[3].low == 0 < shown.groups[3].high < 0.4
    assert shown.error == pytest.approx(0.25)


RISK = st.floats(0, 1)


@given(st.lists(st.tuples(RISK, st.booleans()), max_size=60))
def test_there_always_is_an_answer(clients: list[tuple[float, bool]]) -> None:
    risks = np.array([risk for risk, _ in clients], dtype="float64")
    left = np.array([outcome for _, outcome in clients], dtype=bool)
    shown, in_all = calibration.reliability(risks, left), calibration.expected(risks)
    assert 0 <= shown.low <= shown.error <= shown.high <= 1
    assert all(group.low <= group.observed <= group.high for group in shown.groups)
    assert 0 <= in_all.low <= in_all.high <= len(risks)
