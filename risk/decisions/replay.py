"""The history of arrivals once more, as each policy would have decided it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from risk import progress, sandbox
from risk.columns import Columns
from risk.data import intake, test_data
from risk.data.input_folder import Seen
from risk.data.intake import Intake
from risk.dataset import merge, outcomes
from risk.dataset.outcomes import Labelled
from risk.decisions import policies, situation
from risk.decisions.gates import TEST
from risk.decisions.policies import Policy, Verdict
from risk.decisions.situation import InUse, Proposal, Situation
from risk.errors import DataUnusable
from risk.learning import calibration, evaluation
from risk.learning.releases import Release
from risk.rows import tables
from risk.settings import Settings


def of_project(settings: Settings) -> tuple[list["Known"], list["Month"]]:
    """The history of a project's input folder, and what the policies decide of it."""
    with sandbox.aside(settings) as aside, sandbox.quiet():
        taken = intake.gather(aside)
    known = list(history(taken, settings.columns))
    configured = policies.configured(settings)
    asked = list(dict.fromkeys((policies.SPECIFIED, policies.TRUSTED, configured)))
    months = []
    work = progress.of(len(known) * len(asked), "decisions")
    for month in replayed(known, test_data.rows(settings), settings, asked):
        months.append(month)
        work.at("deciding", len(months))
    progress.say("")
    return known, months


class Known(NamedTuple):
    """What was known after an arrival: its files, the rows with an outcome, how many clients."""

    arrival: int
    files: list[str]
    labelled: Labelled
    clients: int


class Month(NamedTuple):
    """One decision: the policy, its verdict, and how the model in use did on the new outcomes.

    Without outcomes that it had not learned from there is nothing to measure.
    """

    arrival: int
    policy: str
    verdict: Verdict
    f1: float | None
    error: float | None  # of calibration


def history(taken: Intake, columns: Columns) -> Iterator[Known]:
    """What was known after each arrival, as far as its files are still there.

    Files that all came at once count as if they had come one by one.
    """
    arrivals = [source.arrived_first for source in taken.sources]
    before: outcomes.Outcomes | None = taken.data.outcomes
    if len(set(arrivals)) == 1:
        arrivals, before = list(range(1, len(arrivals) + 1)), None
    rows_by_file = taken.rows_by_file
    of_outcomes = [] if before is None else before.rows["arrival"].tolist()
    for arrival in sorted({*arrivals, *of_outcomes} - {outcomes.OPEN}):
        firsts = [first for first in arrivals if first <= arrival]
        came = taken.sources[: len(firsts)]  # which are in the order of their arrival
        if not came:
            continue
        table = tables.merged(
            [_as_known(rows, before, arrival, columns) for rows in rows_by_file[: len(came)]],
            columns,
        )
        with_rows = intake.in_files(came)
        merged = merge.merged(table, with_rows, columns)
        firsts_of_them = [first for each, first in zip(came, firsts, strict=True) if each.good]
        told = outcomes.of(merged.told, firsts_of_them, before)
        if arrival not in firsts and arrival not in told.rows["arrival"]:
            continue
        names = [
            source.arrival.name
            for source, first in zip(came, firsts, strict=True)
            if first == arrival and source.good
        ]
        yield Known(arrival, names, told.labelled(merged.table, columns), len(merged.book))


def _as_known(
    table: pd.DataFrame, outcomes_now: outcomes.Outcomes | None, arrival: int, columns: Columns
) -> pd.DataFrame:
    """The rows of a file without the outcomes that were filled in after this arrival."""
    if outcomes_now is None or table.empty:
        return table
    came_later = outcomes_now.arrivals_of(merge.keys(table, columns)) > arrival
    return table.assign(**{columns.target: table[columns.target].mask(came_later)})


def replayed(
    known: Sequence[Known],
    test: pd.DataFrame,
    settings: Settings,
    asked: Sequence[Policy] = (policies.SPECIFIED, policies.TRUSTED),
) -> Iterator[Month]:
    """What each policy decides after each arrival, with the model that it then has in use."""
    in_use: dict[str, InUse | None] = {policy.name: None for policy in asked}
    for each in known:
        share = evaluation.capacity_share(settings.capacity, each.clients)
        now = Situation(each.labelled, test, settings, share, arrival=each.arrival)
        for policy in asked:
            before = in_use[policy.name]
            current = held(before, now) if before else None
            try:
                verdict = policies.decide(policy, current, now)
            except DataUnusable:  # not enough is known yet for a first model
                continue
            yield _month(each, policy, verdict, current, now)
            in_use[policy.name] = _next(current, verdict)


def held(in_use: InUse, now: Situation) -> InUse:
    """The model in use, on what is known now."""
    model, threshold = in_use.candidate.model, in_use.release.threshold
    on = evaluation.evaluate(model, now.known_datasets, now.columns, threshold)
    return in_use._replace(candidate=in_use.candidate._replace(on=on))


def _next(in_use: InUse | None, verdict: Verdict) -> InUse | None:
    """The model in use after a verdict."""
    if verdict.successor:
        return used(verdict.successor, in_use.release.number + 1 if in_use else 1)
    return in_use._replace(weighed=verdict.weighed) if in_use else None


def used(proposal: Proposal, number: int) -> InUse:
    """A model that went out, though only here."""
    record, score = proposal.trained.record(), proposal.scored.on[TEST].f1
    release = Release(f"{number}", number, "", score, "", Seen(), {}, {}, **record)
    return InUse(release, proposal.scored, 0, release.title)


def _month(
    known: Known, policy: Policy, verdict: Verdict, in_use: InUse | None, now: Situation
) -> Month:
    new = situation.unseen(in_use, now)
    if new is None:
        return Month(known.arrival, policy.name, verdict, None, None)
    error = calibration.reliability(new.risks, new.left).error
    return Month(known.arrival, policy.name, verdict, new.f1, error)
