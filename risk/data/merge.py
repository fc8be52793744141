"""All rows as one dataset, in which an outcome completes its row, and each client's newest row."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import DATE, Columns
from risk.data import snapshots
from risk.data.snapshots import CLIENT_BITS, OPEN, Flags, Rows, Snapshots, Whole
from risk.data.standing import OfClients, OfFiles, Standing
from risk.rows import equal_rows
from risk.rows.equal_rows import Words

MULTIPLIER = np.uint64(3)  # so that an outcome changes the key of its row
SMALL_FILE, SMALL_PERIOD = 0.5, 0.1  # shares of the clients of the period before or after

Keys = npt.NDArray[np.uint64]
Days = npt.NDArray[np.float64]

log = logging.getLogger("risk.merge")


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
    marks: Words  # of all rows
    standing: Standing | None = None  # nothing where periods or days change with later rows


def merged(table: pd.DataFrame, files: Sequence[tuple[str, int]], columns: Columns) -> Merged:
    """The rows of a table in which these files, each with so many rows, follow as they arrived."""
    rows = snapshots.rows_of(table, [count for _, count in files], columns)
    known, contradictions = snapshots.followed(rows)
    say(contradictions, table, rows, files, columns)
    client = rows.client[known.row]
    opened = last_opened(client, known, np.full(client.max(initial=-1) + 1, -1, dtype=np.int32))
    again = delivered_again(client, known, opened)
    if again.any():
        known, client = known.where(~again), client[~again]
    clients = clients_of(known.place, client)
    period = begins(clients, columns)[known.place]
    dates, newest_dates = _days(table, known, period, columns)
    listed, at = newest_of(client, known), kept_of(known, rows)
    newest = int((period[listed] == period.max(initial=0)).sum())
    book = made(table, known.where(listed), _of(dates, listed), columns)
    of_clients = None if columns.period or dates else _of_clients(rows, known, listed, opened)
    kept, dates = known.where(at), _of(dates, at)
    del known, client, period, listed, at, opened  # with millions of rows each of them counts
    repetitions = repetitions_of(kept, rows, len(files))
    if dates:
        dataset = made(table, kept, dates, columns)
        once = _each_once(dataset, columns)
        dataset = dataset[once].reset_index(drop=True)
        told, _ = _told(keys(dataset, columns), kept.where(once), rows, columns)
        return Merged(dataset, book, newest, repetitions, newest_dates, told, rows.mark)
    own = with_outcome(rows.mark[kept.row], kept.outcome)
    told, tellers = _told(own, kept, rows, columns)
    standing = None
    if of_clients:
        standing = Standing(of_clients, of_files(rows, len(files), clients, tellers))
    marks = rows.mark
    del rows
    dataset = made(table, kept, dates, columns)
    return Merged(dataset, book, newest, repetitions, newest_dates, told, marks, standing)


def _of_clients(rows: Rows, known: Snapshots, listed: Whole, opened: Whole) -> OfClients:
    """What is known of each client of the book; files follow each other by their places."""
    client = rows.client[known.row]
    own = client[listed]
    is_first = are_first(rows)
    renewed = np.full(len(opened), -1, dtype=np.int32)
    renewed[rows.client[is_first]] = rows.file[is_first]  # the last one counts
    is_told_again = np.zeros(len(opened), dtype=bool)
    is_told_again[client[came_again(known)]] = True
    return OfClients(known.place[listed], opened[own], renewed[own], is_told_again[own])


def are_first(rows: Rows) -> Flags:
    """Which rows equal none before them."""
    is_first = np.ones(len(rows.file), dtype=bool)
    is_first[rows.same.row] = False
    is_first[rows.same.row[rows.same.begin]] = True
    return is_first


def of_files(rows: Rows, count: int, clients: list[int], tellers: list[int]) -> OfFiles:
    """What is known of so many files: how many clients they have, of how many they told."""
    is_old = np.zeros(count, dtype=bool)
    is_old[rows.file[rows.is_old & (rows.outcome != OPEN)]] = True
    known, told = (np.asarray(each + [0] * (count - len(each))) for each in (clients, tellers))
    return OfFiles(known.astype(np.int64), told.astype(np.int64), is_old)


def repetitions_of(kept: Snapshots, rows: Rows, files: int) -> list[int]:
    """Of each file, how many rows told nothing."""
    telling = np.zeros(len(rows.file), dtype=bool)
    telling[kept.row] = telling[kept.told_by] = True
    repetitions: list[int] = np.bincount(rows.file[~telling], minlength=files).tolist()
    return repetitions


def keys(table: pd.DataFrame, columns: Columns) -> Keys:
    """A number for each row, another one with another outcome."""
    names = [name for name in columns.all if name != columns.target]
    marks = equal_rows.marks_of(table, names)
    return with_outcome(marks, table[columns.target].fillna(OPEN).to_numpy(dtype="int64"))


def with_outcome(marks: Keys, outcome: Whole) -> Keys:
    """A number for each row with this mark and this outcome."""
    own = marks * MULTIPLIER
    own += (outcome + 1).astype(np.uint8)
    return np.asarray(own)


def _told(own: Keys, dataset: Snapshots, rows: Rows, columns: Columns) -> tuple[Told, list[int]]:
    """What is known of the outcomes of these snapshots, which are rows of these keys.

    The second value counts the clients whose outcomes each file, or each period, has.
    """
    is_known = dataset.outcome != OPEN
    file = rows.file[dataset.told_by[is_known]]
    place = dataset.place[is_known] if columns.period else file
    tellers = clients_of(place, rows.client[dataset.row[is_known]])
    return told_of(own, is_known, file, numbers_of(tellers, columns)[place]), tellers


def told_of(own: Keys, is_known: Flags, file: Whole, period: Whole) -> Told:
    """What is known of rows of these keys, of which some have an outcome."""
    told = Told(own, *(np.full(len(own), -1, dtype=np.int32) for _ in range(2)))
    told.file[is_known], told.period[is_known] = file, period
    return told


def numbers_of(clients: Sequence[int], columns: Columns) -> Whole:
    """The number of the period of each place that has so many clients, the oldest 0."""
    begin = begins(clients, columns)
    is_there = np.asarray(clients, dtype=bool)
    return np.searchsorted(np.unique(begin[is_there]), begin).astype(np.int32)


def is_filled_in(table: pd.DataFrame, before: pd.DataFrame, columns: Columns) -> bool:
    """Whether most rows of a file that changed were in the dataset before but for the outcome."""
    names = [name for name in columns.all if name != columns.target]
    names = [name for name in names if columns.kind(name) != DATE]  # whose days moved on
    now = table[names].drop_duplicates()
    return 2 * len(now.merge(before[names].drop_duplicates())) > len(now)


def kept_of(snapshots: Snapshots, rows: Rows) -> Whole:
    """The rows of the dataset, in which a row stands once, with its outcome if known."""
    same = np.full(len(rows.file), -1, dtype=np.int32)
    same[rows.same.row] = rows.same.group
    same = same[snapshots.row]
    several = np.flatnonzero(same >= 0)
    own = pd.DataFrame({"same": same[several], "outcome": snapshots.outcome[several]})
    is_open = own["outcome"] == OPEN
    has_outcome = own["same"].isin(own["same"][~is_open])
    kept = np.ones(len(same), dtype=bool)
    kept[several] = ~own.duplicated() & ~(is_open & has_outcome)
    return np.flatnonzero(kept)


def _each_once(dataset: pd.DataFrame, columns: Columns) -> Flags:
    """Which rows of the dataset stay: days may have made rows of two periods equal."""
    names = [name for name in columns.all if name != columns.target]
    in_order = dataset.sort_values(columns.target, kind="stable", na_position="last")
    is_open = in_order[columns.target].isna()
    again = in_order.duplicated() | (is_open & in_order.duplicated(subset=names))
    once: Flags = ~again.sort_index().to_numpy()
    return once


def made(
    table: pd.DataFrame, snapshots: Snapshots, dates: dict[str, Days], columns: Columns
) -> pd.DataFrame:
    """Snapshots as rows of a table, with these days instead of dates."""
    outcome = snapshots.outcome.astype(np.float64)
    outcome[outcome == OPEN] = np.nan
    own = dates | {columns.target: outcome}
    row = snapshots.row
    cells = {name: own[name] if name in own else _taken(table[name], row) for name in columns.all}
    return pd.DataFrame(cells, copy=False)


def _of(dates: dict[str, Days], which: Whole) -> dict[str, Days]:
    """The days of some snapshots."""
    return {name: days[which] for name, days in dates.items()}


def _taken(cells: "pd.Series[Any]", rows: Whole) -> Any:
    """The cells of these rows; to pick them in their order is much the quicker way."""
    if (np.diff(rows) <= 0).any():
        return cells.array.take(rows)
    which = np.zeros(len(cells), dtype=bool)
    which[rows] = True
    return cells.array[which]


def came_again(snapshots: Snapshots) -> Flags:
    """Which came with their outcome although the client had these numbers before."""
    came_with_outcome = (snapshots.told_by == snapshots.row) & (snapshots.outcome != OPEN)
    came: Flags = came_with_outcome & (snapshots.began < snapshots.place)
    return came


def last_opened(client: Whole, snapshots: Snapshots, before: Whole) -> Whole:
    """The place of each client's last open snapshot; before these there were others."""
    opened = before.copy()
    at = np.flatnonzero(snapshots.outcome == OPEN)  # in the order of their places
    opened[client[at]] = snapshots.place[at]
    return opened


def delivered_again(client: Whole, snapshots: Snapshots, opened: Whole) -> Flags:
    """Which are outcomes of old snapshots once more: the client was opened since."""
    again: Flags = came_again(snapshots) & (snapshots.began < opened[client])
    return again


def newest_of(client: Whole, snapshots: Snapshots) -> Whole:
    """The positions of each client's newest snapshot, the oldest of them first."""
    in_order: Whole = np.arange(len(snapshots.row))
    if (np.diff(snapshots.again) < 0).any() or (np.diff(snapshots.place) < 0).any():
        in_order = np.lexsort((snapshots.again, snapshots.place))
    last = np.full(client.max(initial=-1) + 1, -1)
    last[client[in_order]] = np.arange(len(in_order))
    newest: Whole = in_order[np.sort(last[last >= 0])]
    return newest


def begins(clients: Sequence[int], columns: Columns) -> Whole:
    """At which place the period of each place begins; so many clients are at each of them.

    Of two neighbours that differ much in the number of their clients, the smaller one is only a
    part: a few corrections, or clients that joined since.
    """
    small = SMALL_PERIOD if columns.period else SMALL_FILE
    own = np.zeros(len(clients), dtype=np.int32)
    begin, size = 0, 0
    for place, count in enumerate(clients):
        if count and size and min(size, count) < small * max(size, count):
            size = max(size, count)
        elif count:
            begin, size = place, count
        own[place] = begin
    return own


def clients_of(places: Whole, client: Whole) -> list[int]:
    """How many clients each place has."""
    pairs = places.astype(np.int64)
    pairs <<= CLIENT_BITS
    pairs |= client
    pairs.sort()
    is_new = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    count: list[int] = np.bincount(pairs[is_new] >> CLIENT_BITS).tolist()
    return count


def _days(
    table: pd.DataFrame, snapshots: Snapshots, period: Whole, columns: Columns
) -> tuple[dict[str, Days], dict[str, float]]:
    """Each date of each snapshot as days before the newest of its period; the newest ones last."""
    days: dict[str, Days] = {}
    newest_dates: dict[str, float] = {}
    names = [name for name in columns.features if columns.kind(name) == DATE]
    dates = table[names].iloc[snapshots.row].reset_index(drop=True)
    newest = dates.groupby(period).transform("max")
    for name in names:
        days[name] = (newest[name] - dates[name]).to_numpy()
        last = dates[name][period == period.max(initial=0)].max()
        newest_dates |= {} if np.isnan(last) else {name: float(last)}
    return days, newest_dates


def say(
    contradictions: list[tuple[int, int]],
    table: pd.DataFrame,
    rows: Rows,
    files: Sequence[tuple[str, int]],
    columns: Columns,
) -> None:
    """Name the first outcome that a later one contradicts, and how many more there are."""
    for earlier, later in contradictions[:1]:
        more = len(contradictions) - 1
        log.warning(
            "%s has the outcome %d in %s and %d in %s for the same row; the later counts%s",
            ascii(table[columns.client].iloc[later]).strip("'"),
            *(rows.outcome[earlier], files[rows.file[earlier]][0]),
            *(rows.outcome[later], files[rows.file[later]][0]),
            f" (and {more} more like it)" if more else "",
        )
