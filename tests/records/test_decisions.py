"""What the records tell of decisions: tallies of policies, the last verdicts, risks, shifts."""

import math

import numpy as np
import pytest

from risk.records import decisions, store
from risk.records.decisions import Calibration, Group
from risk.records.store import Entry
from risk.settings import Settings
from tests.records.sql import ON_SERVERS, execute
from tests.verdicts import calibration, record, shift, verdict

IN_USE = "3-abcdabcd"


@ON_SERVERS
def test_what_each_policy_decided_is_summed_over_the_runs_that_ended(recorded: Settings) -> None:
    assert decisions.overview(recorded).tallies == []
    record(
        recorded, 1, "deployed", [verdict("specified", "deployed"), verdict("trusted", "deployed")]
    )
    for number, other in enumerate(("no drift", "recalibrated"), 2):
        own = verdict("specified", "deployed", 10, 50, effect=-0.02)
        record(recorded, number, "deployed", [own, verdict("trusted", other, 12, 50, p=0.3)])
    record(recorded, 4, "failed", [verdict("specified", "deployed", 99, 99)])
    past = decisions.overview(recorded)
    assert past.tallies == [("specified", 3, 3, 0, 20, 100), ("trusted", 3, 1, 1, 24, 100)]
    assert past.in_force == "specified"
    assert past.change == ("run-3", "2030-01-01T00:03:00Z")
    own, other = past.verdicts["run-2"]
    assert (own.verdict, own.p, own.effect) == ("deployed", None, -0.02)
    assert (other.verdict, other.p, other.sentence) == ("no drift", 0.3, "trusted says no drift")


@ON_SERVERS
def test_the_first_row_of_the_newest_run_is_the_policy_in_force(recorded: Settings) -> None:
    record(recorded, 1, "no drift", [verdict("specified", "no drift"), verdict("trusted", "kept")])
    record(recorded, 2, "kept", [verdict("trusted", "kept"), verdict("specified", "no drift")])
    past = decisions.overview(recorded)
    assert past.in_force == "trusted"
    assert [tally.policy for tally in past.tallies] == ["trusted", "specified"]
    assert [each.verdict for each in past.last] == ["kept", "no drift"]
    assert past.change is None


def test_the_last_verdicts_are_those_of_runs_that_asked_and_the_last_change_is_among_them(
    settings: Settings,
) -> None:
    record(settings, 1, "recalibrated", [verdict("trusted", "recalibrated")])
    for number in range(2, 40):
        record(settings, number, "no drift", [verdict("trusted", "no drift")])
        record(settings, number + 100, "reported", [])
    past = decisions.overview(settings)
    assert [*past.verdicts][:2] == ["run-39", "run-38"]
    assert [*past.verdicts][-1] == "run-1"
    assert past.change == ("run-1", "2030-01-01T00:01:00Z")
    assert past.last[0].verdict == "no drift"


@ON_SERVERS
def test_the_newest_calibration_and_shifts_count_wherever_they_are(recorded: Settings) -> None:
    record(recorded, 1, "deployed", [], **calibration("1-abcdabcd", 300))
    columns = [shift("calm"), shift("moved", "moved fell by half", 0.2)]
    record(recorded, 2, "deployed", [], **calibration(IN_USE, 149), shifts=columns, release=IN_USE)
    record(recorded, 3, "no drift", [verdict("specified", "no drift")])
    past = decisions.overview(recorded)
    assert past.calibration
    assert (past.calibration.release, past.calibration.leavers) == (IN_USE, 149)
    assert [group.risk for group in past.calibration.groups] == sorted(
        0.05 * place for place in range(1, 11)
    )
    assert [each.column for each in past.shifts] == ["moved", "calm"]
    assert past.learned == IN_USE


def test_records_of_an_older_program_have_decided_nothing(settings: Settings) -> None:
    store.write(settings, Entry({"id": "1", "started_at": "2020", "outcome": "kept", "reason": ""}))
    for table in ("verdicts", "calibration", "reliability", "shifts"):
        execute(settings, f"DROP TABLE {table}")
    assert decisions.overview(settings).tallies == []
    assert decisions.verdicts_of(settings, ["1"]) == {}


def held(left: int, expected: float, spread: float, error: float = 0.01) -> Calibration:
    """A thousand clients in ten equal groups with this many leavers."""
    half = 1.645 * spread
    groups = [Group(100, 0.2, 0.2, 0.15, 0.25)] * 10
    in_all = (left, expected, expected - half, expected + half)
    return Calibration("run", IN_USE, 1000, *in_all, error, 0.0, 0.1, 0.03, groups)


@pytest.mark.parametrize(
    ("left", "error", "is_off"),
    [
        (200, 0.01, False),
        (237, 0.01, False),  # under three standard errors
        (239, 0.01, True),
        (161, 0.01, True),
        (200, 0.051, False),  # no more than chance may give
        (200, 0.07, True),
    ],
)
def test_risks_are_off_beyond_three_standard_errors_or_beyond_what_chance_gives(
    left: int, error: float, is_off: bool
) -> None:
    assert held(left, 200, 12.65, error).is_off is is_off


def test_a_perfect_model_is_hardly_ever_off() -> None:
    random, off = np.random.default_rng(3), 0
    for _ in range(300):
        risks = np.sort(random.beta(1, 4, 400))
        left = random.random(400) < risks
        groups = [
            Group(40, float(risks[part].mean()), float(left[part].mean()), 0.0, 1.0)
            for part in np.array_split(np.arange(400), 10)
        ]
        error = float(np.mean([abs(each.risk - each.left) for each in groups]))
        spread = 1.645 * math.sqrt(float((risks * (1 - risks)).sum()))
        told, chance = (
            float(risks.sum()),
            math.sqrt(2 / math.pi)
            * float(np.mean([math.sqrt(each.risk * (1 - each.risk) / 40) for each in groups])),
        )
        in_all = (int(left.sum()), told, told - spread, told + spread)
        known = Calibration("run", IN_USE, 400, *in_all, error, 0.0, 0.1, chance, groups)
        off += known.is_off
    assert off <= 6


def test_a_list_gets_an_interval_from_what_its_risks_say_to_what_came_of_such_risks() -> None:
    known = held(100, 200, 12)
    assert known._replace(groups=[]).reach(np.full(60, 0.4)) == (12, 24)
    assert known.reach(np.full(60, 0.4)) == (9, 24)  # 15 % of those of this risk may have left
    more = held(400, 200, 12)._replace(groups=[])
    assert more.reach(np.full(50, 0.4)) == (20, 40)
    assert more.reach(np.full(50, 0.9)) == (45, 50)  # no more than there are
    assert held(5, 0.0, 0.0).reach(np.zeros(3))[0] == 0


def test_only_the_model_in_use_is_doubted(settings: Settings) -> None:
    record(settings, 1, "no drift", [], **calibration(IN_USE, 149))
    past = decisions.overview(settings)
    assert past.doubted(IN_USE) is past.calibration
    assert past.doubted("4-abcdabcd") is None
