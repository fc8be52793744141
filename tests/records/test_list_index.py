"""What pages hold of a list is what the list says, whether its writer kept it or not."""

import csv
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pyarrow import ipc

from risk.errors import ArtefactRefused
from risk.records import list_file, list_index
from risk.records.list_index import OpenList
from tests.reasons.book import LATER, book, written
from tests.records.test_list_file import CODES

MANY = 90_000  # clients, whose list is worth an index


@pytest.fixture(scope="module")
def long_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "riskranking.csv"
    written(path, book([f"{number}" for number in range(MANY)]))
    assert path.stat().st_size > list_index.WORTH_KEEPING
    return path


@pytest.fixture
def own_list(long_list: Path, tmp_path: Path) -> Path:
    """The long list with its index; a linked file is still the same file."""
    for path in (long_list, long_list.with_suffix(".index")):
        os.link(path, tmp_path / path.name)
    return tmp_path / long_list.name


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """The parts of files that are read meanwhile, and how often a list is looked through."""
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called is os.pread:
            counts["parts read"] += 1
        elif event == "call" and frame.f_code is list_index._found.__code__:
            counts["looked through"] += 1

    sys.setprofile(count)
    try:
        yield counts
    finally:
        sys.setprofile(None)


def bytes_read() -> int:
    """How many bytes this process has read so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(codes=CODES, seed=st.integers(0, 5), at_once=st.sampled_from([1, 7, 300, 2**20]))
@example(codes=["\ufeff"], seed=0, at_once=1)
def test_every_row_is_where_the_list_has_it(
    tmp_path: Path, codes: list[str], seed: int, at_once: int
) -> None:
    path = tmp_path / "riskranking.csv"
    path.unlink(missing_ok=True)
    written(path, book(codes, seed))
    rows = written(path, book(codes, seed + 1), LATER)
    found = OpenList(path, at_once)
    assert list(found.rows(range(len(rows)))) == rows
    assert list(found.rows([len(rows) - 1, 0])) == [rows[-1], rows[0]]
    table = found.table.to_pydict()
    for name in ("corporation", "band", "outcome"):
        assert table[name] == [row[name] for row in rows]
    assert table["risk"] == [float(row["risk"]) for row in rows]
    assert table["previous_rank"] == [int(row["previous_rank"]) for row in rows]
    by_code = sorted(range(len(rows)), key=lambda place: rows[place]["corporation"])
    assert np.argsort(table["alphabetical"]).tolist() == by_code


def test_lines_between_quotes_are_one_row(tmp_path: Path) -> None:
    path = tmp_path / "riskranking.csv"
    (row,) = written(path, book(["x"]))
    row["reasons"] = 'plan "a\nb": raises,\n\nthe risk\n'
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        writer.writeheader()
        writer.writerows([row, row])
    for at_once in (1, 1000):
        assert list(OpenList(path, at_once).rows([0, 1])) == [row, row]


@pytest.mark.parametrize("end", ["", "\n\n", "\r\n"])
def test_a_list_that_was_saved_by_an_editor_is_read(tmp_path: Path, end: str) -> None:
    path = tmp_path / "riskranking.csv"
    rows = written(path, book(["x", "y"]))
    path.write_bytes(path.read_bytes().removesuffix(b"\n") + end.encode())
    assert list(list_file.opened(path).rows([0, 1])) == rows


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b",2,", b",second,"),
        (b"\n", b'\n"'),
        (b",open,", b",open"),
        (b"reasons", b"why"),
        (b"corporation", b"\xff"),
        (b"corporation", b"client"),
        (b"corporation", b"corpo\rration"),
        (b",high,", b",\xff,"),
    ],
)
def test_a_damaged_list_is_refused_when_it_is_opened(
    tmp_path: Path, was: bytes, becomes: bytes
) -> None:
    path = tmp_path / "riskranking.csv"
    written(path, book([f"client {number}" for number in range(40)]))
    content = path.read_bytes()
    assert was in content
    path.write_bytes(content.replace(was, becomes, 1))
    with pytest.raises(ArtefactRefused, match=r"damaged .*; run python reporting\.py"):
        list_file.opened(path)


def test_a_list_is_damaged_where_a_client_has_no_stake(tmp_path: Path) -> None:
    path = tmp_path / "riskranking.csv"
    rows = written(path, book(["x", "y"]))
    for stake in ("2.5", ""):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0], "value", "at_stake"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(row | {"value": "5", "at_stake": stake} for row in rows)
        if stake:
            assert list_file.opened(path).table["at_stake"].to_pylist() == [2.5, 2.5]
    with pytest.raises(ArtefactRefused, match="at_stake is empty"):
        list_file.opened(path)


def test_little_is_read_of_a_list_to_know_its_header(own_list: Path) -> None:
    before = bytes_read()
    OpenList(own_list)
    index = own_list.with_suffix(".index").stat().st_size
    assert bytes_read() - before < index + 200_000


def test_a_long_list_is_not_looked_through_when_its_writer_kept_the_index(own_list: Path) -> None:
    with counting() as counts:
        kept = OpenList(own_list)
        rows = list(kept.rows([0, 1, 2, MANY - 1]))
    assert counts == {"parts read": 3}, "the header, and each run of rows"
    own_list.with_suffix(".index").unlink()
    with counting() as counts:
        found = OpenList(own_list)
    assert counts["looked through"] == 1
    assert found.table.equals(kept.table)
    assert rows == list(found.rows([0, 1, 2, MANY - 1]))
    assert kept.middle
    assert found.middle is None


def test_the_index_of_another_list_is_not_used(own_list: Path) -> None:
    content = own_list.read_bytes()
    own_list.unlink()
    own_list.write_bytes(content)
    assert OpenList(own_list).middle is None


@pytest.mark.parametrize("left", [0, 100, -100])
def test_a_damaged_index_is_not_used(own_list: Path, left: int) -> None:
    index = own_list.with_suffix(".index")
    content = index.read_bytes()[:left]
    index.unlink()
    index.write_bytes(content)
    assert OpenList(own_list).table.num_rows == MANY


def lacking(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def with_ranks_as(kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(2, "rank", table["rank"].cast(kind))


def about(known: dict[bytes, bytes]) -> Callable[[pa.Table], pa.Table]:
    """The same columns with other things said beside them."""

    def changed(table: pa.Table) -> pa.Table:
        return table.replace_schema_metadata({b"list": table.schema.metadata[b"list"], **known})

    return changed


WORDS_FOR_NUMBERS = b'{"log_odds": 0, "values": [], "fills": [], "row": ["a"], "copies": []}'


@pytest.mark.parametrize(
    "change",
    [
        lacking("begin"),
        lacking("band"),
        with_ranks_as(pa.int64()),
        lambda table: table.append_column("more", table["rank"]),
        lambda table: table.select(table.column_names[::-1]),
        about({}),
        about({b"middle": b"no JSON"}),
        about({b"middle": b"\xff"}),
        about({b"middle": b"{}"}),
        about({b"middle": b"[]"}),
        about({b"middle": WORDS_FOR_NUMBERS}),
    ],
)
def test_an_index_made_in_another_way_is_not_used(
    own_list: Path, change: Callable[[pa.Table], pa.Table]
) -> None:
    index = own_list.with_suffix(".index")
    kept = ipc.open_file(index.read_bytes()).read_all()
    written_anew(index, kept)
    assert OpenList(own_list).middle, "what this test writes is read as an index"
    written_anew(index, change(kept))
    found = OpenList(own_list)
    assert found.middle is None
    assert found.table.equals(kept)


def written_anew(index: Path, table: pa.Table) -> None:
    index.unlink()
    with ipc.new_file(index, table.schema) as file:
        file.write_table(table)


def test_the_index_goes_with_its_list(own_list: Path) -> None:
    middle = OpenList(own_list).middle
    assert middle
    (row,) = written(own_list, book(["x"]), LATER)
    assert not own_list.with_suffix(".index").exists()
    assert next(OpenList(own_list).rows([0])) == row


def test_an_open_list_stays_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "riskranking.csv"
    rows = written(path, book(["a", "b"]))
    found = OpenList(path)
    written(path, book(["c", "d", "e"]))
    assert list(found.rows([0, 1])) == rows
