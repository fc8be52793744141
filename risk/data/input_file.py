"""One file of the input folder: its good rows, its refused lines, or why all of it is refused."""

import logging
from typing import Any, NamedTuple

import pandas as pd

from risk import files
from risk.columns import Columns
from risk.data import input_folder, judging, tables
from risk.data.input_folder import Arrival
from risk.data.lines import Refusal
from risk.data.schema import FileRefused
from risk.settings import Settings

NO_ROOM = "it takes more memory than there is; deliver it in parts"

log = logging.getLogger("risk.input_file")


class Source(NamedTuple):
    """One file that was looked at: its good rows, its refused lines, or why all was refused."""

    arrival: input_folder.Arrival
    sha256: str
    table: pd.DataFrame
    refusals: list[Refusal]
    reason: str | None
    is_new: bool = True  # unless this content was read before
    arrived_first: int = 0  # the arrival that gave the file its place

    def counts(self, duplicates: int) -> dict[str, Any]:
        """The file as ingestion.json keeps it."""
        return self.arrival._asdict() | {
            "sha256": self.sha256,
            "rows": len(self.table) + len(self.refusals),
            "accepted": len(self.table) - duplicates,
            "rejected": len(self.refusals),
            "duplicates": duplicates,
            "reason": self.reason,
            "arrival": self.arrived_first,
        }

    @property
    def why_nothing_new(self) -> str:
        """A sentence about a file that changed nothing."""
        if self.reason:
            return f"{self.arrival.name} is refused: {self.reason}"
        if self.refusals and self.table.empty:
            return f"every line of {self.arrival.name} is refused"
        what = "no row" if self.table.empty else "nothing new"
        return f"{self.arrival.name} holds {what}"


def read(arrival: Arrival, settings: Settings, read_before: dict[tuple[str, str], bool]) -> Source:
    """One file, each line of it accepted or refused; one that was read before never waits.

    `read_before` says of each whether it had any good row then.
    """
    path = settings.input_folder_path / arrival.name
    columns, limits = settings.columns, settings.limits
    sha256, is_new = "", True  # unless the file is read
    try:
        input_folder.judge_size(arrival.size, limits.largest_file_mb)
        snapshot = input_folder.snapshot(path, limits.largest_file_mb)
        arrival, sha256 = snapshot.arrival, files.sha256(snapshot.content)
        is_new = not read_before.get((path.name, sha256))
        if (path.name, sha256) not in read_before:
            input_folder.judge_delivery(path, snapshot)
        reading = judging.read_csv(snapshot.content, columns, _needed(columns), path.name)
        judging.judge_share(reading, limits.refused_share)
    except (FileRefused, input_folder.TooLarge, input_folder.Unreadable, MemoryError) as error:
        reason = NO_ROOM if isinstance(error, MemoryError) else str(error)
        log.warning("%s is refused: %s", files.short(path), reason)
        return Source(arrival, sha256, tables.merged([], columns), [], reason)
    if reading.ignored_columns:
        log.info("%s: ignored columns: %s", files.short(path), ", ".join(reading.ignored_columns))
    if reading.refusals:
        first = reading.refusals[0]
        log.warning(
            "%s: %d lines are refused, the first is line %s: %s",
            *(files.short(path), len(reading.refusals), first.line, first.reason),
        )
    return Source(arrival, sha256, reading.table, reading.refusals, None, is_new)


def _needed(columns: Columns) -> list[str]:
    """The columns without which a file of the input folder is refused."""
    return [name for name in columns.all if name != columns.target]
