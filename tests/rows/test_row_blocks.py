"""Files are read in blocks of whole rows, wherever their quotes are."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from risk.rows import row_blocks
from tests.rows.watched import Watched

CELL = st.text(st.sampled_from('ab",\n é'), max_size=5)
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=12)


def as_csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, at_once=st.sampled_from([1, 5, 40, 2**20]), ends=st.booleans())
def test_the_blocks_of_a_file_are_its_rows_in_their_order(
    tmp_path: Path, rows: list[list[str]], at_once: int, ends: bool
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(as_csv(rows) if ends else as_csv(rows).removesuffix(b"\n"))
    with path.open("rb") as file:
        header = row_blocks.header(file.fileno(), at_once)
        blocks = [*row_blocks.blocks(file.fileno(), len(header), at_once)]
    first = as_csv(rows[:1])
    assert header == (first if ends or len(rows) > 1 else first.removesuffix(b"\n"))
    at = len(header)
    for begin, block in blocks:
        assert begin == at
        at += len(block)
    content = b"".join(block for _, block in blocks)
    assert header + content == path.read_bytes()
    each = [csv.reader(io.StringIO(block.decode(), newline="")) for _, block in blocks]
    assert [row for block in each for row in block] == rows[1:]


def test_what_follows_an_open_quote_is_the_last_row(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'a,b\n1,2\n3,"4\n5,6\n')
    with path.open("rb") as file:
        blocks = [*row_blocks.blocks(file.fileno(), 0, 8)]
    assert blocks == [(0, b"a,b\n1,2\n"), (8, b'3,"4\n5,6\n')]


@pytest.mark.parametrize("content", [b"", b"a,b", b"a,b\n", b'"a\n",b\n1,2\n'])
def test_the_header_is_the_first_row_and_no_more(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert row_blocks.header(file.fileno()) == content.removesuffix(b"1,2\n")


def test_a_cell_of_many_lines_is_passed_over_a_few_times() -> None:
    block = Watched(b'a,b\nc,"' + b"\n" * 10_000 + b'",d\ne,"' + b"\n" * 10_000)
    assert block[: row_blocks.whole_rows(block)].endswith(b'",d\n')
    assert row_blocks.row_end(block, 4) == row_blocks.whole_rows(block)
    assert block.passed < 8 * len(block)
