"""What the records tell of decisions, risks and shifts in the words of the pages and the report."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from risk.decisions.policies import KEPT, NO_DRIFT
from risk.learning.ranking import Expected
from risk.models.estimator import Numbers
from risk.records.decisions import Calibration, Group, Past, PolicyVerdict, Shift, Tally
from risk.wording import BAD, GOOD, WEAK, Drift

NAMES = {"specified": "the rule", "trusted": "evidence", "configured": "the mix of keys"}
IF_RIGHT = ", if the model is right and nobody calls"
HOW_FOUND = (
    "Of the clients whose outcome came last, each model would have had the first of its own list "
    "called; found are those of them that left. Each policy goes on with its own model from run "
    "to run, so this is what would really have come of it."
)
HOW_WEIGHED = (
    "The effect is the change of F1 for the rule, how far the log-odds are off for evidence, and "
    "the gain in log-loss where a new model had to do better; p is how often chance alone does "
    "as much."
)
NEVER_ACTED_ON = (
    "This is shown, never acted on: whether it matters for the risks is known when the outcomes "
    "come, and they come later."
)
MEASURES = (
    "PSI is the population stability index, KS the distance of Kolmogorov and Smirnov; by chance "
    "alone each stays below the number beside it."
)
NO_SHIFT = "No column has moved further from what the model learned from than chance explains."


def policy(name: str, in_force: str) -> str:
    """A policy by what it asks, with its name in config.json."""
    return f"{NAMES.get(name, 'another')} ({name}{', in force' if name == in_force else ''})"


def tallied(tally: Tally, in_force: str) -> str:
    """What came of a policy over all runs, as the part of a sentence."""
    is_in_force = tally.policy == in_force
    did = "deployed" if is_in_force else "would have deployed"
    said = f"{policy(tally.policy, in_force)} {did} {times(tally.deployed)}"
    if tally.recalibrated:
        said += f" and corrected the level of the risks {times(tally.recalibrated)}"
    if not tally.called:
        return f"{said}, and nothing is known yet of whom its models found"
    found = "found" if is_in_force else "would have found"
    share = 100 * tally.found / tally.called
    among = f"{tally.found:,} leavers among {tally.called:,} called ({share:.0f}\u00a0%)"
    return f"{said}, and its models {found} {among}"


def times(count: int) -> str:
    """How often."""
    return ("never", "once", "twice")[count] if count < 3 else f"{count:,} times"


def of_called(counts: Tally | PolicyVerdict) -> str:
    """The leavers among those called; nothing where nothing could be measured."""
    if not counts.called:
        return ""
    share = 100 * counts.found / counts.called
    return f"{counts.found:,} of {counts.called:,} ({share:.0f}\u00a0%)"


def summary(past: Past) -> str:
    """All policies in one sentence, the one in force first."""
    if not past.tallies:
        return ""
    runs = max(tally.runs for tally in past.tallies)
    parts = "; ".join(tallied(tally, past.in_force) for tally in past.tallies)
    return f"In {runs:,} {'run' if runs == 1 else 'runs'} {parts}."


def holds(verdict: PolicyVerdict | None) -> Drift:
    """Whether the model in use holds, if evidence decides that and not two F1."""
    if verdict is None or (verdict.verdict == NO_DRIFT and verdict.p is None):
        why = verdict.sentence if verdict else "no outcome was held against this release yet"
        return Drift("not known yet", "", _sentence(why))
    word, colour = {NO_DRIFT: ("yes, no drift", GOOD), KEPT: ("no, drifted", WEAK)}.get(
        verdict.verdict, ("just renewed", "")
    )
    return Drift(word, colour, _sentence(verdict.sentence))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def expected(of: Calibration) -> str:
    """How many were expected to leave, and how many did."""
    low, high = of.expected_low, of.expected_high
    return (
        f"Of the {of.rows:,} clients whose outcome came last, {of.expected:,.0f} were expected to "
        f"leave (90\u00a0% sure between {low:,.0f} and {high:,.0f}); {of.leavers:,} did."
    )


def error(of: Calibration) -> str:
    """How far the risks of ten groups are from what came, and how far chance alone puts them."""
    return (
        f"Calibration error: {_points(of.error)} percentage points on average (90\u00a0% sure "
        f"between {_points(of.error_low)} and {_points(of.error_high)}); a perfect model would "
        f"have {_points(of.by_chance)} by chance alone."
    )


def whose(of: Calibration, in_use: str) -> str:
    """Of which release the risks are."""
    if of.release == in_use:
        return f"The risks are those of release {of.release}, which is in use."
    return (
        f"The risks are those of release {of.release}, which was in use when these outcomes came "
        "and was replaced since; nothing is known yet of the one in use now."
    )


def group(place: int, count: int, of: Group) -> str:
    """A group of the reliability curve."""
    return (
        f"Group {place} of {count}, {of.rows:,} clients: predicted {share(of.risk)}, "
        f"{share(of.left)} left, 90 % sure between {share(of.left_low)} and {share(of.left_high)}"
    )


def curve(groups: Sequence[Group]) -> str:
    """What the reliability curve shows."""
    off = sum(each.is_off for each in groups)
    return (
        f"Clients in {len(groups)} groups by risk: of {len(groups) - off} the predicted risk lies "
        f"within the interval of the share that left, of {off} outside."
    )


def share(value: float) -> str:
    """A share in percent, finer where it is small."""
    return f"{100 * value:.1f} %" if value < 0.095 else f"{100 * value:.0f} %"


def distances(of: Shift) -> str:
    """How far a column moved by both measures, and how far chance moves it."""
    measures = ("PSI", of.psi, of.psi_bound), ("KS", of.ks, of.ks_bound)
    return "; ".join(
        f"{name} {value:.3f}, by chance up to {bound:.3f}"
        for name, value, bound in measures
        if value is not None and bound
    )


def four(of: Shift) -> list[str]:
    """Both distances and their bounds; empty where a column has none."""
    pairs = (of.psi, of.psi_bound), (of.ks, of.ks_bound)
    known = [pair if pair[1] else ("", "") for pair in pairs]
    return [each if isinstance(each, str) else f"{each:.3f}" for pair in known for each in pair]


def since(release: str) -> str:
    """With what the newest data was compared."""
    return f"Since {f'release {release}' if release else 'the model in use'} learned:"


def truth(of: Calibration, in_use: str) -> tuple[str, str]:
    """Whether the risks come true in a word, and its colour."""
    if not of.is_off:
        return "yes, within chance", GOOD
    return ("no", BAD) if of.release == in_use else ("no, those of the model before", WEAK)


def chance(p: float | None) -> str:
    """A p-value where it was asked for."""
    if p is None:
        return "none"
    return "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def effect(size: float | None) -> str:
    """How much is different, with its sign."""
    return "none" if size is None else f"{size:+.4f}"


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def promised(
    leaving: Expected,
    risks: Numbers,
    is_open: npt.NDArray[np.bool_],
    doubted: Calibration | None,
) -> tuple[str, str]:
    """How many of these would leave: a number, or an interval where the risks are off."""
    if doubted is None:
        return f"{leaving.leaving:,}", leaving.words
    low, high = doubted.reach(risks[is_open | ~is_open.any()])
    return f"{low:,} to {high:,}", leaving.words.replace(IF_RIGHT, ", if nobody calls")
