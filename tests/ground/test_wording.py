"""What runs decided, and whether the model holds, in words for those who call clients."""

import pytest

from risk import wording
from risk.decisions import gates
from risk.wording import DRIFTED, EQUAL, FORCED, MEANT, SAME, UNKNOWN
from tests.conftest import Score


@pytest.mark.parametrize(
    ("outcome", "new", "deployed", "said"),
    [
        ("deployed", None, None, MEANT["deployed"]),  # the first one
        ("deployed", 0.5, 0.6, DRIFTED),
        ("deployed", 0.6, 0.6, MEANT["deployed"]),  # forced
        ("no drift", 0.7, 0.6, MEANT["no drift"]),
        ("no drift", None, 0.6, UNKNOWN),
        ("kept", 0.5, 0.6, MEANT["kept"]),
        ("recalibrated", 0.5, 0.6, MEANT["recalibrated"]),
        ("rolled back", None, None, MEANT["rolled back"]),
        ("a word of later", None, None, ""),
    ],
)
def test_a_decision_is_said_without_numbers(
    outcome: str, new: float | None, deployed: float | None, said: str
) -> None:
    run = {"outcome": outcome, "new_score": new, "deployed_score": deployed, "reason": "F1 0.5"}
    assert wording.meant(run) == said
    assert "F1" not in said


@pytest.mark.parametrize(
    ("outcome", "reason", "said"),
    [
        ("deployed", "release 2-a; forced; F1 0.5", FORCED),
        ("kept", f"F1 0.5; release 1-a {SAME}", EQUAL),
        ("deployed", f"forced; F1 0.5; release 1-a {SAME}", EQUAL),
    ],
)
def test_what_no_gate_decided_is_not_said_of_a_gate(outcome: str, reason: str, said: str) -> None:
    run = {"outcome": outcome, "new_score": 0.5, "deployed_score": 0.6, "reason": reason}
    assert wording.meant(run) == said


@pytest.mark.parametrize(
    ("on_test", "on_newest", "said"),
    [
        ((0.6, 0.6), (0.5, 0.4), ""),
        ((0.6, None), (0.5, None), ""),  # the first one
        ((0.60001, 0.60004), (0.5, 0.4), ""),  # as good as can be seen
        ((0.59, 0.6), (0.5, 0.4), "the test data"),
        ((0.6, 0.5), (0.4, 0.5), "the newest data, on which it was fitted"),
        ((0.5, 0.6), (0.4, 0.5), "the test data and on the newest data, on which it was fitted"),
    ],
)
def test_a_weaker_model_that_goes_out_is_said_to_be_by_the_run_and_by_the_page(
    on_test: tuple[float, float | None], on_newest: tuple[float, float | None], said: str
) -> None:
    pairs = {gates.TEST: on_test, gates.NEWEST: on_newest}
    new = {name: Score(now) for name, (now, _) in pairs.items()}
    old = {name: Score(before) for name, (_, before) in pairs.items() if before is not None}
    scores = gates.weaker(new, old)
    run = {"outcome": "deployed", "new_score": 0.5, "deployed_score": 0.6, "reason": f"why{scores}"}
    but = f" But it is weaker than the release before on {said}." if said else ""
    assert wording.meant(run) == f"{DRIFTED}{but}"
    assert ("(0.5900 < 0.6000)" in scores) == (on_test == (0.59, 0.6))


@pytest.mark.parametrize(
    ("newest", "trained_on_it", "word", "colour"),
    [
        (None, False, "not known yet", ""),
        (0.6, False, "yes, no drift", "good"),
        (0.7, True, "yes, no drift", "good"),
        (0.59, False, "no, drifted", "weak"),
        (0.59, True, "just renewed", ""),
    ],
)
def test_the_model_holds_as_long_as_it_does_as_well_as_when_it_went_out(
    newest: float | None, trained_on_it: bool, word: str, colour: str
) -> None:
    found = wording.drift(newest, 0.6, is_trained_on_it=trained_on_it)
    assert (found.word, found.colour) == (word, colour)


@pytest.mark.parametrize(
    ("outcome", "whose"),
    [
        ("no drift", "the model in use then"),
        ("deployed", "the model that was replaced"),
        ("recalibrated", "the model that was replaced"),
    ],
)
def test_what_arrived_last_was_judged_with_the_model_before_a_change(
    outcome: str, whose: str
) -> None:
    assert f"{whose} had 0.5000" in wording.arrived([{"outcome": outcome, "arrived_score": 0.5}])
