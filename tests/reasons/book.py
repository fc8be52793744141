"""A small book of clients, and models that rank it."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from risk import files
from risk.columns import Columns
from risk.learning import ranking
from risk.learning.ranking import Basis
from risk.models import estimator
from risk.records import list_file
from risk.rows.tables import Book
from risk.settings import Settings

BASIS = Basis("1-abc", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
LATER = BASIS._replace(as_of="2026-01-03T00:00:00Z")
COLUMNS = Columns("corporation", ("lastmonth_activity", "lastyear_activity"), "exited")


def book(codes: list[str], seed: int = 0) -> pd.DataFrame:
    """Clients with heavy-tailed numbers, some missing, some of unknown outcome."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"corporation": pd.Series(codes, dtype="str")})
    for name in COLUMNS.features:
        values = np.round(np.exp(random.normal(4, 2, len(codes))))
        table[name] = np.where(random.random(len(codes)) < 0.1, np.nan, values)
    return table.assign(exited=random.choice([0.0, np.nan], len(codes)))


def fitted(features: str = "log") -> estimator.Model:
    known = book([str(number) for number in range(400)])
    left = known["lastmonth_activity"].fillna(50) < 30
    return estimator.fit(known.assign(exited=left.astype("float64")), COLUMNS, features)


def bare() -> estimator.Model:
    """The starter's model: a regression without a pipeline, fitted on bare numbers."""
    known = book([str(number) for number in range(400)]).dropna(subset=list(COLUMNS.features))
    left = known["lastmonth_activity"] < 30
    return LogisticRegression().fit(
        known[list(COLUMNS.features)].to_numpy() / 1e3, left.astype(int)
    )


MODELS = {"log": fitted("log"), "raw": fitted("raw"), "bare": bare()}


def written(path: Path, clients: pd.DataFrame, basis: Basis = BASIS) -> list[dict[str, str]]:
    """The list as a reader without pandas finds it."""
    found = ranking.ranked(MODELS["log"], Book(clients, len(clients)), COLUMNS)
    list_file.write(path, found, COLUMNS, basis)
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def read(settings: Settings) -> pd.DataFrame:
    return list_file.read(settings.output_model_path / files.RANKING)
