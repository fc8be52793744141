"""How good the deployed model is and was, by the scores of all runs."""

from typing import NamedTuple

from risk import times, wording
from risk.decisions.gates import DATASETS, NEWEST
from risk.learning.releases import Release
from risk.records.decisions import Calibration, PolicyVerdict
from risk.records.decisions import Past as Decisions
from risk.records.queries import Past, Score
from risk.reports import decision_words, svg
from risk.wording import Drift


class Quality(NamedTuple):
    """The deployed model's last scores, all F1 as lines, whether the model holds.

    Where it took over from another one, F1 of both is known by dataset, its own first.
    """

    last: dict[str, dict[str, float]]
    chart: svg.Chart | None
    drift: Drift | None
    rivals: dict[str, tuple[float, float]]


def quality_of(past: Past, release: Release | None, decided: Decisions | None = None) -> Quality:
    """How good the deployed model is, and was; whether it holds is decided by F1 or by evidence."""
    own = [each for each in past.scores if release and each.release == release.release]
    drift = _drift(past, own, release) if release else None
    if release and decided:
        drift = decision_words.holds(_last_verdict(past, decided, release.release))
    rivals = _rivals(past.compared, release) if release else {}
    return Quality(_last(own), _chart(past.scores), drift, rivals)


def _drift(past: Past, own: list[Score], release: Release) -> Drift:
    """The verdict on this release, by its own scores only."""
    looks = [each for each in own if (each.dataset, each.metric) == (NEWEST, "f1")]
    if not looks:
        return wording.drift(None, release.score, is_trained_on_it=False)
    renewed = {each.run for each in past.compared}
    return wording.drift(looks[-1].value, release.score, is_trained_on_it=looks[-1].run in renewed)


def _last_verdict(past: Past, decided: Decisions, in_use: str) -> PolicyVerdict | None:
    """What the policy in force last decided, if the same release is in use since."""
    last = next((run for run in past.runs if run["id"] in decided.verdicts), None)
    return decided.verdicts[last["id"]][0] if last and last["release"] == in_use else None


def _rivals(compared: list[Score], release: Release) -> dict[str, tuple[float, float]]:
    """F1 of this release and of the one before on the same data, where both were scored."""
    own = {each.dataset: each.value for each in compared if each.release == release.release}
    before = {each.dataset: each.value for each in compared if each.release != release.release}
    return {name: (own[name], before[name]) for name in DATASETS if name in own and name in before}


def _last(scores: list[Score]) -> dict[str, dict[str, float]]:
    """The metrics of the last scored run, by dataset."""
    by_dataset: dict[str, dict[str, float]] = {}
    for each in scores:
        if each.run == scores[-1].run:
            by_dataset.setdefault(each.dataset, {})[each.metric] = each.value
    return by_dataset


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


def reliability(known: Calibration | None) -> svg.Curve | None:
    """The reliability curve."""
    groups = known.groups if known else ()
    points = [
        (*each[1:], each.is_off, decision_words.group(place, len(groups), each))
        for place, each in enumerate(groups, 1)
    ]
    return svg.curve(points)
