"""What each kind of model finds in a table with curves and joints: python -m benchmarks.models [N]

Fits on the fabricated subscribers and asks about others: precision at capacity and Brier score
beside the best possible, then what a list of so many clients takes (10,000 unless N is given).
"""

import sys
import time
from typing import NamedTuple

import numpy as np
import pandas as pd

from company import subscribers
from risk.columns import Columns
from risk.judging import csv_file
from risk.learning import choice, ranking
from risk.models import estimator
from risk.models.estimator import Model, Numbers
from risk.rows import tables
from risk.rows.tables import Book

TEST_ROWS, SEED, SHARE = 10_000, 4, 0.05
FEATURES = "log"


class Found(NamedTuple):
    """How many of those called leave, and how far the risks are off."""

    precision: float
    brier: float


def columns() -> Columns:
    """The columns of the subscribers."""
    keys = subscribers.COLUMNS
    names = keys["client_column"], tuple(keys["feature_columns"]), keys["target_column"]
    return Columns(*names, tuple(subscribers.KINDS.items()))


def read(rows: int, seed: int) -> tuple[pd.DataFrame, Numbers]:
    """Subscribers as a dataset has them, and their true risks."""
    written, risks = subscribers.table(rows, seed)
    reading = csv_file.read_csv(written.to_csv(index=False).encode(), columns())
    return tables.with_days(reading.table, columns()), risks


def found(left: Numbers, risks: Numbers) -> Found:
    """The worth of these risks, when one client in twenty can be called."""
    called = np.argsort(-risks, kind="stable")[: round(SHARE * len(risks))]
    return Found(float(left[called].mean()), float(((risks - left) ** 2).mean()))


def time_list(model: Model, kind: str, clients: int) -> None:
    """Print what ranking so many clients takes, and asking about one."""
    rows = pd.concat([read(50_000, SEED)[0]] * -(-clients // 50_000), ignore_index=True)[:clients]
    rows = rows.assign(subscriber=np.arange(clients).astype(str), churned=np.nan)
    begin = time.perf_counter()
    ranking.ranked(model, Book(rows, clients), columns())
    seconds = time.perf_counter() - begin
    one = rows[:1]
    begin = time.perf_counter()
    for _ in range(20):
        estimator.ask(model, [one], columns())
    alone = (time.perf_counter() - begin) / 20
    size = len(estimator.dumps(model)) / 1e3
    print(f"{kind:10} {clients:,} clients ranked in {seconds:.2f} s", end="; ")
    print(f"one is asked about in {1e3 * alone:.1f} ms; {size:,.0f} kB")


def main() -> None:
    """Fit, ask and print."""
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    known, _ = read(subscribers.ROWS, subscribers.SEED)
    others, truth = read(TEST_ROWS, SEED)
    left = others[columns().target].to_numpy()
    print("model      precision at capacity   Brier score")
    print("{:10} {:21.3f} {:13.4f}".format("best", *found(left, truth)))
    models = {}
    for kind in ("logistic", "boosted", "auto"):
        learned = choice.learn(known, columns(), FEATURES, kind)
        models[learned.kind] = learned.model
        risks = estimator.ask(learned.model, [others], columns())[0].risks
        print("{:10} {:21.3f} {:13.4f}".format(kind, *found(left, risks)), learned.choice)
    for kind, model in models.items():
        time_list(model, kind, clients)


if __name__ == "__main__":
    main()
