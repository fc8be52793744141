"""What each policy decided, whether the risks came true, and what changed in the data."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from risk.decisions.policies import CHANGES, DEPLOYED, RECALIBRATED
from risk.models.estimator import Numbers
from risk.records import store
from risk.records.queries import LAST_RUNS, NEWEST_FIRST
from risk.records.sql_tables import calibration, reliability, runs, shifts, verdicts
from risk.rows import tables
from risk.settings import Settings

UNDECIDED = "failed", "died"  # runs that are repeated on the same outcomes
TOO_FAR = 3.0  # standard errors
OF_90_PERCENT = 1.645  # standard errors on either side
TOO_MUCH = 0.05  # of a calibration error
LEAST_ERROR = 0.5  # of a count of clients, however sure the model is


class PolicyVerdict(NamedTuple):
    """What a policy decided at a run, and on what evidence."""

    policy: str
    verdict: str
    sentence: str
    p: float | None
    effect: float | None
    rows: int
    found: int
    called: int


class Tally(NamedTuple):
    """All that a policy decided, and how many its models found of those they would have called."""

    policy: str
    runs: int
    deployed: int
    recalibrated: int
    found: int
    called: int


class Group(NamedTuple):
    """Clients of about equal risk: their mean risk, the share that left, its interval."""

    rows: int
    risk: float
    left: float
    left_low: float
    left_high: float

    @property
    def is_off(self) -> bool:
        """Whether the risk lies outside of the interval."""
        return not self.left_low <= self.risk <= self.left_high


class Calibration(NamedTuple):
    """The risks of a release held against outcomes from which it had not learned."""

    run: str
    release: str
    rows: int
    leavers: int
    expected: float
    expected_low: float
    expected_high: float
    error: float
    error_low: float
    error_high: float
    by_chance: float
    groups: Sequence[Group] = ()

    @property
    def is_off_in_all(self) -> bool:
        """Whether more or fewer left than chance explains: by over three standard errors."""
        standard_error = (self.expected_high - self.expected_low) / 2 / OF_90_PERCENT
        return abs(self.leavers - self.expected) > TOO_FAR * max(standard_error, LEAST_ERROR)

    @property
    def is_off(self) -> bool:
        """The same, or whether the ten groups are further off than chance explains, and far."""
        return self.is_off_in_all or self.error > max(TOO_MUCH, self.most_by_chance)

    @property
    def most_by_chance(self) -> float:
        """The error that a perfect model hardly ever has: three standard errors above its mean.

        A share p of n clients is off by half normal distances of variance (1 - 2/pi) p (1 - p) / n.
        """
        variances = (
            (each.rows / self.rows) ** 2 * each.risk * (1 - each.risk) / each.rows
            for each in self.groups
        )
        return self.by_chance + TOO_FAR * math.sqrt((1 - 2 / math.pi) * sum(variances))

    def reach(self, risks: Numbers) -> tuple[int, int]:
        """Between which numbers the leavers among these lie, if their risks are as far off.

        It holds what the risks say, what this gap in all would make of that, and what the groups of
        their risks would.
        """
        told, by_gap = float(risks.sum()), self.leavers / max(self.expected, LEAST_ERROR)
        ends = [told, told * by_gap]
        if self.groups:
            _, place, _, low, high = zip(*self.groups, strict=True)
            ends += [float(np.interp(risks, place, share).sum()) for share in (low, high)]
        return max(0, round(min(ends))), min(len(risks), round(max(ends)))


class Shift(NamedTuple):
    """How far a column moved from what the model learned from, with what chance alone explains."""

    column: str
    psi: float | None
    psi_bound: float | None
    ks: float | None
    ks_bound: float | None
    sentence: str


class Past(NamedTuple):
    """What is known of the decisions; of every run the policy in force comes first.

    `verdicts` has the last runs, newest first; `change` is the last run that changed the model;
    `learned` is the release from whose training on the columns shifted.
    """

    tallies: list[Tally]
    verdicts: dict[str, list[PolicyVerdict]]
    change: tuple[str, str] | None
    calibration: Calibration | None
    shifts: list[Shift]
    learned: str

    @property
    def has_proven_better(self) -> bool:
        """Whether the model before the last change was found wrong on outcomes it had not seen."""
        told = self.verdicts.get(self.change[0], []) if self.change else []
        return any(each.verdict == DEPLOYED and each.p is not None for each in told)

    @property
    def in_force(self) -> str:
        """The policy that decided the last run; empty before there is one."""
        return next((of_run[0].policy for of_run in self.verdicts.values()), "")

    @property
    def last(self) -> list[PolicyVerdict]:
        """The newest verdict of each policy, in the order of the tallies."""
        newest = {each.policy: each for of_run in self._oldest_first for each in of_run}
        return [newest[tally.policy] for tally in self.tallies if tally.policy in newest]

    @property
    def _oldest_first(self) -> list[list[PolicyVerdict]]:
        return [*self.verdicts.values()][::-1]

    def tally(self, policy: str) -> Tally:
        """What came of a policy."""
        return next(tally for tally in self.tallies if tally.policy == policy)

    def doubted(self, in_use: str) -> Calibration | None:
        """The calibration, if it is off and of the release in use."""
        found = self.calibration
        return found if found and found.is_off and found.release == in_use else None


def overview(settings: Settings) -> Past:
    """All tallies, the last verdicts, and the newest calibration and shifts."""
    decided = sa.select(runs.c.id, runs.c.started_at, runs.c.outcome).order_by(*NEWEST_FIRST)
    decided = decided.where(sa.exists().where(verdicts.c.run == runs.c.id))
    changed = decided.where(runs.c.outcome.in_(CHANGES)).limit(1)
    answers = store.read(
        settings,
        *(decided.limit(LAST_RUNS), changed, _tallies()),
        _of_newest(calibration, Calibration._fields[:-1]),
        _of_newest(reliability, Group._fields).order_by(reliability.c.place),
        _of_newest(shifts, Shift._fields),
        _newest(shifts, runs.c.release),
        of=verdicts,
    )
    last, changes, tallies, risks, groups, columns, learned = map(tables.as_rows, answers)
    ids = [row["id"] for row in [*last, *changes]]
    by_run = verdicts_of(settings, ids) if ids else {}
    in_force = by_run[ids[0]][0].policy if ids else ""
    return Past(
        sorted((Tally(**row) for row in tallies), key=lambda tally: tally.policy != in_force),
        by_run,
        (changes[0]["id"], changes[0]["started_at"]) if changes else None,
        Calibration(**risks[0], groups=[Group(**row) for row in groups]) if risks else None,
        sorted((Shift(**row) for row in columns), key=lambda shift: not shift.sentence),
        (learned[0]["release"] or "") if learned else "",
    )


def _tallies() -> sa.Select[tuple[object, ...]]:
    """The sums over all runs that came to an end; MariaDB would answer them as decimals."""

    def total(what: sa.ColumnElement[int], name: str) -> sa.Label[int]:
        return sa.cast(sa.func.sum(what), sa.BigInteger).label(name)

    def times(word: str) -> sa.Label[int]:
        return total(sa.case((verdicts.c.verdict == word, 1), else_=0), word)

    return (
        sa.select(verdicts.c.policy, sa.func.count().label("runs"))
        .add_columns(times(DEPLOYED), times(RECALIBRATED))
        .add_columns(total(verdicts.c.found, "found"), total(verdicts.c.called, "called"))
        .join_from(verdicts, runs)
        .where(runs.c.outcome.not_in(UNDECIDED))
        .group_by(verdicts.c.policy)
        .order_by(verdicts.c.policy)
    )


def _newest(table: sa.Table, column: sa.Column[str]) -> sa.Select[Any]:
    """This of the newest run that has rows in a table."""
    return sa.select(column).join_from(table, runs).order_by(*NEWEST_FIRST).limit(1)


def _of_newest(table: sa.Table, names: Sequence[str]) -> sa.Select[tuple[object, ...]]:
    """The rows of that run."""
    newest = _newest(table, table.c.run).scalar_subquery()
    return sa.select(*(table.c[name] for name in names)).where(table.c.run == newest)


def verdicts_of(settings: Settings, ids: Sequence[str]) -> dict[str, list[PolicyVerdict]]:
    """The verdicts of these runs, in the order of the runs, each in the order of recording."""
    names = ("run", *PolicyVerdict._fields)
    query = sa.select(*(verdicts.c[name] for name in names)).where(verdicts.c.run.in_(ids))
    by_run: dict[str, list[PolicyVerdict]] = {run: [] for run in ids}
    for row in tables.as_rows(store.read(settings, query, of=verdicts)[0]):
        by_run[row.pop("run")].append(PolicyVerdict(**row))
    return {run: of_run for run, of_run in by_run.items() if of_run}
