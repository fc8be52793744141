"""What the gates decide, out of scores alone."""

from typing import NamedTuple

from risk import wording
from risk.learning.releases import Release

NO_NEW_DATA = "no new data"


class Decision(NamedTuple):
    """The outcome of a run in one of four words, and the sentence that says why."""

    outcome: str
    reason: str


def nothing_new(folder: str, deployed: Release | None) -> Decision:
    """The decision where no file is new."""
    since = f" since {deployed.title}" if deployed else ""
    return Decision(NO_NEW_DATA, f"nothing new in {folder}/{since}")


def drift(deployed: Release | None, newest: float | None, remark: str = "") -> tuple[bool, str]:
    """Whether the deployed model does worse on the newest data than when it was deployed.

    The remark is added to the score on the newest data.
    """
    if deployed is None:
        return True, "nothing was deployed yet"
    if newest is None:
        return False, f"outcomes unknown, so there is nothing to hold against {deployed.title}"
    then = f"{deployed.score:.4f} when {deployed.title} went out"
    scores = f"{newest:.4f} on the newest data{remark}, {then}"
    if deployed.score == 0:
        return True, f"a deployed score of 0 cannot be undercut (F1 {scores})"
    return newest < deployed.score, f"F1 {scores}"


def better(trained: float, deployed: float | None, remark: str = "") -> tuple[bool, str]:
    """Whether the new model beats the deployed one on the same test data.

    The remark is added to the scores on the test data.
    """
    new = f"on the test data the new model has {trained:.4f}"
    if deployed is None:
        return True, f"{new}{remark}"
    return trained > deployed, f"{new}, the deployed one {deployed:.4f}{remark}"


def weaker(on_test: tuple[float, float | None], on_newest: tuple[float, float | None]) -> str:
    """Where a model that goes out does worse than the release before; empty if nowhere.

    Each pair is F1 of the new model, and of the deployed one if there is one, on the same data.
    """
    pairs = {"the test data": on_test, "the newest data, on which it was fitted": on_newest}
    places = [
        f"{place} ({new:.4f} < {old:.4f})"
        for place, (new, old) in pairs.items()
        if old is not None and round(new, 4) < round(old, 4)
    ]
    return f"; but {wording.WEAKER} {' and on '.join(places)}" if places else ""
