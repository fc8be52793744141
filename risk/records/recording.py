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
from risk.database import RowsRefused
from risk.errors import InputMissing, RiskError, ServiceDown, noted
from risk.learning import releases
from risk.learning.releases import Release
from risk.records import list_copy, pending, store
from risk.records.pending import Row, Run, Waiting
from risk.records.store import Entry
from risk.rows import statistics
from risk.rows.statistics import Look
from risk.settings import Settings

log = logging.getLogger("risk.recording")

Facts = Callable[[Settings, Run, Any], Row]


def remember_columns(run: Run, look: Look) -> None:
    """Add what the columns look like now."""
    run.add("column_stats", [_column(name, look) for name in look.missing])
    if look.levels:
        run.add("category_stats", [level._asdict() for level in look.levels])


def _column(name: str, look: Look) -> Row:
    """Missing cells of a column, and statistics of one that holds numbers."""
    numbers = zip(statistics.STATISTICS, look.numbers.get(name, ()), strict=False)
    known = {what: value if math.isfinite(value) else None for what, value in numbers}
    return {"column": name, "missing_percent": look.missing[name], **known}


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
    remember_columns(run, statistics.look(table, settings.columns))
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
