"""Which keys of a source are still to be read: as ranges that one question asks for, and on disk.

A transaction that began early and ends late brings keys below the last one. So what is remembered
is not the last key alone but every range that was missing below it: a range is one entry however
wide it is, and a counter that grows by one leaves few of them. Keys with holes everywhere (every
tenth number, the time in microseconds) leave one range a row; the newest are kept, for what comes
late comes near the end, and what is given up is counted. Remembering each key instead would cope
with such keys too, but a record as long as the table is neither small nor cheap to ask with.
"""

import collections
import logging
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from risk import files
from risk.settings import Settings

MOST_GAPS = 100  # each is a part of the question; with 400 PostgreSQL thinks for seconds
PATIENCE_SECONDS = 24 * 3600
LONGEST_STEM = 100

log = logging.getLogger("risk.source_keys")


class Range(NamedTuple):
    """Keys that were missing when they were asked for, both ends included; None is no end."""

    low: int | None
    high: int | None
    since: float


class Unread(NamedTuple):
    """What is still to be read, in order, and how many older gaps are given up, up to which key."""

    ranges: list[Range]
    given_up: int
    up_to: int | None


def beyond(last: int | None) -> Range:
    """All keys after this one; all there are where none was read."""
    return Range(None if last is None else last + 1, None, time.time())


def after(ranges: list[Range], keys: Iterable[int]) -> Unread:
    """What is still to be read once these keys are; both are in ascending order."""
    newest: collections.deque[Range] = collections.deque(maxlen=MOST_GAPS + 1)
    given_up, up_to = 0, None
    for left in _left(ranges, keys):
        if len(newest) == newest.maxlen:
            given_up, up_to = given_up + 1, newest[0].high
        newest.append(left)
    return Unread(list(newest), given_up, up_to)


def _left(ranges: list[Range], keys: Iterable[int]) -> Iterator[Range]:
    """The parts of the ranges around these keys."""
    coming = iter(keys)
    key = next(coming, None)
    for low, high, since in ranges:
        start = low
        while key is not None and (high is None or key <= high):
            if start is None or key > start:
                yield Range(start, key - 1, since)
            start = key + 1 if start is None else max(start, key + 1)
            key = next(coming, None)
        if start is None or high is None or start <= high:
            yield Range(start, high, since)


def ranges(settings: Settings, source: str) -> list[Range]:
    """What to ask this source for: the gaps of the last day, and all beyond the last key.

    When no record says it, the names of the files say how far the table was read.
    """
    states = _states(settings)
    if states is None:
        return [beyond(_last_in_names(settings))]
    if source not in states:
        return [beyond(None)]
    *gaps, ahead = _standing(settings, states[source])
    now = time.time()
    young = [gap for gap in gaps if now - gap.since < PATIENCE_SECONDS]
    return [*young, ahead._replace(since=now)]


def intend(settings: Settings, source: str, now: list[Range], then: list[Range], file: str) -> None:
    """Note what is unread, and what will be once this file is there."""
    _keep(settings, source, {"unread": now, "next": {"unread": then, "file": file}})


def settle(settings: Settings, source: str, ranges: list[Range]) -> None:
    """Note what is unread."""
    _keep(settings, source, {"unread": ranges})


def _keep(settings: Settings, source: str, state: dict[str, Any]) -> None:
    states = (_states(settings) or {}) | {source: state}
    files.write_json(settings.output_folder_path / files.SOURCE, states)


def _states(settings: Settings) -> dict[str, Any] | None:
    """How far each source was read; none when that was never noted or is lost."""
    return files.sound_json(settings.output_folder_path / files.SOURCE)


def _standing(settings: Settings, state: Any) -> list[Range]:
    """The ranges that are unread now, those that were intended if their file is there."""
    intended = state.get("next")
    if intended and (settings.input_folder_path / intended["file"]).exists():
        state = intended
    return [Range(*each) for each in state["unread"]]


def _last_in_names(settings: Settings) -> int | None:
    """The last key in the names of the files that were made from the table."""
    pattern = re.compile(re.escape(stem(settings)) + r"-(-?[0-9]+)-(-?[0-9]+)(_[0-9]+)?\.csv")
    folder = settings.input_folder_path
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    last = max((int(found[2]) for found in map(pattern.fullmatch, names) if found), default=None)
    if last is not None:
        log.warning(
            "no record says which keys of the table %s were read; by the names of the files it "
            "goes on beyond %d, and older keys that come late are not read",
            *(settings.input_table, last),
        )
    return last


def stem(settings: Settings) -> str:
    """How the names of the files begin that are made from the table."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", settings.input_table or "")[:LONGEST_STEM]
