"""How far the newest clients differ from those of the training, column by column.

Two distances, each beside the bound that chance hardly ever passes at these numbers of rows:

- the population stability index, the sum over groups of (q - p) ln(q / p), p and q being the shares
  of the training and of the newest; by chance it is about chi-squared with groups - 1 degrees of
  freedom, times (1 / n + 1 / m). Groups are the deciles of a number's training values, or the
  levels of a category; what is missing is a group of its own.
- of numbers the distance of Kolmogorov and Smirnov, the largest difference of the two shares below
  any number; its bound is the asymptotic one.

A column has shifted when one of its distances passes its bound. The bounds are corrected for how
many there are (Bonferroni), so that in one table in a hundred some column passes by chance.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from risk.columns import Columns

SIGNIFICANT = 0.01  # for the whole table
TENTHS = np.arange(1, 10) / 10
FEWEST = 5  # rows that a group is expected to have in either table; rarer ones are taken together
MISSING, RARE = "missing", "rare"

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Shift(NamedTuple):
    """How far a column has moved; distances that chance may have made are within their bounds.

    `before` and `now` are medians of a number, nan where there is none, and for a category the
    shares of the level whose share changed the most. `ks` is 0 of a category, and 0 its bound.
    """

    column: str
    psi: float
    psi_bound: float
    ks: float
    ks_bound: float
    before: float
    now: float
    missing_before: float
    missing_now: float
    level: str | None = None

    @property
    def is_real(self) -> bool:
        """Whether it is more than chance makes."""
        return self.psi > self.psi_bound or self.ks > self.ks_bound


def shifts(
    known: pd.DataFrame, learned: Flags, newest: pd.DataFrame, columns: Columns
) -> list[Shift]:
    """Every feature's shift since a model learned from some known rows, in the order of columns.

    Nothing if there are no such rows, or no newest ones.
    """
    if not learned.any() or newest.empty:
        return []
    share = SIGNIFICANT / (len(columns.features) + len(columns.numeric))
    return [
        _of_levels(name, known[name][learned], newest[name], share)
        if name in columns.categories
        else _of_numbers(name, known[name], learned, newest[name], share)
        for name in columns.features
    ]


def _of_numbers(
    name: str, known: "pd.Series[Any]", learned: Flags, new: "pd.Series[Any]", share: float
) -> Shift:
    before, now = _in_order(known, learned), _in_order(new)
    ends = np.unique(_parted(before, TENTHS)) if len(before) else np.empty(0)
    rows = int(np.count_nonzero(learned)), len(new)
    missing = rows[0] - len(before), rows[1] - len(now)
    pairs = zip((before, now), missing, strict=True)
    counts = np.array([_by_group(each, ends, lacking) for each, lacking in pairs])
    return Shift(
        name,
        *_psi(counts, share),
        *_ks(before, now, share),
        before=_median(before),
        now=_median(now),
        missing_before=missing[0] / rows[0],
        missing_now=missing[1] / rows[1],
    )


def _in_order(cells: "pd.Series[Any]", which: Flags | bool = True) -> Numbers:
    """The numbers that stand in these rows; in one copy, as there may be many."""
    numbers = cells.to_numpy(dtype="float64")
    present: Numbers = numbers[which & ~np.isnan(numbers)]
    present.sort()
    return present


def _parted(in_order: Numbers, shares: Numbers | float) -> Numbers:
    """The numbers up to which these shares of all numbers lie."""
    parted: Numbers = in_order[np.floor((len(in_order) - 1) * np.asarray(shares)).astype(np.int64)]
    return parted


def _by_group(in_order: Numbers, ends: Numbers, missing: int) -> Counts:
    """How many numbers are up to each end, above the last, and missing."""
    up_to = np.searchsorted(in_order, ends, side="right")
    counts = np.diff(up_to, prepend=0, append=len(in_order))
    return np.append(counts, missing).astype("float64")


def _of_levels(name: str, old: "pd.Series[Any]", new: "pd.Series[Any]", share: float) -> Shift:
    counted = [cells.value_counts() for cells in (old, new)]
    levels = sorted({*counted[0].index, *counted[1].index})
    counts = np.array(
        [
            [*count.reindex(levels, fill_value=0), len(cells) - count.sum()]
            for count, cells in zip(counted, (old, new), strict=True)
        ],
        dtype="float64",
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    moved = int(np.abs(shares[1] - shares[0])[:-1].argmax()) if levels else -1
    return Shift(
        name,
        *_psi(counts, share),
        *(0.0, 0.0),
        before=float(shares[0, moved]),
        now=float(shares[1, moved]),
        missing_before=float(shares[0, -1]),
        missing_now=float(shares[1, -1]),
        level=str(levels[moved]) if levels else None,
    )


def _psi(counts: Counts, share: float) -> tuple[float, float]:
    """The index of two rows of counts, and what chance passes with this probability.

    Half a row is added to each group, so that an empty one is a large shift and no infinite one.
    """
    counts = _frequent(counts)
    rows = counts.sum(axis=1)
    shares = (counts + 0.5) / (rows + counts.shape[1] / 2)[:, None]
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    freedom = counts.shape[1] - 1
    if not freedom:
        return 0.0, 0.0
    return index, float(stats.chi2.isf(share, freedom) * (1 / rows).sum())


def _frequent(counts: Counts) -> Counts:
    """The counts with groups taken together in which chance alone makes a large index.

    They are those that would have too few rows in the smaller table if nothing had shifted.
    """
    together = counts.sum(axis=0)
    wanted = together / together.sum() * counts.sum(axis=1).min()
    is_rare = wanted < FEWEST
    if not is_rare.any():
        return counts
    rest = counts[:, is_rare].sum(axis=1, keepdims=True)
    kept = np.hstack([counts[:, ~is_rare], rest])
    return kept[:, kept.sum(axis=0) > 0]


def _ks(before: Numbers, now: Numbers, share: float) -> tuple[float, float]:
    """The distance, and its bound sqrt(-ln(share / 2) / 2) sqrt(1 / n + 1 / m).

    Between two numbers of the shorter row its share stays and the other's only grows, so nowhere is
    the distance larger than at such a number or just before it.
    """
    if not len(before) or not len(now):
        return 0.0, 0.0
    ends = min(before, now, key=len)
    below = [
        np.concatenate([np.searchsorted(each, ends, side) for side in ("left", "right")])
        / len(each)
        for each in (before, now)
    ]
    bound = np.sqrt(-np.log(share / 2) / 2 * (1 / len(before) + 1 / len(now)))
    return float(np.abs(below[0] - below[1]).max()), float(bound)


def _median(in_order: Numbers) -> float:
    return float(_parted(in_order, 0.5)) if len(in_order) else float("nan")


# -- in words ------------------------------------------------------------------------------------


def words(shift: Shift, label: str) -> str:
    """A shift as a sentence about the column of this label; empty where chance explains it."""
    if not shift.is_real:
        return ""
    if abs(shift.missing_now - shift.missing_before) > 0.1:
        known = f"{shift.missing_before:.0%} before and {shift.missing_now:.0%} now"
        return f"{label} is not known of {known}"
    if shift.level is not None:
        return f"{label} is {shift.level} for {shift.now:.0%}, before for {shift.before:.0%}"
    return f"{label} {_moved(shift.before, shift.now)}"


def _moved(before: float, now: float) -> str:
    """How the middle of a number moved."""
    if math.isnan(before) or math.isnan(now) or before == now:
        return "has another spread"
    if before <= 0 or now < 0:
        return f"went from {before:g} to {now:g}"
    ratio = now / before
    if 0.95 < ratio < 1.05:
        return "has another spread, though the middle is about the same"
    if ratio < 1:
        return f"fell by {_part(1 - ratio)}"
    return f"rose by {_part(ratio - 1)}" if ratio < 2 else f"rose to {ratio:.1f} times what it was"


def _part(part: float) -> str:
    """A part of a whole as one says it: about a third, or percent."""
    said = {1 / 4: "a quarter", 1 / 3: "a third", 1 / 2: "half", 2 / 3: "two thirds"}
    nearest = min(said, key=lambda each: abs(each - part))
    return said[nearest] if abs(nearest - part) < 0.03 else f"{part:.0%}"
