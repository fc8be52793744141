"""What people look at: the ranked list, the pictures, the report; made now, or owed by a run."""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk import files
from risk.columns import Columns
from risk.decisions.gates import TEST, Decision
from risk.errors import InputMissing, RiskError, ServiceDown
from risk.learning import deployed, ranking, releases
from risk.learning.evaluation import Candidate
from risk.learning.ranking import Basis, Probability, Ranked
from risk.learning.releases import Release
from risk.models import estimator
from risk.models.estimator import Model
from risk.records import list_file, pending, recording
from risk.records.pending import Run
from risk.reports import report
from risk.reports.report_data import Findings, Known
from risk.rows import tables
from risk.rows.statistics import Look
from risk.settings import Settings

log = logging.getLogger("risk.deliverables")


def ranked_list(settings: Settings, kept_in: Path | None = None) -> Path:
    """Write the clients that may still leave in their order; keep codes and risks beside."""
    now = deployed.load(settings.prod_deployment_path, settings.columns)
    book = tables.read_book(settings.output_folder_path, settings.columns)
    ranked = ranking.ranked(now.model, book, settings.columns, settings.order)
    return write_list(settings, ranked, ranking.basis_now(now.release, _as_of(settings)), kept_in)


def write_list(
    settings: Settings, ranked: Ranked, basis: Basis, kept_in: Path | None = None
) -> Path:
    """Write clients that are ranked."""
    path = settings.output_model_path / files.RANKING
    list_file.write(path, ranked, settings.columns, basis, kept_in)
    absent = int((ranked.marks == ranking.ABSENT).sum())
    remark = f", {absent} of them not in the newest data" if absent else ""
    log.info("%d clients are ranked in %s%s", len(ranked.risks), files.short(path), remark)
    return path


def _as_of(settings: Settings) -> str:
    """The moment of the data that the list rests on."""
    path = settings.output_folder_path / files.INGESTION
    return str(files.required_json(path, "ingestion.py")["time"])


def list_is_current(settings: Settings) -> bool:
    """Whether the list rests on the deployed release and on the newest ingestion."""
    release, _ = releases.load(settings.prod_deployment_path)
    try:
        basis = list_file.basis_of(settings.output_model_path / files.RANKING)
    except RiskError:
        return False
    return basis == ranking.basis_now(release, _as_of(settings))


def confusion_matrix(settings: Settings, findings: Findings) -> Path:
    """Draw what the deployed model finds and misses on the test data."""
    path = settings.output_model_path / files.CONFUSION_MATRIX
    return _written(path, findings.confusion_matrix, "the confusion matrix is")


def trends(settings: Settings, findings: Findings) -> Path:
    """Draw the quality, the data and the timings of all recorded runs."""
    return _written(settings.output_model_path / files.TRENDS, findings.trends, "the trends are")


def document(settings: Settings, findings: Findings) -> Path:
    """Write the report that somebody without a login can read on paper."""
    path = settings.output_model_path / files.REPORT
    return _written(path, report.document(findings), "the report is")


def _written(path: Path, content: bytes, what: str) -> Path:
    files.write_bytes(path, content)
    log.info("%s in %s", what, files.short(path))
    return path


def draw(settings: Settings, known: Known | None = None) -> list[RiskError]:
    """Make the pictures and the report; what prevented one of them does not stop the others."""
    problems, findings = [], Findings(settings, known)
    for step in (confusion_matrix, trends, document):
        try:
            step(settings, findings)
        except RiskError as error:
            problems.append(error)
    return problems


def make_list(
    settings: Settings,
    run: Run,
    decision: Decision,
    ranked_by: tuple[Release, Candidate],
    data: tuple[Look, tables.Book, str],
) -> Known:
    """Rank the clients and write the list; if that fails, the next run still owes it."""
    release, candidate = ranked_by
    known = Known(release, candidate.model, candidate.on.get(TEST), *data)
    basis = ranking.basis_now(release, known.as_of)
    try:
        of_book = known.model, known.book, settings.columns, settings.order
        ranked = run.timed("ranking", ranking.ranked, *of_book, _timed_prediction(run))
        run.timed("ranking", write_list, settings, ranked, basis, run.list_path)
    except (RiskError, OSError):
        run.end(*decision)
        raise
    run.list_is_made()
    return known


def _timed_prediction(run: Run) -> Probability:
    """A function that asks the model, and times it as the run's prediction."""

    def ask(model: Model, clients: pd.DataFrame, columns: Columns) -> npt.NDArray[np.float64]:
        return run.timed("prediction", estimator.probability, model, clients, columns)

    return ask


def finish_list(settings: Settings) -> Exception | None:
    """Make the list that an earlier run left undone, as a list of that run.

    An error is returned, as new data may mend it.
    """
    owing = [run for run in pending.waiting(settings) if pending.LIST in run.owes]
    unlisted = [run.list_path for run in owing if not run.list_path.exists()]
    try:
        if not list_is_current(settings):
            ranked_list(settings, kept_in=unlisted[-1] if unlisted else None)
    except InputMissing as error:
        log.info("no list is owed: %s", error)
    except (RiskError, OSError) as error:
        return error
    pending.settle(settings, pending.LIST)
    return None


def make_owed_report(settings: Settings, known: Known | None = None) -> list[str]:
    """Make the pictures and the report that runs still owe; problems are returned.

    The report shows the list, so it waits for it. A part with nothing to show is owed no longer.
    """
    owed = pending.owed(settings)
    if pending.REPORT not in owed or pending.LIST in owed:
        return []
    problems = [error for error in draw(settings, known) if not isinstance(error, InputMissing)]
    if problems:
        return [f"the report is not whole: {problems[0]}"]
    pending.settle(settings, pending.REPORT)
    return []


def follow(settings: Settings, done: str) -> None:
    """Make what a run by hand owes: list, records and report; an error also says what was done."""
    unlisted = finish_list(settings)
    problems = [*recording.record_owed(settings), *make_owed_report(settings)]
    if unlisted:
        raise unlisted
    if problems:
        raise ServiceDown(f"{done}; but {'; '.join(problems)}")
