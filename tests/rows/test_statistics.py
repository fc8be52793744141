"""What a column looks like: the very numbers that pandas finds, one by one."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from risk.rows import statistics
from tests.models import mixed

CELLS = st.floats(allow_infinity=False) | st.integers(-3, 3).map(float) | st.just(math.nan)
RANDOM = np.random.default_rng(3)


def by_pandas(cells: "pd.Series[Any]") -> list[float]:
    """Mean, median, standard deviation and smallest mode by pandas."""
    present = cells.dropna()
    if present.empty:
        return [math.nan] * 4
    with np.errstate(over="ignore", invalid="ignore"):
        spread = present.std() if len(present) > 1 else math.nan
        return [present.mean(), present.median(), spread, present.mode().iloc[0]]


@given(st.lists(CELLS, max_size=40))
@example([1e308, 1e308])
@example([-0.0, 0.0, 1.0])
@example([0.1, 0.2])
def test_the_numbers_of_a_column_are_those_of_pandas_to_the_last_digit(cells: list[float]) -> None:
    table = pd.DataFrame({"n": pd.Series(cells, dtype="float64")})
    np.testing.assert_array_equal(statistics.numbers(table, "n"), by_pandas(table["n"]))
    assert table["n"].tolist() == pytest.approx(cells, rel=0, abs=0, nan_ok=True), "nothing moved"


MANY = [
    pytest.param(np.round(np.exp(RANDOM.normal(4, 2, 300_000))), id="few values, one far off"),
    pytest.param(RANDOM.random(300_000), id="values that all differ"),
    pytest.param(RANDOM.random(300_001) < 0.1, id="an outcome"),
    pytest.param(np.where(RANDOM.random(300_000) < 0.3, np.nan, 1e9 + 0.1), id="a constant"),
]


@pytest.mark.parametrize("cells", MANY)
def test_so_are_those_of_many_rows(cells: Any) -> None:
    table = pd.DataFrame({"n": cells.astype("float64")})
    np.testing.assert_array_equal(statistics.numbers(table, "n"), by_pandas(table["n"]))


def test_the_share_of_missing_cells_is_that_of_pandas_in_columns_of_every_kind() -> None:
    table = mixed.table(70)
    wanted = (table[list(mixed.COLUMNS.all)].isna().mean() * 100).tolist()
    assert statistics.missing_percent(table, mixed.COLUMNS) == wanted
    assert any(wanted)
    assert not any(statistics.missing_percent(table[:0], mixed.COLUMNS))
