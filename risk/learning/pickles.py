"""Unpickling that builds nothing but what our models are made of.

numpy trusts what an array's pickle says of itself, and a damaged one can end the process; so the
arrays in a pickle are first read as plain data, checked, and only then made.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

ESTIMATORS = {
    ("sklearn.pipeline", "Pipeline"),
    ("sklearn.impute._base", "SimpleImputer"),
    ("sklearn.preprocessing._function_transformer", "FunctionTransformer"),
    ("sklearn.preprocessing._data", "StandardScaler"),
    ("sklearn.linear_model._logistic", "LogisticRegression"),
    ("numpy", "log1p"),
}
NUMBERS = {"f8": 8, "i8": 8, "i4": 4, "b1": 1}
TEXTS = "O8"


class _Type:
    """What a pickle says of an array's type."""

    def __init__(self, code: object, *_: object) -> None:
        if code not in NUMBERS and code != TEXTS:
            raise pickle.UnpicklingError(f"it holds an array of type {code!r}")
        self.code = str(code)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if state[1] not in ("<", "|") or any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("it holds an array of a composed type")

    def made(self) -> np.dtype[Any]:
        return np.dtype("O" if self.code == TEXTS else f"<{self.code}")


class _Array:
    """What a pickle says of an array."""

    value: np.ndarray[Any, Any]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, content = state
        if not isinstance(kind, _Type) or not all(type(size) is int for size in shape):
            raise pickle.UnpicklingError("it holds a malformed array")
        count = math.prod(shape)
        if kind.code == TEXTS:
            fits = isinstance(content, list) and all(isinstance(text, str) for text in content)
            fits = fits and len(content) == count
        else:
            fits = isinstance(content, bytes) and len(content) == count * NUMBERS[kind.code]
        if not fits:
            raise pickle.UnpicklingError("it holds an array whose content is not what it says")
        flat = _flat(kind, content)
        self.value = flat.reshape(shape, order="F" if by_column else "C")


def _flat(kind: _Type, content: Any) -> np.ndarray[Any, Any]:
    if kind.code == TEXTS:
        return np.array(content, dtype="O")
    return np.frombuffer(content, dtype=kind.made()).copy()


def _scalar(kind: object, content: object) -> Any:
    """One number, as numpy keeps it."""
    if not isinstance(kind, _Type) or not isinstance(content, bytes):
        raise pickle.UnpicklingError("it holds a malformed number")
    if len(content) != NUMBERS.get(kind.code):
        raise pickle.UnpicklingError("it holds a number whose content is not what it says")
    return np.frombuffer(content, dtype=kind.made())[0]


def _unmade(*_: object) -> _Array:
    return _Array()


STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy._core.multiarray", "_reconstruct"): _unmade,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.multiarray", "_reconstruct"): _unmade,
    ("numpy.core.multiarray", "scalar"): _scalar,
}


class _KnownClassesOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        if (module, name) not in ESTIMATORS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def load(content: bytes) -> Any:
    """The model in a pickle; a broken one raises any of `estimator.BROKEN_PICKLE`."""
    estimator = _KnownClassesOnly(io.BytesIO(content)).load()
    for part in [estimator, *(step for _, step in getattr(estimator, "steps", ()))]:
        for name, value in list(vars(part).items()) if hasattr(part, "__dict__") else ():
            if isinstance(value, _Array):
                setattr(part, name, value.value)
            elif isinstance(value, _Type):
                setattr(part, name, value.made())
    return estimator
