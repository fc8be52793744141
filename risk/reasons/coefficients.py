"""What a model has learned, as a table of weights or, of trees, of shares."""

import math
from typing import NamedTuple

import numpy as np

from risk.columns import Columns
from risk.models import estimator, linear, pipelines
from risk.models.estimator import Model, Numbers
from risk.reasons import phrases

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

OF_LEVELS = (
    "Of a category the heaviest levels are shown; rare ones and ones never seen have no weight."
)
OF_TREES = (
    "The model is made of trees, so a feature has no one weight. Share: how much of what the trees "
    "have learned comes from their splits on the feature. Splits: how many there are."
)
TINY = float(np.finfo(float).tiny)
MOST_LEVELS = 5  # of a category that are shown


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
    if pipelines.is_boosted(model):
        return _shares(model, columns)
    weights = estimator.regression(model).coef_[0]
    per_unit = _per_unit(model, weights)
    doublings = [
        NOTHING if math.isnan(each) else phrases.times(each * math.log(2)) for each in per_unit
    ]
    shown = [f"{weight:+.3g}" for weight in weights]
    cells = list(zip(_names(model, columns), shown, doublings, strict=True))
    rows = [cells[at] for at in _heaviest(model, columns, np.abs(weights))]
    meaning = OF_OTHERS if np.isnan(per_unit).all() else OF_COMPRESSED
    if columns.categories:
        meaning = f"{meaning} {OF_LEVELS}"
    return Coefficients(("feature", "weight", "odds for a doubling"), rows, meaning)


def _per_unit(model: Model, weights: Numbers) -> list[float]:
    """The weights of numbers that are compressed and no more; nan for all else."""
    if not (branches := pipelines.branches(model)):
        line = linear.line_of(model)
        return line.weights if line and line.compressed else [math.nan] * len(weights)
    scales = np.full(len(weights), math.nan)
    if branches[0][0] == pipelines.NUMBERS and "compress" in branches[0][1].named_steps:
        scales[: len(branches[0][2])] = branches[0][1].named_steps["scale"].scale_
    found: list[float] = (weights / scales).tolist()
    return found


def _names(model: Model, columns: Columns) -> list[str]:
    """What a regression multiplies, in its order: a feature, or a category being some level."""
    names = []
    for name, level in pipelines.places(model, columns):
        words = "not known" if isinstance(level, float) else level
        names.append(phrases.label(name) if level is None else f"{phrases.label(name)}: {words}")
    return names


def _heaviest(model: Model, columns: Columns, weights: Numbers) -> list[int]:
    """The weights to show, in the order of the columns: of a category the heaviest ones."""
    of_feature: dict[str, list[int]] = {name: [] for name in columns.features}
    for at, (name, _) in enumerate(pipelines.places(model, columns)):
        of_feature[name].append(at)
    return [
        at
        for places in of_feature.values()
        for at in sorted(places, key=lambda at: -weights[at])[:MOST_LEVELS]
    ]


def _shares(model: Model, columns: Columns) -> Coefficients:
    """How much the trees use each feature."""
    nodes = np.concatenate([tree.nodes for (tree,) in model[-1]._predictors])
    inner = nodes[nodes["is_leaf"] == 0]
    seen = [name for _, _, names in pipelines.branches(model) for name in names]
    seen = seen or list(columns.features)
    gains = np.bincount(inner["feature_idx"], inner["gain"], minlength=len(seen))
    splits = np.bincount(inner["feature_idx"], minlength=len(seen))
    used = dict(zip(seen, zip(gains / max(gains.sum(), TINY), splits, strict=True), strict=True))
    rows = []
    for name in columns.features:
        share, count = used.get(name, (0.0, 0))
        rows.append((phrases.label(name), f"{100 * share:.0f}\u00a0%", f"{count:,}"))
    return Coefficients(("feature", "share", "splits"), rows, OF_TREES)
