"""Trees that see two features at most together, as tables in which their answers are looked up."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk.models import pipelines
from risk.models.estimator import Model, Numbers

ROUNDING = 1e-9
TRIAL_ROWS = 200

Flags: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.int64]
Box: TypeAlias = Mapping[int, Flags]


@functools.lru_cache(maxsize=1)
def tables(model: Model) -> "Pairwise":
    """The tables of a model; kept, as they take a moment and a list asks for them twice."""
    return Pairwise(model)


class Pairwise:
    """The log-odds of trees as a sum of tables, one for each pair of columns that a leaf sees.

    The trees only ask on which side of some borders a number lies, so a code for each number, that
    says between which borders, is all they need. `agrees` says whether the sum is the trees' own.
    """

    def __init__(self, model: Model) -> None:
        self.model, trees = model, model[-1]
        self.borders = [_borders(trees, at) for at in range(trees.n_features_in_)]
        self.samples = [_samples(trees, at) for at in range(trees.n_features_in_)]
        self.tables: dict[tuple[int, int], Numbers] = {}
        self.start = float(trees._baseline_prediction.ravel()[0])
        self.agrees = all(map(self._add, self._leaves())) and self._is_right()

    def codes(self, rows: Numbers) -> Codes:
        """For each number between which borders it lies; what is missing has the last code."""
        columns = []
        for numbers, borders in zip(rows.T, self.borders, strict=True):
            places = np.searchsorted(borders, numbers, side="left")
            columns.append(np.where(np.isnan(numbers), len(borders) + 1, places))
        return np.column_stack(columns)

    def log_odds(self, codes: Codes, of: int | None = None) -> Numbers:
        """The log-odds of each row of codes, or what of them depends on this column."""
        total = np.full(len(codes), self.start if of is None else 0.0)
        for (first, second), table in self.tables.items():
            if of is None or of in (first, second):
                total += table[codes[:, first], codes[:, second]]
        return total

    def _leaves(self) -> Iterator[tuple[Box, float]]:
        """Each leaf of all trees: which codes of each column lead to it, and its value."""
        for (tree,) in self.model[-1]._predictors:
            waiting: list[tuple[int, Box]] = [(0, {})]
            while waiting:
                at, box = waiting.pop()
                node = tree.nodes[at]
                if node["is_leaf"]:
                    yield box, float(node["value"])
                    continue
                column = int(node["feature_idx"])
                left = self._goes_left(node, tree.raw_left_cat_bitsets)
                before = box.get(column, True)
                waiting.append((int(node["left"]), {**box, column: left & before}))
                waiting.append((int(node["right"]), {**box, column: ~left & before}))

    def _goes_left(self, node: Any, levels_on_left: Any) -> Flags:
        """Which codes a node sends to the left; a level never seen goes as a missing one does."""
        column = int(node["feature_idx"])
        samples, is_missing = self.samples[column], np.isnan(self.samples[column])
        if node["is_categorical"]:
            left = _has(levels_on_left[node["bitset_idx"]], np.nan_to_num(samples).astype(np.int64))
            is_missing = is_missing | ~np.isin(
                samples, self.model[-1]._bin_mapper.bin_thresholds_[column]
            )
        else:
            left = samples <= node["num_threshold"]
        return np.where(is_missing, bool(node["missing_go_to_left"]), left)

    def _add(self, leaf: tuple[Box, float]) -> bool:
        """Whether a leaf sees two columns at most; its value is added to their table."""
        box, value = leaf
        if not 0 < len(box) <= 2:
            self.start += value
            return not box
        first, second = min(box), max(box)
        shape = len(self.samples[first]), len(self.samples[second])
        table = self.tables.setdefault((first, second), np.zeros(shape))
        if first == second:
            table[np.diag_indices(len(table))] += np.where(box[first], value, 0.0)
        else:
            table[np.ix_(box[first], box[second])] += value
        return True

    def _is_right(self) -> bool:
        """Whether the trees themselves answer the same, whatever side of a border a number is."""
        random = np.random.default_rng(0)
        rows = np.column_stack([random.choice(each, TRIAL_ROWS) for each in self.samples])
        wanted = decisions(self.model, rows)
        return bool(np.allclose(self.log_odds(self.codes(rows)), wanted, rtol=0, atol=ROUNDING))


def decisions(model: Model, rows: Numbers) -> Numbers:
    """The log-odds by the trees themselves, which know their columns by name or by place."""
    names = getattr(model[-1], "feature_names_in_", None)
    table = rows if names is None else pd.DataFrame(rows, columns=names)
    with pipelines.all_by_one_thread():
        found: Numbers = model[-1].decision_function(table)
    return found


def _is_category(trees: Any, column: int) -> bool:
    return trees.is_categorical_ is not None and bool(trees.is_categorical_[column])


def _borders(trees: Any, column: int) -> Numbers:
    """Where the trees cut a column's numbers; of a category, the numbers of its levels."""
    if _is_category(trees, column):
        return np.arange(max(trees._bin_mapper.bin_thresholds_[column], default=-1) + 1.0)
    nodes = np.concatenate([tree.nodes for (tree,) in trees._predictors])
    cuts = (nodes["is_leaf"] == 0) & (nodes["feature_idx"] == column)
    return np.unique(nodes["num_threshold"][cuts])


def _samples(trees: Any, column: int) -> Numbers:
    """A number for each code: the border itself, one beyond all, a missing one."""
    borders = _borders(trees, column)
    beyond = float(len(borders)) if _is_category(trees, column) else np.inf
    return np.array([*borders, beyond, np.nan])


def _has(bits: npt.NDArray[np.uint32], levels: Codes) -> Flags:
    """Whether each level's bit is set."""
    found: Flags = (bits[levels // 32] >> (levels % 32).astype(np.uint32) & 1) == 1
    return found
