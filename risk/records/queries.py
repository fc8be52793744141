"""What the records tell: the last runs, the quality over time, a client's risks."""

from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from risk.data import tables
from risk.learning.gates import NEWEST, TEST
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
from risk.settings import Settings

LAST_RUNS = 8
MOST_POINTS = 60


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


class Past(NamedTuple):
    """What the overview tells of the past: runs newest first, scores oldest first.

    Those compared are F1 of the last run that deployed, of its release and of the one before.
    """

    runs: list[Row]
    scores: list[Score]
    compared: list[Score]
    missing: list[tuple[str, float]]


def overview(settings: Settings) -> Past:
    """The last runs, the quality over time, the missing data of the last run that looked."""
    newest = runs.c.started_at.desc(), runs.c.id.desc()
    last = sa.select(runs).order_by(*newest).limit(LAST_RUNS)
    measured = (
        sa.select(runs.c.id.label("run"), runs.c.started_at, scores.c.release, scores.c.dataset)
        .add_columns(scores.c.metric, scores.c.value, scores.c.leavers)
        .join_from(scores, runs)
    )
    told = (
        measured.where(scores.c.release == runs.c.release, scores.c.metric.like("f1%"))
        .order_by(*newest)
        .limit(MOST_POINTS * 6)  # three metrics of two datasets each
    )
    deploying = sa.select(runs.c.id).where(runs.c.outcome == "deployed").order_by(*newest).limit(1)
    compared = measured.where(runs.c.id == deploying.scalar_subquery(), scores.c.metric == "f1")
    looked = sa.select(column_stats.c.run).join_from(column_stats, runs)
    of_last = looked.order_by(*newest).limit(1).scalar_subquery()
    missing = sa.select(column_stats.c.column, column_stats.c.missing_percent)
    latest, over_time, of_two, gaps = store.read(
        settings, last, told, compared, missing.where(column_stats.c.run == of_last)
    )
    shares = gaps.itertuples(index=False, name=None)
    return Past(
        tables.as_rows(latest),
        [Score(*row) for row in over_time.itertuples(index=False, name=None)][::-1],
        [Score(*row) for row in of_two.itertuples(index=False, name=None)],
        [(str(column), float(percent)) for column, percent in shares],
    )


def of_client(settings: Settings, corporation: str) -> list[Position]:
    """A client's risk in the last lists that had it, the oldest first."""
    query = (
        sa.select(risks.c.corporation, runs.c.started_at, risks.c.risk, risks.c.rank)
        .add_columns(risks.c.release)
        .join_from(risks, runs)
        .where(risks.c.corporation == corporation)
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
        .limit(MOST_POINTS)
    )
    lists = store.read(settings, query)[0].itertuples(index=False, name=None)
    return [Position(*rest) for code, *rest in lists if code == corporation][::-1]


def last_runs(settings: Settings, count: int) -> pd.DataFrame:
    """The last runs, newest first, with their files and the leavers that their scores rest on."""
    query = (
        sa.select(runs, _leavers(TEST), _leavers(NEWEST))
        .add_columns(_of_files(sa.func.count(), "files"))
        .add_columns(
            _of_files(sa.func.coalesce(sa.func.sum(ingested_files.c.rejected), 0), "refused")
        )
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
        .limit(count)
    )
    return store.read(settings, query)[0]


def _leavers(dataset: str) -> sa.Label[int | None]:
    """On how many clients that left a run's scores on this dataset rest."""
    most = sa.select(sa.func.max(scores.c.leavers))
    of_the_run = most.where(scores.c.run == runs.c.id, scores.c.dataset == dataset)
    return of_the_run.scalar_subquery().label(f"{dataset}_leavers")


def _of_files(what: sa.Function[Any], name: str) -> sa.Label[int]:
    """A number of the files that a run read; MariaDB would answer a sum as a decimal."""
    of_the_run = sa.select(sa.cast(what, sa.BigInteger)).where(ingested_files.c.run == runs.c.id)
    return of_the_run.scalar_subquery().label(name)


class Trends(NamedTuple):
    """What the runs found over time, one row per run and thing."""

    scores: pd.DataFrame
    missing: pd.DataFrame
    seconds: pd.DataFrame
    deployments: pd.DataFrame


def trends(settings: Settings) -> Trends:
    """The history of the deployed model's quality, of the data and of the time that it takes."""
    when = runs.c.started_at
    quality = (
        sa.select(when, scores.c.dataset, scores.c.metric, scores.c.value)
        .add_columns(scores.c.rows, scores.c.leavers)
        .join_from(scores, runs)
        .where(scores.c.release == runs.c.release)
        .order_by(when, runs.c.id)
    )
    missing = (
        sa.select(when, column_stats.c.column, column_stats.c.missing_percent)
        .join_from(column_stats, runs)
        .order_by(when, runs.c.id)
    )
    seconds = (
        sa.select(when, timings.c.step, timings.c.seconds)
        .join_from(timings, runs)
        .order_by(when, runs.c.id)
    )
    published = sa.select(deployments).order_by(deployments.c.number)
    return Trends(*store.read(settings, quality, missing, seconds, published))
