"""The first gate: what is new data, however it came or went, and what is judged only once."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import deployment
import ingestion
from fullprocess import decide_and_act, full_process
from reporting import rank_clients
from risk import files
from risk.errors import InputMissing
from risk.learning import releases
from risk.records import list_file
from risk.reports.deliverables import list_is_current
from risk.rows import tables
from risk.settings import Settings
from tests.changes import (
    HIGH,
    LOW,
    empty,
    header_only,
    mostly_refused,
    period,
    redeploy_with,
    refused,
    repeated,
    repeated_of_old,
    too_large,
    touched,
    waits,
)
from tests.conftest import (
    HEADER,
    aged,
    configured,
    decided,
    deploy,
    put,
    script_of_a_user,
    settle_what_is_shown,
)


def test_a_file_that_waited_is_taken_when_it_is_whole(deployed: Settings) -> None:
    redeploy_with(deployed, HIGH)
    waits(deployed)
    before = (deployed.output_folder_path / files.FINAL_DATA).read_bytes()
    assert decided(deployed) == "no new data"
    assert (deployed.output_folder_path / files.FINAL_DATA).read_bytes() == before
    put(deployed, "upload.csv", ["AAAA,1,2,3,0", "BBBB,4,5,6,1"])
    assert decided(deployed) == "deployed"
    assert "upload.csv" in (deployed.prod_deployment_path / files.INGESTED_FILES).read_text()


def test_a_cut_off_file_waits_for_a_minute_only(settings: Settings) -> None:
    settings = configured(settings.workspace, refused_share=0.5)
    deploy(settings)
    redeploy_with(settings, LOW)
    waits(settings)
    assert decided(settings) == "no new data"
    aged(settings.input_folder_path / "upload.csv")
    assert decided(settings) == "no drift"
    assert "upload.csv,3," in (settings.output_folder_path / files.REJECTED).read_text()


NOTHING_NEW = [
    pytest.param(refused, "broken.csv is refused: the header has no column", id="other columns"),
    pytest.param(empty, "broken.csv is refused: it is empty", id="empty"),
    pytest.param(header_only, "broken.csv holds no row", id="a header alone"),
    pytest.param(mostly_refused, "broken.csv is refused: 1 of 2 lines", id="too many refused"),
    pytest.param(too_large, "broken.csv is refused: it has 5,368,709,120 bytes", id="too large"),
    pytest.param(repeated, "b.csv holds nothing new", id="repetitions"),
]


def idle(settings: Settings) -> bool:
    """Whether the next run looks at no file."""
    return decide_and_act(settings, force=False).decision.reason.startswith(
        "nothing new in sourcedata/"
    )


@pytest.mark.parametrize(("change", "says"), NOTHING_NEW)
def test_a_file_that_adds_nothing_is_said_once_and_nothing_is_judged(
    finished: Settings, change: Callable[[Settings], object], says: str
) -> None:
    redeploy_with(finished, HIGH)
    rank_clients(finished)
    change(finished)
    decision = decide_and_act(finished, force=False).decision
    assert decision.outcome == "no new data"
    assert says in decision.reason
    assert not (finished.output_folder_path / files.JUDGED).exists()
    assert list_is_current(finished)
    ingestion = json.loads((finished.output_folder_path / files.INGESTION).read_bytes())
    assert len(ingestion["files"]) == 2
    if "is refused" in says:
        assert "broken.csv,," in (finished.output_folder_path / files.REJECTED).read_text()
    assert idle(finished)


def drops_a_file(settings: Settings) -> Settings:
    """Most lines of a file that was judged are refused now."""
    put(settings, "more.csv", ["MORE,1,2,3,0"])
    assert decided(settings) == "no drift"
    put(settings, "more.csv", ["MORE,1,2,3,0", "BBBB,many,2,3,0"])
    return settings


def lets_a_file_in(settings: Settings) -> Settings:
    """A file that was refused whole, beside one that was not, may go in now."""
    mostly_refused(settings)
    put(settings, "more.csv", ["MORE,1,2,3,0"])
    assert decided(settings) == "no drift"
    return configured(settings.workspace, refused_share=0.5)


def keeps_a_file_out(settings: Settings) -> Settings:
    """A file that was judged is too large now."""
    put(settings, "more.csv", ["MORE,1,2,3,0", *("\n" * 1024 for _ in range(1024))])
    assert decided(settings) == "no drift"
    put(settings, "last.csv", ["LAST,1,2,3,0"])
    return configured(settings.workspace, largest_file_mb=1)


def brings_a_file_back(settings: Settings) -> Settings:
    """A file that the release saw was away when another one was judged."""
    path, aside = settings.input_folder_path / "dataset1.csv", settings.workspace / "aside.csv"
    path.rename(aside)
    put(settings, "last.csv", ["LAST,1,2,3,"])
    assert decided(settings) == "no drift"
    aside.rename(path)
    return settings


def puts_repetitions(settings: Settings) -> Settings:
    """An old row is its client's newest."""
    repeated_of_old(settings)
    return settings


@pytest.mark.parametrize("died_after_ingestion", [False, True])
@pytest.mark.parametrize(
    "change",
    [drops_a_file, lets_a_file_in, keeps_a_file_out, brings_a_file_back, puts_repetitions],
)
def test_a_change_of_the_data_is_judged_once_also_after_a_run_that_died_before(
    finished: Settings, change: Callable[[Settings], Settings], died_after_ingestion: bool
) -> None:

    redeploy_with(finished, LOW)
    changed = change(finished)
    if died_after_ingestion:
        ingestion.merge_multiple_dataframe(changed)
    assert decided(changed) == "no drift"
    assert list_is_current(changed)
    assert idle(changed)


@pytest.mark.parametrize("by_hand", [False, True], ids=["a release", "a folder filled by hand"])
def test_a_file_of_the_release_that_was_away_while_another_was_judged_is_new_again(
    finished: Settings, by_hand: bool
) -> None:
    redeploy_with(finished, LOW)
    if by_hand:
        (finished.prod_deployment_path / releases.MANIFEST).unlink()
    path, aside = finished.input_folder_path / "dataset1.csv", finished.workspace / "aside.csv"
    path.rename(aside)
    put(finished, "more.csv", ["MORE,1,2,3,"])
    assert decided(finished) == "no drift"
    assert idle(finished)
    aside.rename(path)
    assert decided(finished) == "no drift"
    for made in (finished.output_folder_path / files.FINAL_DATA, ranking_of(finished)):
        assert path.read_text().splitlines()[1][:4] in made.read_text()
    assert list_is_current(finished)
    assert idle(finished)


def ranking_of(settings: Settings) -> Path:
    """The list that the managers work from."""
    return settings.output_model_path / files.RANKING


def test_a_file_that_cannot_be_opened_any_more_costs_its_rows_and_is_said_once(
    finished: Settings,
) -> None:
    settings = configured(finished.workspace, database_url="postgresql://nobody@127.0.0.1:1/none")
    dataset = settings.output_folder_path / files.FINAL_DATA
    path = settings.input_folder_path / "dataset1.csv"
    put(settings, "dataset2.csv", ["MORE,1,2,3,"])
    before = dataset.read_text()
    path.chmod(0)
    done = script_of_a_user(settings, "fullprocess.py")
    settle_what_is_shown(settings)
    assert done.returncode == 74, done.stderr
    why = "sourcedata/dataset1.csv: it cannot be opened (Permission denied); let the user of this"
    assert why in done.stderr.splitlines()[-1]
    assert "dataset1.csv cannot be opened, and its 300 rows are gone with it" in done.stderr
    assert dataset.read_text() == f"{HEADER}\nMORE,1,2,3,\n"
    settings = configured(settings.workspace)
    done = script_of_a_user(settings, "fullprocess.py")
    assert done.returncode == 0, done.stderr
    assert "nothing new in sourcedata/" in done.stderr
    path.chmod(0o644)
    assert decided(settings) != "no new data"
    assert {*dataset.read_text().splitlines()} == {*before.splitlines(), "MORE,1,2,3,"}
    assert idle(settings)


def test_other_limits_let_refused_files_be_looked_at_once_more(finished: Settings) -> None:
    mostly_refused(finished)
    put(finished, "more.csv", ["MORE,1,2,3,0"])
    redeploy_with(finished, LOW)
    assert decided(finished) == "no drift"
    for limits in ({"refused_share": 0.2}, {"refused_share": 0.2, "largest_file_mb": 2}):
        changed = configured(finished.workspace, **limits)
        decision = decide_and_act(changed, force=False).decision
        assert decision.outcome == "no new data"
        assert "broken.csv is refused" in decision.reason
        assert idle(changed)


@pytest.mark.parametrize(
    ("gate", "score", "outcome"),
    [("off", LOW, "no drift"), ("test_score", HIGH, "kept"), ("off", HIGH, "deployed")],
)
def test_a_file_refused_whole_is_named_with_every_outcome(
    finished: Settings, gate: str, score: float, outcome: str
) -> None:
    finished = configured(finished.workspace, promotion_gate=gate)
    redeploy_with(finished, score)
    mostly_refused(finished)
    touched(finished)
    decision = decide_and_act(finished, force=False).decision
    assert decision.outcome == outcome
    assert decision.reason.endswith(
        "; broken.csv is refused: 1 of 2 lines are refused, more than the share of 0.1 that "
        "refused_share allows; the first is line 3: lastmonth_activity is not a number"
    )


def test_a_rollback_is_not_undone_by_the_next_run(settings: Settings) -> None:
    decided(settings)
    redeploy_with(settings, HIGH)
    period(settings, 2)
    assert decided(settings) == "deployed"
    redeploy_with(settings, LOW)
    period(settings, 3)
    assert decided(settings) == "no drift"
    deployment.roll_back(settings)
    assert decided(settings) == "no new data"
    period(settings, 4)
    assert decided(settings) in ("deployed", "no drift")


def test_another_input_folder_is_new_data(deployed: Settings) -> None:
    redeploy_with(deployed, HIGH)
    practice = deployed.workspace / "practicedata"
    practice.mkdir()
    original = deployed.input_folder_path / "dataset1.csv"
    (practice / original.name).write_bytes(original.read_bytes())
    status = original.stat()
    os.utime(practice / original.name, ns=(status.st_atime_ns, status.st_mtime_ns))
    elsewhere = configured(deployed.workspace, input_folder_path="practicedata")
    assert decided(elsewhere) == "deployed"
    assert decided(elsewhere) == "no new data"


def test_a_folder_whose_data_another_one_replaced_is_read_again(finished: Settings) -> None:
    elsewhere = configured(finished.workspace, input_folder_path="practicedata")
    put(elsewhere, "practice.csv", ["AAAA,1,2,3,", "BBBB,4,5,6,"])
    assert decided(elsewhere) == "no drift"
    back = configured(finished.workspace)
    assert decided(back) != "no new data"
    assert len(tables.read(back.output_folder_path / files.FINAL_DATA, back.columns)) == 300
    assert decided(back) == "no new data"


def test_a_folder_filled_by_hand_counts_by_the_names_it_lists(
    deployed: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (deployed.prod_deployment_path / releases.MANIFEST).unlink()
    assert decided(deployed) == "no new data"
    assert "filled by hand" in caplog.text
    (deployed.prod_deployment_path / files.SCORE).write_text("0.999")
    period(deployed, 2)
    assert decided(deployed) == "deployed"


def test_an_empty_input_folder_holds_no_new_data(settings: Settings) -> None:
    (settings.input_folder_path / "dataset1.csv").unlink()
    assert decided(settings) == "no new data"


def test_a_missing_input_folder_is_said(settings: Settings) -> None:
    (settings.input_folder_path / "dataset1.csv").unlink()
    settings.input_folder_path.rmdir()
    with pytest.raises(InputMissing, match="sourcedata"):
        decided(settings)


def test_other_columns_make_all_files_new(finished: Settings) -> None:
    assert full_process(finished) == "no new data"
    valued = configured(finished.workspace, value_column="number_of_employees", order="value")
    assert full_process(valued) in ("no drift", "kept")
    listed = list_file.read(valued.output_model_path / files.RANKING)
    assert listed["at_stake"].is_monotonic_decreasing
    assert full_process(valued) == "no new data"
