#!/usr/bin/env python3
"""Publish model, score and ingestion record as one set: python deployment.py [--rollback]"""

import logging
from typing import Any

import pandas as pd

from risk import arrivals, files, journal, ledger, model, releases, summaries, tables
from risk.arrivals import Arrival, Seen
from risk.cli import Option, run
from risk.errors import ArtefactRefused
from risk.releases import Release
from risk.settings import Columns, Settings

RETRAIN = "run python training.py, then python scoring.py"

log = logging.getLogger("risk.deployment")


def store_model_into_pickle(settings: Settings | None = None) -> Release:
    """Deploy the trained model with its score and the record of what it was trained on."""
    settings = settings or Settings.load()
    models, data = settings.output_model_path, settings.output_folder_path
    contents = {
        files.MODEL: files.read_bytes(models / files.MODEL, "training.py"),
        files.SCORE: files.read_bytes(models / files.SCORE, "scoring.py"),
        files.INGESTED_FILES: files.read_bytes(data / files.INGESTED_FILES, "ingestion.py"),
    }
    trained = files.required_json(models / files.MODEL_RECORD, "training.py")
    ingestion = files.required_json(data / files.INGESTION, "ingestion.py")
    score = files.parse_score(contents[files.SCORE], files.short(models / files.SCORE))
    test_data = tables.labelled_rows(settings.test_data_path, settings.columns)
    if problem := _mixed(contents, trained, ingestion, test_data, settings.columns):
        raise ArtefactRefused(f"nothing is deployed: {problem}")
    release = releases.publish(
        settings.prod_deployment_path,
        contents,
        score=score,
        input_folder=ingestion["input_folder"],
        seen=_seen(ingestion),
        libraries=model.libraries(),
        rows=sum(entry["accepted"] for entry in arrivals.entries(ingestion)),
    )
    remark = summaries.remark(test_data, settings.columns)
    log.info("%s is deployed with F1 %.4f%s", release.title, score, remark)
    return release


def _mixed(
    contents: dict[str, bytes],
    trained: dict[str, Any],
    ingestion: dict[str, Any],
    test_data: pd.DataFrame,
    columns: Columns,
) -> str | None:
    """Why these three files do not belong together, with the cure; None when they do."""
    pickled = contents[files.MODEL]
    if files.sha256(pickled) != trained.get("sha256"):
        return f"{files.MODEL} is not the one that {files.MODEL_RECORD} records; {RETRAIN}"
    if not ingestion.get("id") or trained.get("ingestion") != ingestion["id"]:
        return f"the model was fitted on other data than the last ingestion wrote; {RETRAIN}"
    entries = arrivals.entries(ingestion)
    names = [entry["name"] for entry in entries if entry["rows"] > entry["rejected"]]
    if files.parse_names(contents[files.INGESTED_FILES], files.INGESTED_FILES) != names:
        return f"{files.INGESTED_FILES} is not what {files.INGESTION} says; run python ingestion.py"
    scored = model.f1(model.loads(pickled, files.MODEL, columns), test_data, columns)
    if scored != files.parse_score(contents[files.SCORE], files.SCORE):
        return f"{files.SCORE} is not this model's score, {scored!r}; run python scoring.py"
    return None


def _seen(ingestion: dict[str, Any]) -> Seen:
    return Seen(
        frozenset(
            Arrival(entry["name"], entry["size"], entry["mtime_ns"])
            for entry in arrivals.entries(ingestion)
        )
    )


def roll_back(settings: Settings | None = None) -> Release:
    """Deploy the previous release again, as a new one."""
    settings = settings or Settings.load()
    latest = releases.current(settings.prod_deployment_path)
    judged = journal.judged(settings, latest) if latest else Seen()
    is_same_folder = latest is not None and latest.input_folder == settings.input_folder
    release = releases.roll_back(
        settings.prod_deployment_path, judged if is_same_folder else Seen()
    )
    journal.judge(settings, release, judged)
    log.info("went back: %s scores %.4f", release.title, release.score)
    log.info("run python reporting.py, and the list and the report are made with it")
    return release


if __name__ == "__main__":
    run(
        ledger.recorded(store_model_into_pickle, ledger.deployed),
        Option("--rollback", ledger.recorded(roll_back, ledger.rolled_back)),
    )
