"""What can be demanded of the state of a model's part."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

State: TypeAlias = Mapping[str, Any]


class PartWrong(ValueError):
    """A part that no model of ours has."""


def demand(is_right: object, part: Any, what: str) -> None:
    """Refuse a part unless this is true of what it holds."""
    if not is_right:
        raise PartWrong(f"its {type(part).__name__} has a wrong {what}")


def demand_state(part: Any, fixed: State, free: set[str]) -> State:
    """The state of a part that has these fixed values, and beside them these names alone."""
    state = {name: value for name, value in vars(part).items() if name != "_sklearn_version"}
    for name in fixed.keys() | free | state.keys():
        demand(name in state and (name in free or name in fixed), part, name)
    for name, value in fixed.items():
        demand(same(state[name], value), part, name)
    return state


def same(value: object, expected: object) -> bool:
    """Whether it is the expected value, of the very same type; nan is nan."""
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(value, float) and math.isnan(value)
    return value is expected or (type(value) is type(expected) and value == expected)


def is_list(value: object, each: Callable[[Any], bool]) -> bool:
    """Whether it is a list, and this is true of each member."""
    return type(value) is list and all(map(each, value))


def is_array(value: object, kind: str, *shape: int) -> bool:
    """Whether it is an array of numbers of this kind; -1 stands for any length."""
    if not isinstance(value, np.ndarray) or value.dtype != np.dtype(kind):
        return False
    sizes = zip(value.shape, shape, strict=False)
    return value.ndim == len(shape) and all(at in (size, -1) for size, at in sizes)


def are_texts(value: object) -> bool:
    """Whether it is a list of texts."""
    return is_list(value, lambda text: type(text) is str)
