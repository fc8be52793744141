"""What a model has learned, as people read it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from risk.columns import Columns
from risk.models import estimator
from risk.reasons import coefficients, phrases

COLUMNS = Columns("corporation", ("lastmonth_activity", "number_of_employees"), "exited")
RANDOM = np.random.default_rng(0)
NUMBERS = np.round(np.exp(RANDOM.normal(4, 2, (400, 2))))
LEFT = NUMBERS[:, 0] * np.exp(RANDOM.normal(0, 1, 400)) < 30
TABLE = pd.DataFrame(NUMBERS, columns=list(COLUMNS.features)).assign(
    corporation="AAAA", exited=LEFT.astype("float64")
)


def test_a_doubling_multiplies_the_odds_as_the_model_itself_does() -> None:
    fitted = estimator.fit(TABLE, COLUMNS, "log")
    found = coefficients.of(fitted, COLUMNS)
    for at, (name, weight, doubling) in enumerate(found.rows):
        once = np.array([[50.0, 50.0]])
        twice = once.copy()
        twice[0, at] = 2 * (1 + 50.0) - 1
        rows = pd.DataFrame(np.vstack([once, twice]), columns=list(COLUMNS.features))
        before, after = fitted.decision_function(rows)
        assert doubling == phrases.times(after - before)
        assert weight == f"{fitted[-1].coef_[0][at]:+.3g}"
        assert name == phrases.label(COLUMNS.features[at])
    assert "1 + the number doubles" in found.meaning


@pytest.mark.parametrize("kind", ["raw", "bare"])
def test_a_doubling_of_a_number_that_is_not_compressed_has_no_one_effect(kind: str) -> None:
    """A regression that somebody put there by hand is read like our own."""
    fitted = estimator.fit(TABLE, COLUMNS, "raw")
    if kind == "bare":
        fitted = LogisticRegression().fit(NUMBERS / 1e3, LEFT.astype(int))
    weights = (fitted if kind == "bare" else fitted[-1]).coef_[0]
    found = coefficients.of(fitted, COLUMNS)
    assert [row[1:] for row in found.rows] == [(f"{weight:+.3g}", "-") for weight in weights]
    assert "depends on the number that it begins with" in found.meaning
