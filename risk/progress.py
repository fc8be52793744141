"""How far long work has come: a bar on a terminal, now and then a line in a log."""

import logging
import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

BETWEEN_DRAWINGS, BETWEEN_LINES = 0.1, 10.0  # seconds
BAR = 20

log = logging.getLogger("risk.progress")


@runtime_checkable
class Screen(Protocol):
    """A handler of log lines that can also show what holds for a moment."""

    def draw(self, what: str, how_far: str = "") -> None:
        """Show this in place of what was drawn last; an empty text clears it."""


class Progress:
    """When something was drawn last, and when a line was last logged."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.drawn = self.logged = -math.inf

    def of(self, total: int, unit: str) -> "Work":
        """A piece of work that begins now."""
        return Work(self, total, unit, self.clock())

    def say(self, what: str) -> None:
        """Show on a terminal what is going on that cannot be counted; an empty text clears it."""
        if log.isEnabledFor(logging.INFO):
            _draw(what)


class Work(NamedTuple):
    """A piece of work that can be counted; it may hold other work, such as files their rows."""

    progress: Progress
    total: int
    unit: str
    begun: float

    def at(self, what: str, done: int) -> None:
        """Tell how much of it is done; nobody hears more of that than is of use."""
        if not log.isEnabledFor(logging.INFO):
            return
        if done >= self.total:
            _draw("")
            return
        shared, now = self.progress, self.progress.clock()
        if now - shared.drawn >= BETWEEN_DRAWINGS:
            shared.drawn = now
            bar = "#" * (BAR * done // self.total)
            _draw(what, f" [{bar:.<{BAR}}] {self._words(done, now)}")
        if now - max(self.begun, shared.logged) >= BETWEEN_LINES:
            shared.logged = now
            log.info("%s: %s", what, self._words(done, now))

    def _words(self, done: int, now: float) -> str:
        """How much is done, and how long the rest takes if it goes on as since it began."""
        counted = f"{done:,} of {self.total:,} {self.unit}"
        if not done:
            return counted
        left = math.ceil((now - self.begun) * (self.total - done) / done)
        return f"{counted}, {f'{left} s' if left < 60 else f'{left // 60} min {left % 60} s'} left"


def _draw(what: str, how_far: str = "") -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Screen):
            handler.draw(what, how_far)


_progress = Progress()
of, say = _progress.of, _progress.say
