"""A risk taken apart: what each feature adds to the middle client's log-odds.

A feature's term is its Shapley value against the middle client. Our models see two features at
most together, and for such a model that is the mean of two differences, both exact: what putting
the client's value in adds to the middle client, and what taking it out changes for this client.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from risk.columns import CATEGORY, Columns
from risk.models.estimator import Model, Numbers
from risk.models.last_step import LastStep, Rows
from risk.reasons import topics

ROWS_AT_ONCE = 50_000  # so that all clients at once do not need all memory


class Average(NamedTuple):
    """The middle client among some: average in what the model sees of each.

    For a regression that is the mean of what it multiplies, and the log-odds are the mean of all;
    of compressed numbers it is about their geometric mean, which no single giant moves. For trees
    it is the median of each number and the most frequent level of each category. `values` are in
    the columns' own units, `fills` is what a missing number is taken as, nan where as missing.
    """

    log_odds: float
    values: tuple[Any, ...]
    fills: tuple[float, ...]
    row: Rows
    copies: tuple[tuple[int, ...], ...] = ()


class Terms(NamedTuple):
    """What each feature adds to the middle client's log-odds, one row per client.

    `changes` has a column for each pair: what of its two terms comes from the change, nan where
    there is none to tell.
    """

    parts: Numbers
    changes: Numbers

    def rows(self, part: slice) -> "Terms":
        """The terms of some of the clients."""
        return Terms(self.parts[part], self.changes[part])


def average(
    model: Model, table: pd.DataFrame, columns: Columns, at_once: int = ROWS_AT_ONCE
) -> Average:
    """The middle client of a table."""
    step = LastStep(model, columns)
    table = step.filled(table)
    middle = np.zeros(step.width)
    for part in () if step.has_trees else _parts(table, at_once):
        # divided first, as a sum of the numbers could overflow
        middle += (step.rows(table.iloc[part]) / len(table)).sum(axis=0)
    numbers = _medians(table, columns) if step.has_trees else step.in_units(middle)
    values = [
        _most_frequent(table[name]) if columns.kind(name) == CATEGORY else float(number)
        for name, number in zip(columns.features, numbers, strict=True)
    ]
    if step.has_trees:
        middle = step.rows(_one_row(values, columns))[0]
    log_odds = float(step.log_odds(middle[None, :])[0])
    fills, alike = tuple(step.fills(table).tolist()), _copies(step, table, columns)
    return Average(log_odds, tuple(values), fills, middle, alike)


def terms(
    model: Model,
    table: pd.DataFrame,
    columns: Columns,
    middle: Average,
    at_once: int = ROWS_AT_ONCE,
) -> Terms:
    """The terms of each client, which add up to the difference of its log-odds from the middle."""
    step, pairs = LastStep(model, columns), topics.pairs(columns)
    parts = np.empty((len(table), len(columns.features)))
    changes = np.full((len(table), len(pairs)), np.nan)
    table = step.filled(table)
    for part in _parts(table, at_once):
        clients = table.iloc[part]
        rows = step.rows(clients)
        parts[part] = _terms(step, rows, middle)
        for place, pair in enumerate(pairs):
            at_own_level = _at_own_level(clients, columns, pair, middle)
            has_one = np.isfinite(at_own_level) & _has_both(step, pair)
            if has_one.any():
                changed, own = clients[has_one], at_own_level[has_one]
                usual = step.rows(changed.assign(**{columns.features[pair.short]: own}))
                changes[part, place][has_one] = _change(step, rows[has_one], usual, pair, middle)
    return Terms(parts, changes)


def _parts(table: pd.DataFrame, at_once: int) -> Iterator[slice]:
    """The table in parts of so many rows."""
    for begin in range(0, len(table), at_once):
        yield slice(begin, begin + at_once)


def _terms(step: LastStep, rows: Rows, middle: Average) -> Numbers:
    if not step.has_trees:
        weighed = step.estimator.coef_[0] * (rows - middle.row)
        return np.column_stack([weighed[:, places].sum(axis=1) for places in step.places])
    return np.column_stack([_of_trees(step, rows, at, middle) for at in range(len(step.places))])


def _of_trees(step: LastStep, rows: Rows, at: int, middle: Average) -> Numbers:
    """A feature's terms; 0 where the trees were not given it, as it had hardly a value."""
    if not step.places[at]:
        return np.zeros(len(rows))
    return (_put_in(step, rows, at, middle) + _taken_out(step, rows, at, middle)) / 2


def _put_in(step: LastStep, rows: Rows, at: int, middle: Average) -> Numbers:
    """What each client's value of a feature adds to the middle client."""
    place = step.places[at]
    values, which = np.unique(rows[:, place], return_inverse=True)
    with_them = np.repeat(middle.row[None, :], len(values), axis=0)
    with_them[:, place] = values[:, None]
    added: Numbers = (step.log_odds(with_them) - middle.log_odds)[which.ravel()]
    return added


def _taken_out(step: LastStep, rows: Rows, at: int, middle: Average) -> Numbers:
    """What taking each client's own value of a feature out takes from its log-odds."""
    place, others = step.places[at], rows.copy()
    others[:, place] = middle.row[place]
    return step.log_odds(rows, at) - step.log_odds(others, at)


def _has_both(step: LastStep, pair: topics.Pair) -> bool:
    """Whether the model was given both times of a pair."""
    return bool(step.places[pair.short] and step.places[pair.long])


def _at_own_level(
    clients: pd.DataFrame, columns: Columns, pair: topics.Pair, middle: Average
) -> Numbers:
    """The number of the short time that each client would have if nothing had changed for it.

    So its ratio to the long time would be that of the middle client; nan where there is no ratio.
    """
    short, long = (clients[columns.features[place]].to_numpy() for place in pair[:2])
    usual = middle.values[pair.short], middle.values[pair.long]
    if not min(usual) > 0:
        return np.full(len(clients), np.nan)
    with np.errstate(over="ignore"):
        own = long * (usual[0] / usual[1])
    return np.where((short >= 0) & (long > 0), own, np.nan)


def _change(step: LastStep, rows: Rows, usual: Rows, pair: topics.Pair, middle: Average) -> Numbers:
    """What of a pair's terms comes from the change, `usual` being the rows without one.

    Like a term, it is the mean of what it is beside the middle client and beside the client's own
    other values.
    """
    if not step.has_trees:
        places = step.places[pair.short]
        linear: Numbers = (rows - usual)[:, places] @ step.estimator.coef_[0][places]
        return linear
    beside = np.repeat(middle.row[None, :], len(rows), axis=0)
    both = [*step.places[pair.short], *step.places[pair.long]]
    beside[:, both] = rows[:, both]
    by_middle = step.log_odds(beside)
    beside[:, both] = usual[:, both]
    own = step.log_odds(rows) - step.log_odds(usual)
    return (by_middle - step.log_odds(beside) + own) / 2


def _medians(table: pd.DataFrame, columns: Columns) -> Numbers:
    """The median of each number; nan for a category."""
    is_number = [columns.kind(name) != CATEGORY for name in columns.features]
    return np.array(
        [
            table[name].median() if is_one else np.nan
            for name, is_one in zip(columns.features, is_number, strict=True)
        ]
    )


def _most_frequent(cells: "pd.Series[Any]") -> Any:
    """The level that most clients have, nan if most have none; of equals the first by name."""
    counts = cells.value_counts(dropna=False)
    levels = [level for level, count in counts.items() if count == counts.iloc[0]]
    return min((level for level in levels if isinstance(level, str)), default=np.nan)


def _one_row(values: Sequence[Any], columns: Columns) -> pd.DataFrame:
    """A table of one client."""
    types = {
        name: "str" if columns.kind(name) == CATEGORY else "float64" for name in columns.features
    }
    cells = zip(columns.features, values, strict=True)
    return pd.DataFrame({name: pd.Series([value], dtype=types[name]) for name, value in cells})


def _copies(step: LastStep, table: pd.DataFrame, columns: Columns) -> tuple[tuple[int, ...], ...]:
    """The columns that are copies of each other, as the model sees some of the clients.

    Trees only see which number is larger, so of theirs the compressed numbers are compared.
    """
    some = table.iloc[:: len(table) // topics.MOST + 1]
    if len(some) < topics.FEWEST:
        return ()
    if not step.has_trees:
        return topics.copies(step.rows(some)[:, [each[0] for each in step.places]], columns)
    rows = np.zeros((len(some), len(columns.features)))
    for name in columns.numeric:
        numbers = some[name].fillna(some[name].median()).fillna(0.0).to_numpy()
        rows[:, columns.features.index(name)] = np.sign(numbers) * np.log1p(np.abs(numbers))
    return topics.copies(rows, columns)
