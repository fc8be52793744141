"""Tables: made from the rows of CSV files, merged, written and read again."""

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk import files
from risk.data import schema
from risk.errors import ArtefactRefused, DataUnusable
from risk.settings import Columns

LARGEST_WHOLE_NUMBER = 2**53

log = logging.getLogger("risk.tables")


def as_table(rows: Sequence[schema.Row], names: Sequence[str], columns: Columns) -> pd.DataFrame:
    """Rows as a table: clients are text, the rest floats; without a target no outcome is known."""
    cells = list(zip(*rows, strict=True)) or [()] * len(names)
    table = pd.DataFrame(
        {
            name: pd.Series(values, dtype="str" if name == columns.client else "float64")
            for name, values in zip(names, cells, strict=True)
        }
    )
    if columns.target not in table:
        table[columns.target] = pd.Series(float("nan"), index=table.index, dtype="float64")
    return table


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows by the names of its columns, None where a cell is missing."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): cell for name, cell in row.items()} for row in rows]


def numbers(table: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """These columns of any table as an array, nan where a cell is missing."""
    if table.empty:
        return np.empty((0, len(names)))
    numbers = np.empty((len(table), len(names)))
    for place, name in enumerate(names):
        if list(table.columns).count(name) != 1:
            raise DataUnusable(f"the table must have the column {name!r} once")
        try:
            numbers[:, place] = table[name].to_numpy(dtype="float64", na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise DataUnusable(f"the column {name!r} must hold numbers: {error}") from error
        if (numbers[:, place] < 0).any() or np.isinf(numbers[:, place]).any():
            raise DataUnusable(f"the column {name!r} must hold finite numbers from 0 up")
    return numbers


def merged(tables: Sequence[pd.DataFrame], columns: Columns) -> pd.DataFrame:
    """All rows in order, under one index."""
    empty = as_table([], columns.all, columns)
    return pd.concat(tables, ignore_index=True) if tables else empty


def write(path: Path, table: pd.DataFrame) -> bytes:
    """Write a table as CSV, and return what was written.

    Whole numbers have no decimal point, missing cells are empty.
    """
    content = plain(table).to_csv(index=False, lineterminator="\n").encode()
    files.write_bytes(path, content)
    return content


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with whole numbers as integers, so that 78 is written and not 78.0."""
    whole = [name for name, cells in table.select_dtypes("float64").items() if _is_whole(cells)]
    return table.astype(dict.fromkeys(whole, "Int64"))


def _is_whole(cells: "pd.Series[float]") -> bool:
    present = cells.dropna()
    return bool(((present % 1 == 0) & (present.abs() < LARGEST_WHOLE_NUMBER)).all())


def parse(content: bytes, name: str, columns: Columns) -> pd.DataFrame:
    """A table that `write` wrote; every client is text and only an empty number is missing."""
    numbers = (*columns.features, columns.target)
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            dtype={columns.client: "str", **dict.fromkeys(numbers, "float64")},
            keep_default_na=False,
            na_values={number: [""] for number in numbers},
        )
    except ValueError as error:
        raise ArtefactRefused(
            f"{name} is damaged ({str(error).strip()}); run python ingestion.py"
        ) from error
    if tuple(table.columns) != columns.all:
        raise ArtefactRefused(
            f"{name} has other columns than config.json names; run python ingestion.py"
        )
    return table


def read(path: Path, columns: Columns) -> pd.DataFrame:
    """A table that ingestion wrote."""
    return parse(files.read_bytes(path, "ingestion.py"), files.short(path), columns)


def with_outcome(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The rows whose outcome is known."""
    return table[table[columns.target].notna()]
