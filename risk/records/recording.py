"""Turn a run's results into database rows: its files, scores and columns."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from risk import files, wording
from risk.columns import Columns
from risk.data import statistics, tables, test_data
from risk.data.input_folder import Arrival
from risk.data.intake import Intake
from risk.data.outcomes import Labelled
from risk.database import RowsRefused
from risk.decisions import windows
from risk.decisions.gates import ARRIVED, NEWEST, TEST
from risk.decisions.policies import Verdict
from risk.errors import DataUnusable, InputMissing, RiskError, ServiceDown, noted
from risk.learning import deployed, evaluation, releases
from risk.learning.evaluation import Candidate, Evaluation
from risk.learning.releases import Release
from risk.models import estimator
from risk.records import list_file, pending, run_rows, store
from risk.records.pending import Row, Run, Waiting
from risk.records.store import Entry
from risk.settings import Settings

log = logging.getLogger("risk.recording")

Facts = Callable[[Settings, Run, Any], Row]


def _remember_columns(run: Run, table: pd.DataFrame, settings: Settings) -> None:
    """Add what the columns look like now."""
    run.add("column_stats", run_rows.of_columns(table, settings.columns))
    levels = statistics.most_frequent(table, settings.columns)
    if levels:
        run.add("category_stats", [level._asdict() for level in levels])


def share_of_book(settings: Settings) -> float:
    """The same of the clients that the last ingestion found."""
    path = settings.output_folder_path / files.CLIENTS
    clients = len(tables.read(path, settings.columns)) if path.exists() else 0
    return evaluation.capacity_share(settings.capacity, clients)


def remember_data(run: Run, arrived: Intake, new: list[Arrival], settings: Settings) -> None:
    """Add the new files with their counts, and what the columns look like now."""
    run.add("ingested_files", arrived.files_of(new))
    _remember_columns(run, arrived.table, settings)


def remember_scores(run: Run, release: Release, scored: Candidate, share: float) -> None:
    """Add how good the deployed model is on the test data, the newest data and the new files."""
    run.knows(release=release.release)
    run.add("scores", run_rows.of_scores(release.release, scored.on, share))
    arrived = scored.on.get(ARRIVED)
    if arrived and arrived.leavers:  # without a leaver there is nothing to find
        run.knows(arrived_score=arrived.f1)


def remember_verdicts(run: Run, verdicts: Mapping[str, Verdict]) -> None:
    """Add what each policy decides, whichever is in force."""
    run.add("verdicts", run_rows.of_verdicts(verdicts))


def remember_calibration(run: Run, release: Release, new: Evaluation | None) -> None:
    """Add whether the risks of a model came true, if there are outcomes to tell."""
    if new is not None:
        row, groups = run_rows.of_calibration(release.release, new)
        run.add("calibration", [row])
        run.add("reliability", groups)


def remember_shifts(
    run: Run, release: Release, labelled: Labelled, book: tables.Book, columns: Columns
) -> None:
    """Add what changed in the newest period since a release learned."""
    newest = book.rows[len(book.rows) - book.newest :]
    learned = windows.learned_by(release, labelled)
    run.add("shifts", run_rows.of_shifts(learned, newest, columns))


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


def training_facts(_settings: Settings, _run: Run, _model: estimator.Model) -> Row:
    """How a training by hand ended."""
    return {"outcome": "trained", "reason": "a model was fitted by hand"}


def scoring_facts(settings: Settings, run: Run, trained: Candidate) -> Row:
    """How a scoring by hand ended; adds its scores to the run."""
    on_test = trained.on[TEST]
    run.add("scores", run_rows.of_scores(None, trained.on, share_of_book(settings)))
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
    remember_published(run, release)
    problems: list[str] = []
    with noted(problems, "it is out, but not scored", (RiskError, OSError)):
        scored = _on_what_there_is(settings)
        remember_scores(run, release, scored, share_of_book(settings))
    for problem in problems:
        log.warning("%s", problem)
    return {"outcome": outcome, "reason": f"{release.title} with F1 {release.score:.4f}"}


def _on_what_there_is(settings: Settings) -> Candidate:
    """The deployed model on the merged data, and on the test data if it can be used."""
    table = tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns)
    known = tables.with_outcome(table, settings.columns)
    datasets = {NEWEST: known} if len(known) else {}
    with suppress(InputMissing, DataUnusable):
        datasets[TEST] = test_data.rows(settings)
    in_use = deployed.load(settings.prod_deployment_path, settings.columns)
    return deployed.evaluated(in_use, datasets)


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
        ranked = list_file.kept(listed)
    except list_file.ListDamaged as damage:
        log.warning("%s; it is kept as %s", damage, files.set_aside(listed))
        ranked = None
    store.write(settings, Entry(facts, rows, ranked, [*releases_of_the_run, *published]))
    run.mark_recorded()
