"""What all rows tell of each client at one time: a snapshot, completed by its outcome.

A snapshot is what is known of a client at one time. It may arrive without its outcome, and once
more with it: both are one row. Without a period column a file is a period, so the same numbers in
a later file are a later snapshot, unless that file only delivers old rows again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.columns import Columns
from risk.judging import schema
from risk.rows import equal_rows
from risk.rows.equal_rows import Repeats
from risk.rows.long_columns import flagged, taken
from risk.rows.text_words import Words

NEARLY_ALL = 0.95
CLIENT_BITS = 32
OPEN, STAYED, LEFT = -1, 0, 1  # an outcome that is not known

Whole = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]


class Rows(NamedTuple):
    """Every row in the order of arrival.

    Rows that are equal but for the outcome are a group of `same`, and have one `mark`, which is
    theirs in other tables, too. `place` orders the periods.
    `is_old` marks rows of a file, with an outcome or without, that mostly come again: such a row
    is no later snapshot, though its numbers were there before. `is_mixed` marks rows of a file that
    holds two periods: outcomes of clients that stayed, and the next snapshot of these clients.
    """

    file: Whole
    mark: Words
    same: Repeats
    client: Whole
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
    """One of them while it is followed."""

    place: int
    row: int
    again: int
    outcome: int
    told_by: int
    began: int

    @property
    def cells(self) -> tuple[int, ...]:
        """In the order of Snapshots."""
        return self.place, self.row, self.again, self.outcome, self.told_by, self.began


def rows_of(table: pd.DataFrame, lengths: list[int], columns: Columns) -> Rows:
    """All rows of a table in which files of these lengths follow each other."""
    file = np.repeat(_small(np.arange(len(lengths))), lengths)
    names = [name for name in columns.all if name != columns.target]
    mark = equal_rows.marks_of(table, names)
    client = equal_rows.numbered(table[columns.client])
    others = [name for name in names if name != columns.client]
    same = equal_rows.repeats(
        mark, lambda own: [client[own], *equal_rows.words_of(table, others, own)]
    )
    outcome = outcomes(table[columns.target].to_numpy())
    if columns.period:
        always = np.ones(len(table), dtype=bool)
        place = _places(table[columns.period])
        return Rows(file, mark, same, client, outcome, place, always, ~always)
    is_mixed = are_mixed(file, client, outcome)
    is_old = are_old(file, client, same, outcome == OPEN) & ~is_mixed
    return Rows(file, mark, same, client, outcome, file, is_old, is_mixed)


def _places(periods: "pd.Series[str]") -> Whole:
    """The place of each row's period among all periods."""
    code, texts = pd.factorize(periods)
    moments = [schema.moment(text) for text in texts]
    return _small(np.unique(moments, return_inverse=True)[1])[code]


def _small(numbers: Whole) -> Whole:
    """The same numbers, and -1 if need be, in as little room as the largest one leaves."""
    return numbers.astype(np.min_scalar_type(-1 - int(numbers.max(initial=0))))


def outcomes(cells: npt.NDArray[np.float64]) -> Whole:
    """A column of outcomes as small numbers."""
    outcomes = np.full(len(cells), OPEN, dtype=np.int8)
    np.copyto(outcomes, cells, casting="unsafe", where=~np.isnan(cells))
    return outcomes


def are_mixed(file: Whole, client: Whole, outcome: Whole) -> Flags:
    """Whether most clients that stayed, by a row of this file, have an open row in it too."""
    is_open: Flags = outcome == OPEN
    if not is_open.any():
        return is_open
    stayed = outcome == STAYED
    files = int(file.max(initial=-1)) + 1
    count = np.bincount(file[stayed], minlength=files)
    may_be = (count > 0) & (np.bincount(file[is_open], minlength=files) > 0)
    rows = np.flatnonzero(may_be[file] & (is_open | stayed))
    pairs = file[rows].astype(np.int64) << CLIENT_BITS | client[rows]
    pair = np.unique(pairs, return_inverse=True)[1] if len(rows) else pairs
    has_open = np.bincount(pair, is_open[rows]) > 0
    with_open = np.bincount(file[rows][stayed[rows] & has_open[pair]], minlength=files)
    mixed: Flags = (2 * with_open > count)[file]
    return mixed


def are_old(
    file: Whole, client: Whole, same: Repeats, is_open: Flags, renewed: Whole | None = None
) -> Flags:
    """Whether most rows of a row's kind in its file were in earlier files too.

    Open rows may well be those of a month before, as nothing has changed since. They are old if
    most clients go back to numbers from before their last ones, or if the file fills in outcomes.
    `renewed` tells what last numbers the row's client has shown before all of these rows.
    """
    first = file[same.row[same.begin]][same.group]
    was_there = same.row[first < file[same.row]]
    kind: Whole = file * np.int32(2) + is_open
    count = np.bincount(kind)

    def most(rows: Whole, share: float = 0.5) -> Flags:
        """Of each kind, whether these are most of its rows."""
        flags: Flags = np.bincount(kind[rows], minlength=len(count)) > share * count
        return flags

    are_there, nearly_all = most(was_there), most(was_there, NEARLY_ALL)
    if not is_open[was_there].any():
        return taken(are_there, kind) & ~is_open
    of_all = file.copy()
    of_all[same.row] = first
    last_new = _last_new(file, client, of_all)
    last_new = last_new if renewed is None else np.maximum(last_new, renewed)
    goes_back = was_there[of_all[was_there] < last_new[was_there]]
    fills_in = np.zeros(len(count) // 2 + 1, dtype=bool)
    with_outcome = np.flatnonzero(are_there & (count > 0))
    fills_in[with_outcome[with_outcome % 2 == 0] // 2] = True
    is_old_open = most(goes_back)[kind] | (fills_in[file] & nearly_all[kind])
    return np.where(is_open, is_old_open, are_there[kind])


def _last_new(file: Whole, client: Whole, first: Whole) -> Whole:
    """The newest numbers that the row's client has shown by the end of the row's file."""
    by_client = pd.Series(first).groupby(client).cummax()
    last: Whole = by_client.groupby([client, file]).transform("max").to_numpy()
    return last


def followed(rows: Rows) -> tuple[Snapshots, list[tuple[int, int]]]:
    """What all rows tell together, and pairs of them that contradict each other.

    Most rows stand alone, or equal ones tell the same outcome; the others are followed one by one.
    """
    several = _Several.of(rows)
    targets = _targets(rows, *several.completed_pairs())
    others: list[_Snapshot] = []
    contradictions: list[tuple[int, int]] = []
    for own in several.not_uniform():
        others += _each_followed(own, rows, targets, contradictions)
    rest = np.array([each.cells for each in others], dtype=np.int64).reshape(-1, 6).T
    pairs = zip(several.snapshots(rows), rest, strict=True)
    of_several = Snapshots(*(np.append(own, more.astype(own.dtype)) for own, more in pairs))
    return _in_order(_together(rows, of_several)), contradictions


def stay(rows: Rows, count: int) -> bool:
    """Whether the first rows, so many of them, tell what they told without the later ones.

    They may not where an open one of them has an equal later one, unless all of these are open; and
    where a later one contradicts them, which `followed` finds out.
    """
    row, group, begin, is_completed, is_uniform = _Several.of(rows)
    is_early = row < count
    has_later = np.bincount(group, ~is_early, len(begin)) > 0
    has_open = np.bincount(group, is_early & (rows.outcome[row] == OPEN), len(begin)) > 0
    told_early = row[begin + is_completed] < count
    return bool((~has_later | ~has_open | (is_uniform & told_early)).all())


def _together(rows: Rows, of_several: Snapshots) -> Snapshots:
    """These snapshots, and one for each row that stands alone, in the order of their rows."""
    is_own = ~flagged(len(rows.file), rows.same.row)
    is_own[of_several.row] = True
    row = np.arange(len(is_own), dtype=rows.same.row.dtype)[is_own]
    place = rows.place[is_own]
    snapshots = Snapshots(place, row, row.copy(), rows.outcome[is_own], row.copy(), place.copy())
    at = np.cumsum(is_own, dtype=row.dtype)[of_several.row] - 1
    for whole, own in zip(snapshots, of_several, strict=True):
        whole[at] = own
    return snapshots


def _in_order(snapshots: Snapshots) -> Snapshots:
    """The snapshots by their places, and those of one place as they are."""
    place = snapshots.place
    if (place[1:] >= place[:-1]).all():
        return snapshots
    return snapshots.where(np.argsort(place, kind="stable"))


class _Several(NamedTuple):
    """The groups of two rows or more that are equal but for the outcome.

    Group after group: the row, and the number of its group. Of each group: where it begins, whether
    its second row tells the outcome of its first, and whether all others tell the same outcome.
    """

    row: Whole
    group: Whole
    begin: Whole
    is_completed: Flags
    is_uniform: Flags

    @classmethod
    def of(cls, rows: Rows) -> "_Several":
        """All of them, in no order."""
        row, group, begin = rows.same
        outcome = rows.outcome[row]
        is_completed = (outcome[begin] == OPEN) & (outcome[begin + 1] != OPEN)
        differs = outcome != outcome[begin + is_completed][group]
        differs[begin[is_completed]] = False
        is_uniform = np.bincount(group[differs], minlength=len(begin)) == 0
        return cls(row, group, begin, is_completed, is_uniform)

    def snapshots(self, rows: Rows) -> Snapshots:
        """What those tell that are uniform: one snapshot for each place, all of one outcome."""
        first = self.row[self.begin]
        last_word = self.row[self.begin + self.is_completed]  # which tells the outcome
        place = rows.place[self.row]
        is_told = np.ones(len(self.row), dtype=bool)
        is_told[self.begin[self.is_completed] + 1] = False
        is_open = rows.outcome[self.row] == OPEN
        is_first_place = place == rows.place[first][self.group]
        is_told &= ~is_open | ~rows.is_old[self.row] | is_first_place
        is_told &= self.is_uniform[self.group]
        row, group, place = self.row[is_told], self.group[is_told], place[is_told]
        begins = np.append(True, (group[1:] != group[:-1]) | (place[1:] != place[:-1]))[: len(row)]
        again = row[np.append(begins[1:], True)[: len(row)]]
        row, group, place = row[begins], group[begins], place[begins]
        told_by = np.where(row == first[group], last_word[group], row)
        outcome = rows.outcome[last_word][group]
        return Snapshots(place, row, again, outcome, told_by, rows.place[first][group])

    def completed_pairs(self) -> tuple[Whole, Whole]:
        """Of groups of two, the rows whose outcome came, and the rows that told it."""
        is_pair = np.diff(self.begin, append=len(self.row)) == 2
        begin = self.begin[is_pair & self.is_completed]
        return self.row[begin], self.row[begin + 1]

    def not_uniform(self) -> Iterator[list[int]]:
        """The rows of each of the other groups, in the order of their first rows."""
        end = np.append(self.begin[1:], len(self.row))
        others = np.flatnonzero(~self.is_uniform)
        for group in others[np.argsort(self.row[self.begin[others]])]:
            yield self.row[self.begin[group] : end[group]].tolist()


def _targets(rows: Rows, opened: Whole, completed: Whole) -> dict[int, int]:
    """The period whose outcomes each file brings, as most of its rows tell."""
    places = int(rows.place.max(initial=0)) + 1
    pairs = rows.file[completed].astype(np.int64) * places + rows.place[opened]
    pair, count = np.unique(pairs, return_counts=True)
    best: dict[int, tuple[int, int]] = {}
    for file, place, own in zip(*np.divmod(pair, places), count, strict=True):
        if own > best.get(int(file), (0, 0))[0]:
            best[int(file)] = (int(own), int(place))
    return {file: place for file, (_, place) in best.items()}


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
