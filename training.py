#!/usr/bin/env python3
"""Fit the attrition model on the ingested dataset: python training.py"""

import logging
from typing import NamedTuple

import pandas as pd

from risk import files
from risk.cli import progress, run
from risk.data import tables
from risk.learning import choice
from risk.models import estimator
from risk.models.estimator import Model
from risk.records import recording
from risk.settings import Settings

log = logging.getLogger("risk.training")


class Trained(NamedTuple):
    """A fitted model, and the bytes in which it is kept."""

    model: Model
    pickled: bytes
    choice: str

    @property
    def remark(self) -> str:
        """Why it is this kind of model, as the end of a sentence."""
        return f"; {self.choice}" if self.choice else ""


def train_model(settings: Settings | None = None) -> Model:
    """Fit the model on the rows with an outcome; keep it, and what it was fitted on."""
    settings = settings or Settings.load()
    dataset = settings.output_folder_path / files.FINAL_DATA
    content = files.read_bytes(dataset, "ingestion.py")
    table = tables.parse(content, files.short(dataset), settings.columns)
    return train_on(table, files.ingestion_id(content), settings).model


def train_on(table: pd.DataFrame, ingestion: str, settings: Settings) -> Trained:
    """The same on this table, which the ingestion of this id wrote."""
    known = tables.with_outcome(table, settings.columns)
    progress(f"fitting the model on {len(known)} rows")
    learned = choice.learn(known, settings.columns, settings.features, settings.model)
    pickled = estimator.dumps(learned.model)
    record = {
        **{"sha256": files.sha256(pickled), "ingestion": ingestion, "model": learned.kind},
        **{"threshold": learned.threshold, "choice": learned.choice},
    }
    files.write_bytes(settings.output_model_path / files.MODEL, pickled)
    files.write_json(settings.output_model_path / files.MODEL_RECORD, record)
    leavers = int(known[settings.target_column].sum())
    log.info("fitted on %d rows with an outcome, %d of clients that left", len(known), leavers)
    if learned.choice:
        log.info("%s", learned.choice)
    return Trained(learned.model, pickled, learned.choice)


if __name__ == "__main__":
    run(recording.step_on_record(train_model, recording.training_facts))
