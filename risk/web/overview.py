"""What the overview sums up: whom to call, how good the model is, what was read."""

from collections.abc import Set
from pathlib import Path
from typing import Any, NamedTuple

from risk import files, times, wording
from risk.learning import ranking
from risk.learning.ranking import Basis, Expected
from risk.learning.releases import Release
from risk.records.queries import History, Score
from risk.records.store import DATASETS, NEWEST
from risk.reports import svg
from risk.web import client_list
from risk.web.client_list import Listing, Wish
from risk.wording import Drift

FIRST_TO_CALL = 7
MOST_FILES = 8


class ToCall(NamedTuple):
    """How many clients are at risk, and the first to call."""

    basis: Basis | None
    bands: dict[str, int]
    all: int
    expected: Expected
    first: list[client_list.Listed]


def to_call(listed: Listing, capacity: int, contacted: Set[str]) -> ToCall:
    """What the list comes to; those who were contacted are not called first."""
    risks, is_open = listed.table["risk"].to_numpy(), ranking.still_open(listed.table)
    top = client_list.selected(listed, Wish(hides_contacted=True), FIRST_TO_CALL, contacted)
    return ToCall(
        listed.basis,
        client_list.counts(listed),
        len(listed.folded),
        ranking.expected(risks[:capacity], is_open[:capacity]),
        client_list.rows(listed, top),
    )


class Quality(NamedTuple):
    """The deployed model's last scores, all F1 as lines, whether the model holds.

    Where it took over from another one, F1 of both is known by dataset, its own first.
    """

    last: dict[str, dict[str, float]]
    chart: svg.Chart | None
    drift: Drift | None
    rivals: dict[str, tuple[float, float]]


def quality(past: History, release: Release | None) -> Quality:
    """How good the deployed model is, and was."""
    own = [each for each in past.scores if release and each.release == release.release]
    drift = _drift(past, own, release) if release else None
    rivals = _rivals(past.compared, release) if release else {}
    return Quality(_last(own), _chart(past.scores), drift, rivals)


def _drift(past: History, own: list[Score], release: Release) -> Drift:
    """The verdict on this very release, whatever was said of the one before."""
    looks = [each for each in own if (each.dataset, each.metric) == (NEWEST, "f1")]
    if not looks:
        return wording.drift(None, release.score, is_trained_on_it=False)
    renewed = {each.run for each in past.compared}
    return wording.drift(looks[-1].value, release.score, is_trained_on_it=looks[-1].run in renewed)


def _rivals(compared: list[Score], release: Release) -> dict[str, tuple[float, float]]:
    """F1 of this release and of the one before on the same data, where both were scored."""
    own = {each.dataset: each.value for each in compared if each.release == release.release}
    before = {each.dataset: each.value for each in compared if each.release != release.release}
    return {name: (own[name], before[name]) for name in DATASETS if name in own and name in before}


def _last(scores: list[Score]) -> dict[str, dict[str, float]]:
    """The metrics of the last run that has some, by dataset."""
    found: dict[str, dict[str, float]] = {}
    for each in scores:
        if each.run == scores[-1].run:
            found.setdefault(each.dataset, {})[each.metric] = each.value
    return found


def _chart(scores: list[Score]) -> svg.Chart | None:
    """F1 over the runs, a line for each dataset."""
    began = {each.run: each.started_at for each in scores}
    places = {run: place for place, run in enumerate(began)}
    series: dict[str, list[svg.Point]] = {name: [] for name in DATASETS}
    for each in scores:
        if each.metric == "f1" and each.dataset in series:
            when = f"{times.written(began[each.run])}, release {each.release}"
            title = f"F1 {each.value:.4f} on the {each.dataset} data, {when}"
            series[each.dataset].append((places[each.run], each.value, title))
    names = [times.brief(moment) for moment in began.values()]
    return svg.chart(series, names, whole=False)


class Ingested(NamedTuple):
    """The files that were read, the last to arrive first, and how much was refused.

    Lines are those of files that were not refused whole.
    """

    time: str
    folder: str
    all: int
    rows: int
    refused: int
    refused_whole: list[dict[str, Any]]
    empty: list[str]
    rejected: str
    files: list[dict[str, Any]]


def ingested(path: Path) -> Ingested:
    """What the last ingestion read, by its record."""
    record = files.required_json(path, "ingestion.py")
    read = record["files"][::-1]
    whole = [each for each in read if each.get("reason")]
    judged = [each for each in read if not each.get("reason")]
    return Ingested(
        record["time"],
        record["input_folder"],
        len(read),
        sum(each["rows"] for each in judged),
        sum(each["rejected"] for each in judged),
        whole,
        [each["name"] for each in judged if not each["rows"]],
        files.short(path.with_name(files.REJECTED)),
        read[:MOST_FILES],
    )
