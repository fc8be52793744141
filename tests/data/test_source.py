"""A database as a source: every row reaches the input folder once, whatever dies in between."""

import contextlib
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ingestion
from fullprocess import fetch, full_process
from risk import database, files
from risk.data import source
from risk.errors import ConfigWrong, ServiceDown
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import configured, decided, script
from tests.data.source_tables import _connection, _fed_by, _insertion, fetched, insert, record
from tests.databases import fresh


def test_rows_become_a_file_named_after_the_table_and_the_keys(fed: Settings) -> None:
    insert(fed, 1, 2, 3)
    assert source.fetch(fed) == "clients_of-1-3.csv"
    assert source.fetch(fed) is None
    insert(fed, 7)
    assert source.fetch(fed) == "clients_of-7-7.csv"
    assert fetched(fed) == ["K1", "K2", "K3", "K7"]


def test_fetched_rows_take_the_ordinary_road_through_the_gates(fed: Settings) -> None:
    insert(fed, *range(1, 21))
    assert fetch(fed) == []
    assert decided(fed) == "deployed"
    assert "clients_of-1-20.csv" in (fed.output_folder_path / files.INGESTED_FILES).read_text()
    merged = tables.read(fed.output_folder_path / files.FINAL_DATA, fed.columns)
    row = merged[merged["corporation"] == "K5"].iloc[0]
    assert (row["lastmonth_activity"], row["exited"]) == (15, 0)
    assert row.isna()["number_of_employees"]
    assert full_process(fed) == "no new data"


def test_a_row_that_was_committed_late_is_not_lost(fed: Settings) -> None:
    if fed.input_database_url and fed.input_database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time, so no row comes late")
    insert(fed, 1, 2)
    source.fetch(fed)
    with _connection(fed).connect() as slow:
        slow.execute(*_insertion(3, "K3"))
        insert(fed, 4, 5)
        assert source.fetch(fed) == "clients_of-4-5.csv"
        slow.commit()
    assert source.fetch(fed) == "clients_of-3-3.csv"
    assert source.fetch(fed) is None
    assert fetched(fed) == ["K1", "K2", "K3", "K4", "K5"]


def test_without_its_record_the_names_of_the_files_say_how_far_it_was(fed: Settings) -> None:
    insert(fed, 1, 2, 30)
    source.fetch(fed)
    (fed.output_folder_path / files.SOURCE).unlink()
    insert(fed, 31)
    assert source.fetch(fed) == "clients_of-31-31.csv"


def _fetch_and_die(settings: Settings, step: int) -> bool:
    """Fetch in a child that is killed before one of its changes on disk; whether it survived."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
            if event in ("os.rename", "os.mkdir", "os.remove") or writes:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        source.fetch(settings)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def test_killed_anywhere_no_row_is_lost_and_none_comes_twice(fed_by_file: Settings) -> None:
    key = 0
    for step in range(50):
        insert(fed_by_file, key := key + 1, key := key + 1)
        ended = _fetch_and_die(fed_by_file, step)
        insert(fed_by_file, key := key + 1)
        source.fetch(fed_by_file)
        assert fetched(fed_by_file) == [f"K{number}" for number in range(1, key + 1)], step
        if ended:
            break
    assert ended
    assert step > 3


def test_a_row_with_a_nul_or_a_line_break_costs_only_itself(fed_by_file: Settings) -> None:
    insert(fed_by_file, 1)
    insert(fed_by_file, 2, code="\0{}")
    insert(fed_by_file, 3, code="x\r\ny{}")
    insert(fed_by_file, 4, code="x\ry{}")
    insert(fed_by_file, 5, code='"q,{}')
    source.fetch(fed_by_file)
    codes = set(ingestion.merge_multiple_dataframe(fed_by_file)["corporation"])
    assert {"K1", '"q,5'} <= codes
    assert not {code for code in codes if set(code) & {"x", "y", "\0", "\r", "\n"}}


def test_a_source_that_is_down_does_not_stop_the_run(deployed: Settings) -> None:
    url = "postgresql://postgres@127.0.0.1:1/nothing"
    deployed = configured(deployed.workspace, input_database_url=url, input_table="clients_of")
    run = script(deployed, "fullprocess.py")
    assert run.returncode == 69
    assert re.search(r": no new data: .*no rows were fetched", run.stderr.splitlines()[-1])


def test_a_table_that_is_missing_is_said(fed: Settings) -> None:
    with pytest.raises(ServiceDown, match="no_such_table"):
        source.fetch(fed._replace(input_table="no_such_table"))


def test_a_key_that_is_no_whole_number_is_refused(fed: Settings) -> None:
    insert(fed, 1)
    with pytest.raises(ConfigWrong, match="whole numbers"):
        source.fetch(fed._replace(input_key="corporation"))


def test_check_says_what_waits_and_fetches_nothing(fed_by_file: Settings) -> None:
    decided(fed_by_file)
    insert(fed_by_file, 1, 2, 3)
    before = sorted(path.name for path in fed_by_file.input_folder_path.iterdir())
    run = script(fed_by_file, "fullprocess.py", "--check")
    assert "it would fetch 3 new rows of the table clients_of" in run.stdout
    assert sorted(path.name for path in fed_by_file.input_folder_path.iterdir()) == before


def test_what_a_dead_fetch_left_in_the_input_folder_goes_and_nothing_else(
    fed_by_file: Settings,
) -> None:
    folder = fed_by_file.input_folder_path
    for name in (".clients_of-1-9.csv.draft", ".theirs.draft"):
        (folder / name).touch()
    source.fetch(fed_by_file)
    assert [path.name for path in folder.glob(".*")] == [".theirs.draft"]


def test_two_sources_with_one_table_name_are_two_sources(settings: Settings) -> None:
    urls = [f"sqlite:///{settings.workspace / name}.db" for name in ("first", "second")]
    for url in urls:
        insert(_fed_by(settings, url), 1, 2)
    made = []
    for url in (*urls, *urls):
        fed = configured(settings.workspace, input_database_url=url, input_table="clients_of")
        made.append(source.fetch(fed))
    assert made == ["clients_of-1-2.csv", "clients_of-1-2_2.csv", None, None]
    state = (fed.output_folder_path / files.SOURCE).read_text()
    assert state.count("clients_of") == 2


@pytest.mark.parametrize("content", ['{"%s": 3}', '{"%s": {"from": 1, "read": "1 x"}}'])
def test_a_damaged_record_of_the_source_is_kept_under_another_name_once(
    fed_by_file: Settings, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    insert(fed_by_file, 1)
    source.fetch(fed_by_file)
    path: Path = fed_by_file.output_folder_path / files.SOURCE
    (identity,) = files.read_json(path) or {}
    path.write_text(content % identity)
    insert(fed_by_file, 2)
    assert [source.fetch(fed_by_file), source.fetch(fed_by_file)] == ["clients_of-2-2.csv", None]
    assert caplog.text.count("source.json is damaged") == 1
    (kept,) = path.parent.glob("source.json.*.damaged")
    assert kept.read_text() == content % identity


# -- the record ------------------------------------------------------------------------------------


def test_negative_keys_are_read_out_of_the_names_of_the_files(fed_by_file: Settings) -> None:
    insert(fed_by_file, -30, -20)
    assert source.fetch(fed_by_file) == "clients_of--30--20.csv"
    (fed_by_file.output_folder_path / files.SOURCE).unlink()
    insert(fed_by_file, -10)
    assert source.fetch(fed_by_file) == "clients_of--10--10.csv"


@pytest.mark.parametrize(
    "state", [{"last": 2, "gaps": {"1": 1.5}}, {"unread": [[None, 0, 1.5], [3, None, 1.5]]}]
)
def test_after_a_record_of_an_earlier_form_the_names_of_the_files_count(
    fed_by_file: Settings, caplog: pytest.LogCaptureFixture, state: dict[str, Any]
) -> None:
    insert(fed_by_file, 1, 2)
    source.fetch(fed_by_file)
    earlier = {next(iter(record(fed_by_file))): state}
    files.write_json(fed_by_file.output_folder_path / files.SOURCE, earlier)
    insert(fed_by_file, 3)
    assert source.fetch(fed_by_file) == "clients_of-3-3.csv"
    assert "goes on beyond 2" in caplog.text
    assert list(record(fed_by_file)) == ["sqlite input.db 'clients_of' 'id' 'sourcedata'"]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "postgresql://somebody:hush-hush@Db.Example/clients",
            "postgresql db.example:5432/clients",
        ),
        ("postgresql+psycopg://db.example:5432/clients", "postgresql db.example:5432/clients"),
        ("postgresql://db.example/clients?password=hush", "postgresql db.example:5432/clients"),
        ("postgresql:///clients?host=/run/p&port=7", "postgresql /run/p:7/clients"),
        ("mariadb://somebody@db.example/clients?ssl=1", "mysql db.example:3306/clients"),
        ("mysql://db.example:3307/clients", "mysql db.example:3307/clients"),
        ("mysql:///clients?unix_socket=/run/m", "mysql /run/m:3306/clients"),
        ("sqlite:///a/../input.db?timeout=9", "sqlite input.db"),
        ("sqlite:////elsewhere/input.db", "sqlite /elsewhere/input.db"),
    ],
)
def test_a_source_is_the_same_whoever_asks_and_however(
    settings: Settings, url: str, place: str
) -> None:
    made = database.engine_to_read(url, settings.workspace, "input_database_url", "NOTHING")
    assert database.place(made, settings.workspace) == place


def test_a_password_makes_no_other_source_and_is_not_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh("postgresql") as address:
        fed = _fed_by(settings, address.render_as_string(False))
        insert(fed, 1)
        source.fetch(fed)
        monkeypatch.setenv(source.PASSWORD_VARIABLE, "hush-hush")
        assert source.fetch(fed) is None
        url = f"{fed.input_database_url}?password=hush-hush"
        assert source.fetch(fed._replace(input_database_url=url)) is None
    assert "hush" not in (fed.output_folder_path / files.SOURCE).read_text()


def test_a_source_moves_with_its_workspace(fed_by_file: Settings) -> None:
    insert(fed_by_file, 1)
    source.fetch(fed_by_file)
    moved = fed_by_file.workspace.rename(fed_by_file.workspace.with_name("moved"))
    fed = configured(moved, input_database_url="sqlite:///input.db", input_table="clients_of")
    assert source.fetch(fed) is None


# -- a source is never changed ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_file_that_is_a_source_stays_as_it_is_and_alone(
    fed_by_file: Settings, contents: Callable[[Path], dict[str, bytes]], mode: str
) -> None:
    insert(fed_by_file, 1, 2)
    with contextlib.closing(sqlite3.connect(fed_by_file.workspace / "input.db")) as opened:
        opened.execute(f"PRAGMA journal_mode = {mode}")
    folder = fed_by_file.workspace / "theirs"
    folder.mkdir()
    (fed_by_file.workspace / "input.db").rename(folder / "input #1?.db")
    url = "sqlite:///theirs/input #1%3F.db"
    fed = fed_by_file._replace(input_database_url=url)
    before = contents(folder)
    assert source.new_row_count(fed) == 2
    assert source.fetch(fed) == "clients_of-1-2.csv"
    assert contents(folder) == before


def test_a_file_that_somebody_writes_into_is_read_as_it_is_now(fed_by_file: Settings) -> None:
    insert(fed_by_file, 1)
    writing = sqlite3.connect(fed_by_file.workspace / "input.db", isolation_level=None)
    with contextlib.closing(writing) as opened:
        opened.execute("PRAGMA journal_mode = WAL")
        insert(fed_by_file, 2)
        opened.execute("BEGIN IMMEDIATE")
        assert source.fetch(fed_by_file) == "clients_of-1-2.csv"


def test_a_file_that_is_missing_is_said_and_not_made(fed_by_file: Settings) -> None:
    (fed_by_file.workspace / "input.db").unlink()
    with pytest.raises(ServiceDown, match=r"input\.db does not answer: unable to open"):
        source.fetch(fed_by_file)
    assert not (fed_by_file.workspace / "input.db").exists()


def test_through_the_way_to_a_source_nothing_can_be_written(fed: Settings) -> None:
    made = database.engine_to_read(fed.input_database_url or "", fed.workspace, "key", "NOTHING")
    with pytest.raises(ServiceDown, match=r"(?i)read.?only"), database.transaction(made) as opened:
        opened.exec_driver_sql("DELETE FROM clients_of")


@pytest.mark.parametrize("options", ["foo=1", "connect_timeout=soon", "charset=klingon"])
def test_an_option_that_the_driver_does_not_know_is_said(settings: Settings, options: str) -> None:
    with fresh("mariadb") as address:
        fed = _fed_by(settings, address.render_as_string(False))
        wrong = fed._replace(input_database_url=f"{fed.input_database_url}?{options}")
        with pytest.raises(ConfigWrong, match="option in the URL of a database is wrong"):
            source.fetch(wrong)
