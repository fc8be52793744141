#!/usr/bin/env python3
"""Is there new data, has the model drifted on it, then act: python fullprocess.py [--check]"""

import logging

from risk import files
from risk.cli import Option, run
from risk.data import input_folder
from risk.data.input_folder import Arrival
from risk.errors import ArtefactRefused, InputUnreadable, RiskError, ServiceDown, noted
from risk.learning import gates, judgement, releases
from risk.learning.gates import Decision
from risk.learning.releases import Release
from risk.records import pending
from risk.records.pending import Run
from risk.settings import Settings

log = logging.getLogger("risk.fullprocess")


def full_process(settings: Settings | None = None, *, force: bool = False) -> str:
    """Train, score and deploy if new data came in on which the deployed model has drifted."""
    settings = settings or Settings.load()
    releases.recover(settings.prod_deployment_path)
    problems: list[str] = []
    try:
        unlisted = None if force else make_owed_list(settings)
        problems += fetch(settings)
        told = judgement.unreadable(settings)
        decision = decide_and_act(settings, force)
        if unlisted and decision.outcome == gates.NO_NEW_DATA:  # else the list was made anew
            raise unlisted
    except (RiskError, OSError):
        for problem in problems + finish(settings):
            log.warning("%s", problem)
        raise
    unreadable = [each for each in judgement.unreadable(settings) if each not in told]
    problems += finish(settings) + unreadable
    if problems:
        kind = InputUnreadable if unreadable else ServiceDown
        raise kind(f"{decision.outcome}: {decision.reason}; but {'; '.join(problems)}")
    log.info("%s: %s", *decision)
    return decision.outcome


def make_owed_list(settings: Settings) -> Exception | None:
    """Make the list that an earlier run did not come to; what prevented it is returned."""
    if pending.LIST not in pending.owed(settings):
        return None
    # an idle run must not import pandas, scikit-learn and SQLAlchemy: what needs them comes late
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


def decide_and_act(settings: Settings, force: bool) -> Decision:
    """Pass the gates, and do what they say."""
    deployed = releases.current(settings.prod_deployment_path)
    found = input_folder.listing(settings.input_folder_path)
    new = input_folder.unseen(found.files, judgement.seen(settings, deployed))
    if not new and not force:
        input_folder.say_passed_over(settings, found.passed_over)
        return gates.nothing_new(settings.input_folder, deployed)
    from risk.reports import deliverables

    with Run(settings, pending.OWED) as run:
        decision = past_the_first_gate(settings, deployed, new, force, run)
        if decision.outcome != gates.NO_NEW_DATA:
            deliverables.make_list(settings, run, decision)
        run.end(*decision)
    return decision


def past_the_first_gate(
    settings: Settings, deployed: Release | None, new: list[Arrival], force: bool, run: Run
) -> Decision:
    """Ingest; retrain on drift; deploy what is good enough."""
    import deployment
    import ingestion
    import scoring
    import training
    from risk.records import recording

    arrived, nothing_new = ingestion.take_in(settings, deployed, new, run, force=force)
    if nothing_new:
        return Decision(gates.NO_NEW_DATA, nothing_new)
    rival = newest = None
    try:
        if deployed:
            recording.remember_deployed(run, arrived, settings, new)
            newest = scoring.score_deployed(settings) if arrived.outcomes_known else None
            run.knows(deployed_score=deployed.score, new_score=newest)
        drifted, why = gates.drift(deployed, newest, arrived.remark)
        if deployed and (drifted or force):
            rival = scoring.score_deployed_on_test_data(settings)
    except ArtefactRefused as refusal:
        if not force:
            raise
        drifted, why = True, str(refusal)
    if not drifted and not force and deployed:
        judgement.judge(settings, deployed, arrived.seen)
        return Decision("no drift", arrived.with_refused(why))
    fitted = run.timed("training", training.train_model, settings)
    trained = run.timed("scoring", scoring.score_model, settings)
    run.knows(trained_score=trained)
    is_better, comparison = gates.better(trained, rival, scoring.remark(settings))
    why = f"{'forced; ' if force else ''}{why}; {comparison}"
    if deployed and settings.promotion_gate == "test_score" and not is_better and not force:
        judgement.judge(settings, deployed, arrived.seen)
        return Decision("kept", arrived.with_refused(f"{deployed.title}; {why}"))
    run.may_publish()
    release = run.timed("deployment", deployment.store_model_into_pickle, settings)
    if deployed and release.release == deployed.release:
        judgement.judge(settings, deployed, arrived.seen)
        why = arrived.with_refused(f"{why}; {release.stays}")
        return Decision("deployed" if force else "kept", why)
    recording.remember_published(run, release)
    recording.remember_deployed(run, arrived, settings)
    on_newest = scoring.score_on(fitted, arrived.table, settings)
    weaker = gates.weaker((trained, rival), (on_newest, newest))
    return Decision("deployed", arrived.with_refused(f"{release.title}; {why}{weaker}"))


def finish(settings: Settings) -> list[str]:
    """Record what waits, report it, ask the API; what prevented one of them is returned."""
    if not pending.waiting(settings):
        return []
    import apicalls
    from risk.records import recording
    from risk.reports import deliverables

    steps = (recording.record_owed, deliverables.make_owed_report, apicalls.file_owed)
    return [problem for step in steps for problem in step(settings)]


def check(settings: Settings) -> None:
    """Say what a run would decide now, and change nothing."""
    from risk import sandbox
    from risk.data import source

    with sandbox.aside(settings) as aside, sandbox.silent():
        releases.copy(settings.prod_deployment_path, aside.prod_deployment_path)
        decision = decide_and_act(aside, force=False)
        print(f"a run would end with {decision.outcome}: {decision.reason}")
        if rows := source.waiting(aside):
            print(f"but first it would fetch {rows} new rows of the table {settings.input_table}")


def run_and_tell(settings: Settings, *, force: bool = False) -> None:
    """Train, score and deploy if new data came in on which the deployed model has drifted."""
    if full_process(settings, force=force) == gates.NO_NEW_DATA:
        return
    for what, place in files.results(settings).items():
        print(f"  {what:15} {place.relative_to(settings.workspace)}")


def force_and_tell(settings: Settings) -> None:
    """Train, score and deploy whatever the gates say."""
    run_and_tell(settings, force=True)


if __name__ == "__main__":
    run(run_and_tell, Option("--check", check, writes=False), Option("--force", force_and_tell))
