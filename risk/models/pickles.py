"""Unpickling that builds nothing but what our models are made of.

A pickle is first read as plain data in which nothing of others takes part: numpy trusts what an
array's pickle says of itself, and a damaged one can end the process. Then the arrays and the parts
of the model are made, and each part is checked (risk/models/parts.py) before it is asked.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

from risk.models import parts
from risk.models.trees import NODE

PLAIN = (type(None), bool, int, float, str)
NUMBERS = {"f8": 8, "i8": 8, "i4": 4, "u4": 4, "u1": 1, "b1": 1}
OBJECTS, NODES = "O8", f"V{NODE.itemsize}"
SIZES = NUMBERS | {NODES: NODE.itemsize}
MOST_OF_NOTHING = 1000  # how far an array reaches that has no cell


class _Type:
    """What a pickle says of an array's type."""

    def __init__(self, code: object, *_: object) -> None:
        if code not in SIZES and code != OBJECTS:
            raise pickle.UnpicklingError(f"it holds an array of type {code!r}")
        self.code = str(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        is_node = self.code == NODES and _says_node(state)
        is_simple = self.code != NODES and not any(part is not None for part in state[2:5])
        if state[1] not in ("<", "|") or not (is_node or is_simple):
            raise pickle.UnpicklingError("it holds an array of a composed type")

    def made(self) -> np.dtype[Any]:
        if self.code == NODES:
            return NODE
        return np.dtype("O" if self.code == OBJECTS else f"<{self.code}")


def _says_node(state: tuple[Any, ...]) -> bool:
    """Whether a composed type is that of a tree's nodes."""
    _, _, base, names, fields, size, *_ = state
    said = {
        name: (field.made() if isinstance(field, _Type) else None, offset)
        for name, (field, offset) in fields.items()
    }
    wanted = {name: field[:2] for name, field in (NODE.fields or {}).items()}
    return base is None and (names, said, size) == (NODE.names, wanted, NODE.itemsize)


class _Array:
    """What a pickle says of an array."""

    value: np.ndarray[Any, Any]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, content = state
        if not isinstance(kind, _Type) or not all(type(size) is int for size in shape):
            raise pickle.UnpicklingError("it holds a malformed array")
        count = math.prod(shape)
        if kind.code == OBJECTS:
            fits = isinstance(content, list) and all(map(_is_level, content))
            fits = fits and len(content) == count
        else:
            fits = isinstance(content, bytes) and len(content) == count * SIZES[kind.code]
        if not fits or max(shape, default=0) > max(count, MOST_OF_NOTHING):
            raise pickle.UnpicklingError("it holds an array whose content is not what it says")
        flat = _flat(kind, content)
        self.value = flat.reshape(shape, order="F" if by_column else "C")


def _is_level(value: object) -> bool:
    """A name, or nan, which stands for a missing one."""
    return type(value) is str or (type(value) is float and math.isnan(value))


def _flat(kind: _Type, content: Any) -> np.ndarray[Any, Any]:
    if kind.code == OBJECTS:
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


def _slice(*ends: object) -> slice:
    if not all(end is None or type(end) is int for end in ends):
        raise pickle.UnpicklingError("it holds a range that is none")
    return slice(*ends)


class _Named:
    """What a pickle names; being no function, it cannot be called while the pickle is read."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Part:
    """What a pickle says of a part of the model; each of our classes has one such of its own."""

    of_class: type
    state: Any = None

    def __setstate__(self, state: object) -> None:
        self.state = state


STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy._core.multiarray", "_reconstruct"): _unmade,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.multiarray", "_reconstruct"): _unmade,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("builtins", "slice"): _slice,
    **{place: _Named(value) for place, value in parts.NAMED.items()},
}


class _PlainData(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        if (module, name) not in parts.CLASSES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return type(name, (_Part,), {"of_class": super().find_class(module, name)})


class _Making:
    """Plain data made into a model; what the pickle holds twice is made once."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}
        self.parts: list[Any] = []

    def of(self, value: Any) -> Any:
        """The value with its stand-ins replaced, however deep they stand."""
        if type(value) in PLAIN or isinstance(value, np.generic | slice):
            return value
        if id(value) not in self.made:
            self._make(value)
        return self.made[id(value)]

    def _make(self, value: Any) -> None:
        at = id(value)
        match value:
            case _Array() | _Named():
                self.made[at] = value.value
            case _Type():
                self.made[at] = value.made()
            case tuple():
                self.made[at] = tuple(map(self.of, value))
            case list():
                self.made[at] = []
                self.made[at].extend(map(self.of, value))
            case dict():
                self.made[at] = {}
                self.made[at].update((_key(key), self.of(each)) for key, each in value.items())
            case _Part():
                self._make_part(value)
            case _:
                raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")

    def _make_part(self, value: _Part) -> None:
        part: Any = object.__new__(value.of_class)
        self.made[id(value)] = part
        self.parts.append(part)
        state = {} if value.state is None else self.of(value.state)
        if type(state) is not dict or not all(type(name) is str for name in state):
            raise pickle.UnpicklingError(f"it holds a {value.of_class.__name__} that is none")
        if hasattr(part, "__setstate__"):
            part.__setstate__(state)  # which warns of another version
        else:
            vars(part).update(state)


def _key(key: object) -> object:
    if type(key) not in (str, int):
        raise pickle.UnpicklingError("it holds a table whose keys are none")
    return key


def load(content: bytes) -> Any:
    """The object in a pickle of one of our models, or one of the errors of a broken pickle."""
    making = _Making()
    model = making.of(_PlainData(io.BytesIO(content)).load())
    for part in making.parts:
        parts.check(part)
    return model
