"""A database as a source: every row reaches the input folder once, whatever dies in between."""

import contextlib
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import ingestion
from fullprocess import fetch, full_process
from risk import database, files
from risk.data import judging, source, source_keys, tables
from risk.errors import ConfigWrong, ServiceDown
from risk.settings import Settings
from tests.conftest import configured, decided, script
from tests.databases import SERVERS, fresh

NUMBERS = ("lastmonth_activity", "lastyear_activity", "number_of_employees")
COLUMNS = ("corporation", *NUMBERS, "exited")
KINDS = ("varchar(50)", "integer", "integer", "integer", "integer")


@pytest.fixture(params=("sqlite", *SERVERS))
def url(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{settings.workspace / 'input.db'}"
        return
    with fresh(request.param) as address:
        yield address.render_as_string(False)


@pytest.fixture
def fed(url: str, settings: Settings) -> Settings:
    """A project fed by a table `clients_of` in a fresh database of each kind."""
    return _fed_by(settings, url)


@pytest.fixture
def fed_by_file(settings: Settings) -> Settings:
    """A project fed by a table `clients_of` in a SQLite file."""
    return _fed_by(settings, f"sqlite:///{settings.workspace / 'input.db'}")


def _fed_by(settings: Settings, url: str) -> Settings:
    table = sa.Table(
        "clients_of",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("corporation", sa.String(1000)),
        *(sa.Column(name, sa.Numeric(12, 2)) for name in NUMBERS),
        sa.Column("exited", sa.Boolean),
    )
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        table.create(connection)
    return configured(
        settings.workspace, input_database_url=url, input_table="clients_of", refused_share=1
    )


def fed_by_table(settings: Settings, url: str, columns: str, *rows: str) -> Settings:
    """A project fed by a table `odd` with these columns, and the five where they are not named."""
    named = columns.replace('"', "").split()
    others = [
        f"{name} {kind}" for name, kind in zip(COLUMNS, KINDS, strict=True) if name not in named
    ]
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE odd ({', '.join([columns, *others])})")
        for row in rows:
            connection.exec_driver_sql(f"INSERT INTO odd {row}")
    return configured(
        settings.workspace, input_database_url=url, input_table="odd", refused_share=1
    )


def insert(settings: Settings, *keys: int, code: str = "K{}") -> None:
    """Add rows with these keys."""
    with _connection(settings).begin() as connection:
        insertions = [_insertion(key, code.format(key)) for key in keys]
        connection.execute(insertions[0][0], [values for _, values in insertions])


def _connection(settings: Settings) -> sa.Engine:
    return sa.create_engine(settings.input_database_url or "", poolclass=sa.NullPool)


def _insertion(key: int, code: str) -> tuple[sa.TextClause, dict[str, Any]]:
    names = ", ".join(("id", *COLUMNS))
    binds = ", ".join(f":{name}" for name in ("id", *COLUMNS))
    values = (key, code, 10 + key, 120.5, None if key % 5 == 0 else 7, key % 2 == 0)
    statement = sa.text(f"INSERT INTO clients_of ({names}) VALUES ({binds})")
    return statement, dict(zip(("id", *COLUMNS), values, strict=True))


def run_sql(settings: Settings, *statements: str) -> None:
    """Change the source by statements as they are."""
    with _connection(settings).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def lines(settings: Settings, name: str | None) -> list[str]:
    """The lines of a fetched file after its header."""
    return (settings.input_folder_path / str(name)).read_text().splitlines()[1:]


def record(settings: Settings) -> dict[str, Any]:
    """What is noted of every source."""
    return files.read_json(settings.output_folder_path / files.SOURCE) or {}


def fetched(settings: Settings) -> list[str]:
    """The codes in all files that were made from the table, in order of their keys."""
    codes: list[str] = []
    for path in sorted(settings.input_folder_path.glob("clients_of-*.csv")):
        codes += judging.read_csv(path.read_bytes(), settings.columns).table["corporation"].tolist()
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


# -- rows that come late ---------------------------------------------------------------------------


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


# -- keys ------------------------------------------------------------------------------------------


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


# -- values ----------------------------------------------------------------------------------------

VALUES = {
    "sqlite": [
        ("blob", "CAST('Kö' AS blob)", "Kö"),
        ("real", "0.1", "0.1"),
        ("real", "1e22", "10000000000000000000000"),
        ("real", "1e-7", "0.0000001"),
        ("text", "'2024-02-29'", "2024-02-29"),
    ],
    "postgresql": [
        ("bytea", "convert_to('Kö', 'UTF8')", "Kö"),
        ("bit(1)", "B'1'", "1"),
        ("boolean", "true", "1"),
        ("numeric", "1e3", "1000"),
        ("numeric", "12.50", "12.50"),
        ("double precision", "1e-7", "0.0000001"),
        ("date", "'2024-02-29'", "2024-02-29"),
        ("char(8)", "'K'", "K"),
    ],
    "mariadb": [
        ("varbinary(9)", "'Kö'", "Kö"),
        ("blob", "'K'", "K"),
        ("bit(1)", "b'1'", "1"),
        ("bit(9)", "b'100000001'", "257"),
        ("decimal(9, 3)", "12.5", "12.500"),
        ("double", "1e-7", "0.0000001"),
        ("date", "'2024-02-29'", "2024-02-29"),
    ],
}


def test_values_are_written_as_the_files_are_read(url: str, settings: Settings) -> None:
    cases = VALUES[sa.make_url(url).get_backend_name()]
    names = [f"c{place}" for place in range(len(cases))]
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in zip(names, cases, strict=True))
    row = f"VALUES (7, {', '.join(value for _, value, _ in cases)})"
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE odd (id integer, {columns})")
        connection.exec_driver_sql(f"INSERT INTO odd {row}")
    keys = {"client_column": names[0], "feature_columns": names[1:-1], "target_column": names[-1]}
    fed = configured(settings.workspace, input_database_url=url, input_table="odd", **keys)
    line = ",".join(expected for _, _, expected in cases)
    assert lines(fed, source.fetch(fed)) == [line]
    run_sql(fed, *(f"INSERT INTO odd {row.replace('7', key, 1)}" for key in ("9", "6")))
    assert lines(fed, source.fetch(fed)) == [line, line]


def test_a_value_that_cannot_be_read_is_said_and_stops_nothing_else(settings: Settings) -> None:
    with fresh("postgresql") as url:
        row = "(id, corporation) VALUES (1, 'infinity')"
        columns = "id integer, corporation date"
        fed = fed_by_table(settings, url.render_as_string(False), columns, row)
        with pytest.raises(ServiceDown, match="holds a value that cannot be read") as raised:
            source.fetch(fed)
        assert type(raised.value) is ServiceDown
        assert decided(fed) == "deployed"
        with pytest.raises(ServiceDown, match=r"^no new data: .*no rows were fetched"):
            full_process(fed)


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        ("sqlite", "corporation text", "CAST(x'4bff' AS text)"),
        ("sqlite", "corporation blob", "x'4bff'"),
        ("postgresql", "corporation bytea", "'\\x4bff'"),
        ("mariadb", "corporation varbinary(9)", "x'4bff'"),
    ],
)
def test_a_value_that_is_no_text_costs_only_its_row(
    settings: Settings, caplog: pytest.LogCaptureFixture, kind: str, column: str, value: str
) -> None:
    with contextlib.ExitStack() as opened:
        url = f"sqlite:///{settings.workspace / 'input.db'}"
        if kind != "sqlite":
            url = opened.enter_context(fresh(kind)).render_as_string(False)
        texts = ("'K1'", value, "'K3'")
        rows = [f"(id, corporation) VALUES ({at}, {text})" for at, text in enumerate(texts, 1)]
        fed = fed_by_table(settings, url, f"id integer, {column}", *rows)
        assert lines(fed, source.fetch(fed)) == ["K1,,,,", "K3,,,,"]
        assert "left out: they hold what is no text; the first has id 2" in caplog.text
        assert source.fetch(fed) is None


def test_a_text_of_many_lines_makes_no_rows(fed: Settings) -> None:
    insert(fed, 1)
    insert(fed, 2, code="x" + "\n" * 30 + "evil,1,2,3,0\n" * 40)
    insert(fed, 3)
    name = source.fetch(fed)
    reading = judging.read_csv((fed.input_folder_path / str(name)).read_bytes(), fed.columns)
    assert reading.table["corporation"].tolist() == ["K1", "K3"]
    assert {refusal.line for refusal in reading.refusals} == {3, 4}


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


# -- names -----------------------------------------------------------------------------------------


def test_a_table_and_a_column_of_any_name_are_read(url: str, settings: Settings) -> None:
    made = sa.create_engine(url, poolclass=sa.NullPool)
    for name in ('a"b', "a`b", "a b", "a\nb", "a%b", "a%(b)s", "a:b", "ä'b", "a/b", "x" * 60):
        columns = [sa.Column(each, sa.String(9)) for each in (name, *NUMBERS, "exited")]
        table = sa.Table(name, sa.MetaData(), sa.Column("id", sa.Integer), *columns)
        with made.begin() as connection:
            table.create(connection)
            connection.execute(table.insert(), {"id": 1, name: "K1", "exited": "1"})
        keys = {"input_database_url": url, "input_table": name, "client_column": name}
        fed = configured(settings.workspace, **keys)
        content = (fed.input_folder_path / (source.fetch(fed) or "")).read_bytes()
        assert judging.read_csv(content, fed.columns).table[[name, "exited"]].values.tolist() == [
            ["K1", 1.0]
        ]
        assert source.fetch(fed) is None


def test_a_table_of_a_schema_is_read(settings: Settings) -> None:
    with fresh("postgresql") as address:
        fed = _fed_by(settings, address.render_as_string(False))
        insert(fed, 1)
        assert source.fetch(fed._replace(input_table="public.clients_of"))
        with pytest.raises(ServiceDown, match="refuses what is asked"):
            source.fetch(fed._replace(input_table="no_schema.clients_of"))


@pytest.mark.parametrize("change", [{"input_key": "Lost"}, {"target_column": "Lost"}])
def test_a_column_that_is_missing_is_said(fed: Settings, change: dict[str, str]) -> None:
    insert(fed, 1)
    with pytest.raises(ServiceDown, match=r"refuses what is asked: .*Lost"):
        source.fetch(fed._replace(**change))


@pytest.mark.parametrize("name", ["a.", ".a", "."])
def test_half_a_name_of_a_table_is_refused(fed_by_file: Settings, name: str) -> None:
    with pytest.raises(ConfigWrong, match="'input_table' must name a table"):
        source.fetch(fed_by_file._replace(input_table=name))


def test_a_name_that_no_database_has_is_refused_in_one_sentence(fed: Settings) -> None:
    for change in (
        {"input_table": "x" * 300},
        {"target_column": "x" * 300},
        {"input_key": "x" * 300},
    ):
        with pytest.raises((ServiceDown, ConfigWrong), match=r"refuses what is asked|too long"):
            source.fetch(fed._replace(**change))


def test_columns_that_are_twins_for_the_database_are_refused(fed: Settings) -> None:
    insert(fed, 1)
    twins = fed._replace(feature_columns=("lastmonth_activity", "EXITED"))
    with pytest.raises((ConfigWrong, ServiceDown), match="EXITED"):
        source.fetch(twins)


def test_a_long_name_makes_a_file_that_any_disk_takes(settings: Settings) -> None:
    url = f"sqlite:///{settings.workspace / 'input.db'}"
    fed = fed_by_table(settings, url, "id integer", "(id, corporation) VALUES (1, 'K')")
    run_sql(fed, f"ALTER TABLE odd RENAME TO {'x' * 300}")
    assert source.fetch(fed._replace(input_table="x" * 300)) == f"{'x' * 100}-1-1.csv"
