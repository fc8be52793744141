"""What the records tell the pages: the last runs, the quality over time, a client's risks."""

from typing import NamedTuple

import sqlalchemy as sa

from risk.data import tables
from risk.records import store
from risk.records.pending import Row
from risk.records.sql_tables import column_stats, risks, runs, scores
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


class Listed(NamedTuple):
    """Where a client stood in one list."""

    started_at: str
    risk: float
    rank: int
    release: str


class History(NamedTuple):
    """What the overview tells of the past: runs newest first, scores oldest first.

    Those compared are F1 of the last run that deployed, of its release and of the one before.
    """

    runs: list[Row]
    scores: list[Score]
    compared: list[Score]
    missing: list[tuple[str, float]]


def overview(settings: Settings) -> History:
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
    found, over_time, of_two, gaps = store.read(
        settings, last, told, compared, missing.where(column_stats.c.run == of_last)
    )
    shares = gaps.itertuples(index=False, name=None)
    return History(
        tables.as_rows(found),
        [Score(*row) for row in over_time.itertuples(index=False, name=None)][::-1],
        [Score(*row) for row in of_two.itertuples(index=False, name=None)],
        [(str(column), float(percent)) for column, percent in shares],
    )


def of_client(settings: Settings, corporation: str) -> list[Listed]:
    """A client's risk in the last lists that had it, the oldest first."""
    query = (
        sa.select(risks.c.corporation, runs.c.started_at, risks.c.risk, risks.c.rank)
        .add_columns(risks.c.release)
        .join_from(risks, runs)
        .where(risks.c.corporation == corporation)
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
        .limit(MOST_POINTS)
    )
    found = store.read(settings, query)[0].itertuples(index=False, name=None)
    return [Listed(*rest) for code, *rest in found if code == corporation][::-1]
