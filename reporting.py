#!/usr/bin/env python3
"""Make what people look at, the ranked list above all: python reporting.py"""

import logging
from pathlib import Path

from risk import deployed, files, journal, ledger, ranking, releases, report, tables
from risk.cli import run
from risk.errors import InputMissing, RiskError, ServiceDown
from risk.findings import Findings
from risk.gates import Decision
from risk.journal import Run
from risk.ranking import Basis
from risk.settings import Settings

log = logging.getLogger("risk.reporting")


def rank_clients(settings: Settings | None = None, *, kept_in: Path | None = None) -> Path:
    """Write the clients that may still leave, the likeliest first; keep codes and risks beside."""
    settings = settings or Settings.load()
    release, asked = deployed.release_and_model(settings.prod_deployment_path, settings.columns)
    book = tables.read(settings.output_folder_path / files.CLIENTS, settings.columns)
    basis = Basis(release.release, release.time, _as_of(settings))
    path = settings.output_model_path / files.RANKING
    found = ranking.ranked(asked, book, settings.columns)
    ranking.write(path, found, settings.columns, basis, kept_in)
    log.info("%d clients are ranked in %s", len(found.risks), files.short(path))
    return path


def _as_of(settings: Settings) -> str:
    """The moment of the data that the list rests on."""
    path = settings.output_folder_path / files.INGESTION
    return str(files.required_json(path, "ingestion.py")["time"])


def list_is_current(settings: Settings) -> bool:
    """Whether the list rests on the deployed release and on the newest ingestion."""
    release, _ = releases.load(settings.prod_deployment_path)
    try:
        basis = ranking.basis_of(settings.output_model_path / files.RANKING)
    except RiskError:
        return False
    return basis == Basis(release.release, release.time, _as_of(settings))


def plot_confusion_matrix(
    settings: Settings | None = None, *, findings: Findings | None = None
) -> Path:
    """Draw what the deployed model finds and misses on the test data."""
    settings = settings or Settings.load()
    path = settings.output_model_path / files.CONFUSION_MATRIX
    files.write_bytes(path, (findings or Findings(settings)).confusion_matrix)
    log.info("the confusion matrix is in %s", files.short(path))
    return path


score_model = plot_confusion_matrix  # the name that it had at first


def plot_trends(settings: Settings | None = None, *, findings: Findings | None = None) -> Path:
    """Draw the quality, the data and the timings of all recorded runs."""
    settings = settings or Settings.load()
    path = settings.output_model_path / files.TRENDS
    files.write_bytes(path, (findings or Findings(settings)).trends)
    log.info("the trends are in %s", files.short(path))
    return path


def write_report(settings: Settings | None = None, *, findings: Findings | None = None) -> Path:
    """Write the report that somebody without a login can read on paper."""
    settings = settings or Settings.load()
    path = settings.output_model_path / files.REPORT
    files.write_bytes(path, report.document(findings or Findings(settings)))
    log.info("the report is in %s", files.short(path))
    return path


def draw(settings: Settings) -> list[RiskError]:
    """Make the pictures and the report; what prevented one of them does not stop the others."""
    problems, findings = [], Findings(settings)
    for step in (plot_confusion_matrix, plot_trends, write_report):
        try:
            step(settings, findings=findings)
        except RiskError as error:
            problems.append(error)
    return problems


def make_owed_report(settings: Settings) -> list[str]:
    """Make the pictures and the report that runs still owe; what prevented it is returned.

    It tells of the list, so it comes after it. What has nothing to show yet is owed no longer.
    """
    owed = journal.owed(settings)
    if journal.REPORT not in owed or journal.LIST in owed:
        return []
    problems = [error for error in draw(settings) if not isinstance(error, InputMissing)]
    if problems:
        return [f"the report is not whole: {problems[0]}"]
    journal.settle(settings, journal.REPORT)
    return []


def make_list(settings: Settings, run: Run, decision: Decision) -> None:
    """Rank the clients anew; a list that could not be written is owed by this run to the next."""
    try:
        run.timed("ranking", rank_clients, settings, kept_in=run.list_path)
    except (RiskError, OSError):
        run.end(*decision)
        raise
    run.owes_no(journal.LIST)
    journal.settle(settings, journal.LIST)  # of earlier runs


def finish_list(settings: Settings) -> Exception | None:
    """Make the list that an earlier run did not come to, and keep it as that run's.

    What prevented it is returned: new data may mend it.
    """
    owing = [path for path in journal.waiting(settings) if journal.LIST in journal.owed_by(path)]
    unlisted = [path for path in owing if not journal.list_of(path).exists()]
    try:
        if not list_is_current(settings):
            rank_clients(settings, kept_in=journal.list_of(unlisted[-1]) if unlisted else None)
    except InputMissing as error:
        log.info("no list is owed: %s", error)
    except (RiskError, OSError) as error:
        return error
    journal.settle(settings, journal.LIST)
    return None


def make_everything(settings: Settings) -> None:
    """Make the ranked list, the confusion matrix, the trends and the report."""
    is_new = not list_is_current(settings)
    with ledger.on_record(settings) as run:
        run.timed("ranking", rank_clients, settings, kept_in=run.list_path if is_new else None)
        run.end("reported", f"the list was made {'anew' if is_new else 'again'} by hand")
    unrecorded = [ServiceDown(problem) for problem in ledger.record_owed(settings)]
    if problems := [*unrecorded, *draw(settings)]:
        raise problems[0]


if __name__ == "__main__":
    run(make_everything)
