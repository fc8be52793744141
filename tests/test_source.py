"""A database as a source: every row reaches the input folder once, whatever dies in between."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import ingestion
from fullprocess import full_process
from risk import files, source, tables, unread
from risk.errors import ArtefactRefused, ConfigWrong, ServiceDown
from risk.settings import Settings
from tests.conftest import configured, script
from tests.databases import SERVERS, fresh

NUMBERS = ("lastmonth_activity", "lastyear_activity", "number_of_employees")
COLUMNS = ("corporation", *NUMBERS, "exited")


@pytest.fixture(params=("sqlite", *SERVERS))
def fed(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """A project fed by a table `clients_of` in a fresh database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{settings.workspace / 'input.db'}"
        yield _fed_by(settings, url)
        return
    with fresh(request.param) as address:
        yield _fed_by(settings, address.render_as_string(False))


def _fed_by(settings: Settings, url: str) -> Settings:
    table = sa.Table(
        "clients_of",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("corporation", sa.String(50)),
        *(sa.Column(name, sa.Numeric(12, 2)) for name in NUMBERS),
        sa.Column("exited", sa.Boolean),
    )
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        table.create(connection)
    return configured(settings.workspace, input_database_url=url, input_table="clients_of")


def insert(settings: Settings, *keys: int, code: str = "K{}") -> None:
    """Add rows with these keys."""
    with _connection(settings).begin() as connection:
        for key in keys:
            connection.execute(*_insertion(key, code.format(key)))


def _connection(settings: Settings) -> sa.Engine:
    return sa.create_engine(settings.input_database_url or "", poolclass=sa.NullPool)


def _insertion(key: int, code: str) -> tuple[sa.TextClause, dict[str, Any]]:
    names = ", ".join(("id", *COLUMNS))
    binds = ", ".join(f":{name}" for name in ("id", *COLUMNS))
    values = (key, code, 10 + key, 120.5, None if key % 5 == 0 else 7, key % 2 == 0)
    statement = sa.text(f"INSERT INTO clients_of ({names}) VALUES ({binds})")
    return statement, dict(zip(("id", *COLUMNS), values, strict=True))


def fetched(settings: Settings) -> list[str]:
    """The codes in all files that were made from the table, in order of their keys."""
    codes: list[str] = []
    for path in sorted(settings.input_folder_path.glob("clients_of-*.csv")):
        codes += tables.read_csv(path.read_bytes(), settings.columns).table["corporation"].tolist()
    return sorted(codes, key=lambda code: int(code[1:]))


def test_rows_become_a_file_named_after_the_table_and_the_keys(fed: Settings) -> None:
    insert(fed, 1, 2, 3)
    assert source.fetch(fed) == "clients_of-1-3.csv"
    assert source.fetch(fed) is None
    insert(fed, 7)
    assert source.fetch(fed) == "clients_of-7-7.csv"
    assert fetched(fed) == ["K1", "K2", "K3", "K7"]


def test_fetched_rows_take_the_ordinary_road_through_the_gates(fed: Settings) -> None:
    insert(fed, *range(1, 21))
    assert full_process(fed) == "deployed"
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


def test_killed_anywhere_no_row_is_lost_and_none_comes_twice(settings: Settings) -> None:
    fed = _fed_by(settings, f"sqlite:///{settings.workspace / 'input.db'}")
    key = 0
    for step in range(50):
        insert(fed, key := key + 1, key := key + 1)
        ended = _fetch_and_die(fed, step)
        insert(fed, key := key + 1)
        source.fetch(fed)
        assert fetched(fed) == [f"K{number}" for number in range(1, key + 1)], step
        if ended:
            break
    assert ended
    assert step > 3


def test_a_row_with_a_nul_or_a_line_break_costs_only_itself(settings: Settings) -> None:
    fed = _fed_by(settings, f"sqlite:///{settings.workspace / 'input.db'}")
    insert(fed, 1)
    insert(fed, 2, code="\0{}")
    insert(fed, 3, code="x\r\ny{}")
    insert(fed, 4, code="x\ry{}")
    insert(fed, 5, code='"q,{}')
    source.fetch(fed)
    codes = set(ingestion.merge_multiple_dataframe(fed)["corporation"])
    assert {"K1", '"q,5'} <= codes
    assert not {code for code in codes if set(code) & {"x", "y", "\0", "\r", "\n"}}


def test_a_source_that_is_down_does_not_stop_the_run(settings: Settings) -> None:
    url = "postgresql://postgres@127.0.0.1:1/nothing"
    settings = configured(settings.workspace, input_database_url=url, input_table="clients_of")
    with pytest.raises(ServiceDown, match=r"^deployed: .*no rows were fetched"):
        full_process(settings)
    run = script(settings, "fullprocess.py")
    assert run.returncode == 69
    assert "no new data" in run.stderr.splitlines()[-1]


def test_a_table_that_is_missing_is_said(fed: Settings) -> None:
    with pytest.raises(ServiceDown, match="no_such_table"):
        source.fetch(fed._replace(input_table="no_such_table"))


def test_a_key_that_is_no_whole_number_is_refused(fed: Settings) -> None:
    insert(fed, 1)
    with pytest.raises(ConfigWrong, match="whole numbers"):
        source.fetch(fed._replace(input_key="corporation"))


def test_check_says_what_waits_and_fetches_nothing(settings: Settings) -> None:
    fed = _fed_by(settings, f"sqlite:///{settings.workspace / 'input.db'}")
    full_process(fed)
    insert(fed, 1, 2, 3)
    before = sorted(path.name for path in fed.input_folder_path.iterdir())
    run = script(fed, "fullprocess.py", "--check")
    assert "it would fetch 3 new rows of the table clients_of" in run.stdout
    assert sorted(path.name for path in fed.input_folder_path.iterdir()) == before


def test_a_gap_is_asked_for_during_a_day(settings: Settings) -> None:
    fed = _fed_by(settings, f"sqlite:///{settings.workspace / 'input.db'}")
    insert(fed, 1, 3)
    source.fetch(fed)
    path: Path = fed.output_folder_path / files.SOURCE
    ((identity, state),) = (files.read_json(path) or {}).items()
    assert [ends[:2] for ends in state["unread"]] == [[None, 0], [2, 2], [4, None]]
    state["unread"][1][2] -= unread.PATIENCE_SECONDS
    files.write_json(path, {identity: state})
    insert(fed, 0, 2)
    assert source.fetch(fed) == "clients_of-0-0.csv"


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


def test_the_password_of_a_source_is_not_kept(settings: Settings) -> None:
    url = "postgresql://postgres:hush-hush@127.0.0.1:5432/postgres"
    with fresh("postgresql") as address:
        url = address.set(password="hush-hush").render_as_string(False)
        fed = _fed_by(settings, url)
        insert(fed, 1)
        source.fetch(fed)
    assert "hush" not in (fed.output_folder_path / files.SOURCE).read_text()


@pytest.mark.parametrize("content", ['{"%s": 3}', '{"%s": {"last": 1}}'])
def test_a_damaged_record_of_the_source_is_refused(settings: Settings, content: str) -> None:
    fed = _fed_by(settings, f"sqlite:///{settings.workspace / 'input.db'}")
    insert(fed, 1)
    source.fetch(fed)
    path: Path = fed.output_folder_path / files.SOURCE
    (identity,) = files.read_json(path) or {}
    path.write_text(content % identity)
    with pytest.raises(ArtefactRefused, match="remove it"):
        source.fetch(fed)
