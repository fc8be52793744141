"""Which keys were read: the last of them, and from where on they are all known."""

import contextlib
import sqlite3
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from risk.data import source, source_keys
from risk.data.source_keys import Window
from risk.errors import ConfigWrong
from risk.settings import Settings
from tests.conftest import configured, script
from tests.data.source_tables import fed_by_table, fetched, insert, lines, record, run_sql


@pytest.fixture(autouse=True)
def few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of five keys."""
    monkeypatch.setattr(source_keys, "MOST_KEYS", 5)


@pytest.mark.parametrize(
    ("before", "keys", "then"),
    [
        (Window(), [5], Window(None, [5])),  # what is below may still come
        (Window(), [-1, 0, 0, 1], Window(None, [-1, 0, 1])),  # keys shared
        (Window(None, [2, 6]), [4, 8], Window(None, [2, 4, 6, 8])),
        (Window(None, [2, 4, 6, 8]), [9], Window(None, [2, 4, 6, 8, 9])),
        (Window(None, [2, 4, 6, 8, 9]), [11], Window(2, [2, 4, 6, 8, 9, 11])),
        (Window(2, [2, 4, 6, 8, 9, 11]), [12], Window(4, [4, 6, 8, 9, 11, 12])),  # the lowest goes
        (Window(None, [1, 2]), [4, 4, 5, 5, 6, 6, 7], Window(None, [1, 2, 4, 5, 6, 7])),
        (Window(None, [1]), [3, 4, 5, 6, 7], Window(None, [1, 3, 4, 5, 6, 7])),  # 2 may be late
        (Window(None, [1]), [*range(3, 30)], Window(20, [*range(20, 30)])),  # too many at once
        (Window(31), [40], Window(31, [40])),  # of a record that was lost
        (Window(4, [4, 6, 8, 9, 11]), [], Window(4, [4, 6, 8, 9, 11])),
    ],
)
def test_the_window_holds_the_last_keys(before: Window, keys: list[int], then: Window) -> None:
    assert source_keys.after(before, keys) == then


def test_from_the_start_of_the_window_on_what_was_read_is_known_and_all_else_is_not() -> None:
    generator = np.random.default_rng(1)
    for _ in range(300):
        window = Window()
        read: set[int] = set()
        for _ in range(6):
            start = -30 if window.start is None else window.start
            asked = generator.integers(-20, 60, 4)
            coming = sorted({key for key in asked.tolist() if key >= start} - read)
            window = source_keys.after(window, coming)
            read |= set(coming)
            start = -30 if window.start is None else window.start
            assert set(window.read) == {key for key in read if key >= start}


@pytest.mark.parametrize(
    ("first", "late"),
    [
        ((100, 102), (3, 101)),  # below the first key that was ever read
        ((1, 5000), (2, 3000, 4999)),  # anywhere in a wide gap
        ((-5, 3), (-7, -6, 0)),
    ],
)
def test_no_row_that_comes_late_is_lost(
    fed: Settings, first: tuple[int, ...], late: tuple[int, ...]
) -> None:
    insert(fed, *first)
    source.fetch(fed)
    insert(fed, *late, 6000)
    assert source.fetch(fed) == f"clients_of-{late[0]}-6000.csv"
    assert source.fetch(fed) is None
    assert fetched(fed) == [f"K{key}" for key in sorted((*first, *late, 6000))]


def test_keys_full_of_gaps_are_read_from_a_record_of_the_last_of_them(
    fed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_keys, "MOST_KEYS", 300)
    for begin in (0, 2_000, 4_000):
        insert(fed, *range(begin, begin + 2_000, 10))
        assert source.fetch(fed) == f"clients_of-{begin}-{begin + 1990}.csv"
    (state,) = record(fed).values()
    assert state == {"from": 1_000, "read": " ".join(map(str, range(1_000, 6_000, 10)))}
    insert(fed, 995, 3_005, 5_995)
    assert source.new_row_count(fed) == 2
    assert source.fetch(fed) == "clients_of-3005-5995.csv"
    assert source.fetch(fed) is None


def test_many_rows_that_come_late_at_once_are_read(
    fed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_keys, "MOST_KEYS", 300)
    insert(fed, 1, 5_000)
    source.fetch(fed)
    insert(fed, *range(2, 1_000))
    assert source.fetch(fed) == "clients_of-2-999.csv"
    assert source.fetch(fed) is None


@pytest.mark.parametrize("is_full", [False, True])
def test_what_is_asked_for_is_found_by_the_index_of_the_key(
    fed_by_file: Settings, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    monkeypatch.setattr(source_keys, "MOST_KEYS", 3 if is_full else 300)
    insert(fed_by_file, *range(100))
    source.fetch(fed_by_file)
    asked: list[str] = []

    def note(*call: Any) -> None:
        asked.append(call[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    source.fetch(fed_by_file)
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    (question,) = [statement for statement in asked if "clients_of" in statement]
    with contextlib.closing(sqlite3.connect(fed_by_file.workspace / "input.db")) as opened:
        plan = opened.execute(f"EXPLAIN QUERY PLAN {question}", (1,) * is_full).fetchall()
    (step,) = (step[3] for step in plan)
    assert ("USING INTEGER PRIMARY KEY" in step) == is_full, plan
    assert "B-TREE" not in step


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("numeric(30, 2)", ("1", "2.00", "1e2")),
        ("double precision", ("1", "2", "100")),
        ("bigint", ("1", "2", "100")),
    ],
)
def test_a_whole_number_is_a_key_in_whatever_type(
    url: str, settings: Settings, kind: str, keys: tuple[str, ...]
) -> None:
    rows = [f"(id, corporation) VALUES ({key}, 'K')" for key in keys]
    fed = fed_by_table(settings, url, f"id {kind}", *rows)
    assert source.fetch(fed) == "odd-1-100.csv"
    run_sql(fed, "INSERT INTO odd (id, corporation) VALUES (50, 'K'), (101, 'K')")
    assert source.fetch(fed) == "odd-50-101.csv"
    assert source.fetch(fed) is None


def test_a_row_without_a_usable_key_costs_only_itself(
    url: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    strange = ("NULL", "2.5", "1e30")
    rows = [f"(id, corporation) VALUES ({key}, 'K')" for key in ("1", *strange, "3")]
    fed = fed_by_table(settings, url, "id numeric(40, 2)", *rows)
    assert source.fetch(fed) == "odd-1-3.csv"
    assert "3 rows of the table odd are left out: their id is no whole number" in caplog.text
    assert source.fetch(fed) is None
    caplog.clear()
    run_sql(fed, "INSERT INTO odd (id, corporation) VALUES (NULL, 'K'), (4, 'K')")
    assert source.new_row_count(fed) == 1
    assert source.fetch(fed) == "odd-4-4.csv"
    assert "are left out" in caplog.text


def test_a_text_among_numbers_costs_only_itself(settings: Settings) -> None:
    url = f"sqlite:///{settings.workspace / 'input.db'}"
    rows = [f"(id, corporation) VALUES ({key}, 'K')" for key in ("'seven'", "8", "9e18", "9e99")]
    fed = fed_by_table(settings, url, "id blob", *rows)
    assert source.fetch(fed) == "odd-8-8.csv"
    assert source.fetch(fed) is None


@pytest.mark.parametrize(("kind", "key"), [("varchar(9)", "'7'"), ("numeric(9, 2)", "NULL")])
def test_a_column_without_any_whole_number_is_no_key(
    url: str, settings: Settings, kind: str, key: str
) -> None:
    row = f"(id, corporation) VALUES ({key}, 'K')"
    fed = fed_by_table(settings, url, f"id {kind}", row)
    with pytest.raises(ConfigWrong, match="whole numbers"):
        source.fetch(fed)


def test_a_key_that_is_none_ends_the_run_with_one_sentence(fed_by_file: Settings) -> None:
    insert(fed_by_file, 1)
    keys = {"input_database_url": fed_by_file.input_database_url, "input_table": "clients_of"}
    fed = configured(fed_by_file.workspace, **keys, input_key="corporation")
    run = script(fed, "fullprocess.py")
    assert (run.returncode, len(run.stderr.splitlines())) == (78, 1)


def test_rows_that_share_a_key_in_one_fetch_are_all_written(url: str, settings: Settings) -> None:
    rows = [f"(id, corporation) VALUES ({key}, 'K{key}')" for key in (1, 2, 2, 3)]
    fed = fed_by_table(settings, url, "id integer", *rows)
    assert len(lines(fed, source.fetch(fed))) == 4
    assert source.fetch(fed) is None
