"""The parts of which our models are made, and what each must hold before compiled code reads it.

Trees and encoders are asked by code that trusts every number in them: an index that leads outside
ends the process, or reads what is none of its business. So nothing of them is taken on trust.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

CLASSES = {
    ("sklearn.pipeline", "Pipeline"),
    ("sklearn.impute._base", "SimpleImputer"),
    ("sklearn.preprocessing._function_transformer", "FunctionTransformer"),
    ("sklearn.preprocessing._data", "StandardScaler"),
    ("sklearn.linear_model._logistic", "LogisticRegression"),
    ("sklearn.compose._column_transformer", "ColumnTransformer"),
    ("sklearn.preprocessing._encoders", "OneHotEncoder"),
    ("sklearn.preprocessing._encoders", "OrdinalEncoder"),
    (
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting",
        "HistGradientBoostingClassifier",
    ),
    ("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper"),
    ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
    ("sklearn._loss.loss", "HalfBinomialLoss"),
    ("sklearn._loss.link", "LogitLink"),
}
NAMED: dict[tuple[str, str], Any] = {  # what a model names and nothing may call while it is read
    ("numpy", "log1p"): np.log1p,
    ("numpy", "clip"): np.clip,
    ("numpy", "dot"): np.dot,
    ("numpy", "array"): np.array,
    ("numpy", "float64"): np.float64,
}
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
BYTE = 256
PLAIN = (type(None), bool, int, float, str)
State: TypeAlias = Mapping[str, Any]


class PartWrong(ValueError):
    """A part that no model of ours has."""


def check(part: Any) -> None:
    """Refuse a part whose state could lead code of others astray."""
    of_class = type(part)
    for name in vars(part):
        known = getattr(of_class, name, None)
        _demand(not (callable(known) or isinstance(known, property)), part, name)
    if rule := RULES.get(of_class.__name__):
        rule(part)


def _demand(is_right: object, part: Any, what: str) -> None:
    if not is_right:
        raise PartWrong(f"its {type(part).__name__} has a wrong {what}")


def _demand_state(part: Any, fixed: State, free: set[str]) -> State:
    """The state of a part that has these fixed values, and beside them these names alone."""
    state = {name: value for name, value in vars(part).items() if name != "_sklearn_version"}
    for name in fixed.keys() | free | state.keys():
        _demand(name in state and (name in free or name in fixed), part, name)
    for name, value in fixed.items():
        _demand(_same(state[name], value), part, name)
    return state


def _same(value: object, expected: object) -> bool:
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(value, float) and math.isnan(value)
    return value is expected or (type(value) is type(expected) and value == expected)


def _is_list(value: object, each: Callable[[Any], bool]) -> bool:
    return type(value) is list and all(map(each, value))


def _is_array(value: object, kind: str, *shape: int) -> bool:
    """Whether it is an array of numbers of this kind; -1 stands for any length."""
    if not isinstance(value, np.ndarray) or value.dtype != np.dtype(kind):
        return False
    sizes = zip(value.shape, shape, strict=False)
    return value.ndim == len(shape) and all(at in (size, -1) for size, at in sizes)


def _are_texts(value: object) -> bool:
    return _is_list(value, lambda text: type(text) is str)


def _function_transformer(part: Any) -> None:
    """A function of numpy's, and with it the very arguments that we give it."""
    state = vars(part)
    func, given = state.get("func"), state.get("kw_args")
    if func is np.dot:
        is_right = type(given) is dict and list(given) == ["b"] and _takes_apart(given["b"])
    elif func is np.clip:
        is_right = given == {"a_min": 0.0, "a_max": None}
    elif func is np.array:
        is_right = given == {"dtype": "O"}
    else:
        is_right = (func is None or func is np.log1p) and given is None
    _demand(is_right, part, "func or kw_args")
    for name in ("inverse_func", "inv_kw_args"):
        _demand(state.get(name) is None, part, name)
    _demand(state.get("feature_names_out") in (None, "one-to-one"), part, "feature_names_out")


def _takes_apart(value: object) -> bool:
    """Whether it is the array by which numbers above 0 and below are told apart or put together."""
    if not _is_array(value, "f8", -1, -1):
        return False
    across: Any = value if value.shape[0] < value.shape[1] else value.T  # type: ignore[attr-defined]
    count = len(across)
    return across.shape == (count, 2 * count) and bool(
        (across == np.hstack([np.eye(count), -np.eye(count)])).all()
    )


def _column_transformer(part: Any) -> None:
    fixed = {
        **{"remainder": "drop", "sparse_threshold": 0.3, "n_jobs": None},
        **{"transformer_weights": None, "verbose": False, "verbose_feature_names_out": True},
    }
    free = {
        *("transformers", "transformers_", "feature_names_in_", "n_features_in_", "_columns"),
        *("_transformer_to_input_indices", "_remainder", "sparse_output_", "output_indices_"),
    }
    state = _demand_state(part, fixed, free)
    for name in ("transformers", "transformers_"):
        _demand(_is_list(state[name], _is_branch), part, name)


def _is_branch(value: Any) -> bool:
    return type(value) is tuple and len(value) == 3 and _are_texts(value[2])


OF_ENCODERS = {
    **{"dtype": np.float64, "min_frequency": None, "max_categories": None},
    "_infrequent_enabled": False,
}
ENCODERS_OWN = {"categories", "categories_", "n_features_in_"}


def _one_hot_encoder(part: Any) -> None:
    fixed = OF_ENCODERS | {
        **{"sparse_output": True, "handle_unknown": "ignore", "drop": None, "drop_idx_": None},
        **{"feature_name_combiner": "concat", "_drop_idx_after_grouping": None},
    }
    if _is_unfitted(part):
        return
    state = _demand_state(part, fixed, ENCODERS_OWN | {"_n_features_outs"})
    _demand_categories(part, state)
    sizes = [len(levels) for levels in state["categories_"]]
    _demand(_same(state["_n_features_outs"], sizes), part, "_n_features_outs")


def _ordinal_encoder(part: Any) -> None:
    fixed = {"handle_unknown": "use_encoded_value", "encoded_missing_value": math.nan}
    if _is_unfitted(part):
        return
    own = ENCODERS_OWN | {"unknown_value", "_missing_indices"}
    state = _demand_state(part, OF_ENCODERS | fixed, own)
    _demand_categories(part, state)
    sizes = [len(levels) for levels in state["categories_"]]
    _demand(max(sizes) <= BYTE, part, "number of categories_")
    _demand(_same(state["unknown_value"], sizes[0] - 1), part, "unknown_value")
    _demand(_same(state["_missing_indices"], {0: sizes[0] - 1}), part, "_missing_indices")


def _is_unfitted(part: Any) -> bool:
    """Whether an encoder has its parameters alone, as the plan of a model keeps it."""
    return bool(vars(part).keys() - {"_sklearn_version"} == set(part.get_params(deep=False)))


def _demand_categories(part: Any, state: State) -> None:
    """One row of levels for each column, the missing one at its end."""
    found = state["categories_"]
    _demand(_is_list(found, _are_levels) and found, part, "categories_")
    _demand(_same(state["n_features_in_"], len(found)), part, "n_features_in_")


def _are_levels(value: Any) -> bool:
    if not _is_array(value, "O", -1) or not len(value):
        return False
    *known, missing = value.tolist()
    return all(type(level) is str for level in known) and _same(missing, math.nan)


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
    state = _demand_state(part, OF_TREES, named)
    _demand(type(state["_loss"]).__name__ == "HalfBinomialLoss", part, "_loss")
    _demand(_is_array(state["_baseline_prediction"], "f8", 1, 1), part, "_baseline_prediction")
    is_category = _categories_of(part, state["_bin_mapper"], state["n_features_in_"])
    rounds = state["_predictors"]
    _demand(_is_list(rounds, lambda trees: type(trees) is list and len(trees) == 1), part, "tree")
    for (tree,) in rounds:
        _demand(type(tree).__name__ == "TreePredictor", part, "tree")
        _demand(_leads_home(tree, is_category), tree, "node")


def _categories_of(part: Any, mapper: Any, width: object) -> Any:
    """Which of the columns that trees see hold the numbers of levels."""
    _demand(type(mapper).__name__ == "_BinMapper", part, "_bin_mapper")
    _demand(type(width) is int and width > 0, part, "n_features_in_")
    is_category, known = mapper.is_categorical_, mapper.bin_thresholds_
    _demand(_is_array(is_category, "u1", width), mapper, "is_categorical_")  # type: ignore[arg-type]
    _demand(len(known) == width, mapper, "bin_thresholds_")
    return is_category != 0


def _leads_home(tree: Any, is_category: Any) -> bool:
    """Whether every way through a tree ends at a leaf of it."""
    state = vars(tree)
    nodes, bits = state.get("nodes"), state.get("raw_left_cat_bitsets")
    if not isinstance(nodes, np.ndarray) or not _is_array(bits, "<u4", -1, 8):
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
    state = _demand_state(part, {}, names)
    _demand(state["raw_left_cat_bitsets"].flags.c_contiguous, part, "raw_left_cat_bitsets")


def _bin_mapper(part: Any) -> None:
    fixed = {
        **{"n_bins": BYTE, "missing_values_bin_idx_": BYTE - 1, "is_categorical": None},
        **{"known_categories": None, "random_state": None, "n_threads": None},
    }
    state = _demand_state(part, fixed, {"subsample", "is_categorical_", "bin_thresholds_"})
    _demand(_is_list(state["bin_thresholds_"], _are_bytes), part, "bin_thresholds_")


def _are_bytes(value: Any) -> bool:
    """Whether all of them are whole numbers below 256, of which a tree keeps a bit each."""
    if not _is_array(value, "f8", -1):
        return False
    return bool(((value >= 0) & (value < BYTE) & (value % 1 == 0)).all())


def _loss(part: Any) -> None:
    _demand(type(_demand_state(part, {}, {"link"})["link"]).__name__ == "LogitLink", part, "link")


def _link(part: Any) -> None:
    _demand_state(part, {}, set())


RULES: dict[str, Callable[[Any], None]] = {
    "FunctionTransformer": _function_transformer,
    "ColumnTransformer": _column_transformer,
    "OneHotEncoder": _one_hot_encoder,
    "OrdinalEncoder": _ordinal_encoder,
    "HistGradientBoostingClassifier": _trees,
    "_BinMapper": _bin_mapper,
    "TreePredictor": _tree,
    "HalfBinomialLoss": _loss,
    "LogitLink": _link,
}
