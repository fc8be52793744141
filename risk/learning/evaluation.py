"""How good a model is on rows whose outcome is known."""

import math

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, roc_auc_score

from risk.learning import estimator
from risk.settings import Columns


def f1(model: estimator.Model, table: pd.DataFrame, columns: Columns) -> float:
    """F1 of the model on rows whose outcome is known; 0 where no leaver was found."""
    expected = estimator.predictions(model, table, columns)
    return float(f1_score(table[columns.target], expected, zero_division=0.0))


def quality(
    model: estimator.Model, known: pd.DataFrame, columns: Columns, share: float
) -> dict[str, float]:
    """How good the model is on rows whose outcome is known; `share` of them can be called.

    What cannot be said, such as the ROC AUC of rows of one class, is left out.
    """
    left = known[columns.target].to_numpy() == 1
    expected = estimator.predictions(model, known, columns) == 1
    risks = estimator.probability(model, known, columns)
    hits, alarms, leavers = int((left & expected).sum()), int(expected.sum()), int(left.sum())
    called = np.argsort(-risks, kind="stable")[: max(1, round(share * len(known)))]
    precision_at_capacity = float(left[called].mean())
    low, high = f1_interval(hits, alarms + leavers - hits)
    measured = {
        "f1": f1(model, known, columns),
        "f1_low": low,
        "f1_high": high,
        "precision": hits / alarms if alarms else 0.0,
        "recall": hits / leavers if leavers else 0.0,
        "brier": float(np.mean((risks - left) ** 2)),
        "precision_at_capacity": precision_at_capacity,
    }
    if leavers:
        measured["lift"] = precision_at_capacity / float(left.mean())
    if 0 < leavers < len(left):
        measured["roc_auc"] = float(roc_auc_score(left, risks))
    return measured


def f1_interval(hits: int, counted: int) -> tuple[float, float]:
    """The 95 % interval of an F1 with so many hits among hits, false alarms and misses.

    The hits' share of the three is a proportion, for which Wilson's interval holds, and F1 grows
    with that share p as 2p / (1 + p).
    """
    low, high = (2 * end / (1 + end) for end in share_interval(hits, counted))
    return low, high


def share_interval(hits: int, counted: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of which so many were counted."""
    if not counted:
        return 0.0, 1.0
    share, z = hits / counted, 1.96
    middle = share + z**2 / (2 * counted)
    reach = z * math.sqrt(share * (1 - share) / counted + z**2 / (4 * counted**2))
    low, high = ((middle + side * reach) / (1 + z**2 / counted) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)
