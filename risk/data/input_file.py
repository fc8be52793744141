"""One file of the input folder: its good rows, its refused lines, or why all of it is refused."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from risk import files
from risk.columns import Columns
from risk.data import input_folder
from risk.data.input_folder import Arrival
from risk.judging import csv_file
from risk.judging.lines import Refusal
from risk.judging.schema import FileRefused
from risk.rows import tables
from risk.settings import Settings

NO_ROOM = "it takes more memory than there is; deliver it in parts"

log = logging.getLogger("risk.input_file")


class Source(NamedTuple):
    """One file that was looked at: how many rows are good, its refused lines, or why all is."""

    arrival: input_folder.Arrival
    sha256: str
    good: int
    refusals: list[Refusal]
    reason: str | None
    is_new: bool = True  # unless this content was read before
    arrived_first: int = 0  # the arrival that gave the file its place
    ctime_ns: int = 0  # which changes with the content even if size and time are set back

    def counts(self, duplicates: int) -> dict[str, Any]:
        """The file as ingestion.json keeps it."""
        return self.arrival._asdict() | {
            "sha256": self.sha256,
            "rows": self.good + len(self.refusals),
            "accepted": self.good - duplicates,
            "rejected": len(self.refusals),
            "duplicates": duplicates,
            "reason": self.reason,
            "arrival": self.arrived_first,
            "ctime_ns": self.ctime_ns,
        }

    @property
    def why_nothing_new(self) -> str:
        """A sentence about a file that changed nothing."""
        if self.reason:
            return f"{self.arrival.name} is refused: {self.reason}"
        if self.refusals and not self.good:
            return f"every line of {self.arrival.name} is refused"
        what = "nothing new" if self.good else "no row"
        return f"{self.arrival.name} holds {what}"


class Read(NamedTuple):
    """A file that was read, with its good rows."""

    source: Source
    rows: pd.DataFrame


def read(arrival: Arrival, settings: Settings, read_before: dict[tuple[str, str], bool]) -> Read:
    """One file, each line of it accepted or refused; one that was read before never waits.

    `read_before` says of each whether it had any good row then.
    """
    path = settings.input_folder_path / arrival.name
    columns, limits = settings.columns, settings.limits
    sha256, is_new, ctime = "", True, input_folder.ctime_ns(path)  # unless the file is read
    try:
        input_folder.judge_size(arrival.size, limits.largest_file_mb)
        snapshot = input_folder.snapshot(path, limits.largest_file_mb)
        arrival, sha256 = snapshot.arrival, files.sha256(snapshot.content)
        is_new = not read_before.get((path.name, sha256))
        if (path.name, sha256) not in read_before:
            input_folder.judge_delivery(path, snapshot)
        reading = csv_file.read_csv(snapshot.content, columns, _needed(columns), path.name)
        csv_file.judge_share(reading, limits.refused_share)
    except (FileRefused, input_folder.TooLarge, input_folder.Unreadable, MemoryError) as error:
        reason = NO_ROOM if isinstance(error, MemoryError) else str(error)
        refused = Source(arrival, sha256, 0, [], reason, ctime_ns=ctime)
        return Read(refused, tables.merged([], columns))
    if reading.ignored_columns:
        log.info("%s: ignored columns: %s", files.short(path), ", ".join(reading.ignored_columns))
    source = Source(
        *(arrival, sha256, len(reading.table), reading.refusals, None, is_new), ctime_ns=ctime
    )
    return Read(source, reading.table)


def say_what_is_refused(source: Source, folder: Path) -> None:
    """Warn of a file that is refused, or of its refused lines."""
    name = files.short(folder / source.arrival.name)
    if source.reason:
        log.warning("%s is refused: %s", name, source.reason)
    elif source.refusals:
        first = source.refusals[0]
        log.warning(
            "%s: %d lines are refused, the first is line %s: %s",
            *(name, len(source.refusals), first.line, first.reason),
        )


def may_be_kept(entry: dict[str, Any]) -> bool:
    """Whether a file that was looked at need not be read again as long as it stays as it is."""
    return not input_folder.is_unreadable(entry["reason"]) and entry["reason"] != NO_ROOM


def known(entry: dict[str, Any], refusals: list[Refusal]) -> Source:
    """A file that was looked at before, and its refused lines."""
    return Source(
        input_folder.of(entry),
        entry["sha256"],
        entry["rows"] - entry["rejected"],
        refusals,
        entry["reason"],
        not input_folder.has_rows(entry),
        ctime_ns=entry["ctime_ns"],
    )


def _needed(columns: Columns) -> list[str]:
    """The columns without which a file of the input folder is refused."""
    return [name for name in columns.all if name != columns.target]
