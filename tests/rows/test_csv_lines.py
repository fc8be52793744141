"""Lines made of whole columns are those that would be made cell by cell."""

import csv
import io
import math

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from risk.rows import csv_lines

TEXT = st.text(st.sampled_from([*"ab, ;\"'\r\n\té😀\0"]), max_size=6)
NUMBER = st.floats(allow_infinity=False) | st.floats(0, 1).map(lambda risk: round(risk, 12))
ROW = st.tuples(TEXT, NUMBER, st.integers(-(2**63), 2**63 - 1), st.none() | st.integers(0, 9))


def cell(value: str | float | None) -> str:
    """A cell as it must be written."""
    if isinstance(value, str):
        is_special = any(sign in value for sign in '",\r\n')
        return '"' + value.replace('"', '""') + '"' if is_special else value
    return "" if value is None or math.isnan(value) else repr(value)


@given(rows=st.lists(ROW, min_size=1, max_size=30), text=TEXT)
def test_the_lines_are_those_made_cell_by_cell(
    rows: list[tuple[str, float, int, int | None]], text: str
) -> None:
    types = "str", "float64", "int64", "Int64"
    columns = [
        csv_lines.cells(pd.Series(values, dtype=kind))
        for values, kind in zip(zip(*rows, strict=True), types, strict=True)
    ]
    made = csv_lines.lines([*columns, csv_lines.repeated(text, len(rows))])
    wanted = [",".join(map(cell, [*row, text])) for row in rows]
    assert bytes(made).decode() == "".join(f"{line}\n" for line in wanted)
    back = csv.reader(io.StringIO(bytes(made).decode(), newline=""))
    assert [row[0] for row in back] == [row[0] for row in rows]


@pytest.mark.parametrize("exponent", range(-20, 25))
def test_a_number_of_any_size_is_written_as_python_does(exponent: int) -> None:
    numbers = [
        sign * digits * 10.0**exponent for digits in (1, 1.5, 2.25, 1 / 3) for sign in (1, -1)
    ]
    made = bytes(csv_lines.lines([csv_lines.cells(pd.Series(numbers))])).decode()
    assert made.splitlines() == list(map(repr, numbers))


def test_a_part_of_a_table_is_written_alone() -> None:
    table = pd.DataFrame({"code": ["a", "b", 'c"', "d"], "rank": [1, 2, 3, 4]})[2:3]
    made = csv_lines.lines([csv_lines.cells(table[name]) for name in table])
    assert bytes(made) == b'"c""",3\n'
    nothing = csv_lines.lines([csv_lines.cells(table[name][:0]) for name in table])
    assert bytes(nothing) == b""


TEXTS = st.text(st.sampled_from("ab,\"\n \té\u2028;'#="), min_size=1, max_size=5)
NUMBERS = (
    st.floats(allow_infinity=False)
    | st.integers(-(2**60), 2**60).map(float)
    | st.floats(1e-6, 1e-3)
    | st.floats(1e14, 1e17)
    | st.just(float("nan"))
)
WHOLE = st.integers(0, 99).map(float) | st.just(float("nan"))
ROWS = st.lists(st.tuples(TEXTS, NUMBERS, st.none() | TEXTS, WHOLE), max_size=20)


def as_pandas_writes_it(table: pd.DataFrame) -> bytes:
    """The same by the usual way, whole numbers without a point."""
    for name, cells in table.select_dtypes("float64").items():
        present = cells.dropna()
        if ((present % 1 == 0) & (present.abs() < 2**53)).all():
            table = table.astype({name: "Int64"})
    return table.to_csv(index=False, lineterminator="\n").encode()


@example([("a", 1e10, None, 0.0), ("b", 2.0**53, None, 0.0)])
@example([("a", 0.0, None, 0.0), ("b", -0.0, None, 0.0), ("c", 0.00001, None, 0.0)])
@given(ROWS)
def test_a_table_is_written_as_pandas_writes_it(
    rows: list[tuple[str, float, str | None, float]],
) -> None:
    texts, numbers, words, whole = zip(*rows, strict=True) if rows else ((), (), (), ())
    table = pd.DataFrame(
        {
            "a,b": pd.Series(texts, dtype="str"),
            "x": pd.Series(numbers, dtype="float64"),
            "word": pd.Series(words, dtype="str"),
            "whole": pd.Series(whole, dtype="float64"),
        }
    )
    assert b"".join(csv_lines.parts(table)) == as_pandas_writes_it(table)
