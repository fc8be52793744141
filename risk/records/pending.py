"""Runs that are not finished: what to record of them, and what they still owe."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from risk import files, shapes
from risk.errors import ArtefactRefused, RiskError, sentence
from risk.settings import Settings

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Row = dict[str, Any]  # of a table of the records

LIST, REPORT, ANSWERS = OWED = ("list", "report", "answers")  # what may follow a decision
FOLLOWS = {
    "deployed": OWED,
    "recalibrated": OWED,
    "no drift": (LIST, REPORT),
    "kept": (LIST, REPORT),
    "rolled back": OWED,
    "no new data": (),
}

log = logging.getLogger("risk.pending")


class Waiting:
    """A run and its file in pending/, which stays until the run is recorded and owes nothing."""

    def __init__(self, path: Path, record: Mapping[str, Any]) -> None:
        self.path = path
        self.list_path = path.with_suffix(".csv")  # a million rows are too much for JSON
        self.facts: Row = {"id": path.stem, **record.get("run", {})}
        if "started_at" not in self.facts:
            written = time.gmtime(path.stat().st_mtime)
            self.facts["started_at"] = time.strftime(files.TIME, written)
        self.rows: dict[str, list[Row]] = dict(record.get("rows", {}))
        self.owes = [thing for thing in record.get("owes", ()) if thing in OWED]
        self.is_recorded = bool(record.get("is_recorded"))

    @classmethod
    def load(cls, path: Path) -> "Waiting":
        """The run of this file; one whose file is damaged may owe anything."""
        record = files.sound_json(path, shapes.WAITING)
        if record is not None:
            return cls(path, record)
        files.write_json(path, damaged := {"owes": OWED})
        return cls(path, damaged)

    def keep(self) -> None:
        """Write the file as the run is now."""
        record = {"run": self.facts, "rows": self.rows, "owes": self.owes}
        files.write_json(self.path, record | ({"is_recorded": True} if self.is_recorded else {}))

    def settle(self, thing: str) -> None:
        """Owe a thing no longer."""
        if thing in self.owes:
            self.owes.remove(thing)
            self._keep_or_discard()

    def mark_recorded(self) -> None:
        """Note that the database has the run."""
        self.is_recorded = True
        self._keep_or_discard()

    def refuse(self) -> str:
        """Keep a copy of what the database will never take, and return its name.

        The run then counts as recorded, and still owes what else it owed.
        """
        refused = self.path.with_suffix(".refused")
        copies = {self.path: refused, self.list_path: self.path.with_suffix(".refused.csv")}
        for path, copy in copies.items():
            if path.exists():
                files.write_bytes(copy, path.read_bytes())
        self.mark_recorded()  # last, so that a run that dies before this does it again
        return files.short(refused)

    def discard(self) -> None:
        """Remove the files of the run."""
        for path in (self.list_path, self.path):
            path.unlink(missing_ok=True)
        files.sync_folder(self.path.parent)

    def _keep_or_discard(self) -> None:
        if self.owes or not self.is_recorded:
            self.keep()
        else:
            self.discard()


class Run(Waiting):
    """A run under way; its file is written before it publishes, and at its end."""

    def __init__(self, settings: Settings, owes: Iterable[str] = ()) -> None:
        moment = time.time_ns()
        name = f"{moment // 10**9}.{moment % 10**9:09d}-{os.getpid()}.json"
        facts = {"started_at": files.now()}
        super().__init__(_folder(settings) / name, {"run": facts, "owes": owes})
        self.seconds: dict[str, float] = {}
        self.after_failure: tuple[str, ...] = ()
        self.keep()

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, _kind: type | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End a run that failed for a known reason; with any other error it counts as died."""
        if error is None or "outcome" in self.facts:
            return
        if isinstance(error, RiskError | OSError):
            self.end("failed", sentence(error))
        else:
            self.keep()

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

    def add(self, table: str, rows: list[Row]) -> None:
        """Add rows for this table of the records."""
        self.rows.setdefault(table, []).extend(rows)

    def knows(self, **facts: object) -> None:
        """Set columns of the run's own row."""
        self.facts |= facts

    def must_follow_the_data(self) -> None:
        """Owe list and report from here on, even if the run fails."""
        self.after_failure = (LIST, REPORT)

    def may_publish(self) -> None:
        """Owe everything from here on, even if the run fails: its release may be out by then.

        What the run measured so far is written now, because no later run would measure it again.
        """
        self.after_failure = OWED
        self.keep()

    def list_is_made(self) -> None:
        """Owe no list; earlier runs owe none from now on, this one from its end on."""
        self.owes.remove(LIST)
        for earlier in _in(self.path.parent):
            if earlier.path != self.path:
                earlier.settle(LIST)

    def end(self, outcome: str, reason: str, **facts: object) -> None:
        """Say how the run ended; from now on it waits only to be recorded."""
        self.facts |= {"finished_at": files.now(), "outcome": outcome, "reason": reason, **facts}
        follows = FOLLOWS.get(outcome, self.after_failure)
        self.owes = [thing for thing in self.owes if thing in follows]
        self.add("timings", [{"step": s, "seconds": t} for s, t in self.seconds.items()])
        self.keep()


def _folder(settings: Settings) -> Path:
    return settings.output_folder_path / files.PENDING


def _paths(folder: Path) -> list[Path]:
    """The files of runs, oldest first."""
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def _in(folder: Path) -> list[Waiting]:
    runs = map(Waiting.load, _paths(folder))
    return [run for run in runs if run.owes or not run.is_recorded]


def waiting(settings: Settings) -> list[Waiting]:
    """The runs that are not recorded yet or still owe something, oldest first."""
    return _in(_folder(settings))


def unrecorded(settings: Settings) -> list[Row]:
    """What is known of the runs that the database does not have, oldest first.

    Readers without the lock ask this, so nothing is changed, and a run may be gone meanwhile.
    """
    runs = []
    for path in _paths(_folder(settings)):
        with suppress(OSError, ArtefactRefused):
            record = files.read_json(path, shapes.WAITING)
            if record is not None and not record.get("is_recorded"):
                runs.append(Waiting(path, record).facts)
    return runs


def owed(settings: Settings) -> set[str]:
    """All that the waiting runs still owe."""
    return {thing for run in waiting(settings) for thing in run.owes}


def settle(settings: Settings, thing: str) -> None:
    """Note that a thing is made which waiting runs owed."""
    for run in waiting(settings):
        run.settle(thing)


def note_failure(settings: Settings, thing: str, sentence: str) -> None:
    """Keep why a thing cannot be made; no run tries again before there is new data."""
    files.write_bytes(_failure(settings, thing), sentence.encode(errors="backslashreplace"))


def forget_failure(settings: Settings, thing: str) -> None:
    """Remove that note, once the thing is made after all."""
    _failure(settings, thing).unlink(missing_ok=True)


def failures(settings: Settings) -> list[str]:
    """Why things are not made and not tried again, a sentence each."""
    sentences = []
    for thing in OWED:
        with suppress(FileNotFoundError):
            text = _failure(settings, thing).read_text(errors="replace")
            sentences.append(" ".join(text.split()))
    return sentences


def _failure(settings: Settings, thing: str) -> Path:
    return _folder(settings) / f"{thing}.givenup"
