"""What runs and steps write into the records, once each, whatever stopped them."""

import re
import sys
from functools import partial
from typing import Any

import pytest

import deployment
from app import create_app
from fullprocess import full_process
from risk import files
from risk.errors import DataUnusable, ServiceDown
from risk.learning import releases
from risk.records import list_copy, list_file, model_record, pending, recording, sql_tables, store
from risk.settings import Settings
from tests.changes import redeploy_with
from tests.conftest import HEADER, configured, decided, put, script
from tests.databases import Wire, fresh
from tests.records.sql import ON_SERVERS, another_period, ingest, rows


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


def test_a_rollback_is_recorded_as_a_deployment(finished: Settings) -> None:
    another_period(finished)
    decided(finished)
    recording.step_on_record(
        deployment.roll_back, partial(model_record.release_facts, "rolled back")
    )(finished)
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
    header = ",".join(list_copy.COLUMNS)
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


def test_a_whole_run_writes_its_waiting_file_at_most_four_times(settings: Settings) -> None:
    written: list[Any] = []

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and f"/{files.PENDING}/" in str(arguments[1]):
            written.append(arguments[1])

    sys.addaudithook(count)
    full_process(settings)
    assert len([path for path in written if str(path).endswith(".json")]) <= 5
    assert pending.waiting(settings) == []
