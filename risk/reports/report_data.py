"""The parts of the figures and the report, each read or drawn once."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from risk import files, wording
from risk.data import test_data
from risk.dataset import final_data
from risk.decisions.gates import TEST
from risk.errors import RiskError
from risk.learning import deployed, evaluation, ranking
from risk.learning.deployed import Deployed
from risk.learning.evaluation import Evaluation
from risk.learning.releases import Release
from risk.models.estimator import Model
from risk.records import decisions, list_file, model_record, queries
from risk.records.queries import Trends
from risk.reports import charts, trends_chart
from risk.rows import statistics
from risk.rows.statistics import Look
from risk.rows.tables import Book
from risk.settings import Settings

LAST_RUNS = 8

Part = TypeVar("Part")


class Known(NamedTuple):
    """What a run knows of the model in use and its data, so that nothing is read again."""

    release: Release
    model: Model
    on_test: Evaluation | None
    look: Look
    book: Book
    as_of: str


class History(NamedTuple):
    """What the records hold: every run as a point in time, the last ones in words."""

    trends: Trends
    last_runs: pd.DataFrame


class Findings:
    """Every part is made when it is first asked for; what prevented it is remembered as well.

    So a picture that is a file and stands in the report is drawn once, and a database that never
    answers is waited for once.
    """

    def __init__(self, settings: Settings, known: Known | None = None) -> None:
        self.settings = settings
        self._parts: dict[str, Any] = {}
        self._problems: dict[str, RiskError | OSError] = {}
        if known:
            deployed_now = Deployed(known.release, known.model, settings.columns)
            self._parts = {"deployed": deployed_now, "look": known.look}
            clients = len(known.book.rows)
            self._parts["share"] = evaluation.capacity_share(settings.capacity, clients)
        if known and known.on_test:
            self._parts["on test"] = known.on_test

    @property
    def listed(self) -> pd.DataFrame:
        """Risk, outcome and earlier rank of every client on the list."""
        path = self.settings.output_model_path / files.RANKING
        wanted: tuple[str, ...] = ("risk", ranking.OUTCOME, "previous_rank")
        wanted += (ranking.AT_STAKE,) if list_file.has_worth(path) else ()
        return self._once("listed", lambda: list_file.read(path, wanted))

    @property
    def deployed(self) -> Deployed:
        """The deployed release and its model."""
        folder, columns = self.settings.prod_deployment_path, self.settings.columns
        return self._once("deployed", lambda: deployed.load(folder, columns))

    @property
    def on_test(self) -> Evaluation:
        """The deployed model on the test data."""
        return self._once("on test", lambda: _on_test(self.deployed, self.settings))

    @property
    def look(self) -> Look:
        """What the merged data look like."""
        columns = self.settings.columns
        return self._once(
            "look", lambda: statistics.look(final_data.read(self.settings).table, columns)
        )

    @property
    def share(self) -> float:
        """The share of the clients that the managers can call."""
        return self._once("share", lambda: model_record.share_of_book(self.settings))

    @property
    def history(self) -> History:
        """The records of all runs."""
        return self._once("history", lambda: _history(self.settings))

    @property
    def decisions(self) -> decisions.Past:
        """What each policy decided, whether risks came true, what changed in the data."""

        def ask() -> decisions.Past:
            _ = self.history  # so that a database that did not answer is not asked again
            return decisions.overview(self.settings)

        return self._once("decisions", ask)

    @property
    def confusion_matrix(self) -> bytes:
        """The picture of what the deployed model found and missed on the test data."""
        return self._once("matrix", lambda: _confusion_matrix(self.deployed.release, self.on_test))

    @property
    def trends(self) -> bytes:
        """The picture of all recorded runs."""
        return self._once("trends", lambda: trends_chart.draw(self.history.trends))

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


def _on_test(deployed: Deployed, settings: Settings) -> Evaluation:
    datasets, threshold = {TEST: test_data.rows(settings)}, deployed.release.threshold
    return evaluation.evaluate(deployed.model, datasets, settings.columns, threshold)[TEST]


def _history(settings: Settings) -> History:
    return History(queries.trends(settings), queries.last_runs(settings, LAST_RUNS))


def _confusion_matrix(release: Release, on_test: Evaluation) -> bytes:
    remark = wording.provisional(on_test.leavers)
    judge = f"{release.title.capitalize()}: F1 {on_test.f1:.4f}{remark}"
    title = f"{judge}\non {on_test.rows:,} rows of test data"
    return charts.confusion_matrix(on_test.left, on_test.expected, title)
