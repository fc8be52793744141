"""Whether everything is well, out of plain facts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from risk import errors, files, wording
from risk.records import health
from risk.records.endings import REMEDIES, Ending
from risk.records.health import DOUBTFUL, FAILING, LATE, OK, REMARK, Trouble


def minutes_ago(count: float) -> str:
    """A moment as records have it."""
    return time.strftime(files.TIME, time.gmtime(time.time() - 60 * count))


def ending(code: int = 0, minutes: float = 1, step: str = "fullprocess") -> Ending:
    """A step that ended so many minutes ago."""
    message = f"failed with exit code {code}: it cannot" if code else "no new data: nothing new"
    return Ending(minutes_ago(minutes), step, code, message)


@pytest.mark.parametrize(
    ("endings", "severity"),
    [
        (lambda: [ending()], OK),
        (lambda: [ending(minutes=19)], OK),
        (lambda: [ending(minutes=21)], LATE),
        (lambda: [ending(minutes=-5)], OK),  # the clock was set back a little
        (lambda: [ending(minutes=-25)], LATE),  # or so far that this run is no sign of life
        (lambda: [ending(74)], FAILING),
        (lambda: [ending(74, 50)], FAILING),  # late as well, which is not the worst of it
        (lambda: [ending(1)], FAILING),
        (lambda: [ending(74, 9), ending(step="training")], FAILING),
        (lambda: [ending(step="training")], LATE),
        (lambda: [], LATE),
        (lambda: [ending(minutes=2), ending(65, step="training")], DOUBTFUL),
        (lambda: [ending(minutes=3), ending(66, 2, "training")], OK),  # it did nothing
        (lambda: [ending(minutes=3), ending(65, 2, "training"), ending(step="scoring")], DOUBTFUL),
        (lambda: [ending(minutes=3), ending(step="training")], OK),
    ],
)
def test_how_steps_ended_says_how_the_pipeline_is(
    endings: Callable[[], list[Ending]], severity: str
) -> None:
    known = {each.step: each for each in endings()}
    run = known.get("fullprocess")
    found = health.verdict((health.failed_by_hand(known), health.late(run), health.failed(run)))
    assert found.severity == severity


def test_the_newest_failure_by_hand_is_told() -> None:
    by_hand = [ending(65, 2, "scoring"), ending(65, 1, "training"), ending(65, 3, "reporting")]
    trouble = health.failed_by_hand({each.step: each for each in by_hand})
    assert trouble
    assert trouble.sentence.startswith("python training.py, run by hand, 1 minute ago, failed")


def test_a_run_that_is_to_come_is_no_sign_of_life() -> None:
    trouble = health.late(ending()._replace(time="9999-12-31T23:59:59Z"))
    assert trouble is not None
    assert trouble.severity == LATE
    assert "which is to come" in trouble.sentence


def test_the_worst_comes_first_and_remarks_are_no_trouble() -> None:
    each = [Trouble(name, name) for name in (REMARK, DOUBTFUL, FAILING, LATE)]
    found = health.verdict([None, *each])
    assert [trouble.severity for trouble in found.troubles] == [FAILING, LATE, DOUBTFUL]
    assert found.remarks == [each[0]]
    assert found.status == FAILING
    assert health.verdict(each[:2]).status == OK  # it works, so no monitor has to wake anybody
    assert health.verdict(each[:1]).answer == ("Yes.", "good")


@pytest.mark.parametrize("error", errors.RiskError.__subclasses__())
def test_every_exit_code_that_can_be_noted_has_a_remedy(error: type[errors.RiskError]) -> None:
    never_noted = (
        *(errors.RequestRefused, errors.RunInProgress, errors.ConfigWrong),
        errors.CannotListen,  # a server writes no file
    )
    assert (error.exit_code in REMEDIES) != issubclass(error, never_noted)


def refusal(name: str) -> dict[str, Any]:
    return {"name": name, "reason": "no header"}


DRIFTED = wording.drift(0.5, 0.6, is_trained_on_it=False)
RENEWED = wording.drift(0.5, 0.6, is_trained_on_it=True)
DONE = {"started_at": minutes_ago(1), "outcome": "no drift"}


@pytest.mark.parametrize(
    ("found", "severity", "said"),
    [
        (health.unusable("", is_missing=False), OK, ""),
        (health.unusable("nothing", is_missing=True), FAILING, "Nothing is deployed yet"),
        (health.unusable("changed", is_missing=False), FAILING, "cannot be read: changed"),
        (health.refused_files([], "data"), OK, ""),
        (health.refused_files([refusal("x.csv")], "data"), FAILING, "x.csv: no header"),
        (health.refused_files([refusal(n) for n in "abcde"], "data"), FAILING, "and 2 more"),
        (health.test_data({}, "", "test"), OK, ""),
        (health.test_data({"a.csv": "no header"}, "", "test"), DOUBTFUL, "a.csv: no header"),
        (health.test_data({"a.csv": "no header"}, "none", "test"), FAILING, "scored: none"),
        (health.refused_lines(0, 0, "it"), OK, ""),
        (health.refused_lines(1, 100, "it"), REMARK, "1 line was refused"),
        (health.refused_lines(2, 100, "it"), DOUBTFUL, "2 lines were refused, 2 % of 100"),
        (health.refused_lines(100, 100, "it"), DOUBTFUL, "refused, 100 % of 100"),
        (health.drifted(DRIFTED), DOUBTFUL, "F1 0.5000 on the newest data"),
        (health.drifted(RENEWED), OK, ""),
        (health.weaker({"test": (0.6, 0.6), "newest": (0.6, 0.5)}), OK, ""),
        (health.weaker({"test": (0.5, 0.6)}), DOUBTFUL, "0.5000 against 0.6000 on the test"),
        (
            health.weaker({"newest": (0.5, 0.6)}),
            DOUBTFUL,
            "F1 0.5000 against 0.6000 on the newest data",
        ),
        (health.stale("1-x", "1-x", is_current=True), OK, ""),
        (health.stale("1-x", "1-x", is_current=False), DOUBTFUL, "older than the data"),
        (health.stale("1-x", "2-y", is_current=False), DOUBTFUL, "by release 1-x, not 2-y"),
        (health.not_retried("it said no"), DOUBTFUL, "It said no."),
        (health.unrecorded([]), OK, ""),
        (health.unrecorded([DONE]), DOUBTFUL, "1 run waits to be recorded"),
        (health.unrecorded([{"started_at": minutes_ago(5)}]), OK, ""),  # it is under way
        (health.unrecorded([{"started_at": minutes_ago(50)}]), DOUBTFUL, "for 50 minutes"),
        (health.unrecorded([DONE, DONE]), DOUBTFUL, "2 runs wait"),
    ],
)
def test_every_fact_is_judged_in_a_sentence(
    found: Trouble | None, severity: str, said: str
) -> None:
    assert (found.severity if found else OK) == severity
    assert said in (found.sentence if found else "")
    assert not found or (found.remedy and found.sentence.endswith("."))
