"""Whether as many leave as the risks say, among all clients and among those of equal risk."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from risk.models.estimator import Numbers

GROUPS = 10
SURE = 0.9  # how often an interval is to hold what it is of
DRAWS = 500

Outcomes = npt.NDArray[np.bool_]


class Group(NamedTuple):
    """Clients of about equal risk: the mean risk, which share left, and the interval of that."""

    clients: int
    predicted: float
    observed: float
    low: float
    high: float


class Reliability(NamedTuple):
    """What was predicted against what came, lowest risks first.

    `error` is the mean distance of the two over all clients and lies between `low` and `high`;
    `by_chance` is what it would be of risks that are right.
    """

    groups: list[Group]
    error: float
    low: float
    high: float
    by_chance: float


class Expected(NamedTuple):
    """How many clients are expected to leave, and the interval of that."""

    leavers: float
    low: float
    high: float


def reliability(risks: Numbers, left: Outcomes) -> Reliability:
    """Risks held against outcomes, in ten groups of equal size.

    error = sum of n_g / n |predicted_g - observed_g|. Of risks that are right each distance is half
    normal with the variance sum of p (1 - p) / n_g^2, so its mean is sqrt(2 / pi) standard errors.
    """
    parts = [part for part in np.array_split(np.argsort(risks, kind="stable"), GROUPS) if len(part)]
    groups = [_group(risks[part], left[part]) for part in parts]
    shares = np.array([group.clients for group in groups]) / max(len(risks), 1)
    chance = np.array([_spread(risks[part]) / len(part) for part in parts])
    by_chance = float(shares @ chance) * math.sqrt(2 / math.pi)
    return Reliability(groups, *_error(groups, shares, chance), by_chance)


def _group(risks: Numbers, left: Outcomes) -> Group:
    """The interval is that of Clopper and Pearson, which holds what it is of at least as often."""
    hits, count = int(left.sum()), len(left)
    edge = (1 - SURE) / 2
    low = special.betaincinv(hits, count - hits + 1, edge) if hits else 0.0
    high = special.betaincinv(hits + 1, count - hits, 1 - edge) if hits < count else 1.0
    return Group(count, float(risks.mean()), hits / count, float(low), float(high))


def _error(groups: list[Group], shares: Numbers, chance: Numbers) -> tuple[float, float, float]:
    """The calibration error and an interval about it, which always holds the error itself.

    It reaches up to what the error passes once in twenty times if outcomes are drawn anew about the
    observed shares, and as far down, because chance makes an error larger on average. It begins at
    0 if risks that are right pass this error more often than once in twenty times.
    """
    if not groups:
        return 0.0, 0.0, 0.0
    counts, predicted, observed = (np.array([group[at] for group in groups]) for at in range(3))
    off = predicted - observed
    error = min(1.0, float(shares @ np.abs(off)))
    likely = (observed * counts + 1) / (counts + 2)  # a share of 0 or 1 would never move
    high = max(error, _highest(off, np.sqrt(likely * (1 - likely) / counts), shares))
    is_chance = error <= _highest(np.zeros(len(groups)), chance, shares)
    return error, 0.0 if is_chance else max(0.0, 2 * error - high), min(1.0, high)


def _highest(off: Numbers, deviations: Numbers, shares: Numbers) -> float:
    """What the error of groups that are off by this much passes by chance once in twenty times.

    The draws are normal and of a fixed seed, so that the same outcomes have the same interval.
    """
    drawn = np.random.default_rng(0).standard_normal((DRAWS, len(off)))
    return float(np.quantile(np.abs(off - drawn * deviations) @ shares, (1 + SURE) / 2))


def _spread(risks: Numbers) -> float:
    """The standard deviation of how many leave: sqrt(sum of p (1 - p)), as each decides alone."""
    return math.sqrt(max(0.0, float((risks * (1 - risks)).sum())))


def expected(risks: Numbers) -> Expected:
    """How many are expected to leave, which is the sum of the risks, and normal about it."""
    leavers = float(risks.sum())
    reach = float(stats.norm.isf((1 - SURE) / 2)) * _spread(risks)
    return Expected(leavers, max(0.0, leavers - reach), min(float(len(risks)), leavers + reach))
