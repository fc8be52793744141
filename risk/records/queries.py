"""What the records tell: the last runs, the quality over time, a client's risks."""

from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from risk.decisions.gates import NEWEST, TEST
from risk.records import store
from risk.records.pending import Row
from risk.records.sql_tables import (
    column_stats,
    deployments,
    ingested_files,
    risks,
    runs,
    scores,
    timings,
)
from risk.rows import tables
from risk.settings import Settings

LAST_RUNS = 8
MOST_POINTS = 60
NEWEST_FIRST = runs.c.started_at.desc(), runs.c.id.desc()


class Score(NamedTuple):
    """F1 of the deployed model at one run, with its interval where it was recorded."""

    run: str
    started_at: str
    release: str
    dataset: str
    metric: str
    value: float
    leavers: int


class Position(NamedTuple):
    """Where a client stood in one list."""

    started_at: str
    risk: float
    rank: int
    release: str


class RunScore(NamedTuple):
    """A metric that a run measured of a model on a dataset."""

    release: str | None
    dataset: str
    metric: str
    value: float


class RecordedRun(NamedTuple):
    """A run with its scores, its place among all, and the runs before and after it."""

    row: Row
    scores: list[RunScore]
    place: int
    of_all: int
    before: Row | None
    after: Row | None


class Past(NamedTuple):
    """The past as the overview shows it: runs newest first, scores oldest first.

    `compared` is F1 in the last run that deployed, of its release and of the one before.
    """

    runs: list[Row]
    scores: list[Score]
    compared: list[Score]
    missing: list[tuple[str, float]]


def overview(settings: Settings) -> Past:
    """The last runs, the quality over time, the missing data of the last run that looked."""
    last = sa.select(runs).order_by(*NEWEST_FIRST).limit(LAST_RUNS)
    of_scores = (scores.c[name] for name in Score._fields[2:])
    measured = sa.select(runs.c.id, runs.c.started_at, *of_scores).join_from(scores, runs)
    over_time = (
        measured.where(scores.c.release == runs.c.release, scores.c.metric.like("f1%"))
        .order_by(*NEWEST_FIRST)
        .limit(MOST_POINTS * 6)  # three metrics of two datasets each
    )
    deployed = sa.select(runs.c.id).where(runs.c.outcome == "deployed")
    compared = measured.where(runs.c.id == _newest(deployed), scores.c.metric == "f1")
    looked = sa.select(column_stats.c.run).join_from(column_stats, runs)
    missing = sa.select(column_stats.c.column, column_stats.c.missing_percent)
    missing = missing.where(column_stats.c.run == _newest(looked))
    answers = store.read(settings, last, over_time, compared, missing)
    _, newest_scores, compared_scores, shares = map(_tuples, answers)
    return Past(
        tables.as_rows(answers[0]),
        [Score(*row) for row in newest_scores][::-1],
        [Score(*row) for row in compared_scores],
        [(str(column), float(percent)) for column, percent in shares],
    )


def _newest(run: sa.Select[str]) -> sa.ScalarSelect[str]:
    return run.order_by(*NEWEST_FIRST).limit(1).scalar_subquery()


def _tuples(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table.itertuples(index=False, name=None))


def of_client(settings: Settings, corporation: str) -> list[Position]:
    """A client's risk in the last lists that had it, the oldest first."""
    query = (
        sa.select(
            risks.c.corporation, runs.c.started_at, *(risks.c[n] for n in Position._fields[1:])
        )
        .join_from(risks, runs)
        .where(risks.c.corporation == corporation)
        .order_by(*NEWEST_FIRST)
        .limit(MOST_POINTS)
    )
    lists = _tuples(store.read(settings, query)[0])
    return [Position(*rest) for code, *rest in lists if code == corporation][::-1]


def of_run(settings: Settings, run: str) -> RecordedRun | None:
    """A run of this name, if it is recorded."""
    found = tables.as_rows(store.read(settings, sa.select(runs).where(runs.c.id == run))[0])
    if not found or found[0]["id"] != run:  # databases may pass over blanks at the end
        return None
    row, place = found[0], sa.tuple_(runs.c.started_at, runs.c.id)
    here = sa.tuple_(sa.literal(row["started_at"]), sa.literal(run))
    neighbours = sa.select(runs.c.id, runs.c.started_at, runs.c.outcome)
    measured = sa.select(*(scores.c[name] for name in RunScore._fields)).where(scores.c.run == run)
    counts, before, after, of_the_run = store.read(
        settings,
        _counted(place <= here),
        neighbours.where(place < here).order_by(*NEWEST_FIRST).limit(1),
        neighbours.where(place > here).order_by(runs.c.started_at, runs.c.id).limit(1),
        measured,
    )
    (counted,) = _tuples(counts)
    nearest = (next(iter(tables.as_rows(table)), None) for table in (before, after))
    measures = [RunScore(**each) for each in tables.as_rows(of_the_run)]
    return RecordedRun(row, measures, counted[1], counted[0], *nearest)


def _counted(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """How many runs there are, and how many of them meet a condition."""
    met = sa.func.count(sa.case((condition, 1)))
    return sa.select().add_columns(sa.func.count(), met).select_from(runs)


def last_runs(settings: Settings, count: int) -> pd.DataFrame:
    """The last runs, newest first, with their files and the leavers that their scores rest on."""
    refused = sa.func.coalesce(sa.func.sum(ingested_files.c.rejected), 0)
    query = (
        sa.select(runs, _leavers(TEST), _leavers(NEWEST))
        .add_columns(_of_files(sa.func.count(), "files"), _of_files(refused, "refused"))
        .order_by(*NEWEST_FIRST)
        .limit(count)
    )
    return store.read(settings, query)[0]


def _leavers(dataset: str) -> sa.Label[int | None]:
    """The number of leavers behind a run's scores on this dataset."""
    most = sa.select(sa.func.max(scores.c.leavers))
    of_the_run = most.where(scores.c.run == runs.c.id, scores.c.dataset == dataset)
    return of_the_run.scalar_subquery().label(f"{dataset}_leavers")


def _of_files(what: sa.Function[Any], name: str) -> sa.Label[int]:
    """A total over the files that a run read; MariaDB would answer a sum as a decimal."""
    of_the_run = sa.select(sa.cast(what, sa.BigInteger)).where(ingested_files.c.run == runs.c.id)
    return of_the_run.scalar_subquery().label(name)


class Trends(NamedTuple):
    """What the runs measured over time, one row for each run and thing."""

    scores: pd.DataFrame
    missing: pd.DataFrame
    seconds: pd.DataFrame
    deployments: pd.DataFrame


def trends(settings: Settings) -> Trends:
    """The history of the deployed model's quality, of the data and of the time that it takes."""
    quality = _over_time(scores, "dataset", "metric", "value", "rows", "leavers")
    return Trends(
        *store.read(
            settings,
            quality.where(scores.c.release == runs.c.release),
            _over_time(column_stats, "column", "missing_percent"),
            _over_time(timings, "step", "seconds"),
            sa.select(deployments).order_by(deployments.c.number),
        )
    )


def _over_time(table: sa.Table, *names: str) -> sa.Select[Any]:
    """These columns of all runs, oldest first, each row with the moment of its run."""
    columns = sa.select(runs.c.started_at, *(table.c[name] for name in names))
    return columns.join_from(table, runs).order_by(runs.c.started_at, runs.c.id)
