"""Tables as text: not one byte other than pandas writes it."""

import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as some

from risk.data import csv_text

TEXTS = some.text(some.sampled_from("ab,\"\n \té\u2028;'#="), min_size=1, max_size=5)
NUMBERS = (
    some.floats(allow_infinity=False)
    | some.integers(-(2**60), 2**60).map(float)
    | some.floats(1e-6, 1e-3)
    | some.floats(1e14, 1e17)
    | some.just(float("nan"))
)
WHOLE = some.integers(0, 99).map(float) | some.just(float("nan"))
ROWS = some.lists(some.tuples(TEXTS, NUMBERS, some.none() | TEXTS, WHOLE), max_size=20)


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
    assert b"".join(csv_text.parts(table)) == as_pandas_writes_it(table)
