"""What a column looks like, in a few numbers."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk.columns import Columns

STATISTICS = ("mean", "median", "std", "mode")  # in the order of numbers()


def numbers(table: pd.DataFrame, column: str) -> list[float]:
    """Mean, median, standard deviation and smallest mode of a column, nan where there is none."""
    cells = table[column].dropna()
    if cells.empty:
        return [math.nan] * len(STATISTICS)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(cells.std()) if len(cells) > 1 else math.nan
        return [float(cells.mean()), float(cells.median()), spread, float(cells.mode().iloc[0])]


class Level(NamedTuple):
    """A word in a column, and its share of all rows, those without a word among them."""

    column: str
    level: str
    share: float


def most_frequent(table: pd.DataFrame, columns: Columns) -> list[Level]:
    """The most frequent word of each category that has one, the first in order among equals."""
    levels = []
    for name in columns.categories:
        counts = table[name].value_counts()
        if len(counts):
            word = min(str(each) for each in counts.index[counts == counts.max()])
            levels.append(Level(name, word, float(counts.max() / len(table))))
    return levels


def missing_percent(table: pd.DataFrame, columns: Columns) -> list[float]:
    """The share of missing cells in every column, from 0 to 100."""
    if table.empty:
        return [0.0] * len(columns.all)
    return [float(share) for share in table[list(columns.all)].isna().mean() * 100]
