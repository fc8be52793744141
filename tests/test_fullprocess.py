"""The whole pipeline as cron and people run it: beside the gates, what a run says and leaves."""

import fcntl
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import f1_score

import deployment
from fullprocess import check, decide_and_act, full_process
from risk import files
from risk.data import intake
from risk.errors import DataUnusable, InputMissing
from risk.learning import releases
from risk.settings import Settings
from tests.changes import HIGH, LOW, period, redeploy_with, touched, waits
from tests.conftest import ROOT, configured, decided, put, script
from tests.test_kills import dies_before, what_readers_see

FOUR_DECIMALS = re.compile(r"\b[01]\.\d{4}\b")
Change = Callable[[Settings], object]


def copy_of(workspace: Path, place: Path) -> Settings:
    """The same project elsewhere, its files with their times."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(workspace, place)
    return Settings.load(place / "config.json")


def traces(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every name below a folder, with its time, its place on the disk and its content."""
    return {
        str(path.relative_to(folder)): (
            *(path.stat().st_mtime_ns, path.stat().st_ino),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def results(settings: Settings) -> dict[str, bytes]:
    """What a run leaves for others, but for moments."""
    named = [
        *(settings.prod_deployment_path / name for name in releases.PLAIN_FILES),
        *(settings.output_model_path / name for name in (files.MODEL, files.SCORE)),
        *(
            settings.output_folder_path / name
            for name in (files.FINAL_DATA, files.CLIENTS, files.REJECTED, files.INGESTED_FILES)
        ),
    ]
    release = releases.current(settings.prod_deployment_path)
    return {path.name: path.read_bytes() for path in named} | {
        "release": (release.release if release else "").encode()
    }


def said(settings: Settings) -> list[str]:
    """The lines of the log."""
    log = settings.output_folder_path / files.LOG
    return log.read_text().splitlines() if log.exists() else []


# -- what a run says -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "score", "outcome"),
    [
        pytest.param("off", LOW, "no drift", id="no drift"),
        pytest.param("off", HIGH, "deployed", id="deployed"),
        pytest.param("test_score", HIGH, "kept", id="kept"),
    ],
)
def test_a_decision_is_told_with_both_scores_to_four_decimals(
    finished: Settings, gate: str, score: float, outcome: str
) -> None:
    finished = configured(finished.workspace, promotion_gate=gate)
    redeploy_with(finished, score)
    touched(finished)
    decision = decide_and_act(finished, force=False).decision
    assert decision.outcome == outcome
    assert f"{score:.4f} when release 2-" in decision.reason
    newest = pd.read_csv(finished.output_folder_path / files.FINAL_DATA).dropna(subset="exited")
    store = finished.prod_deployment_path / releases.STORE
    before = next(store.glob("2-*")) / files.MODEL
    assert f"F1 {plain_f1(before.read_bytes(), newest):.4f} on the newest data" in decision.reason
    assert len(FOUR_DECIMALS.findall(decision.reason)) >= 2


def test_a_run_that_died_is_said_once_and_its_mark_is_removed(
    finished: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    pending = finished.output_folder_path / files.PENDING
    run = {"id": "1.000000001-1", "started_at": "2026-01-01T00:00:00Z"}
    (pending / "1.000000001-1.json").write_text(json.dumps({"run": run, "rows": {}}))
    (pending / "2.000000001-1.json").write_text('{"run": {"id"')
    assert full_process(finished) == "no new data"
    died = [message for message in caplog.messages if "died before its end" in message]
    assert len(died) == 2
    assert "the run that began at 2026-01-01T00:00:00Z died" in died[0]
    assert [path.suffix for path in pending.iterdir()] == [".damaged"]
    caplog.clear()
    assert full_process(finished) == "no new data"
    assert "died" not in caplog.text


# -- what a run does and does not ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "score"), [("off", LOW), ("test_score", HIGH)], ids=["no drift", "kept"]
)
def test_what_was_judged_is_not_ingested_again(
    finished: Settings, caplog: pytest.LogCaptureFixture, gate: str, score: float
) -> None:
    caplog.set_level("INFO", logger="risk")
    finished = configured(finished.workspace, promotion_gate=gate)
    redeploy_with(finished, score)
    touched(finished)
    assert decided(finished) in ("no drift", "kept")
    assert [m for m in caplog.messages if " rows of " in m and "clients from" in m]
    before = traces(finished.workspace)
    caplog.clear()
    assert [full_process(finished) for _ in range(3)] == ["no new data"] * 3
    assert all(message.startswith("no new data") for message in caplog.messages)
    assert traces(finished.workspace) == before


def test_a_run_that_failed_leaves_the_release_and_fails_again(finished: Settings) -> None:
    put(finished, "dataset1.csv", ["AAAA,1,2,3,1", "BBBB,4,5,6,1", "CCCC,7,8,9,"])
    redeploy_with(finished, HIGH)
    before = traces(finished.prod_deployment_path)
    for _ in range(2):
        with pytest.raises(DataUnusable, match="every one is 1") as failure:
            decided(finished)
    assert failure.value.exit_code == 65
    assert traces(finished.prod_deployment_path) == before
    assert not (finished.output_folder_path / files.JUDGED).exists()


def test_a_file_that_waits_beside_one_that_is_whole_is_judged_later(finished: Settings) -> None:
    redeploy_with(finished, LOW)
    waits(finished)
    put(finished, "whole.csv", ["AAAA,1,2,3,1"])
    assert decided(finished) == "no drift"
    assert decided(finished) == "no new data"
    put(finished, "upload.csv", ["BBBB,1,2,3,0"])
    assert decided(finished) == "no drift"


def test_what_waits_only_writes_no_result(finished: Settings) -> None:
    waits(finished)
    before = results(finished), traces(finished.prod_deployment_path)
    assert full_process(finished) == "no new data"
    assert (results(finished), traces(finished.prod_deployment_path)) == before


def test_what_an_idle_run_passes_over_is_said_once(
    finished: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> list[str]:
        caplog.clear()
        assert full_process(finished) == "no new data"
        return [message for message in caplog.messages if "passed over" in message]

    link, odd = (finished.input_folder_path / name for name in ("link.csv", "o\ndd.csv"))
    assert said() == []
    link.symlink_to("dataset1.csv")
    odd.write_text("")
    assert [message.partition(" is ")[0] for message in said()] == [link.name, odd.name]
    assert said() == []
    link.unlink()
    assert said() == []
    link.symlink_to("dataset1.csv")
    assert [message.partition(" is ")[0] for message in said()] == [link.name]
    odd.with_name("o\tdd.csv").write_text("")
    intake.gather(finished)  # which says them all
    assert said() == []


def test_a_rollback_without_a_judgement_is_not_undone_either(finished: Settings) -> None:
    redeploy_with(finished, HIGH)
    period(finished, 2, drift=True)
    assert decided(finished) == "deployed"
    deployment.roll_back(finished)
    assert decided(finished) == "no new data"
    assert releases.load(finished.prod_deployment_path)[0].number == 4


@pytest.mark.parametrize(
    "judged",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="a list"),
        pytest.param('{"release": RELEASE, "input_folder": "sourcedata"}', id="nothing seen"),
        pytest.param(
            '{"release": RELEASE, "input_folder": "sourcedata", "seen": 1}', id="seen is a number"
        ),
    ],
)
def test_a_damaged_judgement_is_kept_under_another_name_and_said_once(
    finished: Settings, caplog: pytest.LogCaptureFixture, judged: str
) -> None:
    release = releases.load(finished.prod_deployment_path)[0].release
    path = finished.output_folder_path / files.JUDGED
    path.write_text(judged.replace("RELEASE", f'"{release}"'))
    assert [full_process(finished), full_process(finished)] == ["no new data"] * 2
    assert caplog.text.count("ingesteddata/judged.json is damaged") == 1
    assert len(list(path.parent.glob("judged.json.*.damaged"))) == 1


def plain_f1(pickled: bytes, rows: pd.DataFrame) -> float:
    """F1 without a line of ours."""
    features = ["lastmonth_activity", "lastyear_activity", "number_of_employees"]
    return float(f1_score(rows["exited"], pickle.loads(pickled).predict(rows[features])))


@pytest.mark.parametrize("gate", ["off", "test_score"])
def test_after_every_deployment_the_score_is_the_deployed_models_own(
    settings: Settings, gate: str
) -> None:
    settings = configured(settings.workspace, promotion_gate=gate)
    held_out = pd.read_csv(settings.test_data_path / "testdata.csv")
    for number in (2, 3, 4):
        decided(settings, force=True)
        folder = settings.prod_deployment_path
        expected = plain_f1((folder / files.MODEL).read_bytes(), held_out)
        assert (folder / files.SCORE).read_text() == f"{expected!r}\n"
        period(settings, number, drift=number % 2 == 0)
    assert releases.load(settings.prod_deployment_path)[0].number == 3


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: None, id="nothing new"),
        pytest.param(waits, id="a file that waits"),
        pytest.param(touched, id="a touched file"),
        pytest.param(lambda settings: period(settings, 2, drift=True), id="drift"),
    ],
)
def test_a_look_ahead_says_what_the_run_then_decides(
    finished: Settings, capsys: pytest.CaptureFixture[str], change: Change
) -> None:
    change(finished)
    before = traces(finished.workspace)
    check(finished)
    assert traces(finished.workspace) == before
    foretold = capsys.readouterr().out
    assert foretold.startswith(f"a run would end with {decided(finished)}: ")


@pytest.mark.slow  # in make test tests/test_kills.py kills a later run
@pytest.mark.parametrize("stride", [3])
def test_a_first_run_killed_anywhere_is_made_good_by_the_next_one(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, stride: int
) -> None:
    place = tmp_path_factory.mktemp("killed") / "project"
    undisturbed = copy_of(settings.workspace, place)
    assert full_process(undisturbed) == "deployed"
    expected = results(undisturbed)
    for change in range(0, 600, stride):
        disturbed = copy_of(settings.workspace, place)
        if not dies_before(change, lambda s=disturbed: full_process(s), disturbed.workspace):
            break
        whole = {name: expected[name] for name in releases.PLAIN_FILES}
        assert what_readers_see(disturbed) in (None, whole), change
        assert full_process(disturbed) in ("deployed", "no new data")
        assert results(disturbed) == expected, change
        assert full_process(disturbed) == "no new data"
    assert change > 80


# -- scripts -------------------------------------------------------------------------------------


SURROUNDINGS = [
    pytest.param(
        'exec env -i PATH=/usr/bin:/bin "$@" >&- 2>&- <&-',
        id="an empty environment, not even HOME, and no stream at all",
    ),
    pytest.param('exec "$@" >&-', id="no output", marks=pytest.mark.slow),
    pytest.param('exec "$@" <&-', id="no input", marks=pytest.mark.slow),
    pytest.param('"$@" | true', id="nobody reads the output", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_a_run_ends_the_same_whatever_surrounds_it(
    finished: Settings, tmp_path: Path, surroundings: str
) -> None:
    redeploy_with(finished, HIGH)
    period(finished, 2, drift=True)
    undisturbed = copy_of(finished.workspace, tmp_path / "undisturbed")
    assert decided(undisturbed) == "deployed"
    command = [sys.executable, ROOT / "fullprocess.py", "--config"]
    ran = subprocess.run(
        ["/bin/sh", "-c", surroundings, "sh", *command, finished.workspace / "config.json"],
        cwd="/",
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)
    assert results(finished) == results(undisturbed)
    outcomes = [line for line in said(finished) if " fullprocess INFO deployed: release 3-" in line]
    assert len(outcomes) == 1
    if "|" not in surroundings:
        assert outcomes == said(finished)[-1:]


def test_a_run_that_meets_another_leaves_no_trace(finished: Settings) -> None:
    period(finished, 2, drift=True)
    lock = os.open(finished.output_folder_path / files.LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = traces(finished.workspace)
        ran = script(finished, "fullprocess.py")
        assert traces(finished.workspace) == before
    finally:
        os.close(lock)
    assert ran.returncode == 75
    assert "another run holds ingesteddata/lock" in ran.stderr


def test_the_list_follows_the_data_where_no_test_data_can_be_used(finished: Settings) -> None:
    (finished.test_data_path / "testdata.csv").write_text("<html>")
    redeploy_with(finished, LOW)
    put(finished, "more.csv", ["AAA1,1,2,3,"])
    assert decided(finished) == "no drift"
    assert "AAA1" in (finished.output_model_path / files.RANKING).read_text()
    redeploy_with(finished, HIGH)
    put(finished, "further.csv", ["AAA2,1,2,3,"])
    for _ in range(2):  # it cannot be scored, and the list that is owed is made by the next run
        with pytest.raises(InputMissing, match="no usable"):
            full_process(finished)
    assert "AAA2" in (finished.output_model_path / files.RANKING).read_text()


def test_a_file_that_takes_more_memory_than_there_is_costs_only_itself(finished: Settings) -> None:
    put(finished, "large.csv", ["AAA1,1,2,3,"] * 600_000)
    put(finished, "small.csv", ["AAA2,1,2,3,"])
    with_little = (
        "import resource, sys, ingestion; from risk.settings import Settings;"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 150_000_000,) * 2);"
        "table = ingestion.merge_multiple_dataframe(Settings.load(sys.argv[1]));"
        "print(sorted(set(table.corporation) & {'AAA1', 'AAA2'}))"
    )
    config = str(finished.workspace / "config.json")
    ran = subprocess.run(
        [sys.executable, "-c", with_little, config],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.stdout == "['AAA2']\n", ran.stderr


def test_a_forced_run_replaces_a_refused_model_and_says_why(finished: Settings) -> None:
    for path in finished.prod_deployment_path.rglob(files.MODEL):
        path.write_bytes(b"something else")
    ran = script(finished, "fullprocess.py", "--force")
    assert ran.returncode == 0
    assert "forced; production_deployment/ does not hold the files" in said(finished)[-1]
    assert "nothing was deployed yet" not in said(finished)[-1]


def test_a_forced_run_deploys_and_says_that_it_was_forced(finished: Settings) -> None:
    finished = configured(finished.workspace, features="raw")
    decision = decide_and_act(finished, force=True).decision
    assert decision.outcome == "deployed"
    assert re.match(r"release 2-\w+; forced; ", decision.reason)
    assert releases.load(finished.prod_deployment_path)[0].number == 2
