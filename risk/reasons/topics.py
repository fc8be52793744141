"""What is told together: a change and its level, columns that are copies of each other."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from risk.columns import Columns
from risk.models.estimator import Numbers

COPIES = 0.95  # the correlation beyond which two columns tell the same
FEWEST = 30  # clients: among fewer, columns look alike by chance
MOST = 50_000  # clients that are looked at for it


class Pair(NamedTuple):
    """Where a short time and a long one of the same thing stand among the features."""

    short: int
    long: int
    factor: float


class Topic(NamedTuple):
    """What one reason speaks of: a feature with its copies, or the change of a pair.

    A change is told at the place of its short time, the level at that of its long one.
    """

    features: tuple[int, ...]
    pair: int | None = None  # whose change it is


def pairs(columns: Columns) -> list[Pair]:
    """The pairs that tell a change; a column that stands in two is told in the first."""
    found: list[Pair] = []
    for short, long, factor in columns.pairs:
        places = columns.features.index(short), columns.features.index(long)
        if not {*places} & {place for pair in found for place in pair[:2]}:
            found.append(Pair(*places, factor))
    return found


def copies(rows: Numbers, columns: Columns) -> tuple[tuple[int, ...], ...]:
    """The numeric features, pairs left out, that are copies of the first of them.

    Each row has a number for each feature; what is no number is a copy of nothing.
    """
    taken = {place for pair in pairs(columns) for place in pair[:2]}
    numeric = set(columns.numeric)
    names = enumerate(columns.features)
    free = np.array([at for at, name in names if name in numeric and at not in taken])
    if len(free) < 2:
        return ()
    with np.errstate(all="ignore"):
        like = np.abs(np.corrcoef(rows[:, free], rowvar=False)) > COPIES
    groups: list[npt.NDArray[np.int64]] = []
    is_alone = np.ones(len(free), dtype=bool)
    for at, row in enumerate(like):
        if is_alone[at]:  # else it is a copy, and what is like it need not be like the first
            groups.append(np.flatnonzero(row & is_alone))
            is_alone[groups[-1]] = False
    return tuple(tuple(free[group].tolist()) for group in groups if len(group) > 1)


def topics_of(columns: Columns, alike: Sequence[tuple[int, ...]]) -> list[Topic]:
    """What the reasons speak of, in the order of the columns."""
    changes = {pair.short: place for place, pair in enumerate(pairs(columns))}
    groups = {group[0]: group for group in alike}
    others = {place for group in alike for place in group[1:]}
    return [
        Topic(groups.get(place, (place,)), changes.get(place))
        for place in range(len(columns.features))
        if place not in others
    ]


def names(topic: Topic, columns: Columns) -> list[str]:
    """The columns that the words of a topic need: of a change both, else that of its value."""
    pair = () if topic.pair is None else pairs(columns)[topic.pair][:2]
    return [columns.features[place] for place in pair or topic.features[:1]]


def regrouped(
    parts: Numbers, changes: Numbers, of_pairs: Sequence[Pair], topics: Sequence[Topic]
) -> Numbers:
    """The terms of the topics, which have the same sum as those of the features."""
    parts = parts.copy()
    for change, pair in zip(changes.T, of_pairs, strict=True):
        is_change = np.isfinite(change)
        both = parts[is_change, pair.short] + parts[is_change, pair.long]
        parts[is_change, pair.short] = change[is_change]
        parts[is_change, pair.long] = both - change[is_change]
    return np.column_stack([parts[:, list(topic.features)].sum(axis=1) for topic in topics])
