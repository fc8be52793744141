"""What is remembered of models: scores, verdicts, calibration, shifts, how their steps ended."""

import logging
from collections.abc import Mapping
from contextlib import suppress

from risk import files, wording
from risk.columns import Columns
from risk.data import test_data
from risk.dataset import final_data
from risk.dataset.outcomes import Labelled
from risk.decisions import windows
from risk.decisions.gates import ARRIVED, NEWEST, TEST
from risk.decisions.policies import Verdict
from risk.errors import DataUnusable, InputMissing, RiskError, noted
from risk.learning import deployed, evaluation
from risk.learning.evaluation import Candidate, Evaluation
from risk.learning.releases import Release
from risk.models.estimator import Model
from risk.records import model_rows, recording
from risk.records.pending import Row, Run
from risk.rows import tables
from risk.settings import Settings

log = logging.getLogger("risk.model_record")


def share_of_book(settings: Settings) -> float:
    """Which share of the clients that the last ingestion found can be called."""
    path = settings.output_folder_path / files.CLIENTS
    clients = len(tables.read(path, settings.columns)) if path.exists() else 0
    return evaluation.capacity_share(settings.capacity, clients)


def remember_scores(run: Run, release: Release, scored: Candidate, share: float) -> None:
    """Add how good the deployed model is on the test data, the newest data and the new files."""
    run.knows(release=release.release)
    run.add("scores", model_rows.of_scores(release.release, scored.on, share))
    arrived = scored.on.get(ARRIVED)
    if arrived and arrived.leavers:  # without a leaver there is nothing to find
        run.knows(arrived_score=arrived.f1)


def remember_verdicts(run: Run, verdicts: Mapping[str, Verdict]) -> None:
    """Add what each policy decides, whichever is in force."""
    run.add("verdicts", model_rows.of_verdicts(verdicts))


def remember_calibration(run: Run, release: Release, new: Evaluation | None) -> None:
    """Add whether the risks of a model came true, if there are outcomes to tell."""
    if new is not None:
        row, groups = model_rows.of_calibration(release.release, new)
        run.add("calibration", [row])
        run.add("reliability", groups)


def remember_shifts(
    run: Run, release: Release, labelled: Labelled, book: tables.Book, columns: Columns
) -> None:
    """Add what changed in the newest period since a release learned."""
    newest = book.rows[len(book.rows) - book.newest :]
    learned = windows.learned_by(release, labelled)
    run.add("shifts", model_rows.of_shifts(labelled.table, learned, newest, columns))


def training_facts(_settings: Settings, _run: Run, _model: Model) -> Row:
    """How a training by hand ended."""
    return {"outcome": "trained", "reason": "a model was fitted by hand"}


def scoring_facts(settings: Settings, run: Run, trained: Candidate) -> Row:
    """How a scoring by hand ended; adds its scores to the run."""
    on_test = trained.on[TEST]
    run.add("scores", model_rows.of_scores(None, trained.on, share_of_book(settings)))
    remark = wording.provisional(on_test.leavers)
    reason = f"the trained model scores {on_test.f1:.4f} on the test data{remark}"
    return {"outcome": "scored", "reason": reason, "trained_score": on_test.f1}


def deployment_facts(settings: Settings, run: Run, release: Release) -> Row:
    """How a deployment by hand ended; adds the release and its scores to the run."""
    if release.time < run.facts["started_at"]:
        return {"outcome": "kept", "reason": release.stays, "trained_score": release.score}
    return release_facts("deployed", settings, run, release) | {"trained_score": release.score}


def release_facts(outcome: str, settings: Settings, run: Run, release: Release) -> Row:
    """How a release went out by hand; adds it, and its scores on what data there is, to the run."""
    recording.remember_published(run, release)
    problems: list[str] = []
    with noted(problems, "it is out, but not scored", (RiskError, OSError)):
        scored = _on_what_there_is(settings)
        remember_scores(run, release, scored, share_of_book(settings))
    for problem in problems:
        log.warning("%s", problem)
    return {"outcome": outcome, "reason": f"{release.title} with F1 {release.score:.4f}"}


def _on_what_there_is(settings: Settings) -> Candidate:
    """The deployed model on the merged data, and on the test data if it can be used."""
    known = tables.with_outcome(final_data.read(settings).table, settings.columns)
    datasets = {NEWEST: known} if len(known) else {}
    with suppress(InputMissing, DataUnusable):
        datasets[TEST] = test_data.rows(settings)
    in_use = deployed.load(settings.prod_deployment_path, settings.columns)
    return deployed.evaluated(in_use, datasets)
