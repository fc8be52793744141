#!/usr/bin/env python3
"""Score the trained model on the test data: python scoring.py"""

import contextlib
import logging
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from risk import files, wording
from risk.cli import run
from risk.data import tables, test_data
from risk.data.input_folder import Arrival
from risk.data.intake import Intake
from risk.errors import ArtefactRefused, DataUnusable, InputMissing, RiskError
from risk.learning import deployed, evaluation
from risk.learning.evaluation import Candidate
from risk.learning.gates import ARRIVED, NEWEST, TEST
from risk.learning.releases import Release
from risk.records import recording
from risk.records.pending import Run
from risk.settings import Settings

log = logging.getLogger("risk.scoring")


def score_model(settings: Settings | None = None) -> float:
    """F1 of the trained model on the test data, kept as the latest score."""
    return score_trained(settings or Settings.load()).on[TEST].f1


def score_trained(settings: Settings) -> Candidate:
    """F1 of the trained model on the test data, kept as the latest score."""
    pickled = files.read_bytes(settings.output_model_path / files.MODEL, "training.py")
    return score_pickled(pickled, {TEST: test_data.rows(settings)}, settings)


def score_pickled(
    pickled: bytes, datasets: Mapping[str, pd.DataFrame], settings: Settings
) -> Candidate:
    """The model in these bytes on several datasets; its F1 on the test data is written."""
    name = files.short(settings.output_model_path / files.MODEL)
    threshold = _threshold(pickled, settings)
    trained = evaluation.candidate(pickled, name, datasets, settings.columns, threshold)
    on_test = trained.on[TEST]
    files.write_score(settings.output_model_path / files.SCORE, on_test.f1)
    remark = wording.provisional(on_test.leavers)
    log.info(
        "the trained model scores %.4f on %d rows of test data%s",
        *(on_test.f1, on_test.rows, remark),
    )
    return trained


def _threshold(pickled: bytes, settings: Settings) -> float | None:
    """The threshold that the training of just this model found, if there is a record of it."""
    with contextlib.suppress(ArtefactRefused):  # which is said where the model is deployed
        record = files.read_json(settings.output_model_path / files.MODEL_RECORD) or {}
        if record.get("sha256") == files.sha256(pickled):
            return record.get("threshold")
    return None


class Labelled(NamedTuple):
    """Rows whose outcome is known, by dataset, and what is wrong with the test data."""

    datasets: dict[str, pd.DataFrame]
    arrived: dict[str, pd.DataFrame]
    clients: int  # in the book
    problem: RiskError | None = None

    def with_test_data(self) -> dict[str, pd.DataFrame]:
        """The datasets; an error without test data, because then no model can be trained."""
        if self.problem:
            raise self.problem
        return self.datasets


def labelled(arrived: Intake, new: list[Arrival], settings: Settings) -> Labelled:
    """What models can be scored on in this run; without usable test data a list is still made."""
    of_new = _known(ARRIVED, arrived.rows_of(new, settings.columns), settings)
    newest = _known(NEWEST, arrived.table, settings)
    try:
        datasets = {TEST: test_data.rows(settings), **newest}
    except (InputMissing, DataUnusable) as problem:
        return Labelled(newest, of_new, len(arrived.book), problem)
    return Labelled(datasets, of_new, len(arrived.book))


def _known(name: str, table: pd.DataFrame, settings: Settings) -> dict[str, pd.DataFrame]:
    """The rows with an outcome under the name of their dataset, if there are any."""
    known = tables.with_outcome(table, settings.columns)
    return {name: known} if len(known) else {}


def score_in_use(settings: Settings, release: Release, labelled: Labelled, run: Run) -> Candidate:
    """The deployed model on all that is known now, remembered by the run."""
    folder, columns = settings.prod_deployment_path, settings.columns
    in_use = deployed.candidate(folder, labelled.datasets | labelled.arrived, columns)
    recording.remember_scores(run, release, in_use, settings.capacity, labelled.clients)
    run.knows(deployed_score=release.score, new_score=in_use.f1(NEWEST))
    return in_use


def score_deployed(settings: Settings | None = None) -> float:
    """F1 of the deployed model on the newest data: the ingested rows whose outcome is known."""
    settings = settings or Settings.load()
    newest = tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns)
    known = tables.with_outcome(newest, settings.columns)
    if known.empty:
        raise DataUnusable("no outcome is known in the newest data, so nothing can be scored on it")
    model = deployed.load(settings.prod_deployment_path, settings.columns).model
    return evaluation.f1(model, known, settings.columns)


if __name__ == "__main__":
    run(recording.step_on_record(score_trained, recording.scoring_facts))
