"""Tables of somebody else's as sources, and what was fetched of them."""

from typing import Any

import sqlalchemy as sa

from risk import files
from risk.judging import csv_file
from risk.settings import Settings
from tests.conftest import configured

NUMBERS = ("lastmonth_activity", "lastyear_activity", "number_of_employees")
COLUMNS = ("corporation", *NUMBERS, "exited")
KINDS = ("varchar(50)", "integer", "integer", "integer", "integer")


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
        codes += (
            csv_file.read_csv(path.read_bytes(), settings.columns).table["corporation"].tolist()
        )
    return sorted(codes, key=lambda code: int(code[1:]))
