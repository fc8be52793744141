"""What must be known of each client and each input file, so that later rows can be merged."""

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from risk import files
from risk.columns import Columns
from risk.rows import long_files, streams
from risk.rows.long_files import Unusable

Each = npt.NDArray[Any]


class OfClients(NamedTuple):
    """Of each client of the book, in its order; a place is that of a file.

    `place` is that of its newest snapshot, `opened` of its last open one, or -1. `renewed` is the
    first place of the newest numbers that it has shown. `is_told_again` is whether a later snapshot
    of old numbers counts, which was told with its outcome, until the client is open once more.
    """

    place: Each
    opened: Each
    renewed: Each
    is_told_again: Each

    def where(self, which: Each) -> "OfClients":
        """Some of them, or all in another order."""
        return OfClients(*(each[which] for each in self))

    def padded(self, count: int) -> "OfClients":
        """So many clients; of those that come after these nothing is known."""
        more = count - len(self.place)
        none = np.full(more, -1, dtype=np.int32)
        return together(self, OfClients(none, none, none, np.zeros(more, dtype=bool)))


class OfFiles(NamedTuple):
    """Of each file with rows: how many clients have a snapshot there, and whose outcome it told.

    `is_old` is whether its rows with an outcome mostly come again.
    """

    clients: Each
    told: Each
    is_old: Each

    def since(self, first: int) -> "OfFiles":
        """The files from this one on."""
        return OfFiles(*(each[first:] for each in self))


class Standing(NamedTuple):
    """What is known of all clients and of all files."""

    clients: OfClients
    files: OfFiles


Part = TypeVar("Part", OfClients, OfFiles)


def nobody(count: int) -> OfClients:
    """So many clients of which nothing is known."""
    none = np.empty(0, dtype=np.int32)
    return OfClients(none, none, none, np.empty(0, dtype=bool)).padded(count)


def together(earlier: Part, later: Part) -> Part:
    """What is known of the clients or files of both."""
    return type(earlier)(*(np.concatenate(each) for each in zip(earlier, later, strict=True)))


def write(path: Path, standing: Standing | None, book: pd.DataFrame) -> None:
    """Write it with the book that it is of; nothing, if there is none."""
    with files.replacing(path) as handle:
        for part in standing or ():
            streams.write(handle, pa.table(part._asdict()))
        if standing:
            streams.write(handle, streams.arrow(book))


def read(path: Path, columns: Columns) -> tuple[Standing, pd.DataFrame] | None:
    """What stands there, and the book; None if that is nothing."""
    try:
        content = long_files.content(path, "ingestion.py")
        if not content:
            return None
        of_clients, of_files, book = streams.each(pa.py_buffer(content))
        standing = Standing(OfClients(*_cells(of_clients)), OfFiles(*_cells(of_files)))
        return standing, streams.table(book, columns)
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
        raise Unusable("what is known of the clients cannot be read") from error


def _cells(table: streams.Arrow) -> list[Each]:
    return [column.to_numpy() for column in table.columns]
