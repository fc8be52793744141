"""What a run decided, and whether the model is still good, for the people who call clients."""

import re
from typing import Any, NamedTuple

GOOD, WEAK, BAD = "good", "weak", "bad"
COLOURS = {"deployed": GOOD, "recalibrated": GOOD, "failed": BAD, "died": BAD}
MEANT = {
    "no new data": "Nothing came in that changes the data, so nothing changed.",
    "no drift": "The model in use is as good as it was, so it stays; the list is new.",
    "kept": "The model in use had got worse, but a new one was no better, so it stays.",
    "deployed": "A new model is in use.",
    "recalibrated": (
        "The order of the list still holds, but more clients leave, or fewer: "
        "the level of the risks was corrected."
    ),
    "rolled back": "The model before is in use again.",
    "ingested": "The data was read by hand.",
    "trained": "A model was trained by hand; it is not in use yet.",
    "scored": "A trained model was judged by hand; it is not in use yet.",
    "reported": "The list and the report were made by hand.",
    "failed": "The run failed before it was done; an engineer should look.",
    "died": "The run ended before it was done; the next one finishes what is missing.",
}
DECIDE_NOTHING = ("ingested", "trained", "scored", "reported")  # steps by hand
DRIFTED = "The model in use had got worse on the newest data, so a new one replaced it."
WEAKER = "it is weaker than the release before on"  # in the reason of such a run
SAME = "stays: the new model is the same to the byte"
EQUAL = "The new model equals the one in use, so nothing changed."
FORCED = "A new model is in use because an engineer asked for it."
FEW_LEAVERS = 100
UNKNOWN = "It is not known yet who left, so the model in use stays; the list is new."


def provisional(leavers: int) -> str:
    """What is added to a score that rests on too few clients that left."""
    return f" (provisional, {leavers} leavers)" if leavers < FEW_LEAVERS else ""


def at_stake(in_all: float, to_call: float, called: int, by_band: dict[str, float]) -> str:
    """What is expected to be lost, which is risk times value, with whom."""
    bands = ", ".join(f"{lost:,.0f} at {name} risk" for name, lost in by_band.items())
    first = f"{to_call:,.0f} of it with the first {called:,}"
    return f"At stake, as risk times value: {in_all:,.0f} in all, {first}; {bands}."


def meant(run: dict[str, Any]) -> str:
    """The decision of a recorded run in a sentence; nothing for a word that is not ours."""
    outcome, new, deployed = (run[name] for name in ("outcome", "new_score", "deployed_score"))
    if outcome in ("kept", "deployed") and SAME in run["reason"]:
        return EQUAL
    if new is None or deployed is None:
        return UNKNOWN if outcome == "no drift" else MEANT.get(outcome, "")
    if outcome != "deployed":
        return MEANT.get(outcome, "")
    _, weaker, where = re.sub(r" \([^)]*\)", "", run["reason"]).partition(WEAKER)
    forced = "forced; " in run["reason"]
    said = FORCED if forced else DRIFTED if new < deployed else MEANT[outcome]
    return f"{said} But {weaker}{where}." if weaker else said


def arrived(runs: list[dict[str, Any]]) -> str:
    """F1 on what came in last alone, and why it stands beside the one on all newest data.

    A run that changed the model looked at the new files with the model that it then replaced.
    """
    said = "The newest data holds rows that the model was fitted on, which flatters it"
    run = next((run for run in runs if run["arrived_score"] is not None), None)
    if run is None:
        return f"{said}; no run has looked at newly arrived files alone yet."
    whose = "the model in use then"
    if run["outcome"] in ("deployed", "recalibrated"):
        whose = "the model that was replaced"
    return f"{said}; on the files that arrived last alone, {whose} had {run['arrived_score']:.4f}."


class Drift(NamedTuple):
    """Whether the deployed model is still good: a word, its colour, and a sentence."""

    word: str
    colour: str
    sentence: str


def drift(newest: float | None, deployed: float, *, is_trained_on_it: bool) -> Drift:
    """Whether F1 of the deployed model on the newest data is below that of its deployment.

    A model that was trained on that very data has not drifted; if it is still worse there than on
    the test data, the next new data is likely to replace it.
    """
    if newest is None:
        return Drift("not known yet", "", "This release was not held against the newest data yet.")
    scores = f"F1 {newest:.4f} on the newest data, {deployed:.4f} when it went out"
    if newest >= deployed:
        return Drift("yes, no drift", GOOD, f"{scores}.")
    if not is_trained_on_it:
        return Drift("no, drifted", WEAK, f"{scores}.")
    again = "It was trained on that very data, so the next new data is likely to renew it again."
    return Drift("just renewed", "", f"{scores}. {again}")
