"""Imports only go down: from the rooms through the wings to the ground, and have no effect."""

import ast
import functools
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.house.tree import EACH, SOURCES, Source

ROOMS = (  # each line imports from the lines below it alone
    ("company.worlds", "company.crowd"),
    ("fullprocess", "wsgi", "gunicorn.conf", "company.fabricate", "company.subscribers"),
    ("apicalls",),
    ("reporting", "app"),
    ("diagnostics",),
    ("ingestion", "training", "scoring", "deployment"),
)
WINGS = (
    "web",
    "reports",
    "records",
    "decisions",
    "learning",
    "reasons",
    "models",
    "onboarding",
    "data",
    "dataset",
    "judging",
    "rows",
)
FLOORS = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms} | {
    f"risk.{wing}": len(ROOMS) + floor for floor, wing in enumerate(WINGS)
}
GROUND = len(FLOORS)
OWNERS = {  # who may import a library: modules, or whole wings
    "sklearn": {"risk.learning", "risk.models"},
    "sqlalchemy": {"risk.database", "risk.silence", "risk.records", "risk.data.source"},
    "matplotlib": {"risk.reports"},
    "seaborn": {"risk.reports"},
    "PIL": {"risk.reports"},
    "reportlab": {"risk.reports.pdf"},
    "flask": {"app", "risk.web"},
    "werkzeug": {"risk.web"},
    "markupsafe": {"risk.web"},
    "gunicorn": {"gunicorn.conf", "wsgi"},
    "requests": {"risk.web.api_client"},
    "urllib3": {"risk.web.api_client"},
    "pyarrow": {
        "risk.dataset",
        "risk.judging",
        "risk.rows",
        "risk.records.list_index",
        "company.crowd",
    },
    "packaging": {"risk.packages"},
    "scipy": {"risk.decisions", "risk.learning"},
    "threadpoolctl": {"risk.models"},  # which comes with scikit-learn
    "numpy": set(FLOORS),
    "pandas": set(FLOORS),
}


def floor(module: str) -> int:
    """Where a module stands; what is no room and in no wing is on the ground."""
    return FLOORS.get(module, FLOORS.get(module.rpartition(".")[0], GROUND))


def wing(module: str) -> str:
    """The wing of a module, or the module itself."""
    return module.rpartition(".")[0] if module.count(".") > 1 else module


def imported(tree: ast.AST) -> set[str]:
    """Every module that an import statement names, `from risk import files` meaning risk.files."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say the whole name"
            module = node.module or ""
            inner = {f"{module}.{alias.name}" for alias in node.names}
            is_package = (ROOT / module.replace(".", "/") / "__init__.py").exists()
            names |= inner if is_package else {module}
    return names


OURS = {source.module for source in SOURCES}


@EACH
def test_imports_only_go_down(source: Source) -> None:
    above = {
        name
        for name in imported(source.tree) & OURS
        if floor(name) <= floor(source.module)
        and not (wing(name) == wing(source.module) or floor(name) == GROUND)
    }
    assert above == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter({source.module: imported(source.tree) & OURS for source in SOURCES}).prepare()


@EACH
def test_each_library_is_imported_by_its_owners_alone(source: Source) -> None:
    foreign = {name.partition(".")[0] for name in imported(source.tree) - OURS}
    own = {source.module, wing(source.module)}
    foreign -= sys.stdlib_module_names
    assert {name for name in foreign if not OWNERS.get(name, set()) & own} == set()


@EACH
def test_nothing_is_imported_by_a_name_made_up_at_run_time(source: Source) -> None:
    called = {
        ast.unparse(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)
    }
    assert not called & {"__import__", "importlib.import_module", "import_module", "exec", "eval"}


@EACH
def test_rooms_are_imported_as_modules(source: Source) -> None:
    rooms = {module for line in ROOMS for module in line}
    modules = {node.module for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom)}
    assert modules & rooms <= ({"app"} if source.module == "wsgi" else set())


def test_the_faces_of_packages_are_empty() -> None:
    assert [path for path in ROOT.glob("risk/**/__init__.py") if path.read_text()] == []


@EACH
def test_every_module_says_what_it_is(source: Source) -> None:
    assert ast.get_docstring(source.tree)


IMPORTS_AND_TELLS = """
import importlib, json, logging, os, sys
root, names = sys.argv[1], sys.argv[2:]
sys.path.insert(0, root)
done, ours = [], (root + "/risk/", root + "/company/")

def is_ours(file):
    return file.startswith(ours) or os.path.dirname(file) == root

def by_us():
    frame, library = sys._getframe(2), False
    while frame:
        file = frame.f_code.co_filename
        if is_ours(file):
            return True
        if library and file.startswith("<frozen importlib"):
            return False
        library = library or "site-packages" in file
        frame = frame.f_back
    return False

def changes(event, arguments):
    if event == "open":
        path, mode, flags = (*arguments, None, None)[:3]
        return bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in EFFECTS

EFFECTS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.symlink", "os.link",
           "os.chmod", "os.putenv", "os.chdir", "os.system", "os.fork", "subprocess.Popen",
           "os.posix_spawn", "socket.connect", "socket.bind", "socket.getaddrinfo",
           "sqlite3.connect", "tempfile.mkdtemp", "tempfile.mkstemp", "shutil.rmtree"}

def hook(event, arguments):
    if changes(event, arguments) and by_us():
        done.append([name, event, repr(arguments)])
    elif event == "open" and str(arguments[0]).endswith("config.json") and name != "wsgi":
        done.append([name, "reads its configuration", repr(arguments)])

sys.addaudithook(hook)
root_logger = logging.getLogger()
loaded = {}
for name in names:
    level = root_logger.level
    importlib.import_module(name)
    loaded[name] = sorted({each.partition(".")[0] for each in sys.modules})
    loggers = [logging.getLogger(each) for each in logging.root.manager.loggerDict]
    mine = [each for each in loggers if each.name.partition(".")[0] in ("risk", *names)]
    if root_logger.handlers or root_logger.level != level or any(e.handlers for e in mine):
        done.append([name, "logging is set up", ""])
print(json.dumps([done, loaded]))
"""


@functools.cache
def importing(*names: str, root: Path = ROOT) -> tuple[list[list[str]], dict[str, list[str]]]:
    """What importing these modules in this order did to the world, and what it had loaded."""
    ran = subprocess.run(
        [sys.executable, "-B", "-c", IMPORTS_AND_TELLS, root, *names],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("\n") == 1, "importing prints nothing"
    assert ran.stderr == "", "importing says nothing"
    done, loaded = json.loads(ran.stdout)
    return done, loaded


SERVER = ("app", "wsgi")  # imported before the others, so that what it loads is seen
ALL = (
    *SERVER,
    *(
        source.module
        for source in SOURCES
        if source.path.stem.isidentifier() and source.module not in SERVER
    ),
)


def test_importing_any_file_has_no_effect() -> None:
    assert importing(*ALL)[0] == []


def test_the_server_loads_nothing_that_draws() -> None:
    loaded = {*importing(*ALL)[1]["wsgi"]}
    assert "flask" in loaded
    assert not loaded & {"matplotlib", "seaborn", "reportlab"}


@pytest.mark.parametrize(
    ("code", "event"),
    [
        pytest.param("open('{}/x', 'w')", "open", id="a file opened for writing"),
        pytest.param("import pathlib; pathlib.Path('{}/x').mkdir()", "os.mkdir", id="a folder"),
        pytest.param(
            "import sqlite3; sqlite3.connect('{}/x')", "sqlite3.connect", id="a connection"
        ),
        pytest.param(
            "import logging; logging.basicConfig()", "logging is set up", id="a logging handler"
        ),
    ],
)
def test_an_effect_would_be_noticed(tmp_path: Path, code: str, event: str) -> None:
    (tmp_path / "room.py").write_text(code.format(tmp_path))
    assert [found[:2] for found in importing("room", root=tmp_path)[0]] == [["room", event]]
