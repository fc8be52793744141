"""A table with columns of every kind, and a truth that has curves and interactions or has none."""

from typing import Any

import numpy as np
import pandas as pd

from risk.columns import Columns

COLUMNS = Columns(
    "client",
    ("usage", "plan", "balance", "invoice", "change", "contract_end", "region"),
    "left",
    kinds=(
        *(("plan", "category"), ("balance", "signed"), ("invoice", "money")),
        *(("change", "percent"), ("contract_end", "date"), ("region", "category")),
    ),
)
PLANS = ["basic", "premium", 'flat, "all in"', "Zürich\u2009\U0001f600"]
RARE = "pilot"


def table(rows: int = 1500, seed: int = 0, *, is_bent: bool = False) -> pd.DataFrame:
    """Clients, two rows each; a tenth of all cells is missing, some plans are rare."""
    random = np.random.default_rng(seed)
    size = random.exponential(1, rows)
    made: dict[str, Any] = {
        "usage": np.round(200 * size),
        "plan": random.choice(PLANS, rows),
        "balance": np.round(random.normal(0, 800, rows), 2),
        "invoice": np.round(random.normal(100, 60, rows), 2),
        "change": random.integers(-30, 31, rows).astype("float64"),
        "contract_end": random.integers(0, 700, rows).astype("float64"),
        "region": random.choice(["north", "south"], rows),
    }
    chance = 1 / (1 + np.exp(-_pull(made, is_bent=is_bent)))
    left = random.random(rows) < chance
    for name in ("plan", "region"):
        made[name] = pd.Series(made[name], dtype="str")
    made["plan"][:5] = RARE
    found = pd.DataFrame(made).mask(random.random((rows, len(made))) < 0.1)
    left = np.where(found["region"].isna(), random.random(rows) < 0.9, left)
    clients = pd.Series([f"C{place // 2:05}" for place in range(rows)], dtype="str")
    return found.assign(client=clients, left=left.astype("float64"))


def _pull(made: dict[str, Any], *, is_bent: bool) -> Any:
    """The log-odds of leaving."""
    if is_bent:
        low = made["usage"] < 100
        is_premium = made["plan"] == "premium"
        return np.where(low ^ is_premium, 2.5, -2.5) + 2 * (np.abs(made["change"]) > 20)
    signed = np.sign(made["balance"]) * np.log1p(np.abs(made["balance"]))
    return 4 - np.log1p(made["usage"]) - 0.2 * signed + 1.5 * (made["plan"] == "basic")
