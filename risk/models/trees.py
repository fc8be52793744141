"""What trees must hold, so that none of them leads outside itself, its row, or known levels."""

from collections.abc import Callable
from typing import Any

import numpy as np

from risk.models.part_state import demand, demand_state, is_array, is_list

NODE = np.dtype(
    [
        ("value", "<f8"),
        ("count", "<u4"),
        ("feature_idx", "<i8"),
        ("num_threshold", "<f8"),
        ("missing_go_to_left", "u1"),
        ("left", "<u4"),
        ("right", "<u4"),
        ("gain", "<f8"),
        ("depth", "<u4"),
        ("is_leaf", "u1"),
        ("bin_threshold", "u1"),
        ("is_categorical", "u1"),
        ("bitset_idx", "<u4"),
    ]
)
BYTE = 256  # levels that a tree tells apart, a bit for each
OF_TREES = {
    **{"loss": "log_loss", "warm_start": False, "verbose": 0, "_preprocessor": None},
    **{"n_trees_per_iteration_": 1, "max_bins": 255, "class_weight": None, "monotonic_cst": None},
}
TREES_OWN = {
    *("learning_rate", "max_iter", "max_leaf_nodes", "max_depth", "min_samples_leaf"),
    *("l2_regularization", "max_features", "interaction_cst", "categorical_features"),
    *("early_stopping", "scoring", "validation_fraction", "n_iter_no_change", "tol"),
    *("random_state", "is_categorical_", "_is_categorical_remapped", "n_features_in_"),
    *("classes_", "_n_features", "_loss", "do_early_stopping_", "_use_validation_data"),
    *("_bin_mapper", "_baseline_prediction", "_predictors", "_scorer"),
    *("train_score_", "validation_score_"),
}


def _trees(part: Any) -> None:
    """Trees, none of which leads outside itself, its row, or the levels that it knows."""
    named = TREES_OWN | (vars(part).keys() & {"feature_names_in_"})
    state = demand_state(part, OF_TREES, named)
    demand(type(state["_loss"]).__name__ == "HalfBinomialLoss", part, "_loss")
    demand(is_array(state["_baseline_prediction"], "f8", 1, 1), part, "_baseline_prediction")
    is_category = _categories_of(part, state["_bin_mapper"], state["n_features_in_"])
    rounds = state["_predictors"]
    demand(is_list(rounds, lambda trees: type(trees) is list and len(trees) == 1), part, "tree")
    for (tree,) in rounds:
        demand(type(tree).__name__ == "TreePredictor", part, "tree")
        demand(_leads_home(tree, is_category), tree, "node")


def _categories_of(part: Any, mapper: Any, width: object) -> Any:
    """Which of the columns that trees see hold the numbers of levels."""
    demand(type(mapper).__name__ == "_BinMapper", part, "_bin_mapper")
    demand(type(width) is int and width > 0, part, "n_features_in_")
    is_category, known = mapper.is_categorical_, mapper.bin_thresholds_
    demand(is_array(is_category, "u1", width), mapper, "is_categorical_")  # type: ignore[arg-type]
    demand(len(known) == width, mapper, "bin_thresholds_")
    return is_category != 0


def _leads_home(tree: Any, is_category: Any) -> bool:
    """Whether every way through a tree ends at a leaf of it."""
    state = vars(tree)
    nodes, bits = state.get("nodes"), state.get("raw_left_cat_bitsets")
    if not isinstance(nodes, np.ndarray) or not is_array(bits, "<u4", -1, 8):
        return False
    if nodes.dtype != NODE or nodes.ndim != 1 or not np.isfinite(nodes["value"]).all():
        return False
    return _branches_lead_home(nodes, is_category, len(bits))


def _branches_lead_home(nodes: Any, is_category: Any, bitsets: int) -> bool:
    places = np.flatnonzero(nodes["is_leaf"] == 0)
    if not len(nodes) or len(places) == len(nodes):
        return False
    inner = nodes[places]
    children = np.stack([inner["left"], inner["right"]]).astype(np.int64)
    feature = inner["feature_idx"]
    if ((feature < 0) | (feature >= len(is_category))).any():
        return False
    sorts = inner[inner["is_categorical"] != 0]
    return bool(
        (children > places).all()
        and (children < len(nodes)).all()
        and (sorts["bitset_idx"] < bitsets).all()
        and is_category[sorts["feature_idx"]].all()
    )


def _tree(part: Any) -> None:
    names = {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets"}
    state = demand_state(part, {}, names)
    demand(state["raw_left_cat_bitsets"].flags.c_contiguous, part, "raw_left_cat_bitsets")


def _bin_mapper(part: Any) -> None:
    fixed = {
        **{"n_bins": BYTE, "missing_values_bin_idx_": BYTE - 1, "is_categorical": None},
        **{"known_categories": None, "random_state": None, "n_threads": None},
    }
    state = demand_state(part, fixed, {"subsample", "is_categorical_", "bin_thresholds_"})
    demand(is_list(state["bin_thresholds_"], _are_bytes), part, "bin_thresholds_")


def _are_bytes(value: Any) -> bool:
    """Whether all of them are whole numbers below 256, of which a tree keeps a bit each."""
    if not is_array(value, "f8", -1):
        return False
    return bool(((value >= 0) & (value < BYTE) & (value % 1 == 0)).all())


def _loss(part: Any) -> None:
    demand(type(demand_state(part, {}, {"link"})["link"]).__name__ == "LogitLink", part, "link")


def _link(part: Any) -> None:
    demand_state(part, {}, set())


RULES: dict[str, Callable[[Any], None]] = {
    "HistGradientBoostingClassifier": _trees,
    "_BinMapper": _bin_mapper,
    "TreePredictor": _tree,
    "HalfBinomialLoss": _loss,
    "LogitLink": _link,
}
