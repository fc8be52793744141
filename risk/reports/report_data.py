"""What the figures and the report are made of: each part read or drawn once, or found missing."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from risk import files
from risk.data import statistics, test_data
from risk.errors import RiskError
from risk.learning import deployed, estimator, evaluation, ranking
from risk.learning.deployed import Deployed
from risk.learning.releases import Release
from risk.records import list_file, store
from risk.records.store import Trends
from risk.reports import charts
from risk.settings import Settings

LAST_RUNS = 8

Part = TypeVar("Part")


class Judged(NamedTuple):
    """The deployed model before clients of whom it is known whether they left."""

    release: Release
    model: estimator.Model
    known: pd.DataFrame
    left: charts.Flags
    risks: charts.Numbers
    expected: charts.Flags


class History(NamedTuple):
    """What the records hold: every run as a point in time, the last ones in words."""

    trends: Trends
    last_runs: pd.DataFrame


class Findings:
    """Every part is made when it is first asked for; what prevented it is remembered as well.

    So a picture that is a file and stands in the report is drawn once, and a database that never
    answers is waited for once.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._parts: dict[str, Any] = {}
        self._problems: dict[str, RiskError | OSError] = {}

    @property
    def listed(self) -> pd.DataFrame:
        """Risk, outcome and earlier rank of every client on the list."""
        path = self.settings.output_model_path / files.RANKING
        wanted = ("risk", ranking.OUTCOME, "previous_rank")
        return self._once("listed", lambda: list_file.read(path, wanted))

    @property
    def in_use(self) -> Deployed:
        """The deployed release and its model."""
        folder, columns = self.settings.prod_deployment_path, self.settings.columns
        return self._once("in use", lambda: deployed.load(folder, columns))

    @property
    def judged(self) -> Judged:
        """The deployed model on the test data."""
        return self._once("judged", lambda: _judged(self.in_use, self.settings))

    @property
    def history(self) -> History:
        """The records of all runs."""
        return self._once("history", lambda: _history(self.settings))

    @property
    def confusion_matrix(self) -> bytes:
        """The picture of what the deployed model found and missed on the test data."""
        return self._once("matrix", lambda: _confusion_matrix(self.judged, self.settings))

    @property
    def trends(self) -> bytes:
        """The picture of all recorded runs."""
        return self._once("trends", lambda: charts.trends(self.history.trends))

    def _once(self, name: str, make: Callable[[], Part]) -> Part:
        if name in self._problems:
            raise self._problems[name]
        if name not in self._parts:
            try:
                self._parts[name] = make()
            except (RiskError, OSError) as error:
                self._problems[name] = error
                raise
        part: Part = self._parts[name]
        return part


def _judged(found: Deployed, settings: Settings) -> Judged:
    release, asked, _ = found
    known = test_data.labelled_rows(settings.test_data_path, settings.columns, settings.limits)
    left = known[settings.target_column].to_numpy() == 1
    risks = estimator.probability(asked, known, settings.columns)
    expected = estimator.predictions(asked, known, settings.columns) == 1
    return Judged(release, asked, known, left, risks, expected)


def _history(settings: Settings) -> History:
    return History(store.trends(settings), store.last_runs(settings, LAST_RUNS))


def _confusion_matrix(found: Judged, settings: Settings) -> bytes:
    f1 = evaluation.f1(found.model, found.known, settings.columns)
    remark = statistics.provisional(int(found.left.sum()))
    judge = f"{found.release.title.capitalize()}: F1 {f1:.4f}{remark}"
    title = f"{judge}\non {len(found.left):,} rows of test data"
    return charts.confusion_matrix(found.left, found.expected, title)
