"""The decisions of the gates, made from scores alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from risk import wording
from risk.learning.releases import Release
from risk.wording import provisional

NO_NEW_DATA = "no new data"
DATASETS = TEST, NEWEST = "test", "newest"  # on which every run scores
ARRIVED = "arrived"  # the newly arrived files alone
PLACES = {TEST: "the test data", NEWEST: "the newest data, on which it was fitted"}


class Scored(Protocol):
    """A model's result on one dataset, as far as the gates need it."""

    @property
    def f1(self) -> float:
        """Its F1."""

    @property
    def leavers(self) -> int:
        """The number of clients that left in this dataset."""


class Deployed(Protocol):
    """A release, as far as the gates need it."""

    @property
    def title(self) -> str:
        """How sentences name it."""

    @property
    def score(self) -> float:
        """Its F1 when it went out."""


class Decision(NamedTuple):
    """The outcome of a run in one of five words, and the sentence that says why."""

    outcome: str
    reason: str


class Outcome(NamedTuple):
    """The decision of a run, and what its report can reuse (report_data.Known)."""

    decision: Decision
    known: Any = None


def nothing_new(folder: str, deployed: Release | None) -> Decision:
    """The decision where no file is new."""
    since = f" since {deployed.title}" if deployed else ""
    return Decision(NO_NEW_DATA, f"nothing new in {folder}/{since}")


def drift(deployed: Deployed | None, newest: Scored | None) -> tuple[bool, str]:
    """Whether the deployed model does worse on the newest data than when it was deployed."""
    if deployed is None:
        return True, "nothing was deployed yet"
    if newest is None:
        return False, f"outcomes unknown, so there is nothing to hold against {deployed.title}"
    then = f"{deployed.score:.4f} when {deployed.title} went out"
    scores = f"{newest.f1:.4f} on the newest data{provisional(newest.leavers)}, {then}"
    if deployed.score == 0:
        return True, f"a deployed score of 0 cannot be undercut (F1 {scores})"
    return newest.f1 < deployed.score, f"F1 {scores}"


def better(trained: Scored, deployed: Scored | None) -> tuple[bool, str]:
    """Whether the new model beats the deployed one on the same test data."""
    new = f"on the test data the new model has {trained.f1:.4f}"
    remark = provisional(trained.leavers)
    if deployed is None:
        return True, f"{new}{remark}"
    return trained.f1 > deployed.f1, f"{new}, the deployed one {deployed.f1:.4f}{remark}"


def weaker(new: Mapping[str, Scored], before: Mapping[str, Scored]) -> str:
    """The datasets on which a new release is weaker than the one before, in words; often empty."""
    places = [
        f"{place} ({new[name].f1:.4f} < {before[name].f1:.4f})"
        for name, place in PLACES.items()
        if name in new and name in before and round(new[name].f1, 4) < round(before[name].f1, 4)
    ]
    return f"; but {wording.WEAKER} {' and on '.join(places)}" if places else ""
