"""The whole story, as cron runs it: is there new data, has the model drifted on it, then act.

python fullprocess.py [--check | --force]
"""

import logging

from risk import arrivals, files, gates, journal, releases
from risk.arrivals import Arrival
from risk.cli import Option, run
from risk.errors import ArtefactRefused, RiskError, ServiceDown
from risk.gates import Decision
from risk.journal import Run
from risk.releases import Release
from risk.settings import Settings

# The rooms and what they stand on bring pandas, scikit-learn and SQLAlchemy: seconds that a run
# with nothing to do must not spend. So this file imports them where the first need arises.

log = logging.getLogger("risk.fullprocess")


def full_process(settings: Settings | None = None, *, force: bool = False) -> str:
    """Train, score and deploy if new data came in on which the deployed model has drifted."""
    settings = settings or Settings.load()
    unfinished = journal.waiting(settings)
    problems = fetch(settings)
    try:
        decision = decide_and_act(settings, force)
    finally:
        problems += record(settings)
    if decision.outcome == "deployed" or unfinished:
        problems += report(settings)
    if problems:
        raise ServiceDown(f"{decision.outcome}: {decision.reason}; but {'; '.join(problems)}")
    log.info("%s: %s", *decision)
    return decision.outcome


def decide_and_act(settings: Settings, force: bool) -> Decision:
    """Pass the gates, and do what they say."""
    releases.recover(settings.prod_deployment_path)
    deployed = releases.current(settings.prod_deployment_path)
    found = arrivals.listing(settings.input_folder_path).files
    new = arrivals.unseen(found, journal.seen(settings, deployed))
    if not new and not force:
        since = f" since {deployed.title}" if deployed else ""
        return Decision("no new data", f"nothing new in {settings.input_folder}/{since}")
    run = Run(settings)
    try:
        decision = past_the_first_gate(settings, deployed, new, force, run)
    except (RiskError, OSError) as error:
        run.end("failed", str(error))
        raise
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
    from risk import intake, ledger

    arrived = run.timed("ingestion", intake.gather, settings)
    if not force and arrived.all_wait(new):
        waiting = ", ".join(arrival.name for arrival in new)
        return Decision("no new data", f"{waiting} cannot be read whole yet")
    run.timed("ingestion", ingestion.store, arrived, settings)
    ledger.remember_data(run, arrived, new, settings)

    newest = None
    try:
        if deployed:
            ledger.remember_deployed(run, arrived, new, settings)
            newest = scoring.score_deployed(settings) if arrived.outcomes_known else None
    except ArtefactRefused as error:
        if not force:
            raise
        log.warning("%s", error)
        deployed = None
    drifted, why = gates.drift(deployed, newest)
    if deployed:
        run.knows(deployed_score=deployed.score, new_score=newest)
    if deployed and not drifted and not force:
        journal.judge(settings, deployed, arrived.seen)
        return Decision("no drift", why)

    run.timed("training", training.train_model, settings)
    trained = run.timed("scoring", scoring.score_model, settings)
    run.knows(trained_score=trained)
    rival = scoring.score_deployed_on_test_data(settings) if deployed else None
    is_better, comparison = gates.better(trained, rival)
    why = f"{'forced; ' if force else ''}{why}; {comparison}"
    if deployed and settings.promotion_gate == "test_score" and not is_better and not force:
        journal.judge(settings, deployed, arrived.seen)
        return Decision("kept", f"{deployed.title}; {why}")
    release = run.timed("deployment", deployment.store_model_into_pickle, settings)
    ledger.remember_deployed(run, arrived, new, settings)
    return Decision("deployed", f"{release.title}; {why}")


def fetch(settings: Settings) -> list[str]:
    """Bring in the new rows of the input database, if there is one; say what prevented it."""
    if not settings.input_database_url:
        return []
    from risk import source

    try:
        source.fetch(settings)
    except ServiceDown as error:
        return [f"no rows were fetched: {error}"]
    return []


def record(settings: Settings) -> list[str]:
    """Write this run, and any that could not be written before, into the records."""
    if not journal.waiting(settings):
        return []
    from risk import ledger

    unrecorded = ledger.catch_up(settings)
    return [f"not recorded yet: {unrecorded}"] if unrecorded else []


def report(settings: Settings) -> list[str]:
    """Make anew what people look at and what the API answers; say what prevented it."""
    import apicalls
    import reporting

    problems = []
    try:
        reporting.plot_trends(settings)
    except ServiceDown as error:
        problems.append(f"no trends are drawn: {error}")
    try:
        if releases.current(settings.prod_deployment_path):
            apicalls.call_api(settings)
    except ServiceDown as error:
        problems.append(f"the answers of the API are not filed: {error}")
    return problems


def check(settings: Settings) -> None:
    """Say what a run would decide now, and change nothing."""
    from risk import scratch, source

    logging.disable(logging.WARNING)
    with scratch.settings(settings) as aside:
        decision = decide_and_act(aside, force=False)
    logging.disable(logging.NOTSET)
    print(f"a run would end with {decision.outcome}: {decision.reason}")
    if rows := source.waiting(settings):
        print(f"but first it would fetch {rows} new rows of the table {settings.input_table}")


def run_and_tell(settings: Settings) -> None:
    """Train, score and deploy if new data came in on which the deployed model has drifted."""
    full_process(settings)
    tell_results(settings)


def force_and_tell(settings: Settings) -> None:
    """Train, score and deploy whatever the gates say."""
    full_process(settings, force=True)
    tell_results(settings)


def tell_results(settings: Settings) -> None:
    """Say where the results lie."""
    data = settings.output_folder_path
    for what, place in (
        ("deployed model", settings.prod_deployment_path / files.MODEL),
        ("merged data", data / files.FINAL_DATA),
        ("refused lines", data / files.REJECTED),
        ("log", data / files.LOG),
    ):
        print(f"  {what:15} {place.relative_to(settings.workspace)}")


if __name__ == "__main__":
    run(run_and_tell, Option("--check", check, writes=False), Option("--force", force_and_tell))
