"""Published files are written by one helper; every other way to write has a reason."""

import ast
import re

import pytest

from tests.house.tree import EACH, SOURCES, Source, functions

WRITERS = {
    ("risk.files", "replacing"): "the one helper",
    ("risk.files", "appending"): "a file of which a record names the bytes that count",
    ("risk.lock", "held"): "the lock is held, never read nor written",
    ("risk.cli", "_hold_standard_descriptors"): "/dev/null in the place of closed streams",
    ("risk.cli", "_log_to_file"): "a log grows, line by line",
    ("risk.cache", "one_at_a_time"): "a lock beside the answers that are kept",
    ("risk.packages", "ask_pip"): "what pip is asked with, in a folder that is removed",
    ("risk.records.salvage", "_copy"): "a copy of a damaged file, in a folder that is removed",
    ("risk.reports.charts", "png"): "a picture in memory",
    ("risk.sandbox", "aside"): "copies into a folder that is removed afterwards",
}

WRITING_METHODS = {"write_text", "write_bytes", "touch", "tofile", "save", "savez"}
WRITING_CALLS = re.compile(
    r"(json|pickle|joblib|marshal)\.dump|shutil\.(copy\w*|move)|os\.(rename|replace)"
    r"|(logging\.|logging\.handlers\.)?\w*FileHandler|tempfile\.(mkstemp|NamedTemporaryFile)"
)
TABLE_AND_FIGURE_WRITERS = re.compile(r"to_(csv|pickle|json|parquet|excel|html)|savefig|print_png")
WRITING_MODE = re.compile(r"[rbt]*[wax+][rwaxbt+]*")


def handles(function: ast.AST) -> set[str]:
    """The names in a function that stand for the helper's file or for one in memory."""
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.withitem) and "replacing(" in ast.unparse(node.context_expr):
            names.add(ast.unparse(node.optional_vars or ast.Constant("")))
        if isinstance(node, ast.Assign) and re.match(
            r"(io\.)?(BytesIO|StringIO)\(", ast.unparse(node.value)
        ):
            names |= {ast.unparse(target) for target in node.targets}
    return names


def opens_to_write(call: ast.Call, name: str) -> bool:
    """Whether this is an `open` with a mode, or flags, that write."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if name == "os.open":
        return bool(re.search(r"O_(WRONLY|RDWR|CREAT|APPEND|TRUNC)|flags", ast.unparse(call)))
    if name.rpartition(".")[2] not in ("open", "fdopen"):
        return False
    texts = [node.value for node in given if isinstance(node, ast.Constant)]
    modes = [text for text in texts if isinstance(text, str) and WRITING_MODE.fullmatch(text)]
    unknown = any(k.arg == "mode" and not isinstance(k.value, ast.Constant) for k in call.keywords)
    return bool(modes) or unknown


def writes(call: ast.Call, safe: set[str]) -> bool:
    """Whether this call writes a file by another way than the helper."""
    name = ast.unparse(call.func)
    owner, _, method = name.rpartition(".")
    if WRITING_CALLS.fullmatch(name) or opens_to_write(call, name):
        return True
    if TABLE_AND_FIGURE_WRITERS.fullmatch(method) and owner != "input_folder":
        return bool(call.args) and ast.unparse(call.args[0]) not in safe
    return method in WRITING_METHODS and bool(owner) and owner != "files"


def writing_functions(tree: ast.Module) -> dict[str, list[str]]:
    """The functions that write by another way than the helper, each with the calls that do."""
    found: dict[str, list[str]] = {}
    for top in tree.body:
        safe = handles(top)
        for name, node in functions(ast.Module([top], [])):
            if isinstance(node, ast.Call) and writes(node, safe):
                found.setdefault(name, []).append(ast.unparse(node))
    return found


@EACH
def test_published_files_are_written_by_the_one_helper(source: Source) -> None:
    found = writing_functions(source.tree)
    assert {name: f for name, f in found.items() if (source.module, name) not in WRITERS} == {}


@pytest.mark.parametrize(("module", "name"), WRITERS, ids=lambda part: part)
def test_every_exception_to_the_one_helper_is_still_needed(module: str, name: str) -> None:
    source = next(each for each in SOURCES if each.module == module)
    assert name in writing_functions(source.tree)


@pytest.mark.parametrize(
    ("code", "is_seen"),
    [
        ("open(path, 'w')", True),
        ("open(path, mode='ab')", True),
        ("open(path, mode=chosen)", True),
        ("path.open('x')", True),
        ("path.open('r+')", True),
        ("path.write_text('a')", True),
        ("path.write_bytes(b'a')", True),
        ("table.to_csv(path)", True),
        ("table.to_pickle('a')", True),
        ("figure.savefig(path)", True),
        ("json.dump(value, handle)", True),
        ("pickle.dump(value, handle)", True),
        ("os.open(path, os.O_WRONLY)", True),
        ("shutil.copy(one, other)", True),
        ("open(path)", False),
        ("open(path, 'rb')", False),
        ("path.open(encoding='utf-8')", False),
        ("os.open(path, os.O_RDONLY)", False),
        ("files.write_bytes(path, b'a')", False),
        ("with files.replacing(path) as handle:\n        table.to_csv(handle)", False),
        ("memory = io.BytesIO()\n    figure.savefig(memory)", False),
        ("table.to_csv()", False),
    ],
)
def test_a_write_by_another_way_would_be_noticed(code: str, is_seen: bool) -> None:
    tree = ast.parse(f"def step(path):\n    {code}\n")
    assert ("step" in writing_functions(tree)) == is_seen
