#!/usr/bin/env python3
"""Is there new data, has the model drifted on it, then act: python fullprocess.py [--check]"""

import logging
from typing import Any, cast

from risk import files
from risk.cli import Option, run
from risk.data import input_folder
from risk.data.input_folder import Arrival
from risk.decisions import gates, judgement
from risk.decisions.gates import TEST, Decision, Outcome
from risk.errors import ArtefactRefused, InputUnreadable, RiskError, ServiceDown, noted
from risk.learning import publishing, releases
from risk.learning.releases import Release
from risk.records import pending
from risk.records.pending import Run
from risk.settings import Settings

log = logging.getLogger("risk.fullprocess")


def full_process(settings: Settings | None = None, *, force: bool = False) -> str:
    """Train, score and deploy if new data came in on which the deployed model has drifted."""
    settings = settings or Settings.load()
    damaged = publishing.recover(settings.prod_deployment_path)
    problems: list[str] = []
    try:
        unlisted = None if force else make_owed_list(settings)
        problems += fetch(settings)
        before = judgement.unreadable_files(settings)
        decision, known = decide_and_act(settings, force)
        if decision.outcome == gates.NO_NEW_DATA and (undone := damaged or unlisted):
            raise undone  # otherwise another release is out, or the list is new
    except (RiskError, OSError):
        for problem in problems + finish(settings):
            log.warning("%s", problem)
        raise
    unreadable = [each for each in judgement.unreadable_files(settings) if each not in before]
    problems += finish(settings, known) + unreadable
    if problems:
        kind = InputUnreadable if unreadable else ServiceDown
        raise kind(f"{decision.outcome}: {decision.reason}; but {'; '.join(problems)}")
    log.info("%s: %s", *decision)
    return decision.outcome


def make_owed_list(settings: Settings) -> Exception | None:
    """Make the list that an earlier run did not come to; what prevented it is returned."""
    if pending.LIST not in pending.owed(settings):
        return None
    from risk.reports import deliverables

    return deliverables.finish_list(settings)


def fetch(settings: Settings) -> list[str]:
    """Bring in new rows of a database; what prevented it is returned."""
    problems: list[str] = []
    if settings.input_database_url:
        from risk.data import source

        with noted(problems, "no rows were fetched"):
            source.fetch(settings)
    return problems


def decide_and_act(settings: Settings, force: bool) -> Outcome:
    """Pass the gates, and do what they say."""
    release = releases.current(settings.prod_deployment_path)
    listed = input_folder.listing(settings.input_folder_path)
    new = input_folder.unseen(listed.found, judgement.settled(settings, release))
    if not new and not force:
        input_folder.say_passed_over(settings, listed.passed_over)
        return Outcome(gates.nothing_new(settings.input_folder, release))
    with Run(settings, pending.OWED) as run:
        outcome = past_the_first_gate(settings, release, new, force, run)
        run.end(*outcome.decision)
    return outcome


def past_the_first_gate(
    settings: Settings, release: Release | None, new: list[Arrival], force: bool, run: Run
) -> Outcome:
    """Ingest; retrain on drift; deploy what is good enough; make a new list."""
    # an idle run ends before this line: pandas, scikit-learn and SQLAlchemy cost it nothing
    import deployment
    import ingestion
    import scoring
    import training
    from risk.decisions import policies, rivals
    from risk.records import model_record
    from risk.reports import deliverables

    arrived, dataset, nothing_new = ingestion.take_in(settings, release, new, run, force=force)
    if dataset is None or nothing_new:
        return Outcome(Decision(gates.NO_NEW_DATA, nothing_new))

    def ends(outcome: str, why: str, in_use: Release, candidate: Any) -> Outcome:
        compared.settle(settings)
        if release and in_use.release == release.release:
            judgement.remember_weighed(settings, release, arrived.seen)
        model_record.remember_shifts(run, in_use, dataset.labelled, dataset.book, settings.columns)
        decision = Decision(outcome, arrived.with_refused(why))
        known = deliverables.make_list(settings, run, decision, (in_use, candidate), dataset.as_of)
        return Outcome(decision, known)

    now = scoring.known_now(dataset.labelled, dataset.clients, arrived.arrival, settings, run)
    in_use, lost = None, ""
    try:
        of_new = arrived.rows_of(new, settings.columns)
        in_use = scoring.score_in_use(settings, release, now, of_new, run)
    except ArtefactRefused as refusal:
        if not force:
            raise
        lost = str(refusal).partition("; run python")[0]
    verdict = policies.decide(policies.configured(settings), in_use, now, force=force, lost=lost)
    compared = rivals.compared(settings, now, in_use, verdict)
    model_record.remember_verdicts(run, compared.verdicts)
    if verdict.proposal:
        training.keep(verdict.proposal.trained, dataset.id, settings, run.seconds)
        scoring.keep(verdict.proposal.scored, settings)
        run.knows(trained_score=verdict.proposal.scored.f1(TEST))
    if in_use and not verdict.successor:
        return ends(verdict.outcome, verdict.reason, in_use.release, in_use.candidate)
    scored = cast(Any, verdict.successor).scored  # there is one if no model is in use
    before = in_use.candidate if in_use and not verdict.is_proven else None
    published, weaker = deployment.bring_out(settings, scored, before, now.share, run)
    return ends(verdict.outcome, f"{published.title}; {verdict.reason}{weaker}", published, scored)


def finish(settings: Settings, known: Any = None) -> list[str]:
    """Record what waits, report it, ask the API; what prevented one of them is returned."""
    if not pending.waiting(settings):
        return []
    import apicalls
    from risk.records import recording
    from risk.reports import deliverables

    problems = recording.record_owed(settings)
    problems += deliverables.make_owed_report(settings, known)
    return problems + apicalls.file_owed(settings)


def check(settings: Settings) -> None:
    """Say what a run would decide now, and change nothing."""
    from risk import sandbox
    from risk.data import source

    with sandbox.aside(settings) as aside, sandbox.quiet():
        releases.copy(settings.prod_deployment_path, aside.prod_deployment_path)
        print("a run would end with {}: {}".format(*decide_and_act(aside, force=False).decision))
        if rows := source.new_row_count(aside):
            print(f"but first it would fetch {rows} new rows of the table {settings.input_table}")


def run_and_tell(settings: Settings, *, force: bool = False) -> None:
    """Train, score and deploy if new data came in on which the deployed model has drifted."""
    if full_process(settings, force=force) != gates.NO_NEW_DATA:
        for what, place in files.results(settings).items():
            print(f"  {what:15} {place.relative_to(settings.workspace)}")


def force_and_tell(settings: Settings) -> None:
    """Train, score and deploy whatever the gates say."""
    run_and_tell(settings, force=True)


if __name__ == "__main__":
    run(run_and_tell, Option("--check", check, writes=False), Option("--force", force_and_tell))
