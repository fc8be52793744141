"""What a source may hold: values of every type, and names of tables and columns."""

import contextlib

import pytest
import sqlalchemy as sa

from fullprocess import full_process
from risk.data import source
from risk.errors import ConfigWrong, ServiceDown
from risk.judging import csv_file
from risk.settings import Settings
from tests.conftest import configured, decided
from tests.data.source_tables import NUMBERS, _fed_by, fed_by_table, insert, lines, run_sql
from tests.databases import fresh

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


def test_moments_at_midnight_are_days_where_days_are_wanted(url: str, settings: Settings) -> None:
    kind = {"sqlite": "text", "postgresql": "timestamp"}
    moment = kind.get(sa.make_url(url).get_backend_name(), "datetime")
    names = ["since", "month", "corporation", "lastmonth_activity"]
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE odd (id integer, since {moment}, month {moment}, corporation {moment}, "
            "lastmonth_activity integer, plan varchar(20), exited varchar(9))"
        )
        for key, time in ((1, "00:00:00"), (2, "12:00:00")):
            cells = ", ".join([f"'2026-01-31 {time}'"] * 3)
            connection.exec_driver_sql(f"INSERT INTO odd VALUES ({key}, {cells}, 5, NULL, 'yes')")
    fed = configured(
        settings.workspace,
        **{"input_database_url": url, "input_table": "odd", "period_column": "month"},
        feature_columns=["since", "lastmonth_activity", "plan"],
        column_kinds={"since": "date", "plan": "category"},
    )
    assert names[2] == fed.client_column
    assert lines(fed, source.fetch(fed)) == [
        "2026-01-31 00:00:00,2026-01-31,5,,yes,2026-01-31",
        "2026-01-31 12:00:00,2026-01-31 12:00:00,5,,yes,2026-01-31 12:00:00",
    ]


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
    reading = csv_file.read_csv((fed.input_folder_path / str(name)).read_bytes(), fed.columns)
    assert reading.table["corporation"].tolist() == ["K1", "K3"]
    assert {refusal.line for refusal in reading.refusals} == {3, 4}


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
        assert csv_file.read_csv(content, fed.columns).table[[name, "exited"]].values.tolist() == [
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
