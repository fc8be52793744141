"""What a model has learned: the weight of each feature, and what a doubling does to the odds."""

import math
from typing import NamedTuple

from risk.learning import estimator, linear, reasons
from risk.learning.estimator import Model
from risk.settings import Columns

NOTHING = "-"
OF_COMPRESSED = (
    "Weight: what the regression multiplies the compressed and scaled number with, so weights can "
    "be compared. Doubling: what the odds of leaving are multiplied by when 1 + the number doubles "
    "and all else stays."
)
OF_OTHERS = (
    "Weight: what the regression multiplies the number with, as it sees it. What a doubling does "
    "depends on the number that it begins with."
)


class Coefficients(NamedTuple):
    """A row for each feature: its name, its weight, the odds for a doubling; and what they mean."""

    head: tuple[str, str, str]
    rows: list[tuple[str, str, str]]
    meaning: str

    @property
    def table(self) -> list[list[str]]:
        """The head and the rows, as a terminal shows them."""
        return [list(row) for row in (self.head, *self.rows)]


def of(model: Model, columns: Columns) -> Coefficients:
    """The coefficients of a model in words; a dash where a doubling has no one effect."""
    line, names = linear.line_of(model), map(reasons.label, columns.features)
    compressed = line.weights if line and line.compressed else []
    doublings = [reasons.times(weight * math.log(2)) for weight in compressed]
    weights = [f"{weight:+.3g}" for weight in estimator.regression(model).coef_[0]]
    cells = zip(names, weights, doublings or [NOTHING] * len(weights), strict=True)
    head = ("feature", "weight", "odds for a doubling")
    return Coefficients(head, list(cells), OF_COMPRESSED if compressed else OF_OTHERS)
