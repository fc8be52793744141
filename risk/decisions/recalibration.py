"""The model in use with its level corrected, where as many leave as it says in another order."""

import numpy as np
import pandas as pd
from scipy import special

from risk.columns import Columns
from risk.learning import directions
from risk.learning.choice import Learned
from risk.learning.evidence import Reference
from risk.models import estimator
from risk.models.estimator import Model, Numbers


def corrected(
    model: Model, known: Reference, threshold: float | None, rows: pd.DataFrame, columns: Columns
) -> Learned:
    """The model with that much added to its log-odds that these rows left as often as it says."""
    left, told = directions.outcomes(rows, columns), directions.log_odds(model, rows, columns)
    delta = directions.level_shift(told, left)
    moved = None if threshold is None else float(special.expit(special.logit(threshold) + delta))
    ways = known.ways(directions.along(model, rows, columns))
    reference = _follows(
        known, told + ways @ np.array(known.off), left, delta, len(columns.features)
    )
    return Learned(estimator.recalibrated(model, delta), "", moved, reference=reference)


def _follows(
    known: Reference, honest: Numbers, left: Numbers, delta: float, features: int
) -> Reference:
    """What evidence against the corrected model is held against: its level is known from the rows.

    The variance of the level is 1 / sum(p (1 - p)); what the training shows of the features stays.
    What trees say in all is a direction behind the features, and moves with the level.
    """
    shift = directions.level_shift(honest, left)
    risks = special.expit(honest + shift)
    variance = np.array(known.variance)
    variance[0, :] = variance[:, 0] = 0.0
    variance[0, 0] = 1 / (float((risks * (1 - risks)).sum()) + 1)
    moved = [each + delta for each in known.centre[features:]]
    return known._replace(
        off=[known.off[0] + shift - delta, *known.off[1:]],
        centre=[*known.centre[:features], *moved],
        variance=variance.tolist(),
    )
