"""Which functions a piece of work calls, and with what."""

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A call of a function."""

    name: str
    arguments: dict[str, Any]


def calls_of(work: Callable[[], object], *functions: Callable[..., Any]) -> list[Call]:
    """The calls of these functions while the work is done, in their order."""
    names: dict[CodeType, str] = {each.__code__: each.__qualname__ for each in functions}
    calls: list[Call] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            calls.append(Call(names[frame.f_code], dict(frame.f_locals)))

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls
