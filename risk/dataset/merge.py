"""All rows as one dataset, in which an outcome completes its row, and each client's newest row."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import DATE, Columns
from risk.dataset import periods, snapshots, standing
from risk.dataset.snapshots import OPEN, Flags, Rows, Snapshots, Whole
from risk.dataset.standing import OfClients, OfFiles, Standing
from risk.rows import equal_rows, long_columns
from risk.rows.long_columns import flagged, taken
from risk.rows.text_words import Words

MULTIPLIER = np.uint64(3)  # so that an outcome changes the key of its row

Keys = npt.NDArray[np.uint64]
Days = npt.NDArray[np.float64]

# Of each row of the dataset what is known of its outcome beside the outcome itself: `key` names the
# row with its outcome. `file` told the outcome; `period` numbers what such files brought, the
# oldest 0: both are -1 where the outcome is open.
TOLD = np.dtype([("key", "<u8"), ("period", "<i4"), ("file", "<i4")])
Told = npt.NDArray[np.void]  # rows of TOLD

log = logging.getLogger("risk.merge")


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
    row: Whole  # where each row of the dataset stands among all rows
    marks: Words  # of all rows
    standing: Standing | None = None  # nothing where periods or days change with later rows


def merged(table: pd.DataFrame, files: Sequence[tuple[str, int]], columns: Columns) -> Merged:
    """The rows of a table in which these files, each with so many rows, follow as they arrived."""
    rows = snapshots.rows_of(table, [count for _, count in files], columns)
    known, contradictions = snapshots.followed(rows)
    say(contradictions, table, rows, files, columns)
    client = taken(rows.client, known.row)
    of_all = standing.nobody(int(client.max(initial=-1)) + 1)
    of_all = of_all._replace(opened=last_opened(client, known, of_all.opened))
    again = delivered_again(client, known, of_all.opened)
    if again.any():
        known, client = known.where(~again), client[~again]
    clients = periods.clients_of(known.place, client)
    period = taken(periods.begins(clients, columns), known.place)
    dates, newest_dates = _days(table, known, period, columns)
    listed, at = newest_of(client, known), kept_of(known, rows)
    newest = int((period[listed] == period.max(initial=0)).sum())
    book = made(table, known.row[listed], known.outcome[listed], _of(dates, listed), columns)
    of_listed = None
    if not (columns.period or dates):
        of_listed = of_clients(rows, known, client, listed, of_all)
    kept, dates = DatasetRows.of(known).where(at), _of(dates, at)
    del known, client, period, at, of_all  # with millions of rows each of them counts
    repetitions = repetitions_of(kept, rows, len(files))
    if dates:
        dataset = made(table, kept.row, kept.outcome, dates, columns)
        once = _each_once(dataset, columns)
        dataset = dataset[once].reset_index(drop=True)
        kept = kept.where(once)
        told, _ = _told(keys(dataset, columns), kept, rows, columns)
        return Merged(dataset, book, newest, repetitions, newest_dates, told, kept.row, rows.mark)
    own = with_outcome(taken(rows.mark, kept.row), kept.outcome)
    told, tellers = _told(own, kept, rows, columns)
    stood = None
    if of_listed:
        stood = Standing(of_listed, of_files(rows, len(files), clients, tellers))
    row, outcome, marks = kept.row, kept.outcome, rows.mark
    del rows, kept, own
    dataset = made(table, row, outcome, dates, columns)
    return Merged(dataset, book, newest, repetitions, newest_dates, told, row, marks, stood)


def of_clients(
    rows: Rows,
    snapshots: Snapshots,
    client: Whole,
    listed: Whole,
    known: OfClients,
    *,
    first: int = 0,
) -> OfClients:
    """What is known of the clients of listed snapshots; files follow each other by their places.

    `client` tells whose each snapshot is. What was known before of all clients goes on with the
    rows from the first one on.
    """
    renewed = _last_renewed(rows, known.renewed, first)
    is_told_again, own = known.is_told_again.copy(), client[listed]
    is_told_again[client[came_again(snapshots)]] = True
    place = snapshots.place[listed].astype(np.int32)
    return OfClients(place, known.opened[own], renewed[own], is_told_again[own])


def _last_renewed(rows: Rows, before: Whole, first: int) -> Whole:
    """In which file each client has last shown new numbers, in the rows from the first one on."""
    is_new = ~flagged(len(rows.file), rows.same.row)
    is_new[rows.same.row[rows.same.begin]] = True
    is_new[:first] = False
    renewed, at = before.copy(), np.flatnonzero(is_new)
    for block in long_columns.blocks(len(at)):  # the last one counts
        renewed[rows.client[at[block]]] = rows.file[at[block]]
    return renewed


def of_files(rows: Rows, count: int, clients: list[int], tellers: list[int]) -> OfFiles:
    """What is known of so many files: how many clients they have, of how many they told."""
    is_old = np.zeros(count, dtype=bool)
    is_old[rows.file[rows.is_old & (rows.outcome != OPEN)]] = True
    known, told = (np.asarray(each + [0] * (count - len(each))) for each in (clients, tellers))
    return OfFiles(known.astype(np.int64), told.astype(np.int64), is_old)


class DatasetRows(NamedTuple):
    """The snapshots that are rows of the dataset, as far as its rows and what is told need them."""

    place: Whole
    row: Whole
    outcome: Whole
    told_by: Whole

    @classmethod
    def of(cls, snapshots: Snapshots) -> "DatasetRows":
        """All of them."""
        return cls(*(getattr(snapshots, name) for name in cls._fields))

    def where(self, which: Flags) -> "DatasetRows":
        """Some of them."""
        return DatasetRows(*(each[which] for each in self))


def repetitions_of(kept: DatasetRows, rows: Rows, files: int) -> list[int]:
    """Of each file, how many rows told nothing."""
    telling = flagged(len(rows.file), kept.row, kept.told_by)
    repetitions: list[int] = np.bincount(rows.file[~telling], minlength=files).tolist()
    return repetitions


def keys(table: pd.DataFrame, columns: Columns) -> Keys:
    """A number for each row, another one with another outcome."""
    names = [name for name in columns.all if name != columns.target]
    marks = equal_rows.marks_of(table, names)
    return with_outcome(marks, table[columns.target].fillna(OPEN).to_numpy(dtype="int64"))


def with_outcome(marks: Keys, outcome: Whole) -> Keys:
    """The keys that these marks, which nobody else has, become with these outcomes."""
    marks *= MULTIPLIER
    marks += (outcome + 1).astype(np.uint8)
    return marks


def _told(own: Keys, dataset: DatasetRows, rows: Rows, columns: Columns) -> tuple[Told, list[int]]:
    """What is known of the outcomes of these snapshots, which are rows of these keys.

    The second value counts the clients whose outcomes each file, or each period, has.
    """
    is_known = dataset.outcome != OPEN
    file = taken(rows.file, dataset.told_by[is_known])
    place = dataset.place[is_known] if columns.period else file
    tellers = periods.clients_of(place, taken(rows.client, dataset.row[is_known]))
    of_known = taken(periods.numbers(tellers, columns), place)
    return told_of(own, is_known, file, of_known), tellers


def told_of(own: Keys, is_known: Flags, file: Whole, period: Whole) -> Told:
    """What is known of rows of these keys, of which some have an outcome."""
    told = np.empty(len(own), TOLD)
    told["key"], told["file"], told["period"] = own, -1, -1
    told["file"][is_known], told["period"][is_known] = file, period
    return told


def kept_of(snapshots: Snapshots, rows: Rows) -> Flags:
    """Which are rows of the dataset, in which a row stands once, with its outcome if known."""
    is_several = flagged(len(rows.file), rows.same.row)
    several = np.flatnonzero(taken(is_several, snapshots.row))
    group = np.empty(len(rows.file), dtype=rows.same.group.dtype)
    group[rows.same.row] = rows.same.group
    own, outcome = group[snapshots.row[several]], snapshots.outcome[several]
    has_outcome = np.zeros(len(rows.same.begin), dtype=bool)
    has_outcome[own[outcome != OPEN]] = True
    kept = np.ones(len(snapshots.row), dtype=bool)
    kept[several] = _are_first(own, outcome) & ((outcome != OPEN) | ~has_outcome[own])
    return kept


def _are_first(group: Whole, outcome: Whole) -> Flags:
    """Which are the first of their group with their outcome."""
    pair = group.astype(np.int64) * 3 + outcome + 1
    at = np.arange(len(pair))
    first = np.zeros(int(pair.max(initial=-1)) + 1, dtype=np.int64)
    first[pair[::-1]] = at[::-1]  # of several the one written last
    is_first: Flags = first[pair] == at
    return is_first


def _each_once(dataset: pd.DataFrame, columns: Columns) -> Flags:
    """Which rows of the dataset stay: days may have made rows of two periods equal."""
    names = [name for name in columns.all if name != columns.target]
    in_order = dataset.sort_values(columns.target, kind="stable", na_position="last")
    is_open = in_order[columns.target].isna()
    again = in_order.duplicated() | (is_open & in_order.duplicated(subset=names))
    once: Flags = ~again.sort_index().to_numpy()
    return once


def made(
    table: pd.DataFrame, row: Whole, outcome: Whole, dates: dict[str, Days], columns: Columns
) -> pd.DataFrame:
    """These rows of a table with these outcomes, and with these days instead of dates."""
    outcomes = outcome.astype(np.float64)
    outcomes[outcome == OPEN] = np.nan
    own = dates | {columns.target: outcomes}
    which = _which(row, len(table))
    cells = {name: own[name] if name in own else table[name].array[which] for name in columns.all}
    return pd.DataFrame(cells, copy=False)


def _which(row: Whole, rows: int) -> Whole | Flags:
    """Some of so many rows; to pick them in their order is much the quicker way."""
    if (row[1:] <= row[:-1]).any():
        return row
    return flagged(rows, row)


def _of(dates: dict[str, Days], which: Whole | Flags) -> dict[str, Days]:
    """The days of some snapshots."""
    return {name: days[which] for name, days in dates.items()}


def came_again(snapshots: Snapshots) -> Whole:
    """Which came with their outcome although the client had these numbers before."""
    place, row, _, outcome, told_by, began = snapshots
    old = np.flatnonzero(began < place)
    again: Whole = old[(told_by[old] == row[old]) & (outcome[old] != OPEN)]
    return again


def last_opened(client: Whole, snapshots: Snapshots, before: Whole) -> Whole:
    """The place of each client's last open snapshot; before these there were others."""
    opened = before.copy()
    at = np.flatnonzero(snapshots.outcome == OPEN)  # in the order of their places
    opened[client[at]] = snapshots.place[at]
    return opened


def delivered_again(client: Whole, snapshots: Snapshots, opened: Whole) -> Flags:
    """Which are outcomes of old snapshots once more: the client was opened since."""
    is_again, old = np.zeros(len(client), dtype=bool), came_again(snapshots)
    is_again[old] = snapshots.began[old] < opened[client[old]]
    return is_again


def newest_of(client: Whole, snapshots: Snapshots) -> Whole:
    """The positions of each client's newest snapshot, the oldest of them first."""
    again, place = snapshots.again, snapshots.place
    if (again[1:] >= again[:-1]).all() and (place[1:] >= place[:-1]).all():
        last = long_columns.last_places(client)
        return np.sort(last[last >= 0])
    in_order = np.lexsort((again, place))
    last = long_columns.last_places(client[in_order])
    newest: Whole = in_order[np.sort(last[last >= 0])]
    return newest


def _days(
    table: pd.DataFrame, snapshots: Snapshots, period: Whole, columns: Columns
) -> tuple[dict[str, Days], dict[str, float]]:
    """Each date of each snapshot as days before the newest of its period; the newest ones last."""
    days: dict[str, Days] = {}
    newest_dates: dict[str, float] = {}
    names = [name for name in columns.features if columns.kind(name) == DATE]
    if not names:
        return days, newest_dates
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
