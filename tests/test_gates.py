"""The gates: what each state of a project leads to, in whole runs on real files."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from company import fabricate
from fullprocess import decide_and_act
from reporting import rank_clients
from risk import files
from risk.data import tables
from risk.data.input_folder import Seen
from risk.errors import ArtefactRefused, DataUnusable, InputMissing
from risk.learning import gates, publishing, releases
from risk.learning.releases import Release
from risk.reports.deliverables import list_is_current
from risk.settings import Settings
from tests.conftest import (
    HEADER,
    Score,
    aged,
    configured,
    decided,
    deliver,
    deploy,
    put,
    script,
    script_of_a_user,
    settle_what_is_shown,
)


def period(settings: Settings, number: int, *, drift: bool = False) -> None:
    """Put one more period into the input folder."""
    rows = fabricate.periods(number, clients=400, seed=1, drift=drift)[-1]
    deliver(settings, f"dataset{number}.csv", rows)


def redeploy_with(settings: Settings, score: float) -> None:
    """Deploy the same model anew as if it had had this score, having seen the same."""
    release, contents = releases.load(settings.prod_deployment_path)
    publishing.publish(
        settings.prod_deployment_path,
        contents | {files.SCORE: f"{score!r}\n".encode()},
        score=score,
        input_folder=release.input_folder,
        seen=release.seen,
        libraries=release.libraries,
        rows=release.rows,
    )


def score_on_newest(settings: Settings) -> float:
    """What the next run will measure once dataset2.csv is in."""
    import ingestion
    import scoring

    ingestion.merge_multiple_dataframe(settings)
    return scoring.score_deployed(settings)


def touched(settings: Settings) -> None:
    os.utime(settings.input_folder_path / "dataset1.csv", (1, 1))


def rewritten(settings: Settings) -> None:
    path = settings.input_folder_path / "dataset1.csv"
    path.write_text(path.read_text() + "AAAA,1,2,3,0\n")
    aged(path)


def refused(settings: Settings) -> None:
    put(settings, "broken.csv", ["1,2,3"], "no,such,columns")


def empty(settings: Settings) -> None:
    path = settings.input_folder_path / "broken.csv"
    path.touch()
    aged(path)


def header_only(settings: Settings) -> None:
    put(settings, "broken.csv", [])


def mostly_refused(settings: Settings) -> None:
    put(settings, "broken.csv", ["AAAA,1,2,3,0", "BBBB,many,2,3,0"])


def too_large(settings: Settings) -> None:
    empty(settings)
    os.truncate(settings.input_folder_path / "broken.csv", 5 * 1024**3)


def repeated(settings: Settings) -> None:
    shutil.copy2(settings.input_folder_path / "dataset1.csv", settings.input_folder_path / "b.csv")


def repeated_of_old(settings: Settings) -> None:
    """One old row again, which is its client's newest from then on."""
    old = (settings.input_folder_path / "dataset1.csv").read_text().splitlines()[1]
    put(settings, "b.csv", [old])


def waits(settings: Settings) -> None:
    path = put(settings, "upload.csv", ["AAAA,1,2,3,0", "BBBB,4,5"])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    aged(path, 3)


def no_outcomes(settings: Settings) -> None:
    put(settings, "dataset1.csv", ["AAAA,1,2,3,", "BBBB,4,5,6,"])


def hidden(settings: Settings) -> None:
    put(settings, ".dataset2.csv", ["AAAA,1,2,3,0"])


class Case(NamedTuple):
    """A state of a project that was deployed once with this score, and what the next run says."""

    change: Callable[[Settings], object]
    score: float
    outcome: str
    next_outcome: str = "no new data"


LOW, HIGH = 1e-9, 1.0
CASES = [
    pytest.param(Case(lambda _: None, HIGH, "no new data"), id="nothing changed"),
    pytest.param(Case(lambda s: period(s, 2), LOW, "no drift"), id="a new name, no drift"),
    pytest.param(Case(lambda s: period(s, 2), HIGH, "deployed"), id="a new name, drift"),
    pytest.param(Case(rewritten, LOW, "no drift"), id="changed content, no drift"),
    pytest.param(Case(rewritten, HIGH, "deployed"), id="changed content, drift"),
    pytest.param(Case(touched, LOW, "no drift"), id="only the time changed"),
    pytest.param(Case(refused, HIGH, "no new data"), id="a refused file is no new data"),
    pytest.param(Case(repeated, HIGH, "no new data"), id="nor are repetitions alone"),
    pytest.param(Case(repeated_of_old, LOW, "no drift"), id="but they may change the book"),
    pytest.param(Case(waits, HIGH, "no new data"), id="a file that waits decides nothing"),
    pytest.param(Case(hidden, HIGH, "no new data"), id="a dot-file is no file"),
    pytest.param(Case(no_outcomes, HIGH, "no drift"), id="outcomes unknown"),
    pytest.param(Case(no_outcomes, 0.0, "no drift"), id="outcomes unknown, score of 0"),
    pytest.param(Case(lambda s: period(s, 2), 0.0, "deployed"), id="a deployed score of 0"),
]


@pytest.mark.parametrize("case", CASES)
def test_the_gates_decide(deployed: Settings, case: Case) -> None:
    redeploy_with(deployed, case.score)
    before = releases.load(deployed.prod_deployment_path)[0]
    case.change(deployed)
    decision = decide_and_act(deployed, force=False).decision
    assert decision.outcome == case.outcome
    after = releases.load(deployed.prod_deployment_path)[0]
    assert (after.number > before.number) == (case.outcome == "deployed")
    if case.change is no_outcomes:
        assert "outcomes unknown" in decision.reason
    if case.score == 0 and case.outcome == "deployed":
        assert "cannot be undercut" in decision.reason
    assert decided(deployed) == case.next_outcome


@pytest.mark.parametrize(
    ("by", "outcome"), [(0.0, "no drift"), (1e-6, "deployed"), (-1e-6, "no drift")]
)
def test_only_a_lower_score_is_drift(settings: Settings, by: float, outcome: str) -> None:
    deploy(settings)
    period(settings, 2)
    redeploy_with(settings, score_on_newest(settings) + by)
    assert decided(settings) == outcome


def test_the_first_run_deploys_without_a_comparison(settings: Settings) -> None:
    assert decided(settings) == "deployed"
    assert releases.load(settings.prod_deployment_path)[0].number == 1


def test_a_file_that_waited_is_taken_when_it_is_whole(settings: Settings) -> None:
    deploy(settings)
    redeploy_with(settings, HIGH)
    waits(settings)
    before = (settings.output_folder_path / files.FINAL_DATA).read_bytes()
    assert decided(settings) == "no new data"
    assert (settings.output_folder_path / files.FINAL_DATA).read_bytes() == before
    put(settings, "upload.csv", ["AAAA,1,2,3,0", "BBBB,4,5,6,1"])
    assert decided(settings) == "deployed"
    assert "upload.csv" in (settings.prod_deployment_path / files.INGESTED_FILES).read_text()


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
    import ingestion

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
    import deployment

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


def test_another_input_folder_is_new_data(settings: Settings) -> None:
    deploy(settings)
    redeploy_with(settings, HIGH)
    practice = settings.workspace / "practicedata"
    practice.mkdir()
    original = settings.input_folder_path / "dataset1.csv"
    (practice / original.name).write_bytes(original.read_bytes())
    status = original.stat()
    os.utime(practice / original.name, ns=(status.st_atime_ns, status.st_mtime_ns))
    elsewhere = configured(settings.workspace, input_folder_path="practicedata")
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
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    deploy(settings)
    (settings.prod_deployment_path / releases.MANIFEST).unlink()
    assert decided(settings) == "no new data"
    assert "filled by hand" in caplog.text
    (settings.prod_deployment_path / files.SCORE).write_text("0.999")
    period(settings, 2)
    assert decided(settings) == "deployed"


@pytest.mark.parametrize("gate", ["off", "test_score"])
def test_the_third_gate_keeps_what_is_not_beaten(settings: Settings, gate: str) -> None:
    settings = configured(settings.workspace, promotion_gate=gate)
    decided(settings)
    redeploy_with(settings, HIGH)
    before = releases.load(settings.prod_deployment_path)[0].number
    touched(settings)  # the same rows: the new model is the deployed one, and beats nobody
    outcome = decided(settings)
    assert outcome == ("kept" if gate == "test_score" else "deployed")
    assert releases.load(settings.prod_deployment_path)[0].number == before + (gate == "off")
    assert decided(settings) == "no new data"


def test_the_third_gate_lets_a_better_model_pass(settings: Settings) -> None:
    settings = configured(settings.workspace, promotion_gate="test_score")
    lines = [f"P{number:03},{number % 9},50,9,{number % 3 == 0:d}" for number in range(60)]
    original = (settings.input_folder_path / "dataset1.csv").read_bytes()
    put(settings, "dataset1.csv", lines)
    decided(settings)
    redeploy_with(settings, HIGH)
    path = settings.input_folder_path / "dataset2.csv"
    path.write_bytes(original)
    aged(path)
    assert decided(settings) == "deployed"


def test_force_deploys_with_nothing_new(settings: Settings) -> None:
    deploy(settings)
    before = releases.load(settings.prod_deployment_path)[0]
    decision = decide_and_act(configured(settings.workspace, features="raw"), force=True).decision
    assert decision.outcome == "deployed"
    assert releases.load(settings.prod_deployment_path)[0].number == before.number + 1


EASY = [f"L{n:03},0,900,9,1" for n in range(9)] + [f"S{n:03},900,900,9,0" for n in range(9)]


@pytest.mark.parametrize("force", [False, True])
def test_a_model_that_is_the_deployed_one_to_the_byte_is_no_new_release(
    finished: Settings, force: bool
) -> None:
    deployed_now = releases.load(finished.prod_deployment_path)[0]
    finished = configured(finished.workspace, test_data_path="elsewhere")
    put(finished._replace(input_folder_path=finished.test_data_path), "easy.csv", EASY)
    decided(finished, force=True)
    before = releases.load(finished.prod_deployment_path)
    assert before[0].score > deployed_now.score
    put(finished, "open.csv", ["OPEN,1,2,3,"])
    decision = decide_and_act(finished, force).decision
    assert decision.outcome == ("deployed" if force else "kept")
    assert decision.reason.endswith(
        f"; {before[0].title} stays: the new model is the same to the byte"
    )
    assert decision.reason.startswith("forced; " if force else "F1 ")
    assert releases.load(finished.prod_deployment_path) == before
    assert decided(finished) == "no new data"


def test_force_replaces_a_model_that_is_refused(settings: Settings) -> None:
    deploy(settings)
    release, contents = releases.load(settings.prod_deployment_path)
    publishing.publish(
        settings.prod_deployment_path,
        contents | {files.MODEL: b"no pickle"},
        score=release.score,
        input_folder=release.input_folder,
        seen=Seen(),
        libraries={},
        rows=0,
    )
    with pytest.raises(ArtefactRefused, match="--force"):
        decided(settings)
    assert decided(settings, force=True) == "deployed"
    assert decided(settings) == "no new data"


def test_an_empty_input_folder_holds_no_new_data(settings: Settings) -> None:
    (settings.input_folder_path / "dataset1.csv").unlink()
    assert decided(settings) == "no new data"


def test_a_missing_input_folder_is_said(settings: Settings) -> None:
    (settings.input_folder_path / "dataset1.csv").unlink()
    settings.input_folder_path.rmdir()
    with pytest.raises(InputMissing, match="sourcedata"):
        decided(settings)


def test_a_run_that_failed_is_no_judgement(settings: Settings) -> None:
    deploy(settings)
    redeploy_with(settings, HIGH)
    put(settings, "dataset1.csv", ["AAAA,1,2,3,0", "BBBB,4,5,6,0"])
    before = releases.load(settings.prod_deployment_path)
    for _ in range(2):
        with pytest.raises(DataUnusable):
            decided(settings)
    assert releases.load(settings.prod_deployment_path) == before


def score_on_test_data(settings: Settings) -> float:
    """F1 of the deployed model on the test data."""
    from risk.data import test_data
    from risk.learning import deployed, evaluation

    in_use = deployed.in_use(settings.prod_deployment_path, settings.columns)
    return evaluation.f1(in_use.model, test_data.rows(settings), settings.columns)


def test_the_score_that_ships_is_the_score_of_the_model_that_ships(settings: Settings) -> None:
    for number in (2, 3):
        decided(settings, force=True)
        deployed = float((settings.prod_deployment_path / files.SCORE).read_text())
        assert deployed == score_on_test_data(settings)
        period(settings, number, drift=True)


def test_a_weaker_model_that_goes_out_is_said_to_be_with_its_scores(settings: Settings) -> None:
    """On the test data, and on the newest data, though it has seen the outcomes of all of that."""
    import scoring

    deploy(settings)
    period(settings, 2, drift=True)
    before = score_on_newest(settings), score_on_test_data(settings)
    reason = decide_and_act(settings, force=False).decision.reason
    after = scoring.score_deployed(settings), score_on_test_data(settings)
    assert after < before
    pairs = [f"({new:.4f} < {old:.4f})" for new, old in zip(after, before, strict=True)]
    assert reason.endswith(
        f"; but it is weaker than the release before on the test data {pairs[1]} "
        f"and on the newest data, on which it was fitted {pairs[0]}"
    )


def _look(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_check_says_what_would_be_decided_and_changes_nothing(settings: Settings) -> None:
    deploy(settings)
    redeploy_with(settings, HIGH)
    period(settings, 2)
    before = _look(settings.workspace)
    checked = script(settings, "fullprocess.py", "--check")
    assert checked.stdout.startswith("a run would end with deployed: release 3-")
    assert _look(settings.workspace) == before
    ran = script(settings, "fullprocess.py")
    said = checked.stdout.splitlines()[0].removeprefix("a run would end with ")
    assert said in ran.stderr
    last = (settings.output_folder_path / files.LOG).read_text().splitlines()[-1]
    assert last.endswith(said)


RELEASE = Release("7-x", 7, "", 0.5, "", Seen(), {}, {})


@pytest.mark.parametrize(
    ("deployed", "newest", "drifted", "says"),
    [
        (None, None, True, "nothing was deployed"),
        (None, 0.3, True, "nothing was deployed"),
        (RELEASE, None, False, "outcomes unknown"),
        (RELEASE, 0.5, False, "0.5000 on the newest data, 0.5000 when release 7-x"),
        (RELEASE, 0.49999999, True, "0.5000 on the newest data"),
        (RELEASE, 0.6, False, "0.6000 on the newest data"),
        (RELEASE, 0.0, True, "0.0000 on the newest data"),
        (RELEASE._replace(score=0.0), 0.0, True, "cannot be undercut"),
        (RELEASE._replace(score=0.0), 0.9, True, "cannot be undercut"),
        (RELEASE._replace(score=0.0), None, False, "outcomes unknown"),
    ],
)
def test_drift_is_a_matter_of_two_numbers(
    deployed: Release | None, newest: float | None, drifted: bool, says: str
) -> None:
    decided, why = gates.drift(deployed, None if newest is None else Score(newest))
    assert decided is drifted
    assert says in why


@pytest.mark.parametrize(
    ("trained", "deployed", "is_better"),
    [(0.5, None, True), (0.5, 0.5, False), (0.5, 0.6, False), (0.6, 0.5, True), (0.0, 0.0, False)],
)
def test_better_means_higher(trained: float, deployed: float | None, is_better: bool) -> None:
    rival = None if deployed is None else Score(deployed)
    assert gates.better(Score(trained), rival)[0] is is_better


def test_a_damaged_release_fails_a_run_without_new_data_as_well(finished: Settings) -> None:
    production = finished.prod_deployment_path
    stored = production / releases.STORE / releases.current(production).release
    for place in (production, stored):
        (place / files.MODEL).write_bytes(b"tampered")
    ran = script(finished, "fullprocess.py")
    assert ran.returncode == ArtefactRefused.exit_code
    assert "is damaged; run python deployment.py --rollback" in ran.stderr
