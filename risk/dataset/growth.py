"""New rows merged with what is known of all earlier ones, of which only equal ones are looked at.

What comes out is what merging all rows gives. Where that would change rows that are in the dataset,
or how their periods are told apart, there is a reason to merge all of them anew.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk.columns import Columns
from risk.dataset import merge, periods, snapshots, standing
from risk.dataset.merge import DatasetRows, Told
from risk.dataset.row_store import Kept
from risk.dataset.snapshots import OPEN, Rows, Snapshots, Whole
from risk.dataset.standing import OfClients, Standing
from risk.rows import equal_rows, tables
from risk.rows.long_files import Unusable
from risk.rows.text_words import Words


class Before(NamedTuple):
    """What is known of all earlier rows, which are of files with so many rows each."""

    kept: Kept
    files: Sequence[tuple[str, int]]
    standing: Standing
    book: pd.DataFrame


class Grown(NamedTuple):
    """What is added to the dataset, and the book as it is then; `repetitions` are of new files."""

    table: pd.DataFrame
    book: pd.DataFrame
    newest: int
    repetitions: list[int]
    told: Told
    row: Whole  # where each added row stands among all rows
    marks: Words
    standing: Standing


class _Both(NamedTuple):
    """The new rows after the earlier ones that may equal some of them; marks are of the new ones.

    Clients of the book have its places as their numbers, others follow.
    """

    table: pd.DataFrame
    rows: Rows
    earlier: int
    files: int  # how many there are, new ones among them
    marks: Words


def grown(
    before: Before, new: pd.DataFrame, files: Sequence[tuple[str, int]], columns: Columns
) -> Grown:
    """The rows of these new files merged with what was there before."""
    both = _both(before, new, [count for _, count in files], columns)
    rows, first_new = both.rows, len(before.files)
    if not snapshots.stay(rows, both.earlier):
        raise Unusable("outcomes came of rows that were there before")
    after, contradictions = snapshots.followed(rows)
    if any(earlier < both.earlier <= later for earlier, later in contradictions):
        raise Unusable("rows that were there before came with other outcomes")
    is_later = after.place >= first_new
    client = rows.client[after.row]
    clients = 1 + max(int(rows.client.max(initial=-1)), len(before.book))
    known = before.standing.clients.padded(clients)
    opened = merge.last_opened(client[is_later], after.where(is_later), known.opened)
    if (known.is_told_again & (opened > known.opened)).any():
        raise Unusable("an old outcome that was told again does not count any more")
    of_new = [pair for pair in contradictions if pair[1] >= both.earlier]
    merge.say(of_new, both.table, rows, [*before.files, *files], columns)
    is_again = is_later & merge.delivered_again(client, after, opened)
    known = known._replace(opened=opened)
    return _put_together(before, both, after.where(~is_again), known, columns)


def _both(before: Before, new: pd.DataFrame, lengths: Sequence[int], columns: Columns) -> _Both:
    names = [name for name in columns.all if name != columns.target]
    marks = equal_rows.marks_of(new, names)
    places = before.kept.sharing(marks)
    earlier = before.kept.rows_at(places)
    table = tables.merged([earlier, new], columns)
    mark = np.concatenate([equal_rows.marks_of(earlier, names), marks])
    same = equal_rows.repeats(mark, lambda own: equal_rows.words_of(table, names, own))
    ends = np.cumsum([count for _, count in before.files])
    of_earlier = np.searchsorted(ends, places, side="right")
    of_new = len(before.files) + np.repeat(np.arange(len(lengths)), lengths)
    file = np.concatenate([of_earlier, of_new]).astype(np.int32)
    client = _numbered(before.book[columns.client], table[columns.client])
    outcome = snapshots.outcomes(table[columns.target].to_numpy())
    is_mixed = snapshots.are_mixed(file, client, outcome)
    place = np.minimum(client, len(before.book))
    renewed = np.append(before.standing.clients.renewed, -1)[place]
    is_old = snapshots.are_old(file, client, same, outcome == OPEN, renewed) & ~is_mixed
    is_old[: len(places)] = before.standing.files.is_old[of_earlier]  # open ones play no part
    rows = Rows(file, mark, same, client, outcome, file, is_old, is_mixed)
    return _Both(table, rows, len(places), len(before.files) + len(lengths), marks)


def _numbered(book: "pd.Series[str]", clients: "pd.Series[str]") -> Whole:
    """The place of each client in the book; others follow, equal ones by one number."""
    number = equal_rows.numbered(pd.concat([book, clients], ignore_index=True))
    place = len(book) + np.arange(number.max(initial=-1) + 1)
    place[number[: len(book)]] = np.arange(len(book))
    own: Whole = place[number[len(book) :]]
    return own


def _put_together(
    before: Before, both: _Both, after: Snapshots, known: OfClients, columns: Columns
) -> Grown:
    """What is added, out of all snapshots, and out of what is known of each client."""
    rows, first_new = both.rows, len(before.files)
    is_later = after.place >= first_new
    kept = DatasetRows.of(after).where(merge.kept_of(after, rows) & is_later)
    later = after.where(is_later)
    clients = periods.clients_of(later.place, rows.client[later.row])
    is_known = kept.outcome != OPEN
    teller = rows.file[kept.told_by[is_known]]
    tellers = periods.clients_of(teller, rows.client[kept.row[is_known]])
    of_new = merge.of_files(rows, both.files, clients, tellers)
    of_files = standing.together(before.standing.files, of_new.since(first_new))
    book, of_clients = _book(before, both, later, known, columns)
    begins = periods.begins(of_files.clients.tolist(), columns)
    newest = begins[np.flatnonzero(of_files.clients)[-1:]]
    return Grown(
        table=merge.made(both.table, kept.row, kept.outcome, {}, columns),
        book=book,
        newest=int((begins[of_clients.place] == newest).sum()),
        repetitions=merge.repetitions_of(kept, rows, both.files)[first_new:],
        told=merge.told_of(
            merge.with_outcome(rows.mark[kept.row], kept.outcome),
            *(is_known, teller, periods.numbers(of_files.told.tolist(), columns)[teller]),
        ),
        row=kept.row + (before.kept.count - both.earlier),
        marks=both.marks,
        standing=Standing(of_clients, of_files),
    )


def _book(
    before: Before, both: _Both, later: Snapshots, known: OfClients, columns: Columns
) -> tuple[pd.DataFrame, OfClients]:
    """The book, in which clients with a new snapshot stand last, and what is known of each."""
    client = both.rows.client[later.row]
    listed = merge.newest_of(client, later)
    stays = np.ones(len(known.place), dtype=bool)
    stays[client] = False
    stays = stays[: len(before.book)]
    of_listed = merge.of_clients(both.rows, later, client, listed, known, first=both.earlier)
    last = merge.made(both.table, later.row[listed], later.outcome[listed], {}, columns)
    book = tables.merged([before.book[stays], last], columns)
    return book, standing.together(before.standing.clients.where(stays), of_listed)
