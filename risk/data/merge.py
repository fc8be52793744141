"""All rows as one dataset: an outcome that arrives completes its row; each client's newest row.

A snapshot is what is known of a client at one time. It may arrive without its outcome, and once
more with it: both are one row. Without a period column a file is a period, so the same numbers in
a later file are a later snapshot, unless most of that file only repeats what is known.
"""

import logging
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import DATE, Columns
from risk.data import schema, tables

SMALL = 0.5  # a file with a smaller share of the clients of a period is only a part of it
OPEN = -1  # an outcome that is not known

Whole = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]

log = logging.getLogger("risk.merge")


class Delivered(NamedTuple):
    """The rows of one file."""

    name: str
    table: pd.DataFrame


class Merged(NamedTuple):
    """The dataset and the book, both from the oldest period to the newest.

    The last rows of the book, as many as `newest` says, are of the newest period.
    """

    table: pd.DataFrame
    book: pd.DataFrame
    newest: int
    repetitions: list[int]  # of each file, the rows that changed nothing


class Rows(NamedTuple):
    """Every row in the order of arrival.

    `same` is one number for all rows that are equal but for the outcome, `place` orders the
    periods, and `repeats` marks rows most of whose kind in their file were in earlier files too.
    """

    file: Whole
    same: Whole
    outcome: Whole
    place: Whole
    repeats: Flags


class Snapshots(NamedTuple):
    """Clients at one time each.

    `row` told its numbers first, `again` last, and `told_by` its outcome. `began` is the place of
    the first snapshot with the same numbers, if this one only repeats it.
    """

    place: Whole
    row: Whole
    again: Whole
    outcome: Whole
    told_by: Whole
    began: Whole

    def where(self, which: Flags | Whole) -> "Snapshots":
        """Some of them, or all in another order."""
        return Snapshots(*(each[which] for each in self))


@dataclass(slots=True)
class _Snapshot:
    place: int
    row: int
    again: int
    outcome: int
    told_by: int
    began: int


def merged(files: Sequence[Delivered], columns: Columns) -> Merged:
    """The rows of these files, which are in the order of their arrival."""
    table = tables.merged([file.table for file in files], columns)
    rows = _rows(table, [len(file.table) for file in files], columns)
    snapshots, contradictions = _snapshots(rows)
    _say(contradictions, table, rows, files, columns)
    table = tables.with_days(table, columns, rows.file)
    kept = _kept(snapshots, rows)
    total = np.bincount(rows.file, minlength=len(files))
    telling = np.unique([kept.row, kept.told_by])
    changed = np.bincount(rows.file[telling], minlength=len(files))
    book, newest = _book(table, snapshots, columns)
    return Merged(_made(table, kept, columns), book, newest, (total - changed).tolist())


def is_filled_in(table: pd.DataFrame, before: pd.DataFrame, columns: Columns) -> bool:
    """Whether most rows of a file that changed were in the dataset before but for the outcome."""
    names = [name for name in columns.all if name != columns.target]
    names = [name for name in names if columns.kind(name) != DATE]  # whose days moved on
    now = table[names].drop_duplicates()
    return 2 * len(now.merge(before[names].drop_duplicates())) > len(now)


def _rows(table: pd.DataFrame, lengths: list[int], columns: Columns) -> Rows:
    file = np.repeat(np.arange(len(lengths)), lengths)
    names = [name for name in columns.all if name != columns.target]
    same = table.groupby(names, sort=False, dropna=False).ngroup().to_numpy(dtype="int64")
    outcome = table[columns.target].fillna(OPEN).to_numpy(dtype="int64")
    if columns.period:
        moments = [schema.moment(text) for text in table[columns.period]]
        place = np.unique(moments, return_inverse=True)[1]
        return Rows(file, same, outcome, place, np.ones(len(table), dtype=bool))
    return Rows(file, same, outcome, file, _repeats(file, same, outcome == OPEN))


def _repeats(file: Whole, same: Whole, is_open: Flags) -> Flags:
    """Of which rows most of their kind in their file, open or not, were in earlier files too."""
    _, first = np.unique(same, return_index=True)
    was_there = file[first][same] < file
    kind = 2 * file + is_open
    repeats: Flags = (2 * np.bincount(kind, was_there) > np.bincount(kind))[kind]
    return repeats


def _snapshots(rows: Rows) -> tuple[Snapshots, list[tuple[int, int]]]:
    """What all rows tell together, and pairs of them that contradict each other.

    Most rows stand alone or are completed once; the others are followed one by one.
    """
    order = np.argsort(rows.same, kind="stable")
    begin = np.flatnonzero(np.diff(rows.same[order], prepend=-1))
    count = np.diff(begin, append=len(order))
    first, last = order[begin], order[begin + count - 1]
    is_open = rows.outcome == OPEN
    is_usual = (count == 1) | ((count == 2) & is_open[first] & ~is_open[last])
    usual, end = first[is_usual], last[is_usual]
    others: list[_Snapshot] = []
    contradictions: list[tuple[int, int]] = []
    for at, length in zip(begin[~is_usual], count[~is_usual], strict=True):
        others += _followed(order[at : at + length].tolist(), rows, contradictions)
    place = rows.place[usual]
    of_usual = (place, usual, usual, rows.outcome[end], end, place)
    rest = np.array([astuple(each) for each in others], dtype=np.int64).reshape(-1, 6).T
    together = Snapshots(*(np.concatenate(pair) for pair in zip(of_usual, rest, strict=True)))
    return together.where(np.lexsort((together.row, together.place))), contradictions


def _followed(own: list[int], rows: Rows, contradictions: list[tuple[int, int]]) -> list[_Snapshot]:
    """The snapshots that rows tell of which are equal but for the outcome."""
    known: list[_Snapshot] = []
    for row in own:
        place, outcome, repeats = int(rows.place[row]), int(rows.outcome[row]), rows.repeats[row]
        newest = known[-1] if known else None
        waiting = next((each for each in known if each.outcome == OPEN), None)
        if newest is None:
            known.append(_Snapshot(place, row, row, outcome, row, place))
        elif outcome != OPEN and waiting:
            waiting.outcome, waiting.told_by = outcome, row
        elif newest.outcome == outcome and newest.place == place:
            newest.again = row
        elif (
            OPEN not in (outcome, newest.outcome)
            and outcome != newest.outcome
            and (repeats or newest.place == place)
        ):
            contradictions.append((newest.told_by, row))
            newest.outcome, newest.told_by = outcome, row
        elif outcome != OPEN or not repeats:
            began = newest.began if outcome == newest.outcome else place
            known.append(_Snapshot(place, row, row, outcome, row, began))
    return known


def _kept(snapshots: Snapshots, rows: Rows) -> Snapshots:
    """Those that are rows of the dataset, in which a row stands once, with its outcome if known."""
    same = rows.same[snapshots.row]
    is_open = snapshots.outcome == OPEN
    has_outcome = np.isin(same, same[~is_open])
    again = pd.DataFrame({"same": same, "outcome": snapshots.outcome}).duplicated().to_numpy()
    return snapshots.where(~again & ~(is_open & has_outcome))


def _made(table: pd.DataFrame, snapshots: Snapshots, columns: Columns) -> pd.DataFrame:
    """Snapshots as rows of a table."""
    outcomes = np.where(snapshots.outcome == OPEN, np.nan, snapshots.outcome)
    made = table.iloc[snapshots.row].reset_index(drop=True)
    return made.assign(**{columns.target: outcomes})


def _book(table: pd.DataFrame, snapshots: Snapshots, columns: Columns) -> tuple[pd.DataFrame, int]:
    """Each client's newest snapshot, and how many of them are of the newest period.

    What only repeats an older row is not newer than an open snapshot that came after that row: it
    is how outcomes are delivered once more.
    """
    snapshots = snapshots.where(np.lexsort((snapshots.again, snapshots.place)))
    clients = pd.Series(table[columns.client].array[snapshots.row])
    opened = pd.Series(np.where(snapshots.outcome == OPEN, snapshots.place, -1))
    last_opened = opened.groupby(clients).transform("max").to_numpy()
    is_late = (snapshots.began < snapshots.place) & (snapshots.began < last_opened)
    is_late &= snapshots.outcome != OPEN
    snapshots, clients = snapshots.where(~is_late), clients[~is_late]
    newest = ~clients.duplicated(keep="last").to_numpy()
    book = _made(table, snapshots.where(newest), columns)
    begin = snapshots.place.max(initial=0)
    if not columns.period:
        begin = _newest_period(clients.groupby(snapshots.place).nunique())
    return book, int((snapshots.place[newest] >= begin).sum())


def _newest_period(clients: "pd.Series[int]") -> int:
    """The first file of the newest period, by the clients of each.

    Of two files of very different size one is only a part, so both are of one period.
    """
    begin, size = 0, 0
    for place, count in clients.items():
        if size and min(size, count) < SMALL * max(size, count):
            size = max(size, count)
        else:
            begin, size = int(str(place)), count
    return begin


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
