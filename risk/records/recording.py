"""Turn a run into database rows: its files, columns and releases, and how it ended."""

import logging
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from risk import files
from risk.columns import Columns
from risk.data.input_folder import Arrival
from risk.data.intake import Intake
from risk.database import RowsRefused
from risk.errors import InputMissing, RiskError, ServiceDown, noted
from risk.learning import releases
from risk.learning.releases import Release
from risk.records import list_copy, pending, store
from risk.records.pending import Row, Run, Waiting
from risk.records.store import Entry
from risk.rows import statistics
from risk.settings import Settings

log = logging.getLogger("risk.recording")

Facts = Callable[[Settings, Run, Any], Row]


def _remember_columns(run: Run, table: pd.DataFrame, settings: Settings) -> None:
    """Add what the columns look like now."""
    run.add("column_stats", _of_columns(table, settings.columns))
    levels = statistics.most_frequent(table, settings.columns)
    if levels:
        run.add("category_stats", [level._asdict() for level in levels])


def _of_columns(table: pd.DataFrame, columns: Columns) -> list[Row]:
    """Missing cells of every column, and statistics of those that hold numbers."""
    missing = zip(columns.all, statistics.missing_percent(table, columns), strict=True)
    rows: list[Row] = [{"column": name, "missing_percent": share} for name, share in missing]
    for row in rows:
        if row["column"] in (*columns.measured, columns.value):
            numbers = statistics.numbers(table, row["column"])
            for what, value in zip(statistics.STATISTICS, numbers, strict=True):
                row[what] = value if math.isfinite(value) else None
    return rows


def remember_data(run: Run, arrived: Intake, new: list[Arrival], settings: Settings) -> None:
    """Add the new files with their counts, and what the columns look like now."""
    run.add("ingested_files", arrived.files_of(new))
    _remember_columns(run, arrived.data.table, settings)


def remember_published(run: Run, release: Release) -> None:
    """Add a release that went out."""
    run.knows(release=release.release)
    run.add("deployments", [_deployment(release)])


def _deployment(release: Release) -> Row:
    return {
        "release": release.release,
        "number": release.number,
        "deployed_at": release.time,
        "score": release.score,
        "rows": release.rows,
    }


@contextmanager
def on_record(settings: Settings, owes: Iterable[str] = ()) -> Iterator[Run]:
    """A run by hand, which is recorded at once if it fails; its own error is the one raised.

    A run whose input was missing did nothing, and leaves no record.
    """
    run = Run(settings, owes)
    try:
        with run:
            yield run
    except InputMissing:
        run.discard()
        raise
    except (RiskError, OSError):
        for problem in record_owed(settings):
            log.warning("%s", problem)
        raise


def step_on_record(step: Callable[[Settings], Any], facts: Facts) -> Callable[[Settings], None]:
    """The step as a script runs it: recorded whether it succeeds or fails."""

    def run_step(settings: Settings) -> None:
        with on_record(settings) as run:
            result = run.timed(Path(sys.argv[0]).stem, step, settings)
            run.end(**facts(settings, run, result))
        try:
            catch_up(settings)
        except ServiceDown as error:
            done = f"{run.facts['outcome']}: {run.facts['reason']}"
            raise ServiceDown(f"{done}; but not recorded yet: {error}") from error

    run_step.__doc__ = step.__doc__
    return run_step


def ingestion_facts(settings: Settings, run: Run, table: pd.DataFrame) -> Row:
    """How an ingestion by hand ended; adds its files and columns to the run."""
    record = files.required_json(settings.output_folder_path / files.INGESTION, "ingestion.py")
    run.add("ingested_files", record["files"])
    _remember_columns(run, table, settings)
    return {"outcome": "ingested", "reason": f"{len(table)} rows of {len(record['files'])} files"}


def record_owed(settings: Settings) -> list[str]:
    """Record the runs that wait for it, and return what prevented it."""
    problems: list[str] = []
    with noted(problems, "not recorded yet", (RiskError, OSError)):
        catch_up(settings)
    return problems


def catch_up(settings: Settings) -> None:
    """Record every run that waits for it and owes no list, oldest first, each once."""
    published = [_deployment(release) for release in releases.kept(settings.prod_deployment_path)]
    refusals = []
    for run in pending.waiting(settings):
        if pending.LIST in run.owes or run.is_recorded:
            continue
        try:
            _record(settings, run, published)
        except RowsRefused as refusal:
            refusals.append(f"{refusal}; what the run found is kept as {run.refuse()}")
    if refusals:
        raise ServiceDown("; ".join(refusals))


def _record(settings: Settings, run: Waiting, published: list[Row]) -> None:
    """Record one run, and every release that is not on record yet."""
    facts, rows, listed = run.facts, dict(run.rows), run.list_path
    if "outcome" not in facts:
        log.warning("the run that began at %s died before its end", facts["started_at"])
        facts |= {"outcome": "died", "reason": "it ended before it could say what it decided"}
    releases_of_the_run = rows.pop("deployments", [])
    try:
        ranked = list_copy.read(listed)
    except list_copy.CopyDamaged as damage:
        log.warning("%s; it is kept as %s", damage, files.set_aside(listed))
        ranked = None
    store.write(settings, Entry(facts, rows, ranked, [*releases_of_the_run, *published]))
    run.mark_recorded()
