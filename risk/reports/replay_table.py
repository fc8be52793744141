"""A replayed history as a terminal shows it."""

import textwrap
from collections.abc import Sequence

from risk.decisions import replay
from risk.decisions.policies import DEPLOYED, KEPT, RECALIBRATED
from risk.decisions.replay import Known, Month
from risk.reports import decision_words, terminal
from risk.settings import Settings

HEAD = ("after", "policy", "verdict", "F1", "found of called", "calibration error")
NOTHING, INDENT = "-", 4 * " "
LONGEST_NAME = 40


def print_table(settings: Settings) -> None:
    """Print what each policy would have decided after each arrival, and how well it did."""
    print(table(*replay.of_project(settings)))


def table(known: Sequence[Known], months: Sequence[Month]) -> str:
    """Every decision with how the model in use did, why, and the sum of each policy."""
    after = {each.arrival: _files(each.files) for each in known}
    lines = terminal.aligned([HEAD, *(_row(after[month.arrival], month) for month in months)])
    head, *rows = lines.splitlines()
    told = [head]
    for row, month in zip(rows, months, strict=True):
        why = textwrap.wrap(month.verdict.reason, terminal.WIDTH - len(INDENT))
        told += [row, *(f"{INDENT}{line}" for line in why)]
    names = dict.fromkeys(month.policy for month in months)
    return "\n".join([*told, "", *(_sum(name, months) for name in names)])


def _files(names: Sequence[str]) -> str:
    """The files of one arrival, cut off where they are many."""
    return textwrap.shorten(", ".join(names) or "outcomes filled in", LONGEST_NAME, placeholder="…")


def _row(after: str, month: Month) -> tuple[str, ...]:
    verdict = month.verdict
    called = f"{verdict.found} of {verdict.called}" if verdict.called else NOTHING
    measured = [NOTHING if each is None else f"{each:.3f}" for each in (month.f1, month.error)]
    return after, month.policy, verdict.outcome, measured[0], called, measured[1]


def _sum(policy: str, months: Sequence[Month]) -> str:
    """What a policy did in all, in a sentence."""
    own = [month for month in months if month.policy == policy]
    outcomes = [month.verdict.outcome for month in own]
    found, called = (sum(getattr(m.verdict, name) for m in own) for name in ("found", "called"))
    share = f" ({100 * found / called:.0f} %)" if called else ""
    errors = [month.error for month in own if month.error is not None]
    error = f"; calibration error {sum(errors) / len(errors):.3f} on average" if errors else ""
    counts = [(word, outcomes.count(word)) for word in (DEPLOYED, RECALIBRATED, KEPT)]
    counted = [f"{word} {decision_words.times(count)}" for word, count in counts if count]
    return f"{policy}: {', '.join(counted)}; found {found} of {called} called{share}{error}"
