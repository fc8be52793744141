"""Which places of rows belong to one period, as the number of their clients tells."""

from collections.abc import Sequence

import numpy as np

from risk.columns import Columns
from risk.dataset.snapshots import CLIENT_BITS, Whole
from risk.rows import long_columns

SMALL_FILE, SMALL_PERIOD = 0.5, 0.1  # shares of the clients of the period before or after
MOST_PAIRS = 8  # of a client and a place for each row, which are counted without sorting


def begins(clients: Sequence[int], columns: Columns) -> Whole:
    """At which place the period of each place begins; so many clients are at each of them.

    Of two neighbours that differ much in the number of their clients, the smaller one is only a
    part: a few corrections, or clients that joined since.
    """
    small = SMALL_PERIOD if columns.period else SMALL_FILE
    begin, size, own = 0, 0, []
    for place, count in enumerate(clients):
        if count and size and min(size, count) < small * max(size, count):
            size = max(size, count)
        elif count:
            begin, size = place, count
        own.append(begin)
    return np.asarray(own, dtype=np.min_scalar_type(-1 - max(own, default=0)))


def numbers(clients: Sequence[int], columns: Columns) -> Whole:
    """The number of the period of each place that has so many clients, the oldest 0."""
    begin = begins(clients, columns)
    is_there = np.asarray(clients, dtype=bool)
    return np.searchsorted(np.unique(begin[is_there]), begin).astype(begin.dtype)


def clients_of(places: Whole, client: Whole) -> list[int]:
    """How many clients each place has."""
    size = int(places.max(initial=-1)) + 1, int(client.max(initial=-1)) + 1
    if size[0] * size[1] > MOST_PAIRS * len(places):  # few of all pairs are there
        return _clients_in_order(places, client)
    is_there = np.zeros(size, dtype=bool)
    for block in long_columns.blocks(len(client)):
        is_there[places[block], client[block]] = True
    count: list[int] = np.count_nonzero(is_there, axis=1).tolist()
    return count


def _clients_in_order(places: Whole, client: Whole) -> list[int]:
    """The same by sorting."""
    pairs = places.astype(np.int64)
    pairs <<= CLIENT_BITS
    pairs |= client
    pairs.sort()
    is_new = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    count: list[int] = np.bincount(pairs[is_new] >> CLIENT_BITS).tolist()
    return count
