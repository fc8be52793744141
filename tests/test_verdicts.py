"""What runs decided, and whether the model holds, in words for those who call clients."""

import pytest

from risk import verdicts
from risk.verdicts import DRIFTED, MEANT, UNKNOWN, WEAKER


@pytest.mark.parametrize(
    ("outcome", "new", "deployed", "said"),
    [
        ("deployed", None, None, MEANT["deployed"]),  # the first one
        ("deployed", 0.5, 0.6, DRIFTED),
        ("deployed", 0.6, 0.6, MEANT["deployed"]),  # forced
        ("no drift", 0.7, 0.6, MEANT["no drift"]),
        ("no drift", None, 0.6, UNKNOWN),
        ("kept", 0.5, 0.6, MEANT["kept"]),
        ("rolled back", None, None, MEANT["rolled back"]),
        ("a word of later", None, None, ""),
    ],
)
def test_a_decision_is_said_without_numbers(
    outcome: str, new: float | None, deployed: float | None, said: str
) -> None:
    run = {"outcome": outcome, "new_score": new, "deployed_score": deployed, "trained_score": 0.9}
    assert verdicts.meant(run) == said
    assert "F1" not in said


@pytest.mark.parametrize(("trained", "said"), [(0.59, WEAKER), (0.6, DRIFTED), (None, DRIFTED)])
def test_a_weaker_model_that_replaces_one_is_said_to_be(trained: float | None, said: str) -> None:
    run = {"outcome": "deployed", "new_score": 0.5, "deployed_score": 0.6, "trained_score": trained}
    assert verdicts.meant(run) == said


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
    found = verdicts.drift(newest, 0.6, is_trained_on_it=trained_on_it)
    assert (found.word, found.colour) == (word, colour)
