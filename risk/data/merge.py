"""All rows as one dataset, in which an outcome completes its row, and each client's newest row."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import DATE, Columns
from risk.data import snapshots, tables
from risk.data.snapshots import OPEN, Flags, Rows, Snapshots, Whole

MULTIPLIER = np.uint64(3)  # so that an outcome changes the key of its row
SMALL_FILE, SMALL_PERIOD = 0.5, 0.1  # shares of the clients of the period before or after

Keys = npt.NDArray[np.uint64]

log = logging.getLogger("risk.merge")


class Delivered(NamedTuple):
    """The rows of one file."""

    name: str
    table: pd.DataFrame


class Told(NamedTuple):
    """Of each row of the dataset what is known of its outcome beside the outcome itself.

    `key` names the row with its outcome. `file` told the outcome; `period` numbers what such files
    brought, the oldest 0: both are -1 where the outcome is open.
    """

    key: Keys
    file: Whole
    period: Whole


class Merged(NamedTuple):
    """The dataset and the book, both from the oldest period to the newest.

    The last rows of the book, as many as `newest` says, are of the newest period.
    """

    table: pd.DataFrame
    book: pd.DataFrame
    newest: int
    repetitions: list[int]  # of each file, the rows that changed nothing
    newest_dates: dict[str, float]  # of each date column, in the newest period
    told: Told


def merged(files: Sequence[Delivered], columns: Columns) -> Merged:
    """The rows of these files, which are in the order of their arrival."""
    table = tables.merged([file.table for file in files], columns)
    clients = table[columns.client]
    rows = snapshots.rows_of(table, [len(file.table) for file in files], columns)
    known, contradictions = snapshots.followed(rows)
    _say(contradictions, table, rows, files, columns)
    known = known.where(~_delivered_again(clients, known))
    period = _periods(clients.array[known.row], known.place, columns)
    dates, newest_dates = _days(table, known, period, columns)
    kept = _kept(known, rows)
    total = np.bincount(rows.file, minlength=len(files))
    telling = np.unique([known.row[kept], known.told_by[kept]])
    changed = np.bincount(rows.file[telling], minlength=len(files))
    made = _made(table, known, columns).assign(**dates)
    dataset, listed = _each_once(made[kept], columns), _newest(clients, known)
    newest = int((period[listed] == period.max(initial=0)).sum())
    book = made.iloc[listed].reset_index(drop=True)
    told = _told(table, known.where(dataset.index.to_numpy()), rows, columns)
    repetitions, dataset = (total - changed).tolist(), dataset.reset_index(drop=True)
    return Merged(dataset, book, newest, repetitions, newest_dates, told)


def keys(table: pd.DataFrame, columns: Columns) -> Keys:
    """A number for each row, another one with another outcome."""
    names = [name for name in columns.all if name != columns.target]
    rows = pd.util.hash_pandas_object(table[names], index=False).to_numpy(dtype="uint64")
    outcomes = table[columns.target].fillna(OPEN).to_numpy(dtype="int64")
    return np.asarray(rows * MULTIPLIER + (outcomes + 1).astype("uint64"))


def _told(table: pd.DataFrame, dataset: Snapshots, rows: Rows, columns: Columns) -> Told:
    """What is known of these snapshots' outcomes."""
    is_known = dataset.outcome != OPEN
    file = np.where(is_known, rows.file[dataset.told_by], -1)
    place = (dataset.place if columns.period else file)[is_known]
    clients = table[columns.client].array[dataset.row[is_known]]
    period = np.full(len(file), -1)
    period[is_known] = np.unique(_periods(clients, place, columns), return_inverse=True)[1]
    return Told(keys(_made(table, dataset, columns), columns), file, period)


def is_filled_in(table: pd.DataFrame, before: pd.DataFrame, columns: Columns) -> bool:
    """Whether most rows of a file that changed were in the dataset before but for the outcome."""
    names = [name for name in columns.all if name != columns.target]
    names = [name for name in names if columns.kind(name) != DATE]  # whose days moved on
    now = table[names].drop_duplicates()
    return 2 * len(now.merge(before[names].drop_duplicates())) > len(now)


def _kept(snapshots: Snapshots, rows: Rows) -> Flags:
    """Which are rows of the dataset, in which a row stands once, with its outcome if known."""
    same = rows.same[snapshots.row]
    is_open = snapshots.outcome == OPEN
    has_outcome = np.isin(same, same[~is_open])
    again = pd.DataFrame({"same": same, "outcome": snapshots.outcome}).duplicated().to_numpy()
    kept: Flags = ~again & ~(is_open & has_outcome)
    return kept


def _each_once(dataset: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The dataset, in which days may have made rows of two periods equal."""
    if not any(columns.kind(name) == DATE for name in columns.features):
        return dataset
    names = [name for name in columns.all if name != columns.target]
    in_order = dataset.sort_values(columns.target, kind="stable", na_position="last")
    is_open = in_order[columns.target].isna()
    again = in_order.duplicated() | (is_open & in_order.duplicated(subset=names))
    return dataset[~again.sort_index()]


def _made(table: pd.DataFrame, snapshots: Snapshots, columns: Columns) -> pd.DataFrame:
    """Snapshots as rows of a table."""
    outcomes = np.where(snapshots.outcome == OPEN, np.nan, snapshots.outcome)
    made = table.iloc[snapshots.row].reset_index(drop=True)
    return made.assign(**{columns.target: outcomes})


def _delivered_again(clients: "pd.Series[str]", snapshots: Snapshots) -> Flags:
    """Which are outcomes of old snapshots once more: the client has an open snapshot since."""
    of_snapshot = clients.array[snapshots.row]
    opened = pd.Series(np.where(snapshots.outcome == OPEN, snapshots.place, -1))
    last_opened = opened.groupby(pd.Series(of_snapshot)).transform("max").to_numpy()
    is_old = (snapshots.began < snapshots.place) & (snapshots.began < last_opened)
    came_with_outcome = snapshots.told_by == snapshots.row
    delivered_again: Flags = is_old & came_with_outcome & (snapshots.outcome != OPEN)
    return delivered_again


def _newest(clients: "pd.Series[str]", snapshots: Snapshots) -> Whole:
    """The positions of each client's newest snapshot, the oldest of them first."""
    in_order = np.lexsort((snapshots.again, snapshots.place))
    of_snapshot = pd.Series(clients.array[snapshots.row[in_order]])
    return in_order[~of_snapshot.duplicated(keep="last").to_numpy()]


def _periods(clients: Any, places: Whole, columns: Columns) -> Whole:
    """The period of each of these rows, which begins at the place that this names.

    Of two neighbours that differ much in the number of their clients, the smaller one is only a
    part: a few corrections, or clients that joined since.
    """
    small = SMALL_PERIOD if columns.period else SMALL_FILE
    of_place = pd.Series(clients).groupby(places).nunique()
    begins, begin, size = {}, 0, 0
    for place, count in of_place.items():
        if size and min(size, count) < small * max(size, count):
            size = max(size, count)
        else:
            begin, size = int(str(place)), count
        begins[place] = begin
    periods: Whole = pd.Series(places).map(begins).to_numpy(dtype="int64")
    return periods


def _days(
    table: pd.DataFrame, snapshots: Snapshots, period: Whole, columns: Columns
) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, float]]:
    """Each date of each snapshot as days before the newest of its period; the newest ones last."""
    days: dict[str, npt.NDArray[np.float64]] = {}
    newest_dates: dict[str, float] = {}
    names = [name for name in columns.features if columns.kind(name) == DATE]
    dates = table[names].iloc[snapshots.row].reset_index(drop=True)
    newest = dates.groupby(period).transform("max")
    for name in names:
        days[name] = (newest[name] - dates[name]).to_numpy()
        last = dates[name][period == period.max(initial=0)].max()
        newest_dates |= {} if np.isnan(last) else {name: float(last)}
    return days, newest_dates


def _say(
    contradictions: list[tuple[int, int]],
    table: pd.DataFrame,
    rows: Rows,
    files: Sequence[Delivered],
    columns: Columns,
) -> None:
    """Name the first outcome that a later one contradicts, and how many more there are."""
    for earlier, later in contradictions[:1]:
        more = len(contradictions) - 1
        log.warning(
            "%s has the outcome %d in %s and %d in %s for the same row; the later counts%s",
            ascii(table[columns.client].iloc[later]).strip("'"),
            *(rows.outcome[earlier], files[rows.file[earlier]].name),
            *(rows.outcome[later], files[rows.file[later]].name),
            f" (and {more} more like it)" if more else "",
        )
