"""How good a model is: the metrics are those that other libraries and plain definitions give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from risk.learning.evaluation import Evaluation

ROWS = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0.1, 0.5, 0.5, 0.7, 1])), min_size=2)


@given(rows=ROWS, share=st.floats(0, 1))
def test_metrics_are_what_their_definitions_say(
    rows: list[tuple[bool, float]], share: float
) -> None:
    left, risks = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    measured = Evaluation(left, risks > 0.5, risks, None).quality(share)
    called = np.argsort(-risks, kind="stable")[: max(1, round(share * len(rows)))]
    assert measured["precision_at_capacity"] == left[called].mean()
    assert ("roc_auc" in measured) == (0 < left.sum() < len(left))
    if "roc_auc" in measured:
        assert measured["roc_auc"] == pytest.approx(roc_auc_score(left, risks), abs=1e-12)
