"""Histories of a company in worlds that stay as they are, or change in one way or another.

A history is eighteen months of a company that always has the same number of clients, because as
many join as have left. The same arguments make the same history.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from company import fabricate

MONTHS = 18
BEFORE = fabricate.LATER_PERIODS
AFTER = fabricate.Truth(
    base=-2.15, cooling=0.45, size=0.9
)  # large clients leave, whether they cool or not
MORE, SWING = 0.7, 0.6  # in log-odds: 15 % leave otherwise; then 21 %, or 10 to 21 %
STRANGERS = 1_000  # added to a seed: the clients of another company


class World(NamedTuple):
    """What makes clients leave in each month, and the first month in which that is different."""

    truth: Callable[[int], fabricate.Truth]
    changes: int | None = None


def _between(share: float) -> fabricate.Truth:
    """The truth on the way from the one to the other."""
    return fabricate.Truth(
        *((1 - share) * old + share * new for old, new in zip(BEFORE, AFTER, strict=True))
    )


def _more(log_odds: float) -> fabricate.Truth:
    """The same reasons, but more clients leave, or fewer."""
    return BEFORE._replace(base=BEFORE.base + log_odds)


WORLDS = {
    "quiet": World(lambda _month: BEFORE),
    "sudden": World(lambda month: AFTER if month >= 7 else BEFORE, 7),
    "gradual": World(lambda month: _between(min(max(month - 4, 0) / 8, 1.0)), 5),  # until 12
    "seasonal": World(lambda month: _more(SWING * math.sin(math.tau * month / 12))),
    "base rate": World(lambda month: _more(MORE if month >= 7 else 0.0), 7),
}


def history(world: str, clients: int, seed: int, last: int = MONTHS) -> list[fabricate.Month]:
    """The months of a company of so many clients."""
    return fabricate.months(last, seed, WORLDS[world].truth, lambda _month, left: clients + left)


def strangers(rows: int, seed: int) -> pd.DataFrame:
    """Test data: clients of another company, for whom holds what holds before all changes.

    As in the shipped file they have stayed for a month before.
    """
    months = fabricate.months(
        2, seed + STRANGERS, lambda _month: BEFORE, lambda _month, _left: 2 * rows
    )
    stayed = months[-1].rows[:rows]
    names = np.char.add("test ", stayed["corporation"].to_numpy("str"))
    return stayed.assign(corporation=names)
