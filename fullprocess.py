"""The whole story, as cron runs it: is there new data, has the model drifted on it, then act.

python fullprocess.py [--check | --force]
"""

import logging
from collections.abc import Callable

from risk import arrivals, files, gates, journal, releases
from risk.arrivals import Arrival
from risk.cli import Option, run
from risk.errors import ArtefactRefused
from risk.gates import Decision
from risk.releases import Release
from risk.settings import Settings

log = logging.getLogger("fullprocess")


def full_process(settings: Settings | None = None, *, force: bool = False) -> str:
    """Train, score and deploy if new data came in on which the deployed model has drifted."""
    settings = settings or Settings.load()
    decision = decide_and_act(settings, force)
    log.info("%s: %s", *decision)
    return decision.outcome


def decide_and_act(settings: Settings, force: bool) -> Decision:
    """Pass the gates, and do what they say."""
    releases.recover(settings.prod_deployment_path)
    journal.close_interrupted(settings)
    deployed = releases.current(settings.prod_deployment_path)
    found = arrivals.listing(settings.input_folder_path).files
    new = arrivals.unseen(found, journal.seen(settings, deployed))
    if not new and not force:
        since = f" since {deployed.title}" if deployed else ""
        return Decision("no new data", f"nothing new in {settings.input_folder}/{since}")
    with journal.pending(settings, new):
        return past_the_first_gate(settings, deployed, new, force)


def past_the_first_gate(
    settings: Settings, deployed: Release | None, new: list[Arrival], force: bool
) -> Decision:
    """Ingest; retrain on drift; deploy what is good enough."""
    # The rooms bring pandas and scikit-learn: seconds that a run with nothing to do must not spend.
    import deployment
    import ingestion
    import scoring
    import training
    from risk import intake

    arrived = intake.gather(settings)
    if not force and arrived.all_wait(new):
        waiting = ", ".join(arrival.name for arrival in new)
        return Decision("no new data", f"{waiting} cannot be read whole yet")
    ingestion.store(arrived, settings)

    newest = None
    if deployed and arrived.outcomes_known:
        newest = _score(scoring.score_deployed, settings, force)
    drifted, why = gates.drift(deployed, newest)
    if deployed and not drifted and not force:
        journal.judge(settings, deployed, arrived.seen)
        return Decision("no drift", why)
    why = why if drifted else f"forced, although there is no drift: {why}"

    training.train_model(settings)
    trained = scoring.score_model(settings)
    rival = _score(scoring.score_deployed_on_test_data, settings, force) if deployed else None
    is_better, comparison = gates.better(trained, rival)
    if deployed and settings.promotion_gate == "test_score" and not is_better and not force:
        journal.judge(settings, deployed, arrived.seen)
        return Decision("kept", f"{deployed.title}; {why}; {comparison}")
    release = deployment.store_model_into_pickle(settings)
    return Decision("deployed", f"{release.title}; {why}; {comparison}")


def _score(score: Callable[[Settings], float], settings: Settings, force: bool) -> float | None:
    """A score of the deployed model; a forced run goes on where that model is refused."""
    try:
        return score(settings)
    except ArtefactRefused as error:
        if not force:
            raise
        log.warning("%s", error)
        return None


def check(settings: Settings) -> None:
    """Say what a run would decide now, and change nothing."""
    # What this needs aside from the gates, an idle run must not load either.
    from risk import scratch

    logging.disable(logging.WARNING)
    with scratch.settings(settings) as aside:
        decision = decide_and_act(aside, force=False)
    logging.disable(logging.NOTSET)
    print(f"a run would end with {decision.outcome}: {decision.reason}")


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
