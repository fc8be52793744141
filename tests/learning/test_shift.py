"""How far the newest clients differ from those of the training, and what chance makes of that."""

import functools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.columns import Columns
from risk.learning import shift
from tests.models import mixed

COLUMNS = Columns("client", ("activity", "plan", "age"), "left", kinds=(("plan", "category"),))


def clients(rows: int, seed: int) -> pd.DataFrame:
    """Clients of whom a tenth of all cells is missing."""
    random = np.random.default_rng(seed)
    made = {
        "activity": np.round(random.lognormal(4, 1, rows)),
        "plan": pd.Series(random.choice(["a", "b", "c"], rows, p=[0.7, 0.29, 0.01]), dtype="str"),
        "age": random.integers(0, 4, rows).astype("float64"),
    }
    return pd.DataFrame(made).mask(random.random((rows, 3)) < 0.1)


def shifts(old: pd.DataFrame, new: pd.DataFrame, columns: Columns = COLUMNS) -> list[shift.Shift]:
    """The shifts of a model that has learned from all of the old rows."""
    return shift.shifts(old, np.ones(len(old), dtype=bool), new, columns)


def share_of_alarms(draws: int, old: int, new: int) -> float:
    """In how many tables of the same clients some column is said to have shifted."""
    pairs = ((clients(old, 2 * draw), clients(new, 2 * draw + 1)) for draw in range(draws))
    found = (shifts(*pair) for pair in pairs)
    return float(np.mean([any(each.is_real for each in table) for table in found]))


def test_chance_is_hardly_ever_taken_for_a_shift() -> None:
    assert share_of_alarms(150, 1000, 400) <= 0.04


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), [(300, 150), (5000, 1000), (10_000, 10_000)])
def test_in_one_table_in_a_hundred_chance_is_taken_for_a_shift(old: int, new: int) -> None:
    assert share_of_alarms(2000, old, new) <= 0.018


def test_a_number_that_fell_is_found_and_told() -> None:
    old, new = clients(3000, 1), clients(1000, 2)
    new["activity"] *= 2 / 3
    found = {each.column: each for each in shifts(old, new)}
    assert {name for name, each in found.items() if each.is_real} == {"activity"}
    assert found["activity"].psi > found["activity"].psi_bound
    assert found["activity"].ks > found["activity"].ks_bound
    assert shift.words(found["activity"], "activity last month").startswith(
        "activity last month fell by"
    )
    assert shift.words(found["age"], "age") == ""


def test_a_level_that_grew_and_one_that_is_new_are_found() -> None:
    old, new = clients(3000, 1), clients(1000, 2)
    new.loc[new["plan"] == "b", "plan"] = "new"
    plan = shifts(old, new)[1]
    assert plan.is_real
    assert plan.level in ("b", "new")
    assert "before for" in shift.words(plan, "plan")


def test_cells_that_are_missing_are_a_group_of_their_own() -> None:
    old, new = clients(3000, 1), clients(1000, 2)
    new.loc[:500, "age"] = np.nan
    age = shifts(old, new)[2]
    assert age.psi > age.psi_bound
    assert age.ks < age.ks_bound
    assert shift.words(age, "age").startswith("age is not known of ")


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_rows_that_the_model_has_not_learned_from_do_not_count(share: float) -> None:
    old, new = clients(600, 1), clients(300, 2)
    learned = np.random.default_rng(3).random(len(old)) < share
    assert shift.shifts(old, learned, new, COLUMNS) == shifts(old[learned], new)


NUMBERS = st.lists(st.sampled_from([-0.5, 0.0, 1.0, 2.0, 3.0, 1e300]), min_size=1, max_size=30)


@given(NUMBERS, NUMBERS)
def test_the_distance_is_the_largest_of_the_two_shares_below_any_number(
    old: list[float], new: list[float]
) -> None:
    shares = [[np.mean(np.array(each) <= at) for at in old + new] for each in (old, new)]
    (found,) = shifts(
        pd.DataFrame({"n": old}), pd.DataFrame({"n": new}), Columns("client", ("n",), "left")
    )
    assert found.ks == np.abs(np.subtract(*shares)).max()


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (90.0, 60.0, "activity fell by a third"),
        (90.0, 45.0, "activity fell by half"),
        (100.0, 112.0, "activity rose by 12%"),
        (100.0, 250.0, "activity rose to 2.5 times what it was"),
        (100.0, 101.0, "activity has another spread, though the middle is about the same"),
        (-3.0, 5.0, "activity went from -3 to 5"),
        (0.0, 0.0, "activity has another spread"),
        (90.0, 0.0, "activity fell by 100%"),
        (math.nan, math.nan, "activity has another spread"),
    ],
)
def test_the_middle_is_told_as_a_person_would(before: float, now: float, said: str) -> None:
    moved = shift.Shift("activity", 1.0, 0.1, 0.5, 0.1, before, now, 0.0, 0.0)
    assert shift.words(moved, "activity") == said


@functools.cache
def some(seed: int) -> pd.DataFrame:
    """Clients with columns of every kind."""
    return mixed.table(60, seed)


def with_nothing(rows: pd.DataFrame) -> pd.DataFrame:
    """The same without a number or a word in two columns, and with giants in another."""
    nothing = pd.Series(np.nan, rows.index, dtype="str")
    return rows.assign(balance=np.nan, plan=nothing, usage=1e308)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9), st.sampled_from(range(4)))
def test_there_always_is_an_answer(old: int, new: int, seed: int, odd: int) -> None:
    before, now = some(seed)[:old], some(seed + 1)[:new]
    before = with_nothing(before) if odd % 2 else before
    now = with_nothing(now) if odd > 1 else now
    found = shifts(before, now, mixed.COLUMNS)
    assert len(found) == (len(mixed.COLUMNS.features) if old and new else 0)
    for each in found:
        assert all(map(math.isfinite, each[1:5]))
        assert each.psi >= 0
        assert 0 <= each.ks <= 1
        assert isinstance(shift.words(each, "it"), str)
