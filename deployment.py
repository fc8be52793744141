#!/usr/bin/env python3
"""Publish model, score and ingestion record as one set: python deployment.py [--rollback]"""

import functools
import logging
from typing import Any

from risk import files, wording
from risk.cli import Option, run
from risk.data import input_folder, test_data
from risk.data.input_folder import Seen
from risk.decisions import gates, judgement
from risk.decisions.gates import TEST
from risk.errors import ArtefactRefused
from risk.learning import evaluation, publishing, releases
from risk.learning.evaluation import Candidate
from risk.learning.releases import Release
from risk.models import estimator
from risk.records import model_record, pending, recording
from risk.records.pending import Run
from risk.reports import deliverables
from risk.settings import Settings

RETRAIN = "run python training.py, then python scoring.py"

log = logging.getLogger("risk.deployment")


def store_model_into_pickle(settings: Settings | None = None) -> Release:
    """Deploy the trained model with its score and the record of what it was trained on."""
    return publish(settings or Settings.load())


def publish(settings: Settings, scored: Candidate | None = None) -> Release:
    """The same; a model that was scored already, in the same bytes, is not asked again."""
    models, data = settings.output_model_path, settings.output_folder_path
    contents = {
        files.MODEL: files.read_bytes(models / files.MODEL, "training.py"),
        files.SCORE: files.read_bytes(models / files.SCORE, "scoring.py"),
        files.INGESTED_FILES: files.read_bytes(data / files.INGESTED_FILES, "ingestion.py"),
    }
    trained = files.required_json(models / files.MODEL_RECORD, "training.py")
    ingestion = files.required_json(data / files.INGESTION, "ingestion.py")
    score = files.parse_score(contents[files.SCORE], files.short(models / files.SCORE))
    if problem := _mixed(contents, trained, ingestion):
        raise ArtefactRefused(f"nothing is deployed: {problem}")
    if scored and scored.sha256 != trained["sha256"]:
        raise ArtefactRefused(f"nothing is deployed: {files.MODEL} changed after it was scored")
    if scored is None:
        datasets = {TEST: test_data.rows(settings)}
        name, columns = files.MODEL, settings.columns
        scored = evaluation.candidate(
            contents[name], name, datasets, columns, trained.get("threshold")
        )
    if (own := scored.on[TEST].f1) != score:
        problem = f"{files.SCORE} is not this model's score, {own!r}; run python scoring.py"
        raise ArtefactRefused(f"nothing is deployed: {problem}")
    production = settings.prod_deployment_path
    if same := releases.deployed_if_same(production, scored.sha256, score):
        log.info("%s: nothing is published", same.stays)
        return same
    release = publishing.publish(
        production,
        contents,
        score=score,
        input_folder=ingestion["input_folder"],
        seen=_seen(ingestion),
        libraries=estimator.libraries(),
        rows=sum(entry["accepted"] for entry in ingestion["files"]),
        learned=publishing.Learned.of(trained),
    )
    remark = wording.provisional(scored.on[TEST].leavers)
    log.info("%s is deployed with F1 %.4f%s", release.title, score, remark)
    return release


def bring_out(
    settings: Settings, scored: Candidate, before: Candidate | None, share: float, run: Run
) -> tuple[Release, str]:
    """The release of the model that a run decided on, and in words where it is weaker."""
    run.may_publish()
    published = run.timed("deployment", publish, settings, scored)
    recording.remember_published(run, published)
    model_record.remember_scores(run, published, scored, share)
    return published, gates.weaker(scored.on, before.on if before else {})


def _mixed(
    contents: dict[str, bytes], trained: dict[str, Any], ingestion: dict[str, Any]
) -> str | None:
    """Why these files do not belong together, with the cure; None when they do."""
    if files.sha256(contents[files.MODEL]) != trained["sha256"]:
        return f"{files.MODEL} is not the one that {files.MODEL_RECORD} records; {RETRAIN}"
    if trained["ingestion"] != ingestion["id"]:
        return f"the model was fitted on other data than the last ingestion wrote; {RETRAIN}"
    names = [entry["name"] for entry in ingestion["files"] if input_folder.has_rows(entry)]
    if files.parse_names(contents[files.INGESTED_FILES], files.INGESTED_FILES) != names:
        return f"{files.INGESTED_FILES} is not what {files.INGESTION} says; run python ingestion.py"
    return None


def _seen(ingestion: dict[str, Any]) -> Seen:
    """The files whose rows the model was fitted on."""
    entries = ingestion["files"]
    return Seen(
        frozenset(input_folder.of(entry) for entry in entries if input_folder.has_rows(entry))
    )


def roll_back(settings: Settings | None = None, *, to: str | None = None) -> Release:
    """Deploy an earlier release again, as a new one; the previous one unless another is named."""
    settings = settings or Settings.load()
    latest = releases.current(settings.prod_deployment_path)
    judged = judgement.last_weighed(settings, latest) if latest else Seen()
    is_same_folder = latest is not None and latest.input_folder == settings.input_folder
    release = publishing.roll_back(
        settings.prod_deployment_path, judged if is_same_folder else Seen(), to
    )
    if release != latest:
        judgement.remember_weighed(settings, release, judged)
        judgement.settle_arrivals(settings, release)
        log.info("went back: %s scores %.4f", release.title, release.score)
    return release


def go_back(settings: Settings, to: str | None = None) -> None:
    """Deploy the previous release again, as a new one, and make list and report with it."""
    publishing.recover(settings.prod_deployment_path)
    latest = releases.current(settings.prod_deployment_path)
    with recording.on_record(settings, pending.OWED) as run:
        publishing.way_back(settings.prod_deployment_path, to)  # if there is none, nothing is owed
        run.may_publish()
        release = run.timed("deployment", functools.partial(roll_back, to=to), settings)
        if release == latest:
            run.discard()
            log.info("nothing is changed: its model is that of %s, which is in use", release.title)
            return
        run.end(**model_record.release_facts("rolled back", settings, run, release))
    deliverables.follow(settings, f"rolled back: {run.facts['reason']}")


def go_back_to(settings: Settings, release: str) -> None:
    """The same with any release that is kept, by its name."""
    go_back(settings, release)


if __name__ == "__main__":
    run(
        recording.step_on_record(store_model_into_pickle, model_record.deployment_facts),
        Option("--rollback", go_back),
        Option("--to", go_back_to, argument="RELEASE"),
    )
