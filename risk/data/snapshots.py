"""What all rows tell of each client at one time: a snapshot, completed by its outcome.

A snapshot is what is known of a client at one time. It may arrive without its outcome, and once
more with it: both are one row. Without a period column a file is a period, so the same numbers in
a later file are a later snapshot, unless that file only delivers old rows again.
"""

from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import Columns
from risk.data import schema

NEARLY_ALL = 0.95
OPEN, STAYED, LEFT = -1, 0, 1  # an outcome that is not known

Whole = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]


class Rows(NamedTuple):
    """Every row in the order of arrival.

    Rows that are equal but for the outcome have one number in `same`. `place` orders the periods.
    `is_old` marks rows of a file, with an outcome or without, that mostly come again: such a row
    is no later snapshot, though its numbers were there before. `is_mixed` marks rows of a file that
    holds two periods: outcomes of clients that stayed, and the next snapshot of these clients.
    """

    file: Whole
    same: Whole
    outcome: Whole
    place: Whole
    is_old: Flags
    is_mixed: Flags


class Snapshots(NamedTuple):
    """Clients, each at one time; numbers of rows say where what is known comes from.

    `row` is the first row with the client's numbers, `again` the last one that only repeats it,
    `told_by` the row with the outcome. `began` is the place of the client's first snapshot with
    these numbers and this outcome: before `place`, if nothing has changed since.
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


def rows_of(table: pd.DataFrame, lengths: list[int], columns: Columns) -> Rows:
    """All rows of a table in which files of these lengths follow each other."""
    file = np.repeat(np.arange(len(lengths)), lengths)
    names = [name for name in columns.all if name != columns.target]
    same = table.groupby(names, sort=False, dropna=False).ngroup().to_numpy(dtype="int64")
    outcome = table[columns.target].fillna(OPEN).to_numpy(dtype="int64")
    if columns.period:
        moments = [schema.moment(text) for text in table[columns.period]]
        place = np.unique(moments, return_inverse=True)[1]
        always = np.ones(len(table), dtype=bool)
        return Rows(file, same, outcome, place, always, ~always)
    client = pd.factorize(table[columns.client])[0]
    is_mixed = _is_mixed(file, client, outcome)
    is_old = _is_old(file, client, same, outcome == OPEN) & ~is_mixed
    return Rows(file, same, outcome, file, is_old, is_mixed)


def _is_mixed(file: Whole, client: Whole, outcome: Whole) -> Flags:
    """Whether most clients that stayed, by a row of this file, have an open row in it too."""
    rows = pd.DataFrame({"file": file, "client": client})
    is_open = rows.assign(open=outcome == OPEN).groupby(["file", "client"])["open"]
    has_open, stayed = is_open.transform("any").to_numpy(), outcome == STAYED
    count = np.bincount(file, stayed)
    mixed: Flags = (2 * np.bincount(file, stayed & has_open) > count)[file]
    return mixed


def _is_old(file: Whole, client: Whole, same: Whole, is_open: Flags) -> Flags:
    """Whether most rows of a row's kind in its file were in earlier files too.

    Open rows may well be those of a month before, as nothing has changed since. They are old if
    most clients go back to numbers from before their last ones, or if the file fills in outcomes.
    """
    rows = pd.DataFrame({"file": file, "same": same, "client": client})
    first = rows.groupby("same")["file"].transform("min").to_numpy()
    was_there = first < file
    by_client = rows.assign(first=first).groupby("client")["first"]
    last_new = by_client.cummax().groupby([client, file]).transform("max").to_numpy()
    goes_back = was_there & (first < last_new)
    kind = 2 * file + is_open
    count = np.bincount(kind)

    def most(which: Flags, share: float = 0.5) -> Flags:
        flags: Flags = (np.bincount(kind, which, minlength=len(count)) > share * count)[kind]
        return flags

    fills_in = np.isin(file, file[~is_open & most(was_there)]) & most(was_there, NEARLY_ALL)
    return np.where(is_open, most(goes_back) | fills_in, most(was_there))


def followed(rows: Rows) -> tuple[Snapshots, list[tuple[int, int]]]:
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
    targets = _targets(rows, first[is_usual & (count == 2)], last[is_usual & (count == 2)])
    others: list[_Snapshot] = []
    contradictions: list[tuple[int, int]] = []
    for at, length in zip(begin[~is_usual], count[~is_usual], strict=True):
        others += _each_followed(order[at : at + length].tolist(), rows, targets, contradictions)
    place = rows.place[usual]
    of_usual = (place, usual, usual, rows.outcome[end], end, place)
    rest = np.array([astuple(each) for each in others], dtype=np.int64).reshape(-1, 6).T
    together = Snapshots(*(np.concatenate(pair) for pair in zip(of_usual, rest, strict=True)))
    return together.where(np.lexsort((together.row, together.place))), contradictions


def _targets(rows: Rows, opened: Whole, completed: Whole) -> dict[int, int]:
    """The period whose outcomes each file brings, as most of its rows tell."""
    files, places = rows.file[completed], rows.place[opened]
    return {int(file): int(np.bincount(places[files == file]).argmax()) for file in set(files)}


def _each_followed(
    own: list[int], rows: Rows, targets: dict[int, int], contradictions: list[tuple[int, int]]
) -> list[_Snapshot]:
    """The snapshots in rows that are equal but for the outcome, in the order of their arrival."""
    known: list[_Snapshot] = []
    for row in own:
        place, outcome = int(rows.place[row]), int(rows.outcome[row])
        newest = known[-1] if known else None
        waiting = [each for each in known if each.outcome == OPEN]
        if newest is None:
            known.append(_Snapshot(place, row, row, outcome, row, place))
        elif outcome != OPEN and waiting:
            completed = _completed(waiting, outcome, targets.get(int(rows.file[row])))
            completed.outcome, completed.told_by = outcome, row
        elif newest.place == place and newest.outcome == outcome:  # twice in one period
            newest.again = row
        elif newest.place == place and outcome == OPEN:
            if rows.is_mixed[row] and newest.outcome != LEFT:  # the next period, nothing changed
                known.append(_Snapshot(place, row, row, outcome, row, place))
        elif _contradicts(newest, place, outcome, is_old=rows.is_old[row]):
            contradictions.append((newest.told_by, row))
            newest.outcome, newest.told_by = outcome, row
        elif outcome != OPEN or not rows.is_old[row]:  # the same numbers, a period later
            began = newest.began if outcome == newest.outcome else place
            known.append(_Snapshot(place, row, row, outcome, row, began))
    return known


def _completed(waiting: list[_Snapshot], outcome: int, target: int | None) -> _Snapshot:
    """Which of the open snapshots with the same numbers an outcome belongs to.

    A client that left did so in the last of them. That one stayed is told of the period whose
    outcomes the file brings, or of the first.
    """
    if outcome == LEFT:
        return waiting[-1]
    return next((each for each in waiting if each.place == target), waiting[0])


def _contradicts(newest: _Snapshot, place: int, outcome: int, *, is_old: bool) -> bool:
    """Whether a row tells another outcome of this snapshot, and not the outcome of a later one."""
    is_same = is_old or newest.place == place
    return is_same and OPEN not in (outcome, newest.outcome) and outcome != newest.outcome
