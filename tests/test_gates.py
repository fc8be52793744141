"""The gates: what each state of a project leads to, in whole runs on real files."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import scoring
from fullprocess import decide_and_act
from risk import files
from risk.data.input_folder import Seen
from risk.decisions import gates
from risk.errors import ArtefactRefused, DataUnusable
from risk.learning import publishing, releases
from risk.learning.releases import Release
from risk.settings import Settings
from tests.changes import (
    HIGH,
    LOW,
    hidden,
    no_outcomes,
    period,
    redeploy_with,
    refused,
    repeated,
    repeated_of_old,
    rewritten,
    score_on_newest,
    score_on_test_data,
    touched,
    waits,
)
from tests.conftest import Score, aged, configured, decided, put, script


class Case(NamedTuple):
    """A state of a project that was deployed once with this score, and what the next run says."""

    change: Callable[[Settings], object]
    score: float
    outcome: str
    next_outcome: str = "no new data"


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
def test_only_a_lower_score_is_drift(deployed: Settings, by: float, outcome: str) -> None:
    period(deployed, 2)
    redeploy_with(deployed, score_on_newest(deployed) + by)
    assert decided(deployed) == outcome


def test_the_first_run_deploys_without_a_comparison(settings: Settings) -> None:
    assert decided(settings) == "deployed"
    assert releases.load(settings.prod_deployment_path)[0].number == 1


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


def test_force_deploys_with_nothing_new(deployed: Settings) -> None:
    before = releases.load(deployed.prod_deployment_path)[0]
    decision = decide_and_act(configured(deployed.workspace, features="raw"), force=True).decision
    assert decision.outcome == "deployed"
    assert releases.load(deployed.prod_deployment_path)[0].number == before.number + 1


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


def test_force_replaces_a_model_that_is_refused(deployed: Settings) -> None:
    release, contents = releases.load(deployed.prod_deployment_path)
    publishing.publish(
        deployed.prod_deployment_path,
        contents | {files.MODEL: b"no pickle"},
        score=release.score,
        input_folder=release.input_folder,
        seen=Seen(),
        libraries={},
        rows=0,
    )
    with pytest.raises(ArtefactRefused, match="--force"):
        decided(deployed)
    assert decided(deployed, force=True) == "deployed"
    assert decided(deployed) == "no new data"


def test_a_run_that_failed_is_no_judgement(deployed: Settings) -> None:
    redeploy_with(deployed, HIGH)
    put(deployed, "dataset1.csv", ["AAAA,1,2,3,0", "BBBB,4,5,6,0"])
    before = releases.load(deployed.prod_deployment_path)
    for _ in range(2):
        with pytest.raises(DataUnusable):
            decided(deployed)
    assert releases.load(deployed.prod_deployment_path) == before


def test_the_score_that_ships_is_the_score_of_the_model_that_ships(settings: Settings) -> None:
    for number in (2, 3):
        decided(settings, force=True)
        deployed = float((settings.prod_deployment_path / files.SCORE).read_text())
        assert deployed == score_on_test_data(settings)
        period(settings, number, drift=True)


def test_a_weaker_model_that_goes_out_is_said_to_be_with_its_scores(deployed: Settings) -> None:
    """On the test data, and on the newest data, though it has seen the outcomes of all of that."""
    period(deployed, 2, drift=True)
    before = score_on_newest(deployed), score_on_test_data(deployed)
    reason = decide_and_act(deployed, force=False).decision.reason
    after = scoring.score_deployed(deployed), score_on_test_data(deployed)
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


def test_check_says_what_would_be_decided_and_changes_nothing(deployed: Settings) -> None:
    redeploy_with(deployed, HIGH)
    period(deployed, 2)
    before = _look(deployed.workspace)
    checked = script(deployed, "fullprocess.py", "--check")
    assert checked.stdout.startswith("a run would end with deployed: release 3-")
    assert _look(deployed.workspace) == before
    ran = script(deployed, "fullprocess.py")
    said = checked.stdout.splitlines()[0].removeprefix("a run would end with ")
    assert said in ran.stderr
    last = (deployed.output_folder_path / files.LOG).read_text().splitlines()[-1]
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
