#!/usr/bin/env python3
"""Make what people look at, the ranked list above all: python reporting.py"""

from pathlib import Path

from risk.cli import run
from risk.errors import ServiceDown
from risk.records import recording
from risk.reports import deliverables
from risk.reports.report_data import Findings
from risk.settings import Settings


def rank_clients(settings: Settings | None = None) -> Path:
    """Write the clients that may still leave, the likeliest first."""
    return deliverables.ranked_list(settings or Settings.load())


def plot_confusion_matrix(settings: Settings | None = None) -> Path:
    """Draw what the deployed model finds and misses on the test data."""
    settings = settings or Settings.load()
    return deliverables.confusion_matrix(settings, Findings(settings))


score_model = plot_confusion_matrix  # the name that it had at first


def plot_trends(settings: Settings | None = None) -> Path:
    """Draw the quality, the data and the timings of all recorded runs."""
    settings = settings or Settings.load()
    return deliverables.trends(settings, Findings(settings))


def write_report(settings: Settings | None = None) -> Path:
    """Write the report that somebody without a login can read on paper."""
    settings = settings or Settings.load()
    return deliverables.document(settings, Findings(settings))


def make_everything(settings: Settings) -> None:
    """Make the ranked list, the confusion matrix, the trends and the report."""
    is_new = not deliverables.list_is_current(settings)
    with recording.on_record(settings) as run:
        kept_in = run.list_path if is_new else None
        run.timed("ranking", deliverables.ranked_list, settings, kept_in)
        run.end("reported", f"the list was made {'anew' if is_new else 'again'} by hand")
    unrecorded = [ServiceDown(problem) for problem in recording.record_owed(settings)]
    if problems := [*unrecorded, *deliverables.draw(settings)]:
        raise problems[0]


if __name__ == "__main__":
    run(make_everything)
