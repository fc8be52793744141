"""When each outcome came: of every row of the dataset the arrival and the period that told it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk import files
from risk.columns import Columns
from risk.dataset.merge import Keys, Told
from risk.dataset.snapshots import Whole
from risk.errors import ArtefactRefused, InputMissing
from risk.rows import long_files
from risk.rows.long_columns import blocks
from risk.shapes import MOST_ARRIVALS

ROW = np.dtype([("key", "<u8"), ("period", "<i4"), ("arrival", "<i4")])
OPEN = -1
CURE = "run python ingestion.py"


class Labelled(NamedTuple):
    """The rows whose outcome is known, each with the period it belongs to and its arrival.

    Periods are numbered from 0, the newest last; arrivals count the ingestions that brought
    something new.
    """

    table: pd.DataFrame
    period: Whole
    arrival: Whole

    @property
    def last_arrival(self) -> int:
        """The last of the arrivals that told an outcome; 0 if none is known."""
        return int(self.arrival.max(initial=0))

    def where(self, which: "np.typing.NDArray[np.bool_]") -> "Labelled":
        """Some of the rows."""
        return Labelled(self.table[which], self.period[which], self.arrival[which])

    def since(self, arrival: int) -> "Labelled":
        """The rows whose outcome came after this arrival."""
        return self.where(self.arrival > arrival)


class Outcomes(NamedTuple):
    """The rows of ROW, one for each row of the dataset in its order."""

    rows: "np.typing.NDArray[np.void]"

    def arrivals_of(self, keys: Keys) -> Whole:
        """With which arrival the outcomes of rows came; OPEN for a row that is not known."""
        arrivals = np.full(len(keys), OPEN)
        both = min(len(keys), len(self.rows))
        is_same = self.rows["key"][:both] == keys[:both]  # most rows stand where they stood
        arrivals[:both][is_same] = self.rows["arrival"][:both][is_same]
        others = np.append(np.flatnonzero(~is_same), np.arange(both, len(keys)))
        if len(others) and len(self.rows):
            known = self.rows[np.argsort(self.rows["key"], kind="stable")]
            wanted = others[np.argsort(keys[others])]  # in order they are found much sooner
            at = np.minimum(np.searchsorted(known["key"], keys[wanted]), len(known) - 1)
            found = known["key"][at] == keys[wanted]
            arrivals[wanted[found]] = known["arrival"][at[found]]
        return arrivals

    def with_more(self, more: "Outcomes") -> "Outcomes":
        """These, and others after them."""
        return Outcomes(np.concatenate([self.rows, more.rows]))

    def labelled(self, table: pd.DataFrame, columns: Columns) -> Labelled:
        """The rows of the dataset whose outcome is known."""
        is_known = table[columns.target].notna().to_numpy()
        which = slice(None) if is_known.all() else is_known
        period, arrival = (
            np.ascontiguousarray(self.rows[name][which]) for name in ("period", "arrival")
        )
        return Labelled(table[is_known], period, arrival)


def of(told: Told, arrivals: list[int], before: Outcomes | None) -> Outcomes:
    """An outcome that was known before keeps its arrival, another has that of its file.

    The arrivals take the place of the files in what was told, which is used up.
    """
    rows = told.view(ROW)
    of_file = np.asarray([*arrivals, OPEN])  # the last of which stands for no file
    for block in blocks(len(rows)):  # all at once would take eight bytes for each row
        rows["arrival"][block] = of_file[told["file"][block]]
    if before is not None:
        known = before.arrivals_of(rows["key"])
        rows["arrival"] = np.where(known == OPEN, rows["arrival"], known)
    return Outcomes(rows)


def write(path: Path, outcomes: Outcomes, dataset: str) -> None:
    """Write them beside the dataset with this id: the id in a line, then the rows as they are."""
    with files.replacing(path) as handle:
        handle.write(f"{dataset}\n".encode())
        handle.write(outcomes.rows.data)


def append(path: Path, stamp: list[int], more: Outcomes, dataset: str) -> None:
    """Add rows to those that stand there with this stamp, beside a dataset that now has this id."""
    own = f"{dataset}\n".encode()
    with path.open("rb") as earlier, files.replacing(path) as handle:
        if not long_files.has_stamp(earlier, stamp):
            raise ArtefactRefused(f"{files.short(path)} was changed meanwhile; {CURE}")
        handle.write(own)  # of the same length as that of any dataset
        long_files.copy(earlier, handle, len(own))
        handle.write(more.rows.data)


def read(path: Path, dataset: str | None = None) -> Outcomes:
    """What stands beside the dataset with this id, or whichever it is."""
    content = long_files.content(path, "ingestion.py")
    own, newline, _ = bytes(content[: files.ID_LENGTH + 1]).partition(b"\n")
    if dataset is not None and own.decode(errors="replace") != dataset:
        raise ArtefactRefused(f"{files.short(path)} belongs to other data; {CURE}")
    rows = content[len(own) + 1 :]
    is_whole = newline and len(rows) % ROW.itemsize == 0
    known = np.frombuffer(rows if is_whole else b"", ROW)
    if not is_whole or ((known["arrival"] < OPEN) | (known["arrival"] > MOST_ARRIVALS)).any():
        raise ArtefactRefused(f"{files.short(path)} is damaged; {CURE}")
    return Outcomes(known)


def labelled(folder: Path, dataset: str, table: pd.DataFrame, columns: Columns) -> Labelled:
    """The rows with an outcome of the dataset with this id, which stands in this folder.

    Where nothing is known of when the outcomes came, all count as one period.
    """
    try:
        return read(folder / files.OUTCOMES, dataset).labelled(table, columns)
    except (InputMissing, ArtefactRefused):
        rows = np.zeros(len(table), ROW)
        record = files.read_json(folder / files.INGESTION) or {}
        rows["arrival"] = record.get("arrival", 1)
        return Outcomes(rows).labelled(table, columns)
