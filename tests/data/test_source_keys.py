"""Which keys were read: the last of them, and from where on they are all known."""

import numpy as np
import pytest

from risk.data import source_keys
from risk.data.source_keys import Window


@pytest.fixture(autouse=True)
def few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of five keys."""
    monkeypatch.setattr(source_keys, "MOST_KEYS", 5)


@pytest.mark.parametrize(
    ("before", "keys", "then"),
    [
        (Window(), [5], Window(None, [5])),  # what is below may still come
        (Window(), [-1, 0, 0, 1], Window(None, [-1, 0, 1])),  # keys shared
        (Window(None, [2, 6]), [4, 8], Window(None, [2, 4, 6, 8])),
        (Window(None, [2, 4, 6, 8]), [9], Window(None, [2, 4, 6, 8, 9])),
        (Window(None, [2, 4, 6, 8, 9]), [11], Window(2, [2, 4, 6, 8, 9, 11])),
        (Window(2, [2, 4, 6, 8, 9, 11]), [12], Window(4, [4, 6, 8, 9, 11, 12])),  # the lowest goes
        (Window(None, [1, 2]), [4, 4, 5, 5, 6, 6, 7], Window(None, [1, 2, 4, 5, 6, 7])),
        (Window(None, [1]), [3, 4, 5, 6, 7], Window(None, [1, 3, 4, 5, 6, 7])),  # 2 may be late
        (Window(None, [1]), [*range(3, 30)], Window(20, [*range(20, 30)])),  # too many at once
        (Window(31), [40], Window(31, [40])),  # of a record that was lost
        (Window(4, [4, 6, 8, 9, 11]), [], Window(4, [4, 6, 8, 9, 11])),
    ],
)
def test_the_window_holds_the_last_keys(before: Window, keys: list[int], then: Window) -> None:
    assert source_keys.after(before, keys) == then


def test_from_the_start_of_the_window_on_what_was_read_is_known_and_all_else_is_not() -> None:
    generator = np.random.default_rng(1)
    for _ in range(300):
        window = Window()
        read: set[int] = set()
        for _ in range(6):
            start = -30 if window.start is None else window.start
            asked = generator.integers(-20, 60, 4)
            coming = sorted({key for key in asked.tolist() if key >= start} - read)
            window = source_keys.after(window, coming)
            read |= set(coming)
            start = -30 if window.start is None else window.start
            assert set(window.read) == {key for key in read if key >= start}
