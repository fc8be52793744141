"""What a column looks like, in a few numbers."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import Columns

Numbers = npt.NDArray[np.float64]

STATISTICS = ("mean", "median", "std", "mode")  # in the order of numbers()


class Level(NamedTuple):
    """A word in a column, and its share of all rows, those without a word among them."""

    column: str
    level: str
    share: float


class Look(NamedTuple):
    """What a table looks like: of each column that is measured its numbers, in all what is missing.

    `missing` is in percent; `levels` are the most frequent words of categories.
    """

    rows: int
    numbers: dict[str, list[float]]
    missing: dict[str, float]
    levels: list[Level]


def look(table: pd.DataFrame, columns: Columns) -> Look:
    """What a table with these columns looks like."""
    measured = [name for name in columns.all if name in (*columns.measured, columns.value)]
    missing = dict(zip(columns.all, missing_percent(table, columns), strict=True))
    of_each = {name: numbers(table, name) for name in measured}
    return Look(len(table), of_each, missing, most_frequent(table, columns))


def numbers(table: pd.DataFrame, column: str) -> list[float]:
    """Mean, median, standard deviation and smallest mode of a column, nan where there is none."""
    cells = table[column].to_numpy("float64", na_value=math.nan)
    cells = cells[~np.isnan(cells)]
    if not len(cells):
        return [math.nan] * len(STATISTICS)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = cells.sum() / len(cells)
        spread = _spread(cells, mean) if len(cells) > 1 else math.nan
        cells.sort()  # in which median and mode are soon found, however many values differ
        return [float(mean), _median(cells), spread, _mode(cells)]


def _spread(cells: Numbers, mean: float) -> float:
    apart = cells - mean
    apart *= apart
    return float(np.sqrt(apart.sum() / (len(cells) - 1)))


def _median(cells: Numbers) -> float:
    """The middle of sorted cells, or half way between the two there."""
    middle = len(cells) // 2
    if len(cells) % 2:
        return float(cells[middle])
    return float((cells[middle - 1] + cells[middle]) / 2)


def _mode(cells: Numbers) -> float:
    """The smallest of the most frequent among sorted cells."""
    last = np.append(np.flatnonzero(cells[1:] != cells[:-1]), len(cells) - 1)  # of each value
    return float(cells[last[np.argmax(np.diff(last, prepend=-1))]])


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
    missing = (int(table[name].isna().to_numpy().sum()) for name in columns.all)
    return [count / len(table) * 100 for count in missing]
