"""Our source files as the tests of the house read them."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT


class Source(NamedTuple):
    """One of our files: the module's name, its text and what that parses to."""

    module: str
    path: Path
    text: str
    tree: ast.Module


def sources() -> Iterator[Source]:
    """Every Python file of the root, of risk/ and of company/, but the empty faces of packages."""
    for pattern in ("*.py", "risk/**/*.py", "company/*.py"):
        for path in sorted(ROOT.glob(pattern)):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if path.name != "__init__.py":
                text = path.read_text()
                yield Source(module, path, text, ast.parse(text))


SOURCES = list(sources())
EACH = pytest.mark.parametrize("source", [pytest.param(each, id=each.module) for each in SOURCES])


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the outermost function that holds it, empty at the top."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        name = inside or (getattr(node, "name", "a lambda") if named else "")
        yield name, node
        yield from functions(node, name)
