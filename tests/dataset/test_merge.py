"""One dataset of all rows: which completes which, which is a client's newest, what is a period."""

import io
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.columns import Columns
from risk.dataset import merge
from risk.dataset.merge import Merged
from risk.rows import tables

COLUMNS = Columns("client", ("x",), "left")
TIMED = COLUMNS._replace(period="month")
OPEN = None


def file_of(rows: str, columns: Columns = COLUMNS) -> pd.DataFrame:
    """A table of rows like "A,1,0", in which an outcome may be empty."""
    names = ["client", "x", "left", *(["month"] if columns.period else [])]
    text = f"{','.join(names)}\n" + "\n".join(rows.split()) + "\n"
    return pd.read_csv(
        io.StringIO(text),
        dtype=tables.types_of(columns),
        keep_default_na=False,
        na_values={"left": [""], "x": [""]},
    )[list(columns.all)]


def merged(*files: str, columns: Columns = COLUMNS) -> Merged:
    """Files as they arrive one after the other."""
    return of_tables([file_of(rows, columns) for rows in files], columns)


def of_tables(files: list[pd.DataFrame], columns: Columns) -> Merged:
    """The same for files that are tables."""
    in_files = [(f"file{at}.csv", len(rows)) for at, rows in enumerate(files, 1)]
    return merge.merged(tables.merged(files, columns), in_files, columns)


def rows(table: pd.DataFrame) -> str:
    """A table as rows are written above."""
    return " ".join(
        f"{client},{x:g},{'' if np.isnan(left) else int(left)}"
        for client, x, left in table[["client", "x", "left"]].itertuples(index=False)
    )


FATES = [
    # files, the dataset, the book, how many of it are of the newest period
    ("labelled periods", ["A,1,0 B,2,0", "A,3,0 B,4,1"],
     "A,1,0 B,2,0 A,3,0 B,4,1", "A,3,0 B,4,1", 2),
    ("an outcome on time", ["A,1, B,2,", "A,1,0 B,2,1 A,3,"], "A,1,0 B,2,1 A,3,", "B,2,1 A,3,", 1),
    ("late, in a further file", ["A,1, B,2,", "A,3, B,4,", "A,1,0 B,2,0"],
     "A,1,0 B,2,0 A,3, B,4,", "A,3, B,4,", 2),
    ("late, and again", ["A,1, B,2,", "A,3, B,4,", "A,1,0 B,2,0", "A,1,0 B,2,0"],
     "A,1,0 B,2,0 A,3, B,4,", "A,3, B,4,", 2),
    ("known at once, and again", ["A,1,0 B,2,0", "A,3, B,4,", "A,1,0 B,2,0"],
     "A,1,0 B,2,0 A,3, B,4,", "A,3, B,4,", 2),
    ("not there yet", ["A,1, B,2,", "A,3,"], "A,1, B,2, A,3,", "B,2, A,3,", 1),
    ("half of the outcomes", ["A,1, B,2, C,3,", "A,4, B,5, C,6,", "A,1,0 B,2,0 C,3,"],
     "A,1,0 B,2,0 C,3, A,4, B,5, C,6,", "A,4, B,5, C,6,", 3),
    ("who left comes back", ["A,1, B,9,", "A,1,1 B,9,0 B,8,", "A,5, B,7,"],
     "A,1,1 B,9,0 B,8, A,5, B,7,", "A,5, B,7,", 2),
    ("the same numbers a period later", ["A,1, B,2,", "A,1,0 B,2,0 A,1, B,3,"],
     "A,1,0 B,2,0 B,3,", "A,1, B,3,", 2),
    ("and their outcome, another one", ["A,1, B,2,", "A,1,0 B,2,0 A,1, B,3,", "A,1,1 B,3,0"],
     "A,1,0 B,2,0 A,1,1 B,3,0", "A,1,1 B,3,0", 2),
    ("and their outcome, the same one", ["A,1, B,2,", "A,1,0 B,2,0 A,1, B,3,", "A,1,0 B,3,0"],
     "A,1,0 B,2,0 B,3,0", "A,1,0 B,3,0", 2),
    ("cumulative files", ["A,1,", "A,1,0 A,2,", "A,1,0 A,2,0 A,3,"], "A,1,0 A,2,0 A,3,", "A,3,", 1),
    ("the newest first in a file", ["A,1,", "A,2, A,1,0"], "A,1,0 A,2,", "A,2,", 1),
    ("back to what it was", ["A,1,0", "A,2,0", "A,1,0"], "A,1,0 A,2,0", "A,1,0", 1),
    ("a small file adds to its period", [" ".join(f"K{n},{n}," for n in range(20)), "NEW,7,"],
     " ".join([*(f"K{n},{n}," for n in range(20)), "NEW,7,"]),
     " ".join([*(f"K{n},{n}," for n in range(20)), "NEW,7,"]), 21),
    ("a small file that comes first", ["NEW,7,", " ".join(f"K{n},{n}," for n in range(20))],
     " ".join(["NEW,7,", *(f"K{n},{n}," for n in range(20))]),
     " ".join(["NEW,7,", *(f"K{n},{n}," for n in range(20))]), 21),
    ("a snapshot in which most stayed as it was",
     ["A,1, B,2, C,3,", "A,1,0 B,2,0 C,3,1", "A,1, B,9,"],
     "A,1,0 B,2,0 C,3,1 B,9,", "C,3,1 A,1, B,9,", 2),
    ("a snapshot in which all stayed as it was", ["A,1,0 B,2,0", "A,1, B,2,"],
     "A,1,0 B,2,0", "A,1, B,2,", 2),
    ("who is gone from such a snapshot", ["A,1, B,2, C,3, D,4,", "A,1, B,2, C,7,"],
     "A,1, B,2, C,3, D,4, C,7,", "D,4, A,1, B,2, C,7,", 3),
    ("who left unchanged did so at last", ["A,1, B,2,", "A,1, B,3,", "A,1, B,4,", "A,1,1 B,4,0"],
     "B,2, B,3, A,1,1 B,4,0", "A,1,1 B,4,0", 2),
    ("an empty outcome after one in a file", ["A,1,1 A,1, B,2,0"],
     "A,1,1 B,2,0", "A,1,1 B,2,0", 2),
    ("outcomes and the next snapshot, all the same", ["A,1,1 A,1, B,2,0 B,2,"],
     "A,1,1 B,2,0", "A,1,1 B,2,", 2),
    ("an old snapshot again", ["A,1, B,2,", "A,3, B,4,", "A,1, B,2,"],
     "A,1, B,2, A,3, B,4,", "A,3, B,4,", 2),
    ("nothing", [], "", "", 0),
    ("files without rows", ["", "A,1,0", ""], "A,1,0", "A,1,0", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "dataset", "book", "newest"), [fate[1:] for fate in FATES], ids=[f[0] for f in FATES]
)
def test_rows_that_arrive_become_a_dataset_and_a_book(
    files: list[str], dataset: str, book: str, newest: int
) -> None:
    made = merged(*files)
    assert rows(made.table) == dataset
    assert rows(made.book) == book
    assert made.newest == newest


def test_a_later_outcome_counts_and_both_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = merged("A,1, B,2,", "A,1,0 B,2,0", "A,1,1 B,2,1")
    assert rows(made.table) == "A,1,1 B,2,1"
    (line,) = caplog.messages
    assert line == (
        "A has the outcome 0 in file2.csv and 1 in file3.csv for the same row; the later counts "
        "(and 1 more like it)"
    )


def test_what_completes_a_row_is_no_repetition() -> None:
    assert merged("A,1, B,2,", "A,1,0 B,2,", "A,1,0 B,2,1").repetitions == [0, 1, 1]


PERIODS = [
    ("late", ["A,1,,2 B,2,,2", "A,9,0,1"], "A,9,0 A,1, B,2,", "A,1, B,2,", 2),
    ("a date", ["A,1,,2026-02-01", "A,2,,2026-01-01"], "A,2, A,1,", "A,1,", 1),
    ("corrected", ["A,1,,1", "A,2,,1", "A,1,0,1"], "A,1,0 A,2,", "A,2,", 1),
    ("numbers, not texts", ["A,1,,9", "A,2,,10"], "A,1, A,2,", "A,2,", 1),
    ("as large as a number can be", ["A,1,,1e308", "A,2,,3"], "A,2, A,1,", "A,1,", 1),
    ("absent", ["A,1,,1 B,2,,1", "A,1,,2"], "A,1, B,2, A,1,", "B,2, A,1,", 1),
    ("a small file of a new period", ["A,1,,1 B,2,,1 C,3,,1", "A,4,,2"],
     "A,1, B,2, C,3, A,4,", "B,2, C,3, A,4,", 1),
]  # fmt: skip


DATED = Columns("client", ("x", "end"), "left", kinds=(("end", "date"),), period="month")


def test_dates_are_days_before_the_newest_of_their_period() -> None:
    rows = [
        ("A", 1.0, 100.0, "1"),
        ("B", 1.0, 90.0, "1"),
        ("A", 2.0, 130.0, "2"),
        ("B", 2.0, 70.0, "2"),
    ]
    table = pd.DataFrame(rows, columns=["client", "x", "end", "month"]).assign(left=np.nan)
    late = pd.DataFrame([("C", 3.0, 95.0, "1")], columns=table.columns[:4]).assign(left=np.nan)
    tables_ = [each[list(DATED.all)] for each in (table, late)]
    made = of_tables(tables_, DATED)
    assert made.table["end"].tolist() == [0, 10, 5, 0, 60]
    assert made.newest_dates == {"end": 130.0}


def test_days_that_are_equal_in_two_periods_make_one_row() -> None:
    columns = DATED._replace(period=None)
    names = ["client", "x", "end", "left"]
    one = [("A", 5.0, 70.0, 0.0), ("B", 6.0, 100.0, 0.0)]
    two = [("A", 5.0, 170.0, np.nan), ("B", 7.0, 200.0, np.nan)]
    files = [pd.DataFrame(rows, columns=names)[list(columns.all)] for rows in (one, two)]
    made = of_tables(files, columns)
    assert made.table[["client", "x", "end"]].to_numpy().tolist() == [
        ["A", 5, 30],
        ["B", 6, 0],
        ["B", 7, 0],
    ]
    assert made.book["left"].isna().all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_whoever_is_in_the_newest_snapshot_is_open_however_few_change(share: float) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 50, 300).astype(float)
    alive, before, files = np.arange(300), None, []
    for _ in range(4):
        changes = random.random(300) < share
        x = np.where(changes, x + 50, x)
        snapshot = [f"K{k},{x[k]:g}," for k in alive]
        left = random.random(300) < 0.1
        files.append(" ".join([*(before or []), *snapshot]))
        before = [f"{row}{int(left[k])}" for k, row in zip(alive, snapshot, strict=True)]
        made = merged(*files)
        is_open = made.book["left"].isna()
        is_open[: len(is_open) - made.newest] = False
        assert set(made.book["client"][is_open]) == {f"K{k}" for k in alive}
        alive = alive[~left[alive]]


def test_one_row_of_a_far_period_does_not_empty_the_list() -> None:
    many = " ".join(f"K{number},{number},,2026-06-30" for number in range(30))
    made = merged(many, "K1,50,,2062-06-30", columns=TIMED)
    assert made.newest == 30


@pytest.mark.parametrize(
    ("files", "dataset", "book", "newest"),
    [fate[1:] for fate in PERIODS],
    ids=[f[0] for f in PERIODS],
)
def test_with_a_period_column_the_highest_period_is_the_newest(
    files: list[str], dataset: str, book: str, newest: int
) -> None:
    made = merged(*files, columns=TIMED)
    assert rows(made.table) == dataset
    assert rows(made.book) == book
    assert made.newest == newest


DELIVERIES = st.lists(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(0, 2), st.sampled_from(["", "0", "1"])),
        max_size=6,
    ),
    max_size=5,
)


@given(DELIVERIES, st.booleans())
def test_whatever_arrives_no_row_stands_twice_and_every_client_has_one_newest(
    deliveries: list[list[tuple[str, int, str]]], is_timed: bool
) -> None:
    columns = TIMED if is_timed else COLUMNS
    files = [
        " ".join(
            f"{client},{x},{left}{',' + str(at % 2) if is_timed else ''}"
            for client, x, left in rows
        )
        for at, rows in enumerate(deliveries)
    ]
    made = merged(*files, columns=columns)
    key = [name for name in columns.all if name != "left"]
    assert not made.table.duplicated().any()
    known = made.table[made.table["left"].notna()]
    unknown = made.table[made.table["left"].isna()]
    assert not unknown.duplicated(subset=key).any()
    assert not len(unknown.merge(known, on=key))
    arrived = pd.concat([file_of(rows, columns) for rows in files] or [file_of("", columns)])
    assert set(map(tuple, arrived[key].to_numpy())) == set(map(tuple, made.table[key].to_numpy()))
    assert sorted(made.book["client"]) == sorted(set(arrived["client"]))
    assert bool(made.newest) == bool(len(arrived))
    assert sum(made.repetitions) <= len(arrived) - len(made.table)


@given(st.permutations(range(3)))
def test_with_a_period_column_the_order_of_arrival_decides_nothing(order: list[int]) -> None:
    files = [
        " ".join(f"{client},{period},,{period}" for client in "AB"[: 1 + period % 2])
        for period in order
    ]
    made = merged(*files, columns=TIMED)
    assert rows(made.book.sort_values("client")) == "A,2, B,1,"


@pytest.mark.parametrize("columns", [COLUMNS, TIMED])
@pytest.mark.parametrize("count", [127, 128, 129, 300])
def test_many_files_keep_their_order(count: int, columns: Columns) -> None:
    files = [f"A,{at},0,{at} B,1,{at % 2},{at}" for at in range(count)]
    cells = 4 if columns.period else 3
    own = [" ".join(row.rsplit(",", 4 - cells)[0] for row in file.split()) for file in files]
    result = merged(*own, columns=columns)
    of_a = result.table["client"] == "A"
    assert result.table["x"][of_a].tolist() == list(range(count))
    assert result.told["file"][of_a].tolist() == list(range(count))
    assert result.told["period"][of_a].tolist() == list(range(count))
    assert rows(result.book) == f"A,{count - 1},0 B,1,{(count - 1) % 2}"
