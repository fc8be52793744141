"""Which keys of a source were read, so that every row is read once.

A transaction that begins early and ends late brings keys below the last one. So each run asks for
all keys from the lowest of the last 10,000 on, and drops the rows that it has read already. A row
that comes later than that, below all of them, is not read.
"""

import collections
import heapq
import itertools
import logging
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from risk import files
from risk.settings import Settings

MOST_KEYS = 10_000  # so many rows are asked for again by each run
LONGEST_STEM = 100

log = logging.getLogger("risk.source_keys")


class Window(NamedTuple):
    """The first key to ask for, None for all there are, and those from it on that were read."""

    start: int | None = None
    read: Sequence[int] = ()


def after(window: Window, keys: Sequence[int]) -> Window:
    """The window once these keys are read, too; both are in ascending order.

    It grows with a large fetch, so that it does not move past keys that were there before.
    """
    most = MOST_KEYS + min(len(keys), MOST_KEYS)
    distinct = (key for key, _ in itertools.groupby(heapq.merge(window.read, keys)))
    read = list(collections.deque(distinct, most))
    return Window(read[0] if len(read) == most else window.start, read)


def window(settings: Settings, source: str) -> Window:
    """What was read of this source; without a record, as far as the names of its files say."""
    states = _states(settings)
    if states is None:
        return _window_of_names(settings)
    state = states.get(source, {"from": None, "read": ""})
    intended = state.get("next")
    if intended and (settings.input_folder_path / intended["file"]).exists():
        state = intended
    return Window(state["from"], sorted(map(int, state["read"].split())))


def intend(settings: Settings, source: str, now: Window, then: Window, file: str) -> None:
    """Note what was read, and what will have been once this file is there."""
    _keep(settings, source, _state(now) | {"next": _state(then) | {"file": file}})


def settle(settings: Settings, source: str, now: Window) -> None:
    """Note what was read, after which the file may be moved away."""
    _keep(settings, source, _state(now))


def _state(window: Window) -> dict[str, Any]:
    """A window as the record has it, its keys on one line."""
    return {"from": window.start, "read": " ".join(map(str, window.read))}


def _keep(settings: Settings, source: str, state: dict[str, Any]) -> None:
    states = (_states(settings) or {}) | {source: state}
    files.write_json(settings.output_folder_path / files.SOURCE, states)


def _states(settings: Settings) -> dict[str, Any] | None:
    """What was read of each source, None if the record is missing or damaged."""
    return files.sound_json(settings.output_folder_path / files.SOURCE)


def _window_of_names(settings: Settings) -> Window:
    """All beyond the last key in the names of the files that were made from the table."""
    pattern = re.compile(re.escape(stem(settings)) + r"-(-?[0-9]+)-(-?[0-9]+)(_[0-9]+)?\.csv")
    folder = settings.input_folder_path
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    last = max((int(match[2]) for match in map(pattern.fullmatch, names) if match), default=None)
    if last is None:
        return Window()
    log.warning(
        "no record says which keys of the table %s were read; by the names of the files it "
        "goes on beyond %d, and older keys that come late are not read",
        *(settings.input_table, last),
    )
    return Window(last + 1)


def stem(settings: Settings) -> str:
    """How the names of the files begin that are made from the table."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", settings.input_table or "")[:LONGEST_STEM]
