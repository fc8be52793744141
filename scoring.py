#!/usr/bin/env python3
"""Score the trained model on the test data: python scoring.py"""

import logging

import pandas as pd

from risk import files
from risk.cli import run
from risk.data import statistics, tables, test_data
from risk.errors import DataUnusable
from risk.learning import deployed, estimator, evaluation
from risk.records import recording
from risk.settings import Settings

log = logging.getLogger("risk.scoring")


def score_model(settings: Settings | None = None) -> float:
    """F1 of the trained model on the test data, kept as the latest score."""
    settings = settings or Settings.load()
    path = settings.output_model_path / files.MODEL
    trained = estimator.loads(
        files.read_bytes(path, "training.py"), files.short(path), settings.columns
    )
    held_out = test_data.labelled_rows(settings.test_data_path, settings.columns, settings.limits)
    score = evaluation.f1(trained, held_out, settings.columns)
    files.write_score(settings.output_model_path / files.SCORE, score)
    log.info(
        "the trained model scores %.4f on %d rows of test data%s",
        *(score, len(held_out), statistics.remark(held_out, settings.columns)),
    )
    return score


def score_deployed(settings: Settings | None = None) -> float:
    """F1 of the deployed model on the newest data: the ingested rows whose outcome is known."""
    settings = settings or Settings.load()
    newest = tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns)
    known = tables.with_outcome(newest, settings.columns)
    if known.empty:
        raise DataUnusable("no outcome is known in the newest data, so nothing can be scored on it")
    return _deployed_f1(known, settings)


def score_deployed_on_test_data(settings: Settings | None = None) -> float:
    """F1 of the deployed model on the test data, to hold a new model against."""
    settings = settings or Settings.load()
    held_out = test_data.labelled_rows(settings.test_data_path, settings.columns, settings.limits)
    return _deployed_f1(held_out, settings)


def score_on(fitted: estimator.Model, table: pd.DataFrame, settings: Settings) -> float:
    """F1 of a model on those rows of a table whose outcome is known."""
    known = tables.with_outcome(table, settings.columns)
    return evaluation.f1(fitted, known, settings.columns)


def remark(settings: Settings) -> str:
    """What is to be said of a score on the test data."""
    held_out = test_data.labelled_rows(settings.test_data_path, settings.columns, settings.limits)
    return statistics.remark(held_out, settings.columns)


def _deployed_f1(known: pd.DataFrame, settings: Settings) -> float:
    """F1 of the deployed model on rows whose outcome is known."""
    _, asked = deployed.release_and_model(settings.prod_deployment_path, settings.columns)
    return evaluation.f1(asked, known, settings.columns)


if __name__ == "__main__":
    run(recording.recorded(score_model, recording.scored))
