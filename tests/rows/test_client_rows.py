"""One client's rows, found in a table without holding it, are those that the table has."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from risk.columns import Columns
from risk.errors import ArtefactRefused, InputMissing
from risk.rows import client_rows, tables
from tests.rows.watched import Watched

COLUMNS = Columns("client", ("plan", "calls"), "left", kinds=(("plan", "category"),))
TEXT = st.text(st.sampled_from('ab",\n é'), max_size=4)
ROWS = st.lists(st.tuples(TEXT, TEXT), max_size=12)


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, at_once=st.sampled_from([1, 5, 40, 2**20]))
def test_every_client_has_the_rows_that_the_table_has(
    tmp_path: Path, rows: list[tuple[str, str]], at_once: int
) -> None:
    clients = [code.replace("\n", "") for code, _ in rows]
    plans = [plan for _, plan in rows]
    numbers = [float(place) for place in range(len(rows))]
    table = pd.DataFrame({"client": clients, "plan": plans, "calls": numbers, "left": numbers})
    path = tmp_path / "finaldata.csv"
    tables.write(path, table)
    whole = tables.read(path, COLUMNS)
    for code in {*clients, "a", "b,", '"'}:
        own = client_rows.of_client(path, code, COLUMNS, at_once)
        wanted = whole[whole["client"] == code].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, wanted)


def test_a_line_within_quotes_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "finaldata.csv"
    path.write_text('client,plan,calls,left\nx,"\na,p,1,0\n",2,\n"a",q,3,1')
    assert client_rows.of_client(path, "a", COLUMNS)["calls"].tolist() == [3]
    assert client_rows.of_client(path, "x", COLUMNS)["plan"].tolist() == ["\na,p,1,0\n"]


def test_the_bytes_of_a_block_are_passed_over_a_few_times_however_many_rows_have_the_code() -> None:
    """Most of the client's lines are within a quoted cell; quotes are on every other line."""
    block = Watched(b'a,p,1,0\n"b",q,2,1\n' * 5_000 + b'c,"' + b"a,\n" * 5_000 + b'",3,1\na,p,4,0')
    assert len([*client_rows.rows_in(block, "a")]) == 5_001
    assert len([*client_rows.rows_in(block, "b")]) == 5_000
    assert block.passed < 16 * len(block)


def test_a_table_that_is_not_there_or_has_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "finaldata.csv"
    with pytest.raises(InputMissing, match=r"run python ingestion\.py first"):
        client_rows.of_client(path, "a", COLUMNS)
    path.write_text("client,calls,left\n")
    with pytest.raises(ArtefactRefused, match="other columns"):
        client_rows.of_client(path, "a", COLUMNS)
