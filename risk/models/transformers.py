"""What the parts must hold that prepare the columns for a model."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from risk.models.part_state import State, are_texts, demand, demand_state, is_array, is_list, same
from risk.models.trees import BYTE

OF_ENCODERS = {
    **{"dtype": np.float64, "min_frequency": None, "max_categories": None},
    "_infrequent_enabled": False,
}
ENCODERS_OWN = {"categories", "categories_", "n_features_in_"}


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
    demand(is_right, part, "func or kw_args")
    for name in ("inverse_func", "inv_kw_args"):
        demand(state.get(name) is None, part, name)
    demand(state.get("feature_names_out") in (None, "one-to-one"), part, "feature_names_out")


def _takes_apart(value: object) -> bool:
    """Whether it is the array by which numbers above 0 and below are told apart or put together."""
    if not is_array(value, "f8", -1, -1):
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
    state = demand_state(part, fixed, free)
    for name in ("transformers", "transformers_"):
        demand(is_list(state[name], _is_branch), part, name)


def _is_branch(value: Any) -> bool:
    return type(value) is tuple and len(value) == 3 and are_texts(value[2])


def _one_hot_encoder(part: Any) -> None:
    fixed = OF_ENCODERS | {
        **{"sparse_output": True, "handle_unknown": "ignore", "drop": None, "drop_idx_": None},
        **{"feature_name_combiner": "concat", "_drop_idx_after_grouping": None},
    }
    if _is_unfitted(part):
        return
    state = demand_state(part, fixed, ENCODERS_OWN | {"_n_features_outs"})
    _demand_categories(part, state)
    sizes = [len(levels) for levels in state["categories_"]]
    demand(same(state["_n_features_outs"], sizes), part, "_n_features_outs")


def _ordinal_encoder(part: Any) -> None:
    fixed = {"handle_unknown": "use_encoded_value", "encoded_missing_value": math.nan}
    if _is_unfitted(part):
        return
    own = ENCODERS_OWN | {"unknown_value", "_missing_indices"}
    state = demand_state(part, OF_ENCODERS | fixed, own)
    _demand_categories(part, state)
    sizes = [len(levels) for levels in state["categories_"]]
    demand(max(sizes) <= BYTE, part, "number of categories_")
    demand(same(state["unknown_value"], sizes[0] - 1), part, "unknown_value")
    demand(same(state["_missing_indices"], {0: sizes[0] - 1}), part, "_missing_indices")


def _is_unfitted(part: Any) -> bool:
    """Whether an encoder has its parameters alone, as the plan of a model keeps it."""
    return bool(vars(part).keys() - {"_sklearn_version"} == set(part.get_params(deep=False)))


def _demand_categories(part: Any, state: State) -> None:
    """One row of levels for each column, the missing one at its end."""
    found = state["categories_"]
    demand(is_list(found, _are_levels) and found, part, "categories_")
    demand(same(state["n_features_in_"], len(found)), part, "n_features_in_")


def _are_levels(value: Any) -> bool:
    if not is_array(value, "O", -1) or not len(value):
        return False
    *known, missing = value.tolist()
    return all(type(level) is str for level in known) and same(missing, math.nan)


RULES: dict[str, Callable[[Any], None]] = {
    "FunctionTransformer": _function_transformer,
    "ColumnTransformer": _column_transformer,
    "OneHotEncoder": _one_hot_encoder,
    "OrdinalEncoder": _ordinal_encoder,
}
