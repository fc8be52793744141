"""What runs have begun and not finished: what is to be recorded, what is still owed."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from risk import files, shapes
from risk.errors import RiskError, told
from risk.settings import Settings

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Row = dict[str, Any]

LIST, REPORT, ANSWERS = OWED = ("list", "report", "answers")  # what may follow a decision
FOLLOWS = {
    "deployed": OWED,
    "no drift": (LIST, REPORT),
    "kept": (LIST, REPORT),
    "rolled back": OWED,
    "no new data": (),
}

log = logging.getLogger("risk.pending")


class Run:
    """A run that has begun: what it has found so far, kept in a file until the database has it."""

    def __init__(self, settings: Settings, owes: Iterable[str] = ()) -> None:
        moment = time.time_ns()
        self.id = f"{moment // 10**9}.{moment % 10**9:09d}-{os.getpid()}"
        self.path = settings.output_folder_path / files.PENDING / f"{self.id}.json"
        self.list_path = list_of(self.path)
        self.facts: Row = {"id": self.id, "started_at": files.now()}
        self.rows: dict[str, list[Row]] = {}
        self.seconds: dict[str, float] = {}
        self.owes = list(owes)
        self.after_failure: tuple[str, ...] = ()
        self._keep()

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, _kind: type | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """A run that failed for a reason we know has ended, too; any other way, it died."""
        if isinstance(error, RiskError | OSError) and "outcome" not in self.facts:
            self.end("failed", told(error))

    def timed(
        self,
        step: str,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Result:
        """What the function returns; the time that it took counts for this step."""
        begin = time.perf_counter()
        result = function(*arguments, **keywords)
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - begin
        return result

    def found(self, table: str, rows: list[Row]) -> None:
        """Add rows that belong into this table of the records."""
        self.rows.setdefault(table, []).extend(rows)
        self._keep()

    def knows(self, **facts: object) -> None:
        """Remember something of the run as a whole."""
        self.facts |= facts
        self._keep()

    def must_follow_the_data(self) -> None:
        """From here on list and report are owed however the run ends."""
        self.after_failure = (LIST, REPORT)

    def may_publish(self) -> None:
        """From here on a release may be out however the run ends, and all that follows is owed."""
        self.after_failure = OWED

    def owes_no(self, thing: str) -> None:
        """A thing is made that would have been left undone."""
        self.owes.remove(thing)
        self._keep()

    def end(self, outcome: str, reason: str, **facts: object) -> None:
        """Say how the run ended; from now on it waits only to be recorded."""
        self.facts |= {"finished_at": files.now(), "outcome": outcome, "reason": reason, **facts}
        follows = FOLLOWS.get(outcome, self.after_failure)
        self.owes = [thing for thing in self.owes if thing in follows]
        self.found("timings", [{"step": s, "seconds": t} for s, t in self.seconds.items()])

    def _keep(self) -> None:
        record = {"run": self.facts, "rows": self.rows, "owes": self.owes}
        files.write_json(self.path, record)


def waiting(settings: Settings) -> list[Path]:
    """The runs that are not recorded yet or still owe something, oldest first."""
    folder = settings.output_folder_path / files.PENDING
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def _left_by(path: Path) -> dict[str, Any]:
    """What stands in a waiting run's file; one whose file is damaged may owe anything."""
    left = files.sound_json(path, shapes.WAITING)
    if left is None:
        left = {"owes": list(OWED)}
        files.write_json(path, left)
    return left


def found_by(path: Path) -> tuple[Row, dict[str, list[Row]]]:
    """What a waiting run is to be recorded by; one that died early may not even say its name."""
    left = _left_by(path)
    began = time.strftime(files.TIME, time.gmtime(path.stat().st_mtime))
    run = {"id": path.stem, "started_at": began} | dict(left.get("run", {}))
    return run, dict(left.get("rows", {}))


def list_of(path: Path) -> Path:
    """Where a run that waits keeps its list: a million rows are nothing for a JSON file."""
    return path.with_suffix(".csv")


def owed_by(path: Path) -> list[str]:
    """What a waiting run has left undone."""
    return list(_left_by(path).get("owes", []))


def owed(settings: Settings) -> set[str]:
    """What all waiting runs together have left undone."""
    return {thing for path in waiting(settings) for thing in owed_by(path)}


def settle(settings: Settings, thing: str) -> None:
    """Remember that a thing is made which waiting runs had left undone."""
    for path in waiting(settings):
        if thing in (owes := owed_by(path)):
            owes.remove(thing)
            files.write_json(path, _left_by(path) | {"owes": owes})


def give_up(settings: Settings, thing: str, sentence: str) -> None:
    """Remember that a thing is not made and why, until it is made after all."""
    files.write_bytes(_given_up(settings, thing), sentence.encode(errors="backslashreplace"))


def given_up(settings: Settings) -> list[str]:
    """What is not made and will not be tried again before new data, a sentence each."""
    paths = [path for path in (_given_up(settings, thing) for thing in OWED) if path.is_file()]
    return [" ".join(path.read_text(errors="replace").split()) for path in paths]


def made(settings: Settings, thing: str) -> None:
    """Forget that a thing was given up."""
    _given_up(settings, thing).unlink(missing_ok=True)


def _given_up(settings: Settings, thing: str) -> Path:
    return settings.output_folder_path / files.PENDING / f"{thing}.givenup"


def is_recorded(path: Path) -> bool:
    """Whether the database has what a waiting run found."""
    return bool(_left_by(path).get("is_recorded"))


def unrecorded(settings: Settings) -> list[Row]:
    """What is known of the runs that the database does not have, oldest first."""
    found = []
    for path in waiting(settings):
        with contextlib.suppress(FileNotFoundError):  # it was recorded meanwhile
            if not is_recorded(path):
                found.append(found_by(path)[0])
    return found


def recorded(path: Path) -> None:
    """Remember that the database has what a waiting run found."""
    files.write_json(path, _left_by(path) | {"is_recorded": True})


def refused(path: Path) -> str:
    """Wait no longer with what the database will never take; return the name it is kept under.

    What the run owes beside is owed all the same.
    """
    kept = path.with_suffix(".refused")
    for found, copy in ((path, kept), (list_of(path), kept.with_suffix(".refused.csv"))):
        if found.exists():
            files.write_bytes(copy, found.read_bytes())
    recorded(path)  # last: a run that dies before refuses the same again
    return files.short(kept)


def forget(settings: Settings) -> None:
    """Remove what waits for nothing any more."""
    for path in waiting(settings):
        if is_recorded(path) and not owed_by(path):
            discard(path)


def discard(path: Path) -> None:
    """Remove all that a run has left."""
    for leftover in (list_of(path), path):
        leftover.unlink(missing_ok=True)
    files.sync_folder(path.parent)
