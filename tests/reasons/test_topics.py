"""What is told together: pairs, copies, and the sum of the terms that stays."""

import numpy as np
import pandas as pd
import pytest

from risk.columns import Columns
from risk.models import estimator
from risk.reasons import attribution, phrases, sentences, topics
from risk.reasons.topics import Pair, Topic

FIVE = Columns("code", ("a", "b", "c", "d", "e"), "left", kinds=(("e", "category"),))


def alike(noise: float, rows: int = 200) -> estimator.Numbers:
    random = np.random.default_rng(0)
    numbers = random.normal(0, 1, (rows, 5))
    numbers[:, 2] = -numbers[:, 0] + noise * random.normal(0, 1, rows)
    numbers[:, 3] = numbers[:, 0] * 7 + noise * random.normal(0, 1, rows)
    return numbers


@pytest.mark.parametrize(
    ("columns", "noise", "found"),
    [
        (FIVE, 0.1, ((0, 2, 3),)),
        (FIVE, 0.5, ((0, 3),)),
        (FIVE, 5.0, ()),
        (FIVE._replace(pairs=(("a", "b", 12.0),)), 0.1, ((2, 3),)),
        (FIVE._replace(kinds=(("a", "category"), ("d", "category"))), 0.1, ()),
    ],
)
def test_columns_that_are_copies_of_the_first_are_found(
    columns: Columns, noise: float, found: tuple[tuple[int, ...], ...]
) -> None:
    assert topics.copies(alike(noise), columns) == found


def test_a_column_that_never_changes_is_a_copy_of_nothing() -> None:
    assert topics.copies(np.ones((100, 5)), FIVE) == ()


def test_a_copy_of_a_copy_that_is_not_like_the_first_stands_alone() -> None:
    angles = np.array([0.0, 0.25, 0.5, 0.75])  # of which neighbours are alike
    waves = np.linspace(0, 40 * np.pi, 2001)[:-1]
    rows = np.column_stack([*(np.sin(waves + angle) for angle in angles), waves])
    assert topics.copies(rows, FIVE) == ((0, 1), (2, 3))


def test_a_column_of_two_pairs_is_told_in_the_first() -> None:
    columns = FIVE._replace(pairs=(("a", "b", 12.0), ("c", "b", 4.0), ("c", "d", 3.0)))
    assert topics.pairs(columns) == [Pair(0, 1, 12.0), Pair(2, 3, 3.0)]
    found = topics.topics_of(columns, ())
    assert found == [Topic((0,), 0), Topic((1,)), Topic((2,), 1), Topic((3,)), Topic((4,))]


def test_what_is_told_has_the_sum_of_the_terms() -> None:
    random = np.random.default_rng(0)
    parts, changes = random.normal(0, 1, (50, 5)), random.normal(0, 1, (50, 1))
    changes[:10] = np.nan
    merged = topics.topics_of(FIVE._replace(pairs=(("a", "b", 12.0),)), ((2, 3),))
    found = topics.regrouped(parts, changes, [Pair(0, 1, 12.0)], merged)
    assert found.shape == (50, 4)
    assert found.sum(axis=1) == pytest.approx(parts.sum(axis=1), abs=1e-12)
    assert found[10:, 0].tolist() == changes[10:, 0].tolist()
    assert (found[:10, :2] == parts[:10, :2]).all()
    assert found[:, 2] == pytest.approx(parts[:, 2] + parts[:, 3])


@pytest.mark.parametrize("kind", ["logistic", "boosted"])
def test_copies_among_the_clients_are_told_as_one(kind: str) -> None:
    random = np.random.default_rng(1)
    calls = np.round(np.exp(random.normal(3, 1, 600)))
    minutes = np.round(calls * np.exp(random.normal(1, 0.1, 600)), 1)
    table = pd.DataFrame({"calls": calls, "minutes": minutes, "visits": random.permutation(calls)})
    table["left"] = (calls * np.exp(random.normal(0, 0.5, 600)) < 15).astype("float64")
    columns = Columns("code", ("calls", "minutes", "visits"), "left")
    asked = estimator.fit(table, columns, "log", kind)
    middle = attribution.average(asked, table, columns)
    assert middle.copies == ((0, 1),)
    terms = attribution.terms(asked, table, columns, middle)
    lean = np.zeros(600, dtype=np.int64)
    said = sentences.in_words(terms, table, middle, columns, lean)
    usual = phrases.about(middle.values[0])
    for number, text in zip(calls, said, strict=True):
        assert f"calls {number:,.0f} (middle client {usual}), together with minutes: " in text
    few = attribution.average(asked, table[:20], columns)
    assert few.copies == ()
