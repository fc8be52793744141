"""Whether a new model is better, by clients that neither model has learned from."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from company import fabricate
from risk.decisions import challenger

RISK = st.floats(0, 1)


def test_half_of_the_clients_judge_and_always_the_same() -> None:
    clients = fabricate.periods(1, clients=10_000, seed=1)[0]["corporation"]
    judge = challenger.judges(clients)
    assert judge.mean() == pytest.approx(0.5, abs=0.02)
    assert (challenger.judges(clients[::-1])[::-1] == judge).all()
    known = {"0012": True, "NULL": False, "1E10": True, "TRUE": False, "Z\u00fcrich": True}
    assert dict(zip(known, challenger.judges(known).tolist(), strict=True)) == known
    assert challenger.judges([]).tolist() == []


def drawn(random: np.random.Generator, rows: int, *, better: float = 0.0) -> challenger.Gain:
    """The gain of one model over another, both off by chance, the new one by less."""
    truth = random.normal(-2, 1.2, rows)
    left = random.random(rows) < 1 / (1 + np.exp(-truth))
    before, new = (truth + random.normal(0, 0.3, rows) for _ in range(2))
    new = truth + (new - truth) * (1 - better)
    return challenger.gain(1 / (1 + np.exp(-before)), 1 / (1 + np.exp(-new)), left)


@pytest.mark.parametrize("rows", [300, 5000])
def test_of_two_equally_good_models_one_in_twenty_looks_better(rows: int) -> None:
    random = np.random.default_rng(rows)
    p = np.array([drawn(random, rows).p for _ in range(2000)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.015)


def test_a_better_model_is_seen_and_a_worse_one_is_not_taken_for_one() -> None:
    random = np.random.default_rng(0)
    better = [drawn(random, 5000, better=0.9) for _ in range(50)]
    assert np.mean([found.p < 0.05 for found in better]) > 0.9
    assert np.mean([found.mean for found in better]) > 0
    assert all(drawn(random, 5000, better=-2.0).p > 0.5 for _ in range(50))


def test_equal_risks_say_nothing() -> None:
    risks, left = np.array([0.2, 0.7, 1.0]), np.array([True, False, False])
    assert challenger.gain(risks, risks, left) == (0.0, 1.0)
    assert challenger.gain(risks[:1], risks[:1] / 2, left[:1]).p == 1.0
    assert challenger.gain(risks[:0], risks[:0], left[:0]) == (0.0, 1.0)


@given(st.lists(st.tuples(RISK, RISK, st.booleans()), max_size=50))
def test_there_always_is_an_answer(clients: list[tuple[float, float, bool]]) -> None:
    columns = np.array(clients, dtype="float64").reshape(-1, 3).T
    found = challenger.gain(columns[0], columns[1], columns[2] == 1)
    assert 0 <= found.p <= 1
    assert math.isfinite(found.mean)
