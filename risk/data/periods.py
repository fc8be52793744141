"""Which places of rows belong to one period, as the number of their clients tells."""

import numpy as np

from risk.columns import Columns
from risk.data.snapshots import CLIENT_BITS, Whole
from risk.rows import long_columns
from risk.rows.long_columns import flagged, taken

SMALL_FILE, SMALL_PERIOD = 0.5, 0.1  # shares of the clients of the period before or after
MOST_PAIRS = 8  # of a client and a place for each row, which are counted without sorting


def of(client: Whole, places: Whole, columns: Columns) -> Whole:
    """The period of each of these rows of clients, which begins at the place that this names.

    Of two neighbours that differ much in the number of their clients, the smaller one is only a
    part: a few corrections, or clients that joined since.
    """
    small = SMALL_PERIOD if columns.period else SMALL_FILE
    begins = np.zeros(int(places.max(initial=-1)) + 1, dtype=places.dtype)
    begin, size = 0, 0
    for place, count in enumerate(_clients_of(places, client)):
        if count and size and min(size, count) < small * max(size, count):
            size = max(size, count)
        elif count:
            begin, size = place, count
        begins[place] = begin
    return taken(begins, places)


def _clients_of(places: Whole, client: Whole) -> list[int]:
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


def numbered(begins: Whole) -> Whole:
    """Periods by their number, the oldest 0."""
    is_there = flagged(int(begins.max(initial=-1)) + 1, begins)
    return taken((np.cumsum(is_there) - 1).astype(begins.dtype), begins)
