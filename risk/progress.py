"""How far long work has come: a bar on a terminal, now and then a line in a log."""

import logging
import math
import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from risk.cli import clear_line, printable

BETWEEN_DRAWINGS, BETWEEN_LINES = 0.1, 10.0  # seconds
BAR = 20
USUAL_WIDTH = 80  # of a terminal that does not tell

log = logging.getLogger("risk.progress")


class Work(NamedTuple):
    """When a piece of work was first spoken of, and how much of it was done by then."""

    begun: float
    before: int


class Progress:
    """What was said last, and the work under way by its total and unit.

    Work may hold other work, such as files their rows.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.under_way: dict[tuple[int, str], Work] = {}
        self.drawn = self.logged = -math.inf

    def at(self, what: str, done: int, total: int, unit: str) -> None:
        """Tell how much of a piece of work is done; nobody hears more of it than is of use."""
        if not log.isEnabledFor(logging.INFO):
            return
        if done >= total:
            self.under_way.pop((total, unit), None)
            clear_line()
            return
        now = self.clock()
        work = self.under_way.get((total, unit))
        if work is None or done < work.before:
            work = self.under_way[total, unit] = Work(now, done)
        if now - self.drawn >= BETWEEN_DRAWINGS and _is_terminal():
            self.drawn = now
            bar = "#" * (BAR * done // total)
            _draw(what, f" [{bar:.<{BAR}}] {_words(work, now, done, total, unit)}")
        elif now - max(work.begun, self.logged) >= BETWEEN_LINES and not _is_terminal():
            self.logged = now
            log.info("%s: %s", what, _words(work, now, done, total, unit))

    def say(self, what: str) -> None:
        """Show on a terminal what is going on that cannot be counted; an empty text clears it."""
        if log.isEnabledFor(logging.INFO) and _is_terminal():
            _draw(what)


def _words(work: Work, now: float, done: int, total: int, unit: str) -> str:
    """How much is done, and how long the rest takes if it goes on as since the work began."""
    counted = f"{done:,} of {total:,} {unit}"
    if done == work.before:
        return counted
    left = math.ceil((now - work.begun) * (total - done) / (done - work.before))
    return f"{counted}, {f'{left} s' if left < 60 else f'{left // 60} min {left % 60} s'} left"


def _is_terminal() -> bool:
    return bool(sys.stderr) and sys.stderr.isatty()


def _draw(what: str, how_far: str = "") -> None:
    """Show this in place of what was last shown; a line longer than the terminal's would stay."""
    clear_line()
    room = _width() - 1
    what = printable(what)[: max(0, room - len(how_far))]
    print((what + how_far)[:room], end="", file=sys.stderr, flush=True)


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_WIDTH
    except OSError:
        return USUAL_WIDTH


_progress = Progress()
at, say = _progress.at, _progress.say
