#!/usr/bin/env python3
"""Score the trained model on the test data: python scoring.py"""

import contextlib
import logging

import pandas as pd

from risk import files, wording
from risk.cli import run
from risk.data import test_data
from risk.dataset import final_data
from risk.dataset.outcomes import Labelled
from risk.decisions import judgement, situation
from risk.decisions.gates import ARRIVED, NEWEST, TEST
from risk.decisions.situation import InUse, Situation
from risk.errors import ArtefactRefused, DataUnusable, InputMissing, RiskError
from risk.learning import deployed, evaluation
from risk.learning.evaluation import Candidate
from risk.learning.releases import Release
from risk.records import model_record, recording
from risk.records.pending import Run
from risk.rows import tables
from risk.settings import Settings

log = logging.getLogger("risk.scoring")


def score_model(settings: Settings | None = None) -> float:
    """F1 of the trained model on the test data, kept as the latest score."""
    return score_trained(settings or Settings.load()).on[TEST].f1


def score_trained(settings: Settings) -> Candidate:
    """F1 of the trained model on the test data, kept as the latest score."""
    path = settings.output_model_path / files.MODEL
    pickled = files.read_bytes(path, "training.py")
    datasets = {TEST: test_data.rows(settings)}
    threshold = _threshold(pickled, settings)
    name = files.short(path)
    trained = evaluation.candidate(pickled, name, datasets, settings.columns, threshold)
    keep(trained, settings)
    return trained


def keep(scored: Candidate, settings: Settings) -> None:
    """Write the latest score."""
    on_test = scored.on[TEST]
    files.write_score(settings.output_model_path / files.SCORE, on_test.f1)
    remark = wording.provisional(on_test.leavers)
    log.info(
        "the trained model scores %.4f on %d rows of test data%s",
        *(on_test.f1, on_test.rows, remark),
    )


def _threshold(pickled: bytes, settings: Settings) -> float | None:
    """The threshold that the training of just this model found, if there is a record of it."""
    with contextlib.suppress(ArtefactRefused):  # which is said where the model is deployed
        record = files.read_json(settings.output_model_path / files.MODEL_RECORD) or {}
        if record.get("sha256") == files.sha256(pickled):
            return record.get("threshold")
    return None


def known_now(
    labelled: Labelled, clients: int, arrival: int, settings: Settings, run: Run
) -> Situation:
    """What is known when a run decides, with a book of so many clients, after this arrival.

    Without usable test data no model can be trained, but a list is still made.
    """
    test: pd.DataFrame | RiskError
    try:
        test = test_data.rows(settings)
    except (InputMissing, DataUnusable) as problem:
        test = problem
    share = evaluation.capacity_share(settings.capacity, clients)
    return Situation(labelled, test, settings, share, arrival=arrival, timed=run.timed)


def score_in_use(
    settings: Settings, release: Release | None, now: Situation, arrived: pd.DataFrame, run: Run
) -> InUse | None:
    """The deployed model, if there is one, on all that is known now; remembered by the run."""
    if release is None:
        return None
    known = tables.with_outcome(arrived, settings.columns)
    datasets = now.known_datasets | ({ARRIVED: known} if len(known) else {})
    loaded = deployed.load(settings.prod_deployment_path, settings.columns)
    in_use = situation.in_use(
        release, deployed.evaluated(loaded, datasets), judgement.weighed_until(settings)
    )
    model_record.remember_scores(run, release, in_use.candidate, now.share)
    model_record.remember_calibration(run, release, situation.unseen(in_use, now))
    run.knows(deployed_score=release.score, new_score=in_use.candidate.f1(NEWEST))
    return in_use


def score_deployed(settings: Settings | None = None) -> float:
    """F1 of the deployed model on the newest data: the ingested rows whose outcome is known."""
    settings = settings or Settings.load()
    known = tables.with_outcome(final_data.read(settings).table, settings.columns)
    if known.empty:
        raise DataUnusable("no outcome is known in the newest data, so nothing can be scored on it")
    model = deployed.load(settings.prod_deployment_path, settings.columns).model
    return evaluation.f1(model, known, settings.columns)


if __name__ == "__main__":
    run(recording.step_on_record(score_trained, model_record.scoring_facts))
