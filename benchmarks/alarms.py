"""How often evidence speaks against a model that still holds: python -m benchmarks.alarms [DRAWS]

Each draw is a company in a quiet world: a model learns from the first months, and is held against
the outcomes of the next one. As nothing has changed, each alarm is false; about one in a hundred is
meant to be. DRAWS is for the regression and 200 clients; the larger and the slower have fewer.
"""

import multiprocessing
import os
import sys
from typing import cast

import pandas as pd
from scipy.stats import binomtest

from company import worlds
from risk.columns import Columns
from risk.learning import choice, evidence
from risk.learning.evidence import Reference

COLUMNS = Columns(
    "corporation", ("lastmonth_activity", "lastyear_activity", "number_of_employees"), "exited"
)
LEARNED = 3  # months
CASES = [  # clients, kind of model, a part of the draws
    (200, "logistic", 1.0),
    (1_000, "logistic", 0.5),
    (10_000, "logistic", 0.1),
    (200, "boosted", 0.2),
    (1_000, "boosted", 0.2),
    (10_000, "boosted", 0.05),
]
DRAWS = 2_000


def p_value(case: tuple[int, str, int]) -> float | None:
    """What the evidence says in one draw; nothing if it cannot tell."""
    clients, kind, seed = case
    months = [month.rows for month in worlds.history("quiet", clients, seed, LEARNED + 1)]
    learned = choice.learn(pd.concat(months[:-1], ignore_index=True), COLUMNS, "log", kind)
    known = cast(Reference, learned.reference)
    found = evidence.weigh(learned.model, known, months[-1], COLUMNS)
    return None if found.what == evidence.UNKNOWN else found.p


def main() -> None:
    """Print a line for each size and kind of model."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    print(f"{'clients':>8} {'model':10} {'draws':>6} {'alarms':>7}   95 % sure")
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for clients, kind, part in CASES:
            cases = [(clients, kind, seed) for seed in range(round(draws * part))]
            told = [p for p in pool.imap_unordered(p_value, cases, 4) if p is not None]
            alarms = sum(p < evidence.SIGNIFICANT for p in told)
            sure = binomtest(alarms, max(1, len(told))).proportion_ci()
            rate = alarms / max(1, len(told))
            print(
                f"{clients:8,} {kind:10} {len(told):6,} {rate:7.4f}   "
                f"{sure.low:.3f} to {sure.high:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
