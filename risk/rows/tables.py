"""Tables: made from the rows of CSV files, merged, written and read again."""

import hashlib
import io
import logging
import sys
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from risk import files
from risk.columns import CATEGORY, DATE, NUMBER, Columns
from risk.errors import ArtefactRefused, DataUnusable
from risk.rows import csv_lines


class Book(NamedTuple):
    """Every client's newest row; the last ones, so many as `newest`, are of the newest period."""

    rows: pd.DataFrame
    newest: int


Asked = npt.NDArray[np.float64] | pd.DataFrame

log = logging.getLogger("risk.tables")


def as_table(
    rows: Sequence[tuple[str | float, ...]], names: Sequence[str], columns: Columns
) -> pd.DataFrame:
    """Rows as a table: clients are text, the rest floats; without a target no outcome is known."""
    cells = list(zip(*rows, strict=True)) or [()] * len(names)
    types = types_of(columns)
    table = pd.DataFrame(
        {
            name: pd.Series(values, dtype=types[name])
            for name, values in zip(names, cells, strict=True)
        }
    )
    for name in set(columns.all) - set(names):
        table[name] = pd.Series(float("nan"), index=table.index, dtype=types[name])
    return table[list(columns.all)]


def of_cells(cells: Mapping[str, Any], count: int, columns: Columns) -> pd.DataFrame:
    """So many rows out of whole columns; those that are not there hold nothing."""
    types = types_of(columns)

    def column(name: str) -> Any:
        if name not in cells:
            return pd.Series(np.nan, index=range(count), dtype=types[name])
        whole = cells[name]
        return whole if types[name] == "float64" else pd.array(whole, dtype="str")

    made = {name: column(name) for name in columns.all}
    return pd.DataFrame(made, index=pd.RangeIndex(count), copy=False)


def asked(cells: Mapping[str, Any], columns: Columns) -> Asked:
    """The features out of whole columns, as `Cells.asked` has them."""
    if are_numbers(columns):
        return np.column_stack([cells[name] for name in columns.features])
    words = columns.categories
    table = {
        name: pd.array(cells[name], dtype="str") if name in words else cells[name]
        for name in columns.features
    }
    return with_days(pd.DataFrame(table), columns)


def types_of(columns: Columns) -> dict[str, str]:
    """The pandas type of each column."""
    texts = (columns.client, columns.period, *columns.categories)
    return {name: "str" if name in texts else "float64" for name in columns.all}


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows by the names of its columns, None where a cell is missing."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): cell for name, cell in row.items()} for row in rows]


def features(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The features of any table as ours hold them: numbers, or text, nan where one is missing."""
    held: dict[str, pd.Series[Any]] = {}
    for name in columns.features:
        if list(table.columns).count(name) != 1:
            raise DataUnusable(f"the table must have the column {name!r} once")
        if columns.kind(name) == CATEGORY:
            cells = table[name]
            held[name] = cells.where(cells.isna(), cells.astype("str")).astype("str")
        else:
            held[name] = _numbers(table[name], columns.kind(name) in (NUMBER, DATE))
    return pd.DataFrame(held, index=table.index)


def _numbers(cells: "pd.Series[Any]", is_from_0_up: bool) -> "pd.Series[float]":
    try:
        numbers = cells.to_numpy(dtype="float64", na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataUnusable(f"the column {cells.name!r} must hold numbers: {error}") from error
    if np.isinf(numbers).any() or (is_from_0_up and (numbers < 0).any()):
        range_of = " from 0 up" if is_from_0_up else ""
        raise DataUnusable(f"the column {cells.name!r} must hold finite numbers{range_of}")
    return pd.Series(numbers, index=cells.index)


def are_numbers(columns: Columns) -> bool:
    """Whether every feature is a number by itself, without the other rows."""
    return not any(kind in (CATEGORY, DATE) for _, kind in columns.kinds)


class Cells:
    """The features of rows that a model is asked about, held row by row in little memory.

    They end as an array where all are plain numbers, else as a table with words and days.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.numbers = array("d")
        words: dict[str, list[str | float]] = {name: [] for name in columns.categories}
        self.words = [words.get(name) for name in columns.features]
        self.are_numbers = are_numbers(columns)

    def add(self, row: Sequence[str | float]) -> None:
        """One more row, in configured order; each word is held once."""
        if self.are_numbers:
            self.numbers.extend(row)  # type: ignore[arg-type]
            return
        for cell, words in zip(row, self.words, strict=True):
            if words is None:
                self.numbers.append(cell)  # type: ignore[arg-type]
            else:
                words.append(sys.intern(cell) if isinstance(cell, str) else cell)

    def asked(self, newest: Mapping[str, float] | None = None) -> Asked:
        """All rows; dates as days before the newest of them, or before a later one given here."""
        numbers = np.asarray(self.numbers).reshape(-1, len(self.columns.numeric) or 1)
        if self.are_numbers:
            return numbers
        of_numbers = iter(numbers.T)
        table = pd.DataFrame(
            {
                name: next(of_numbers) if words is None else pd.Series(words, dtype="str")
                for name, words in zip(self.columns.features, self.words, strict=True)
            }
        )
        return with_days(table, self.columns, newest)


def with_days(
    table: pd.DataFrame, columns: Columns, newest: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """The same rows, each date as days before the newest of them, or before a later one."""
    days: dict[str, Any] = {}
    for name in (name for name in columns.features if columns.kind(name) == DATE):
        last = np.fmax(table[name].max(), (newest or {}).get(name, np.nan))
        days[name] = last - table[name]
    return table.assign(**days)


def merged(tables: Sequence[pd.DataFrame], columns: Columns) -> pd.DataFrame:
    """All rows in order, under one index; those of a single table are not copied."""
    with_rows = [table for table in tables if len(table)]
    if len(with_rows) < 2:
        alone = with_rows or [*tables[:1], as_table([], columns.all, columns)]
        return alone[0].reset_index(drop=True)
    together = pd.concat(with_rows, ignore_index=True)
    for name in columns.all:
        if together[name].dtype == "str":
            together[name] = _in_one_piece(together[name])
    return together


def _in_one_piece(texts: "pd.Series[str]") -> "pd.Series[str]":
    """The same texts one behind the other, as each part of a column costs time by itself."""
    held = pa.array(texts)
    if isinstance(held, pa.Array):
        return texts
    return pd.Series(pd.array(held.combine_chunks(), dtype="str"), index=texts.index)


def write(path: Path, table: pd.DataFrame) -> str:
    """Write a table as CSV, and return the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with files.replacing(path) as handle:
        for part in csv_lines.parts(table):
            handle.write(part)
            digest.update(part)
    return digest.hexdigest()


def parse(content: bytes, name: str, columns: Columns) -> pd.DataFrame:
    """A table that `write` wrote; every client is text, and only an empty cell is missing."""
    empty = [name for name in columns.all if name != columns.client]
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            dtype=types_of(columns),
            keep_default_na=False,
            na_values={name: [""] for name in empty},
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


def read_book(folder: Path, columns: Columns) -> Book:
    """The book that the last ingestion wrote into this folder."""
    rows = read(folder / files.CLIENTS, columns)
    record = files.read_json(folder / files.INGESTION) or {}
    return Book(rows, min(len(rows), record.get("newest", len(rows))))


def with_outcome(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The rows whose outcome is known."""
    return table[table[columns.target].notna()]
