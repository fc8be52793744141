"""Subscribers with columns of every kind, and a model of each sort that ranks them."""

import numpy as np
import pandas as pd

from company import subscribers
from risk.columns import Columns
from risk.models import estimator

COLUMNS = Columns(
    "subscriber",
    tuple(subscribers.COLUMNS["feature_columns"]),
    "churned",
    kinds=tuple(subscribers.KINDS.items()),
)
FEW = COLUMNS._replace(
    features=("data_gb", "support_calls", "balance", "discount", "plan", "contract_end"),
    kinds=tuple((name, kind) for name, kind in COLUMNS.kinds if name in "balance discount plan"),
)


def book(rows: int, seed: int, missing: float = 0.05) -> pd.DataFrame:
    """Subscribers as a source's table has them when it was merged, some cells missing."""
    table, risks = subscribers.drawn(rows, seed)
    random = np.random.default_rng(seed)
    table = table.rename(columns={"days": "contract_end"}).astype({"contract_end": "float64"})
    table = table.astype(dict.fromkeys((*COLUMNS.categories, COLUMNS.client), "str"))
    names = list(COLUMNS.features)
    table[names] = table[names].mask(random.random((rows, len(names))) < missing)
    return table.assign(churned=(random.random(rows) < risks).astype("float64"))


LEARNED = book(3000, seed=3)
MODELS = {kind: estimator.fit(LEARNED, COLUMNS, "log", kind) for kind in ("logistic", "boosted")}
