"""Servers that are down, silent or cut off, and locks of others: what waits and what goes on."""

import contextlib
import sqlite3

import pytest
import sqlalchemy as sa

from fullprocess import full_process
from risk import database, files
from risk.errors import ServiceDown
from risk.learning import releases
from risk.records import pending, recording, sql_tables, store
from risk.settings import Settings
from tests.conftest import configured, decided, script, settle_what_is_shown
from tests.databases import SERVERS, Wire, fresh
from tests.records.sql import another_period, directly, ingest, rows


def test_a_server_that_is_down_stops_no_deployment_and_is_said_at_the_end(
    wired: tuple[Settings, Wire],
) -> None:
    settings, wire = wired
    wire.cut()
    run = script(settings, "fullprocess.py")
    assert run.returncode == 69
    assert "failed with exit code 69: deployed: release 1-" in run.stderr.splitlines()[-1]
    assert "not recorded yet" in run.stderr.splitlines()[-1]
    last = (settings.output_folder_path / files.LOG).read_text().splitlines()[-1]
    assert "deployed: release 1-" in last
    settle_what_is_shown(settings)
    assert releases.load(settings.prod_deployment_path)[0].number == 1
    with pytest.raises(ServiceDown, match=r"^no new data: .*not recorded yet"):
        full_process(settings)
    wire.mend()
    assert full_process(settings) == "no new data"
    assert [row["outcome"] for row in rows(settings, "SELECT * FROM runs")] == ["deployed"]
    assert full_process(settings) == "no new data"
    assert len(rows(settings, "SELECT * FROM deployments")) == 1


@pytest.mark.slow
def test_a_server_that_falls_silent_in_the_middle_holds_no_run_for_ever(
    wired: tuple[Settings, Wire],
) -> None:
    settings, wire = wired
    ingest(settings)
    pending.Run(settings).end("kept", "while it was silent")
    with (
        pytest.raises(ServiceDown, match="does not answer"),
        database.transaction(store.engine(settings)) as connection,
    ):
        wire.fall_silent()
        connection.execute(sa.select(sql_tables.runs)).all()
    wire.mend()
    recording.catch_up(settings)
    assert len(rows(settings, "SELECT * FROM runs")) == 2


@pytest.mark.parametrize(
    "answered", [200, 5000, *(pytest.param(count, marks=pytest.mark.slow) for count in (1, 2000))]
)
def test_a_server_that_stops_in_the_middle_loses_and_doubles_nothing(
    wired: tuple[Settings, Wire], answered: int
) -> None:
    settings, wire = wired
    wire.cut_after = answered
    with contextlib.suppress(ServiceDown):
        decided(settings)
    settings = directly(settings, wire)
    assert full_process(settings) == "no new data"
    assert [row["outcome"] for row in rows(settings, "SELECT * FROM runs")] == ["deployed"]
    assert len(rows(settings, "SELECT * FROM ingested_files")) == 1
    assert len(rows(settings, "SELECT * FROM column_stats")) == 5


def test_a_locked_sqlite_file_is_waited_for_and_then_left_for_the_next_run(
    finished: Settings,
) -> None:
    another_period(finished)
    path = finished.output_folder_path / files.RECORDS
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ServiceDown, match="locked"):
        decided(finished)
    other.execute("ROLLBACK")
    other.close()
    assert full_process(finished) == "no new data"
    assert len(rows(finished, "SELECT * FROM runs")) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", SERVERS)
def test_a_locked_server_table_is_not_waited_for_without_end(settings: Settings, kind: str) -> None:
    locks = {
        "postgresql": "LOCK TABLE runs IN ACCESS EXCLUSIVE MODE",
        "mariadb": "LOCK TABLES runs WRITE",
    }
    with fresh(kind) as url:
        settings = configured(settings.workspace, database_url=url.render_as_string(False))
        full_process(settings)
        with store.engine(settings).connect() as other:
            other.execute(sa.text(locks[kind]))
            with pytest.raises(ServiceDown, match=r"^deployed: .*not recorded yet.*(?i:lock)"):
                full_process(settings, force=True)
        assert full_process(settings) == "no new data"
        assert len(rows(settings, "SELECT * FROM runs")) == 2
