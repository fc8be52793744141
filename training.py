#!/usr/bin/env python3
"""Fit the attrition model on the ingested dataset: python training.py"""

import logging
from collections.abc import Mapping
from typing import Any

from risk import files
from risk.cli import run
from risk.dataset import final_data, outcomes
from risk.decisions.windows import Fits, Trained
from risk.models.estimator import Model
from risk.records import model_record, recording
from risk.settings import Settings

log = logging.getLogger("risk.training")


def train_model(settings: Settings | None = None) -> Model:
    """Fit the model on the rows with an outcome; keep it, and what it was fitted on."""
    settings = settings or Settings.load()
    table, ingestion = final_data.read(settings)
    labelled = outcomes.labelled(settings.output_folder_path, ingestion, table, settings.columns)
    trained = Fits(labelled, settings).trained(settings.training_window)
    keep(trained, ingestion, settings)
    return trained.learned.model


def keep(
    trained: Trained, ingestion: str, settings: Settings, seconds: Mapping[str, float] | None = None
) -> None:
    """Write a model, and what it was fitted on, which the ingestion of this id wrote.

    If both are steps of one run, `seconds` are what its steps took.
    """
    record: dict[str, Any] = {"sha256": files.sha256(trained.pickled), "ingestion": ingestion}
    record |= {"seconds": dict(seconds)} if seconds else {}
    files.write_bytes(settings.output_model_path / files.MODEL, trained.pickled)
    files.write_json(settings.output_model_path / files.MODEL_RECORD, record | trained.record())
    did = "corrected by" if trained.trained else "fitted on"
    log.info("%s %d rows with an outcome, %d of clients that left", did, *trained.learned_from)
    for why in trained.reasons:
        log.info("%s", why)


if __name__ == "__main__":
    run(recording.step_on_record(train_model, model_record.training_facts))
