"""Tables as Arrow streams in a file, one after another; their columns are used as they lie."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

from risk.columns import Columns
from risk.rows import tables

ALIGNED = 64  # bytes; else columns would be copied before they are used

Arrow: TypeAlias = Any  # a table or a buffer of pyarrow, which ships no types


def write(file: Any, table: Arrow) -> Any:
    """Append a table; return where it begins."""
    begin = align(file)
    with pa.ipc.new_stream(pa.PythonFile(file, mode="w"), table.schema) as stream:
        stream.write_table(table)
    return begin


def align(file: Any) -> Any:
    """Where what is written next begins, so that numbers there can be used as they lie."""
    file.write(bytes(-file.tell() % ALIGNED))
    return file.tell()


def read(content: Arrow, begins: Sequence[int]) -> Arrow:
    """The tables that begin there, as one."""
    return pa.concat_tables([pa.ipc.open_stream(content[begin:]).read_all() for begin in begins])


def each(content: Arrow) -> Iterator[Arrow]:
    """All tables, one by one."""
    reader = pa.BufferReader(content)
    while reader.tell() < content.size:
        reader.seek(-(-reader.tell() // ALIGNED) * ALIGNED)
        yield pa.ipc.open_stream(reader).read_all()


def arrow(table: pd.DataFrame) -> Arrow:
    """A table of ours, its columns in one piece each."""
    return pa.table({str(name): _whole(column) for name, column in table.items()})


def _whole(column: "pd.Series[Any]") -> Arrow:
    if column.dtype == "float64":
        return pa.array(column.to_numpy())
    held = pa.array(column)
    whole = held.combine_chunks() if isinstance(held, pa.ChunkedArray) else held
    return whole.cast(pa.large_string())


def table(held: Arrow, columns: Columns) -> pd.DataFrame:
    """A table of ours out of what `arrow` made."""
    cells = {name: _cells(held[name]) for name in columns.all}
    return tables.of_cells(cells, held.num_rows, columns)


def _cells(column: Arrow) -> Any:
    return column.to_numpy() if pa.types.is_floating(column.type) else column
