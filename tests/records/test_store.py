"""The records: the same promises kept by SQLite, PostgreSQL and MariaDB over real connections."""

import contextlib
import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

import deployment
import diagnostics
import ingestion
import reporting
from app import create_app
from company import fabricate
from fullprocess import full_process
from risk import database, files
from risk.data import tables
from risk.errors import ArtefactRefused, ConfigWrong, DataUnusable, InputMissing, ServiceDown
from risk.learning import releases
from risk.records import list_file, pending, queries, recording, sql_tables, store
from risk.settings import Settings
from tests.conftest import (
    HEADER,
    ROOT,
    configured,
    decided,
    deliver,
    put,
    script,
    settle_what_is_shown,
    small_project,
)
from tests.databases import SERVERS, Wire, fresh
from tests.test_gates import redeploy_with

KINDS = ("sqlite", *SERVERS)
ON_SERVERS = pytest.mark.parametrize(
    "recorded",
    ["sqlite", *(pytest.param(kind, marks=pytest.mark.slow) for kind in SERVERS)],
    indirect=True,
)


@pytest.fixture(params=KINDS)
def recorded(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """A project whose records are in a fresh database of each kind."""
    if request.param == "sqlite":
        yield settings
        return
    with fresh(request.param) as url:
        yield configured(settings.workspace, database_url=url.render_as_string(False))


@pytest.fixture(params=SERVERS)
def wired(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[Settings, Wire]]:
    """A project whose records are on a server at the end of a wire."""
    with fresh(request.param) as url:
        wire = Wire(SERVERS[request.param][1])
        far = url.set(port=wire.port).render_as_string(False)
        yield configured(settings.workspace, database_url=far), wire
        wire.close()


def rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    """What the database itself answers."""
    with store.engine(settings).connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(query)).mappings()]


def execute(settings: Settings, *statements: str) -> None:
    """Do what another program may do in the same database."""
    settings.output_folder_path.mkdir(exist_ok=True)
    with store.engine(settings).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def directly(settings: Settings, wire: Wire) -> Settings:
    """The same records, past the wire."""
    url = sa.make_url(settings.database_url or "").set(port=wire.target)
    return settings._replace(database_url=url.render_as_string(False))


def another_period(settings: Settings, number: int = 2, *, drift: bool = True) -> None:
    period = fabricate.periods(number, clients=400, seed=1, drift=drift)[-1]
    deliver(settings, f"dataset{number}.csv", period)


def ingest(settings: Settings) -> None:
    """Ingest by hand, which is recorded and takes a tenth of a whole run."""
    recording.step_on_record(ingestion.merge_multiple_dataframe, recording.ingestion_facts)(
        settings
    )


def test_a_run_writes_what_it_decided_and_found(recorded: Settings) -> None:
    decided(recorded)
    (run,) = rows(recorded, "SELECT * FROM runs")
    assert run["outcome"] == "deployed"
    assert run["reason"].startswith("release 1-")
    assert run["started_at"] <= run["finished_at"]
    assert run["release"] == releases.load(recorded.prod_deployment_path)[0].release
    assert run["trained_score"] == float((recorded.output_model_path / files.SCORE).read_text())
    (file,) = rows(recorded, "SELECT * FROM ingested_files")
    assert (file["name"], file["rows"], file["accepted"]) == ("dataset1.csv", 300, 300)
    steps = {row["step"] for row in rows(recorded, "SELECT step FROM timings")}
    assert {"ingestion", "training", "scoring", "prediction"} <= steps
    quality = rows(recorded, "SELECT dataset, metric FROM scores")
    wanted = {"f1", "precision", "recall", "roc_auc", "brier", "precision_at_capacity", "lift"}
    for dataset in ("test", "newest"):
        assert wanted <= {row["metric"] for row in quality if row["dataset"] == dataset}
    (published,) = rows(recorded, "SELECT * FROM deployments")
    assert (published["number"], published["rows"]) == (1, 300)
    statistics = rows(recorded, "SELECT * FROM column_stats")
    assert [row["missing_percent"] is not None for row in statistics] == [True] * 5


@ON_SERVERS
def test_arrivals_without_a_leaver_have_no_score(recorded: Settings) -> None:
    decided(recorded)
    put(recorded, "stayed.csv", [f"S{n:03},{n},{n},{n},0" for n in range(30)])
    decided(recorded)
    *_, run = rows(recorded, "SELECT * FROM runs ORDER BY started_at, id")
    assert run["new_score"] is not None
    assert run["arrived_score"] is None


@ON_SERVERS
def test_an_idle_run_writes_no_row(recorded: Settings) -> None:
    decided(recorded)
    assert full_process(recorded) == "no new data"
    assert len(rows(recorded, "SELECT id FROM runs")) == 1


@ON_SERVERS
def test_the_second_run_records_both_scores_and_only_the_new_file(recorded: Settings) -> None:
    decided(recorded)
    another_period(recorded)
    decided(recorded)
    _, run = rows(recorded, "SELECT * FROM runs ORDER BY started_at, id")
    assert run["deployed_score"] is not None
    assert run["new_score"] is not None
    assert run["arrived_score"] is not None
    files_ = rows(recorded, f"SELECT name FROM ingested_files WHERE run = '{run['id']}'")
    assert files_ == [{"name": "dataset2.csv"}]


def test_the_same_run_is_never_written_twice(recorded: Settings) -> None:
    run = {"id": "1-1", "started_at": "2026-01-01T00:00:00Z", "outcome": "kept", "reason": "x"}
    timing = {"timings": [{"step": "training", "seconds": 1.5}]}
    for _ in range(2):
        store.write(recorded, store.Entry(run, timing))
    assert len(rows(recorded, "SELECT id FROM runs")) == 1
    assert len(rows(recorded, "SELECT run FROM timings")) == 1


@ON_SERVERS
def test_a_failed_run_is_recorded_with_its_reason(recorded: Settings) -> None:
    put(recorded, "dataset1.csv", ["AAAA,1,2,3,0", "BBBB,2,3,4,0"])
    with pytest.raises(Exception, match="both needed"):
        full_process(recorded)
    (run,) = rows(recorded, "SELECT * FROM runs")
    assert (run["outcome"], run["release"]) == ("failed", None)
    assert "both needed" in run["reason"]


@ON_SERVERS
def test_steps_run_by_hand_are_recorded(recorded: Settings) -> None:
    for name in ("ingestion.py", "training.py", "scoring.py", "deployment.py"):
        assert script(recorded, name).returncode == 0
    assert script(recorded, "deployment.py", "--rollback").returncode == 66
    outcomes = [row["outcome"] for row in rows(recorded, "SELECT * FROM runs ORDER BY id")]
    assert outcomes == ["ingested", "trained", "scored", "deployed"]
    assert len(rows(recorded, "SELECT * FROM deployments")) == 1


def test_a_list_made_by_hand_is_recorded_once(finished: Settings) -> None:
    another_period(finished)
    ingest(finished)
    for _ in range(2):
        assert script(finished, "reporting.py").returncode == 0
    outcomes = [row["outcome"] for row in rows(finished, "SELECT outcome FROM runs ORDER BY id")]
    assert outcomes == ["deployed", "ingested", "reported", "reported"]
    lists = rows(finished, "SELECT run, count(*) AS n FROM risks GROUP BY run")
    listed = len(list_file.read(finished.output_model_path / files.RANKING))
    assert len(lists) == 2
    assert lists[1]["n"] == listed


@ON_SERVERS
def test_a_run_that_died_is_marked_by_the_next_one(
    recorded: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    decided(recorded)
    pending.Run(recorded)
    assert full_process(recorded) == "no new data"
    assert "died before its end" in caplog.text
    outcomes = [row["outcome"] for row in rows(recorded, "SELECT * FROM runs ORDER BY id")]
    assert outcomes == ["deployed", "died"]
    assert pending.waiting(recorded) == []


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


def _without_tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("DROP TABLE other")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b"not a database" * 1000), "is damaged"),
        (lambda path: path.write_bytes(b""), "has become empty"),
        (lambda path: (path.unlink(), _without_tables(path)), "has become empty"),
    ],
    ids=["garbage", "emptied", "without tables"],
)
def test_a_sqlite_file_that_is_no_history_is_set_aside_out_loud(
    finished: Settings, spoil: Any, said: str
) -> None:
    path = finished.output_folder_path / files.RECORDS
    for sidecar in ("-wal", "-shm"):
        path.with_name(path.name + sidecar).unlink(missing_ok=True)
    spoil(path)
    spoiled = path.read_bytes()
    another_period(finished)
    with pytest.raises(ServiceDown, match=rf"{said}.*a new history begins with the 0 contacts"):
        decided(finished)
    recording.catch_up(finished)
    (aside,) = finished.output_folder_path.glob("records.db.*.damaged")
    assert aside.read_bytes() == spoiled
    assert len(rows(finished, "SELECT * FROM runs")) == 1


def test_the_tables_of_others_stay_beside_ours(recorded: Settings) -> None:
    execute(recorded, "CREATE TABLE other (x INTEGER)", "INSERT INTO other VALUES (7)")
    ingest(recorded)
    assert rows(recorded, "SELECT x FROM other") == [{"x": 7}]
    assert len(rows(recorded, "SELECT * FROM runs")) == 1
    assert not list(recorded.output_folder_path.glob("*.damaged"))


@pytest.mark.parametrize("name", ["finaldata", "clients"])
def test_the_dataset_replaces_no_table_of_somebody_else(recorded: Settings, name: str) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    table = f"CREATE TABLE {name} (corporation VARCHAR(40), fee INTEGER)"
    execute(recorded, table, f"INSERT INTO {name} VALUES ('AAAA', 7)")
    with pytest.raises(ServiceDown, match=f"a table {name} of somebody else; rename"):
        ingest(recorded)
    assert rows(recorded, f"SELECT * FROM {name}") == [{"corporation": "AAAA", "fee": 7}]
    execute(recorded, f"ALTER TABLE {name} RENAME TO theirs")
    ingest(recorded)
    assert len(rows(recorded, "SELECT * FROM runs")) == 2
    assert len(rows(recorded, "SELECT * FROM finaldata")) == 300


def test_the_dataset_in_sql_follows_the_configured_columns(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    ingest(recorded)
    ingest(recorded._replace(feature_columns=("lastmonth_activity",)))
    (row, *_) = rows(recorded, "SELECT * FROM finaldata")
    assert list(row) == ["corporation", "lastmonth_activity", "exited"]


def test_records_of_a_newer_version_are_left_alone(recorded: Settings) -> None:
    ingest(recorded)
    with store.engine(recorded).begin() as connection:
        connection.execute(sql_tables.version.update().values(version=99))
    with pytest.raises(ArtefactRefused, match="version 99"):
        ingest(recorded)


HOSTILE = (
    "'); DROP TABLE runs; --",
    '"; --',
    "a%(x)s",
    "100%",
    "{0}:colon",
    "Robert😀",
    "\\' OR 1=1",
)


def test_names_and_codes_are_stored_as_text(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    quoted = [code.replace('"', '""') for code in HOSTILE]
    lines = [f'"{code}",{number},5,7,{number % 2}' for number, code in enumerate(quoted)]
    put(recorded, "x'); DROP TABLE runs; --.csv", lines)
    ingest(recorded)
    names = {row["name"] for row in rows(recorded, "SELECT name FROM ingested_files")}
    assert names == {"dataset1.csv", "x'); DROP TABLE runs; --.csv"}
    stored = {row["corporation"] for row in rows(recorded, "SELECT corporation FROM finaldata")}
    assert set(HOSTILE) <= stored


def test_the_dataset_in_sql_is_the_dataset(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    ingest(recorded)
    another_period(recorded)
    ingest(recorded)
    for name in ("finaldata", "clients"):
        table = tables.read(recorded.output_folder_path / f"{name}.csv", recorded.columns)
        stored = rows(recorded, f"SELECT * FROM {name}")
        assert len(stored) == len(table)
        wanted = {
            tuple(None if pd.isna(v) else v for v in row) for row in table.itertuples(index=False)
        }
        assert {tuple(row[c] for c in recorded.columns.all) for row in stored} == wanted


def test_readers_of_the_dataset_see_the_old_rows_or_the_new_ones(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    ingest(recorded)
    seen, stop = set(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.update(row["n"] for row in rows(recorded, "SELECT count(*) AS n FROM finaldata"))

    reader = threading.Thread(target=look)
    reader.start()
    counts = {300}
    for number in (2, 3):
        another_period(recorded, number)
        ingest(recorded)
        counts |= {
            len(tables.read(recorded.output_folder_path / "finaldata.csv", recorded.columns))
        }
    stop.set()
    reader.join()
    assert seen <= counts


@pytest.fixture
def guarded() -> Iterator[sa.URL]:
    """A database for a user with a password, which the URL does not name."""
    with fresh("mariadb") as url:
        user = f"risk_{url.database}"[:30]
        with sa.create_engine(url).begin() as connection:
            connection.execute(sa.text(f"CREATE USER '{user}' IDENTIFIED BY 'hush-hush'"))
            connection.execute(sa.text(f"GRANT ALL ON {url.database}.* TO '{user}'"))
        yield url.set(username=user)
        with sa.create_engine(url).begin() as connection:
            connection.execute(sa.text(f"DROP USER '{user}'"))


@pytest.mark.parametrize(("password", "exit_code"), [("hush-hush", 0), ("hush-wrong", 69)])
def test_a_password_comes_from_the_environment_and_shows_nowhere(
    settings: Settings, guarded: sa.URL, password: str, exit_code: int
) -> None:
    settings = configured(settings.workspace, database_url=guarded.render_as_string(False))
    run = script(settings, "ingestion.py", RISK_DATABASE_PASSWORD=password)
    assert run.returncode == exit_code
    log = (settings.output_folder_path / files.LOG).read_text()
    assert "hush" not in run.stderr + run.stdout + log


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://x", "must be a URL that begins with sqlite"),
        ("postgresql://user:hush-hush@host:port/x", "must be a URL that begins with sqlite"),
        ("postgresql://user:hush-hush@host:99999/x", "names a file, or a host and a database"),
        ("sqlite://", "names a file, or a host and a database"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(settings: Settings, url: str, said: str) -> None:
    with pytest.raises(ConfigWrong, match=said) as refusal:
        store.engine(configured(settings.workspace, database_url=url))
    assert "hush-hush" not in str(refusal.value)


def test_a_backup_is_a_whole_history_while_others_write(finished: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    writer = sqlite3.connect(finished.output_folder_path / files.RECORDS, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM timings")
    assert script(finished, "diagnostics.py", "--backup", str(copy)).returncode == 0
    writer.execute("ROLLBACK")
    writer.close()
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM timings").fetchone()[0] > 3
    connection.close()


@ON_SERVERS
def test_the_history_reads_as_a_table(recorded: Settings) -> None:
    assert diagnostics.history(recorded) == "no run is recorded yet"
    decided(recorded)
    ingest(recorded)
    text = diagnostics.history(recorded)
    assert text.count("ingested") == 1
    assert "nothing was deployed yet" in text


@ON_SERVERS
def test_the_history_tells_the_files_and_the_refused_lines_of_each_run(recorded: Settings) -> None:
    assert json.loads(script(recorded, "diagnostics.py", "--json").stdout) == []
    good = [f"A{number:03},1,2,3,0" for number in range(20)]
    put(recorded, "dataset2.csv", [*good, "BBBB,x,2,3,1", "CCCC,-1,2,3,1"])
    ingest(recorded)
    pending.Run(recorded).end("trained", "by hand")
    recording.catch_up(recorded)
    decided(recorded)
    first, second, third = json.loads(script(recorded, "diagnostics.py", "--json").stdout)
    assert [first[name] for name in ("outcome", "files", "refused")] == ["ingested", 2, 2]
    assert [second[name] for name in ("outcome", "files", "refused")] == ["trained", 0, 0]
    assert (third["outcome"], type(third["test_leavers"])) == ("deployed", int)
    _, ingested, _, trained, *_ = diagnostics.history(recorded).splitlines()
    assert ingested.split()[-2:] == ["2", "2"]
    assert trained.endswith(" trained")


@ON_SERVERS
def test_the_trends_are_those_of_every_run(recorded: Settings) -> None:
    assert all(part.empty for part in queries.trends(recorded))
    decided(recorded)
    ingest(recorded)
    found = queries.trends(recorded)
    assert len(found.missing) == 2 * len(recorded.columns.all)
    assert set(found.scores["dataset"]) == {"test", "newest"}
    assert len(found.deployments) == 1
    assert (found.seconds["seconds"] >= 0).all()


def test_the_trends_are_drawn_with_no_run_and_with_a_few(settings: Settings) -> None:
    pictures = [reporting.plot_trends(settings).read_bytes()]
    for _ in range(2):
        decided(settings, force=True)
        pictures.append(reporting.plot_trends(settings).read_bytes())
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(set(pictures)) == 3


def test_a_rollback_is_recorded_as_a_deployment(finished: Settings) -> None:
    another_period(finished)
    decided(finished)
    facts = partial(recording.release_facts, "rolled back")
    recording.step_on_record(deployment.roll_back, facts)(finished)
    published = rows(finished, "SELECT number FROM deployments ORDER BY number")
    assert [row["number"] for row in published] == [1, 2, 3]


def test_two_deployments_while_the_server_is_down_are_both_recorded(
    wired: tuple[Settings, Wire],
) -> None:
    settings, wire = wired
    wire.cut()
    for features in ("log", "raw"):
        with pytest.raises(ServiceDown):
            decided(settings._replace(features=features), force=True)
    wire.mend()
    assert full_process(settings) == "no new data"
    published = rows(settings, "SELECT number FROM deployments ORDER BY number")
    assert [row["number"] for row in published] == [1, 2]


def test_what_a_killed_run_deployed_is_recorded_after_the_next_deployment(
    finished: Settings,
) -> None:
    redeploy_with(finished, 0.25)
    pending.Run(finished, [pending.LIST])
    decided(finished, force=True)
    published = rows(finished, "SELECT number FROM deployments ORDER BY number")
    assert [row["number"] for row in published] == [1, 2, 3]


def test_a_run_that_was_killed_is_recorded_with_what_its_file_says(settings: Settings) -> None:
    run = pending.Run(settings)
    run.knows(new_score=0.25)
    run.keep()  # as versions before this one did with every fact
    recording.catch_up(settings)
    (died,) = rows(settings, "SELECT * FROM runs")
    assert (died["outcome"], died["new_score"]) == ("died", 0.25)
    assert died["started_at"] == run.facts["started_at"]


def test_a_first_run_had_no_model_to_hold_against_what_arrived(finished: Settings) -> None:
    (run,) = rows(finished, "SELECT * FROM runs")
    assert (run["deployed_score"], run["new_score"], run["arrived_score"]) == (None, None, None)


def test_any_folder_may_hold_the_default_history(tmp_path: Path) -> None:
    folder = tmp_path / "50%20? #a&b=c;é"
    folder.mkdir()
    settings = small_project(folder)
    decided(settings)
    assert (settings.output_folder_path / files.RECORDS).stat().st_size > 0
    assert len(rows(settings, "SELECT * FROM runs")) == 1


@pytest.mark.parametrize("key", ["database_url", "input_database_url"])
@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mariadb"])
def test_a_missing_driver_is_said_before_anything_is_done(
    settings: Settings, kind: str, key: str
) -> None:
    further = {"input_table": "t"} if key.startswith("input") else {}
    with contextlib.suppress(ConfigWrong):
        configured(settings.workspace, **{key: f"{kind}://u:hush@127.0.0.1/x"}, **further)
    without_packages = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[0] = 'training'"
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"{without_packages}; from risk import cli; cli.run(print)"],
        env={"RISK_CONFIG": str(settings.workspace / "config.json")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 78
    assert f"{key!r} needs the driver" in run.stderr
    assert "requirements-databases.txt" in run.stderr
    assert "hush" not in run.stderr


def test_a_report_that_failed_is_made_good_by_the_next_run(settings: Settings) -> None:
    report = settings.output_model_path / files.REPORT
    report.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        full_process(settings)
    assert len(rows(settings, "SELECT * FROM runs")) == 1
    report.rmdir()
    assert full_process(settings) == "no new data"
    assert report.is_file()
    assert pending.waiting(settings) == []
    before = report.read_bytes()
    assert full_process(settings) == "no new data"
    assert report.read_bytes() == before


def test_the_answers_that_could_not_be_filed_are_owed(finished: Settings) -> None:
    settings, answers = finished, finished.output_model_path / files.API_RETURNS
    pending.Run(settings, [pending.ANSWERS]).end("deployed", "some time ago")
    answers.unlink()
    answers.mkdir()
    with pytest.raises((OSError, ServiceDown)):
        full_process(settings)
    answers.rmdir()
    assert full_process(settings) == "no new data"
    assert answers.is_file()
    assert pending.waiting(settings) == []


def test_rows_that_a_database_will_never_take_do_not_hold_up_the_others(
    recorded: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = pending.Run(recorded), pending.Run(recorded)
    bad.knows(outcome="kept")  # without a reason, which the table demands
    bad.keep()
    good.end("kept", "y")
    with pytest.raises(ServiceDown, match=r"will not take the rows.*kept as pending/.*\.refused"):
        recording.catch_up(recorded)
    assert [row["reason"] for row in rows(recorded, "SELECT reason FROM runs")] == ["y"]
    assert pending.waiting(recorded) == []
    assert bad.path.with_suffix(".refused").exists()
    recording.catch_up(recorded)


def test_what_is_refused_is_refused_whole_again_if_the_run_dies_over_it(finished: Settings) -> None:
    bad = pending.Run(finished)
    bad.knows(outcome="kept")  # without a reason, which the table demands
    bad.keep()
    header = ",".join(list_file.KEPT)
    bad.list_path.write_text(f"{header}\nAAAA,0.5,1,1-abc\n")
    before = bad.path.read_bytes()
    bad.refuse()
    kept = bad.path.with_suffix(".refused.csv").read_bytes()
    bad.path.write_bytes(before)  # as if it had died before its last step
    with pytest.raises(ServiceDown, match="will not take the rows"):
        recording.catch_up(finished)
    assert bad.path.with_suffix(".refused.csv").read_bytes() == kept
    assert len(rows(finished, "SELECT * FROM runs")) == 1
    assert pending.waiting(finished) == []


def test_a_report_by_hand_that_fails_is_recorded_at_once(finished: Settings) -> None:
    (finished.output_folder_path / files.CLIENTS).unlink()
    (finished.output_folder_path / files.CLIENTS).mkdir()
    assert script(finished, "reporting.py").returncode == 74
    outcomes = [row["outcome"] for row in rows(finished, "SELECT outcome FROM runs ORDER BY id")]
    assert outcomes == ["deployed", "failed"]


def test_a_character_that_a_database_lacks_costs_only_the_rows_of_its_run(
    finished: Settings,
) -> None:
    latin = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with fresh("postgresql", latin) as url:
        settings = configured(finished.workspace, database_url=url.render_as_string(False))
        ingest(settings)
        report = settings.output_model_path / files.REPORT
        answers = settings.output_model_path / files.API_RETURNS
        before = report.read_bytes(), answers.read_bytes()
        put(settings, "japan.csv", ["日本,1,1,1,"])
        with pytest.raises(ServiceDown, match=r"^deployed: .*cannot encode a value.*\.refused"):
            full_process(settings, force=True)
        assert before[0] != report.read_bytes()
        assert before[1] != answers.read_bytes()
        assert full_process(settings) == "no new data"
        client = create_app(settings).test_client()
        for address in ("/", "/clients?all=1&q=%E6%97%A5", "/clients/%E6%97%A5%E6%9C%AC"):
            assert client.get(address).status_code == 200
        put(settings, "more.csv", ["AAAA,1,1,1,"])
        with pytest.raises(ServiceDown, match="cannot encode a value"):
            decided(settings)
        assert len(rows(settings, "SELECT * FROM runs")) == 1


def test_a_history_damaged_inside_is_set_aside_and_the_run_is_kept(finished: Settings) -> None:
    path = finished.output_folder_path / files.RECORDS
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    begin = (page[0] - 1) * size
    content[begin : begin + size] = b"\xff" * size
    path.write_bytes(content)
    pending.Run(finished).end("kept", "while it was damaged")
    with pytest.raises(ServiceDown, match="is damaged"):
        full_process(finished)
    assert full_process(finished) == "no new data"
    assert [row["outcome"] for row in rows(finished, "SELECT outcome FROM runs")] == ["kept"]
    assert len(list(finished.output_folder_path.glob("records.db.*.damaged"))) == 1


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The same history with bytes that nobody wrote."""
    spoiled = bytearray(content)
    page = chance.randrange(len(content) // 4096) * 4096
    match chance.choice(["header", "first page", "bytes", "page", "zeros", "cut"]):
        case "header":
            spoiled[chance.choice([18, 19, 47, chance.randrange(100)])] = chance.randrange(256)
        case "first page":
            for _ in range(5):
                spoiled[chance.randrange(4096)] = chance.randrange(256)
        case "bytes":
            for _ in range(200):
                spoiled[chance.randrange(len(content))] = chance.randrange(256)
        case "page":
            spoiled[page : page + 4096] = chance.randbytes(4096)
        case "zeros":
            spoiled[page : page + 4096] = bytes(4096)
        case "cut":
            del spoiled[chance.randrange(len(content)) :]
    return bytes(spoiled)


@pytest.mark.parametrize("seeds", [range(9), pytest.param(range(9, 60), marks=pytest.mark.slow)])
def test_whatever_becomes_of_the_bytes_of_a_history_runs_are_recorded_again(
    settings: Settings, seeds: range
) -> None:
    ingest(settings)
    path = settings.output_folder_path / files.RECORDS
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    for seed in seeds:
        for file in settings.output_folder_path.glob(f"{files.RECORDS}*"):
            file.unlink()
        path.write_bytes(damaged(whole, random.Random(seed)))  # noqa: S311 - not a secret
        pending.Run(settings).end("kept", "while it was damaged")
        for read in (lambda: queries.last_runs(settings, 9), lambda: queries.trends(settings)):
            with contextlib.suppress(ServiceDown):
                read()
        for _ in range(2):
            with contextlib.suppress(ServiceDown):
                recording.catch_up(settings)
        assert pending.waiting(settings) == [], seed


def test_the_error_that_stopped_a_run_is_the_one_it_leaves_with(
    finished: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with store.engine(finished).begin() as connection:
        connection.execute(sql_tables.version.update().values(version=99))
    put(finished, "dataset1.csv", ["AAAA,1,2,3,0", "BBBB,2,3,4,0"])
    (finished.prod_deployment_path / releases.MANIFEST).unlink()
    for name in releases.PLAIN_FILES:
        (finished.prod_deployment_path / name).unlink()
    with pytest.raises(DataUnusable, match="both needed"):
        full_process(finished)
    assert "not recorded yet: " in caplog.text
    assert "version 99" in caplog.text


def test_a_killed_deployment_is_finished_before_anything_can_fail(finished: Settings) -> None:
    path = finished.prod_deployment_path / files.MODEL
    before = path.read_bytes()
    path.unlink()
    source = f"sqlite:///{finished.workspace / 'input.db'}"
    broken = finished._replace(input_database_url=source, input_table="nothing")
    with pytest.raises(ServiceDown, match="no rows were fetched"):
        full_process(broken)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["training.py", "ingestion.py"])
def test_a_step_by_hand_that_could_not_be_recorded_says_that_it_was_done(
    deployed: Settings, name: str
) -> None:
    url = "postgresql://postgres@127.0.0.1:1/nothing"
    configured(deployed.workspace, database_url=url)
    ran = script(deployed, name)
    assert ran.returncode == 69
    last = ran.stderr.splitlines()[-1]
    assert re.search(r"69: (trained|ingested): .*; but not recorded yet: .*nothing", last)


def test_a_failing_step_by_hand_says_too_that_it_is_not_recorded(deployed: Settings) -> None:
    configured(deployed.workspace, database_url="postgresql://postgres@127.0.0.1:1/nothing")
    dataset = deployed.output_folder_path / files.FINAL_DATA
    dataset.write_text(f"{HEADER}\nAAAA,1,2,3,0\n")
    ran = script(deployed, "training.py")
    assert ran.returncode == 65
    assert "not recorded yet" in ran.stderr
    assert "both needed" in ran.stderr.splitlines()[-1]


def test_the_history_leaves_empty_what_is_not_known_and_marks_what_is_provisional(
    settings: Settings,
) -> None:
    pending.Run(settings).end("ingested", "by hand")
    recording.catch_up(settings)
    decided(settings)
    text = diagnostics.history(settings)
    assert "nan" not in text.lower()
    assert "None" not in text
    assert re.search(r"deployed .* 0\.\d{4}\*", text)
    assert "fewer than 100 leavers" in text


@pytest.mark.parametrize(
    "file",
    [
        pytest.param("nofolder/copy.db", id="no such folder"),
        pytest.param("ingesteddata/records.db", id="the history itself"),
        pytest.param("config.json", id="something else that is needed"),
        pytest.param("models", id="a folder"),
        pytest.param("config.json/copy.db", id="below a file"),
    ],
)
def test_a_backup_that_cannot_be_is_refused(finished: Settings, file: str) -> None:
    before = (finished.output_folder_path / files.RECORDS).read_bytes()
    with pytest.raises(InputMissing):
        store.back_up(finished, finished.workspace / file)
    assert (finished.output_folder_path / files.RECORDS).read_bytes() == before
    ran = script(finished, "diagnostics.py", "--backup", str(finished.workspace / file))
    assert (ran.returncode, ran.stderr.count("\n")) == (66, 1)


def test_a_backup_without_a_name_is_refused(finished: Settings) -> None:
    for name in ("", ".", "/"):
        ran = script(finished, "diagnostics.py", "--backup", name)
        assert (ran.returncode, ran.stderr.count("\n")) == (66, 1)


def test_a_backup_takes_the_place_of_an_earlier_one(finished: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.touch()
    for outcome in ("kept", "no drift"):
        pending.Run(finished).end(outcome, "x")
        recording.catch_up(finished)
        store.back_up(finished, copy)
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            found = connection.execute("SELECT outcome FROM runs ORDER BY id").fetchall()
        assert found[-1] == (outcome,)


def test_the_dataset_in_sql_changes_only_when_data_came_in(settings: Settings) -> None:
    settings = settings._replace(dataset_in_database=True)
    decided(settings)
    with store.engine(settings).begin() as connection:
        connection.execute(sa.text("DELETE FROM clients"))
    pending.Run(settings).end("trained", "by hand")
    recording.catch_up(settings)
    assert rows(settings, "SELECT count(*) AS n FROM clients") == [{"n": 0}]


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


def test_a_whole_run_writes_its_waiting_file_at_most_four_times(settings: Settings) -> None:
    written: list[Any] = []

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and f"/{files.PENDING}/" in str(arguments[1]):
            written.append(arguments[1])

    sys.addaudithook(count)
    full_process(settings)
    assert len([path for path in written if str(path).endswith(".json")]) <= 5
    assert pending.waiting(settings) == []
