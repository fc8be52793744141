"""Whether everything is well, out of plain facts."""

import time
from typing import Any

import pytest

from risk import errors, files, wording
from risk.records import health
from risk.records.health import DOUBTFUL, FAILING, LATE, OK, REMARK, Trouble


def minutes_ago(count: float) -> str:
    """A moment as the log has it."""
    return time.strftime(files.TIME, time.gmtime(time.time() - 60 * count))


def ended(rest: str, minutes: float = 1) -> tuple[float, str]:
    """A line of the log that is so many minutes old."""
    return minutes, rest


GOOD = "fullprocess INFO no new data: nothing new"
BAD = "fullprocess ERROR failed with exit code 74: models/x: No space left on device"
BY_HAND = "training ERROR failed with exit code 65: outcomes of one kind"


@pytest.mark.parametrize(
    ("told", "severity", "code"),
    [
        ([ended(GOOD)], OK, 0),
        ([ended(GOOD, 19)], OK, 0),
        ([ended(GOOD, 21)], LATE, 0),
        ([ended(GOOD, -5)], OK, 0),  # the clock was set back a little
        ([ended(GOOD, -25)], LATE, 0),  # or so far that this run is no sign of life
        ([ended(BAD)], FAILING, 74),
        ([ended(BAD, 50)], FAILING, 74),  # late as well, which is not the worst of it
        ([ended("fullprocess CRITICAL crashed: ValueError: x")], FAILING, 1),
        ([ended("fullprocess ERROR some words")], FAILING, None),
        ([ended(BAD, 9), ended(GOOD)], OK, 0),
        ([ended(BAD, 9), ended("training INFO fitted on 9 rows")], FAILING, 74),
        ([ended(GOOD, 9), ended("fullprocess WARNING no rows were fetched")], OK, 0),
        ([ended("training INFO fitted on 9 rows")], LATE, None),
        ([], LATE, None),
        ([ended(BY_HAND, 2), ended(GOOD)], OK, 0),
        ([ended(GOOD, 2), ended(BY_HAND)], DOUBTFUL, 0),
        ([ended(GOOD, 3), ended(BY_HAND, 2), ended("training INFO fitted")], OK, 0),
        ([ended(GOOD, 3), ended(BY_HAND, 2), ended("scoring INFO it scores")], DOUBTFUL, 0),
        ([ended(GOOD, 3), ended("releases ERROR x is damaged")], OK, 0),  # no end of a step
    ],
)
def test_the_log_says_how_the_pipeline_is(
    told: list[tuple[float, str]], severity: str, code: int | None
) -> None:
    lines = [f"{minutes_ago(minutes)} {rest}" for minutes, rest in told]
    run = health.last_run(lines)
    found = health.verdict((health.failed_by_hand(lines), health.late(run), health.failed(run)))
    assert found.severity == severity
    assert (run.exit_code if run else None) == code


def test_a_line_without_a_time_is_no_run() -> None:
    for line in ("", "garbage", "2026-99-99T99:99:99Z fullprocess INFO x", "Z fullprocess INFO x"):
        assert health.last_run([line]) is None


def test_a_run_that_is_to_come_is_no_sign_of_life() -> None:
    line = "9999-12-31T23:59:59Z fullprocess INFO no new data: nothing new in sourcedata/"
    trouble = health.late(health.last_run([line]))
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
def test_every_exit_code_that_a_log_can_hold_has_a_remedy(error: type[errors.RiskError]) -> None:
    never_logged = (
        *(errors.RequestRefused, errors.RunInProgress, errors.ConfigWrong),
        errors.CannotListen,  # a server writes no file
    )
    assert (error.exit_code in health.REMEDIES) != issubclass(error, never_logged)


def refusal(name: str) -> dict[str, Any]:
    return {"name": name, "reason": "no header"}


def by_hand(code: int) -> str:
    return f"{minutes_ago(1)} deployment ERROR failed with exit code {code}: it cannot"


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
        (health.failed_by_hand([by_hand(66)]), OK, ""),  # it did nothing
        (health.failed_by_hand([by_hand(74)]), DOUBTFUL, "deployment.py, run by hand"),
        (health.given_up("it said no"), DOUBTFUL, "It said no."),
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
