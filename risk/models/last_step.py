"""What the last step of a model is given of each client, and what it makes of that."""

import logging
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from risk.columns import Columns
from risk.errors import ArtefactRefused
from risk.models import estimator, pairwise, pipelines
from risk.models.estimator import Model, Numbers

Rows: TypeAlias = npt.NDArray[Any]

log = logging.getLogger("risk.last_step")


class LastStep:
    """The last step of a model: which numbers it weighs or splits by, what it makes of them.

    `places` says for each feature where its numbers stand among them; a column with hardly a value
    has none, as trees are not given it.
    """

    def __init__(self, model: Model, columns: Columns) -> None:
        self.model, self.columns = model, columns
        self.estimator = estimator.regression(model)
        self.has_trees = pipelines.is_boosted(model)
        self.tables = pairwise.tables(model) if self.has_trees else None
        if self.tables and not self.tables.agrees:
            log.warning("the trees cannot be looked up in tables, so the list takes longer")
            self.tables = None
        names = [name for name, _ in self._places()]
        self.width = len(names)
        self.places = [
            [at for at, name in enumerate(names) if name == feature] for feature in columns.features
        ]

    def _places(self) -> list[tuple[str, Any]]:
        if self.has_trees:  # they take a category's number, not a place for each level
            names = [name for _, _, each in pipelines.branches(self.model) for name in each]
            return [(name, None) for name in names or self.columns.features]
        return pipelines.places(self.model, self.columns)

    def filled(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table as the model can take it in parts: a bare regression takes no missing cells."""
        if isinstance(self.model, Pipeline):
            return table
        names = list(self.columns.features)
        return table.assign(**table[names].fillna(table[names].median().fillna(0.0)))

    def rows(self, table: pd.DataFrame) -> Rows:
        """The numbers of each client."""
        rows = estimator.inputs(self.model, table, self.columns)
        is_pipeline = isinstance(self.model, Pipeline) and len(self.model) > 1 and len(table)
        made = self.model[:-1].transform(rows) if is_pipeline else rows
        made = made.toarray() if hasattr(made, "toarray") else made
        numbers = np.array(made, dtype="float64", order="C")  # not the table itself
        if len(table) and numbers.shape[1] != self.width:
            raise ArtefactRefused(f"the model sees other columns than it says; {estimator.CURE}")
        return self.tables.codes(numbers) if self.tables else numbers

    def log_odds(self, rows: Rows, of: int | None = None) -> Numbers:
        """What the last step makes of such numbers.

        With `of`, what does not depend on this feature may be left out, if that is faster.
        """
        if not self.has_trees:
            linear: Numbers = rows @ self.estimator.coef_[0] + self.estimator.intercept_[0]
            return linear
        if self.tables:
            place = None if of is None else self.places[of][0]
            return self.tables.log_odds(rows, place)
        return pairwise.decisions(self.model, rows)

    def in_units(self, rows: Rows) -> Numbers:
        """One number per feature in the units of its column; nan for a category."""
        found = np.full(len(self.columns.features), np.nan)
        for way, names in self._ways():
            features = [self.columns.features.index(name) for name in names]
            if not set(names) & set(self.columns.categories):
                found[features] = _undone(way, rows[[self.places[at][0] for at in features]])
        return found

    def fills(self, table: pd.DataFrame) -> Numbers:
        """What a missing number is taken as, one per feature; nan where it is taken as missing."""
        found = np.full(len(self.columns.features), np.nan)
        for way, names in self._ways():
            features = [self.columns.features.index(name) for name in names]
            if not isinstance(self.model, Pipeline):
                found[features] = table[names].median().fillna(0.0)
            for step in way:
                if isinstance(step, SimpleImputer):
                    found[features] = step.statistics_
        return found

    def _ways(self) -> list[tuple[list[Any], list[str]]]:
        """The steps that some columns go before the last, and these columns."""
        if branches := pipelines.branches(self.model):
            return [(list(way) if isinstance(way, Pipeline) else [], to) for _, way, to in branches]
        before = self.model[:-1] if isinstance(self.model, Pipeline) else []
        return [(list(before), list(self.columns.features))]


def _undone(way: list[Any], numbers: Numbers) -> Numbers:
    """The numbers as they were before they were compressed and scaled."""
    for step in reversed(way):
        if isinstance(step, StandardScaler):
            numbers = step.inverse_transform(numbers[None, :])[0]
        elif isinstance(step, FunctionTransformer) and step.func is np.log1p:
            numbers = np.sign(numbers) * np.expm1(np.abs(numbers))
    return numbers
