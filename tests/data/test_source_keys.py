"""What is still to be read: ranges around the keys that were, few however the keys lie."""

import numpy as np
import pytest

from risk.data import source_keys
from risk.data.source_keys import Range


def ranges(*ends: tuple[int | None, int | None]) -> list[Range]:
    """Ranges that were all found missing at one moment."""
    return [Range(low, high, 1.0) for low, high in ends]


@pytest.mark.parametrize(
    ("before", "keys", "left"),
    [
        ([(None, None)], [5], [(None, 4), (6, None)]),
        ([(None, None)], [-1, 0, 1], [(None, -2), (2, None)]),
        ([(None, 4), (6, None)], [8], [(None, 4), (6, 7), (9, None)]),
        ([(None, 4), (6, None)], [2, 6], [(None, 1), (3, 4), (7, None)]),
        ([(3, 3), (6, None)], [3], [(6, None)]),  # a gap that is filled is none
        ([(3, 5), (6, None)], [3, 5], [(4, 4), (6, None)]),
        ([(3, 5), (6, None)], [4, 4, 7, 7], [(3, 3), (5, 5), (6, 6), (8, None)]),  # keys shared
        ([(1, None)], [], [(1, None)]),
    ],
)
def test_what_is_left_are_the_parts_around_the_keys(
    before: list[tuple[int | None, int | None]],
    keys: list[int],
    left: list[tuple[int | None, int | None]],
) -> None:
    assert source_keys.after(ranges(*before), keys) == (ranges(*left), 0, None)


def test_whatever_was_read_is_not_left_and_all_else_is() -> None:
    generator = np.random.default_rng(1)
    for _ in range(300):
        standing = [source_keys.beyond(None)]
        read: set[int] = set()
        for _ in range(4):
            coming = sorted(set(generator.integers(-20, 60, 9).tolist()) - read)
            standing, given_up, _ = source_keys.after(standing, coming)
            read |= set(coming)
            open_ = {key for key in range(-30, 70) if any(_holds(each, key) for each in standing)}
            assert (open_, given_up) == (set(range(-30, 70)) - read, 0)


def _holds(found: Range, key: int) -> bool:
    return (found.low is None or found.low <= key) and (found.high is None or key <= found.high)


def test_the_oldest_of_too_many_gaps_are_given_up_and_counted() -> None:
    keys = range(0, 10 * source_keys.MOST_GAPS + 30, 10)
    after = source_keys.after([source_keys.beyond(None)], keys)
    assert len(after.ranges) == source_keys.MOST_GAPS + 1
    assert (after.given_up, after.up_to) == (3, 19)
    assert after.ranges[0][:2] == (21, 29)
    assert after.ranges[-1][:2] == (keys[-1] + 1, None)


def test_gaps_keep_the_moment_at_which_they_were_found() -> None:
    after = source_keys.after([Range(1, 9, 5.0), Range(20, None, 7.0)], [4, 22])
    assert [found.since for found in after.ranges] == [5.0, 5.0, 7.0, 7.0]
