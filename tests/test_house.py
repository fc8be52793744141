"""The tests that keep the house: who imports whom, who writes, what an idle run costs, the docs."""

import ast
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from risk import errors
from risk.cli import INPUT_OUTPUT_ERROR
from risk.settings import Settings
from tests.conftest import ROOT, configured, put, script

LONGEST_SCRIPT = 170
LONGEST_README = 220

# -- what the tests may skip, the checks before a change demand ----------------------------------


def test_all_that_tests_skip_without_is_demanded_before_a_change_lands() -> None:
    sources = [path.read_text() for path in (ROOT / "tests").glob("*.py")]
    named = {name for source in sources for name in re.findall(r'"(RISK_TEST_\w+)"', source)}
    assert set(re.findall(r"(RISK_TEST_\w+)=demanded", (ROOT / ".ci/run").read_text())) == named
    assert len(named) == 3


# -- the layers, from the top down: a module imports only from lines below its own ----------------

ROOMS_AND_ABOVE = (
    ("fullprocess", "wsgi", "gunicorn.conf", "company.fabricate"),
    ("apicalls",),
    ("reporting", "app"),
    ("diagnostics",),
    ("ingestion", "training", "scoring", "deployment"),
)
WITH_LIBRARIES = (
    ("risk.openapi", "risk.worker", "risk.serving"),
    ("risk.pages",),
    ("risk.explained", "risk.summary", "risk.shown"),
    ("risk.web", "risk.questions"),
    ("risk.deliverables",),
    ("risk.report",),
    ("risk.findings", "risk.ledger", "risk.listing", "risk.contacts", "risk.history"),
    ("risk.intake", "risk.ranking", "risk.source", "risk.charts", "risk.pdf", "risk.deployed"),
    ("risk.coefficients",),
    ("risk.reasons",),
    ("risk.model", "risk.records", "risk.printed"),
    ("risk.tables", "risk.database", "risk.pickles"),
    ("risk.plain", "risk.summaries"),
    ("risk.schema",),
)
STANDARD_LIBRARY_ONLY = (
    ("risk.cli", "risk.scratch", "risk.packages", "risk.wellbeing"),
    ("risk.kept", "risk.opening", "risk.binding"),
    ("risk.gates", "risk.journal", "risk.moments", "risk.salvage", "risk.unread"),
    ("risk.releases", "risk.lock"),
    ("risk.leftovers",),
    ("risk.arrivals",),
    ("risk.files",),
    ("risk.settings",),
    ("risk.shapes",),
    ("risk.errors", "risk.crontab", "risk.remembered", "risk.lines", "risk.verdicts"),
)
LAYERS = ROOMS_AND_ABOVE + WITH_LIBRARIES + STANDARD_LIBRARY_ONLY
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer}
THE_LINE = len(ROOMS_AND_ABOVE + WITH_LIBRARIES)
RISK = len(ROOMS_AND_ABOVE)

OWNERS = {
    "sklearn": {"risk.model"},
    "sqlalchemy": {"risk.database", "risk.records", "risk.source", "risk.contacts", "risk.history"},
    "matplotlib": {"risk.charts"},
    "seaborn": {"risk.charts"},
    "reportlab": {"risk.pdf"},
    "flask": {"app", "risk.web", "risk.pages", "risk.questions", "risk.serving"},
    "werkzeug": {"risk.web", "risk.pages", "risk.serving"},
    "markupsafe": {"risk.shown"},
    "pyarrow": {"risk.plain"},
    "gunicorn": {"gunicorn.conf", "risk.worker"},
    "requests": {"apicalls"},
    "numpy": {module for module, depth in DEPTH.items() if depth < THE_LINE},
    "pandas": {module for module, depth in DEPTH.items() if depth < THE_LINE},
}

LATE_IMPORTS = {
    ("fullprocess", "past_the_first_gate"): "the rooms: an idle run does without them",
    ("fullprocess", "make_owed_list"): "only a run after one that died owes a list",
    ("fullprocess", "fetch"): "few have a source; an idle run that has one needs no more than it",
    ("fullprocess", "decide_and_act"): "only a run past the first gate makes a list",
    ("fullprocess", "finish"): "only a run that found something is recorded and reported",
    ("fullprocess", "check"): "an idle run needs no place aside",
    ("risk.files", "parse_names"): "an idle run reads no list of names, and does without ast",
    ("risk.settings", "_meant"): "only a wrong key pays for difflib",
}

WRITERS = {
    ("risk.files", "replacing"): "the one helper",
    ("risk.lock", "held"): "the lock is held, never read nor written",
    ("risk.cli", "_hold_standard_descriptors"): "/dev/null in the place of closed streams",
    ("risk.cli", "_log_to_file"): "a log grows, line by line",
    ("risk.pdf", "_numbered"): "a document is saved into memory",
    ("risk.kept", "one_at_a_time"): "a lock beside the answers that are kept",
    ("risk.packages", "ask_pip"): "what pip is asked with, in a folder that is removed",
    ("risk.salvage", "_copy"): "a copy of a damaged file, in a folder that is removed",
    ("risk.scratch", "aside"): "copies into a folder that is removed afterwards",
}


class Source(NamedTuple):
    """One of our files: the module's name, its text and what that parses to."""

    module: str
    path: Path
    text: str
    tree: ast.Module


def sources() -> Iterator[Source]:
    """Every Python file of the root, of risk/ and of company/."""
    for pattern in ("*.py", "risk/**/*.py", "company/*.py"):
        for path in sorted(ROOT.glob(pattern)):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if path.name != "__init__.py":
                text = path.read_text()
                yield Source(module, path, text, ast.parse(text))


SOURCES = list(sources())
EACH = pytest.mark.parametrize("source", [pytest.param(each, id=each.module) for each in SOURCES])


def is_package(name: str) -> bool:
    """Whether this is a folder of ours and no module in itself."""
    return (ROOT / name / "__init__.py").exists()


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
            names |= inner if is_package(module) else {module}
    return names


def is_ours(name: str) -> bool:
    """Whether an imported module lies in this repository."""
    first = name.partition(".")[0]
    return is_package(first) or (ROOT / f"{first}.py").exists()


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the outermost function that holds it, empty at the top."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        name = inside or (getattr(node, "name", "a lambda") if named else "")
        yield name, node
        yield from functions(node, name)


# -- imports only go down --------------------------------------------------------------------------


@EACH
def test_every_module_has_its_place_in_the_layers(source: Source) -> None:
    assert source.module in DEPTH, "write it into the table of layers at the top of this test"


def test_no_module_stands_in_two_layers() -> None:
    assert len(DEPTH) == sum(map(len, LAYERS))


@EACH
def test_imports_only_go_down(source: Source) -> None:
    own = DEPTH[source.module]
    ours = {name for name in imported(source.tree) if is_ours(name)}
    assert {name for name in ours if DEPTH.get(name, -1) <= own} == set()


@EACH
def test_risk_never_imports_a_room(source: Source) -> None:
    if DEPTH[source.module] >= RISK:
        ours = {name for name in imported(source.tree) if is_ours(name)}
        assert {name for name in ours if not name.startswith("risk.")} == set()


@EACH
def test_each_library_is_imported_by_its_owners_alone(source: Source) -> None:
    foreign = {
        name.partition(".")[0] for name in imported(source.tree) if not is_ours(name)
    } - sys.stdlib_module_names
    assert {name for name in foreign if source.module not in OWNERS.get(name, ())} == set()


@EACH
def test_nothing_is_imported_by_a_name_made_up_at_run_time(source: Source) -> None:
    called = {
        ast.unparse(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)
    }
    assert not called & {"__import__", "importlib.import_module", "import_module", "exec", "eval"}


@EACH
def test_rooms_are_imported_as_modules(source: Source) -> None:
    rooms = {module for layer in ROOMS_AND_ABOVE for module in layer}
    modules = {node.module for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom)}
    taken = modules & rooms
    assert taken <= ({"app"} if source.module == "wsgi" else set())


def late_imports(source: Source) -> dict[str, list[ast.stmt]]:
    """The import statements inside each function."""
    found: dict[str, list[ast.stmt]] = {}
    for name, node in functions(source.tree):
        if name and isinstance(node, ast.Import | ast.ImportFrom):
            found.setdefault(name, []).append(node)
    return found


def has_comment(lines: list[str], statement: ast.stmt) -> bool:
    """Whether a comment stands above a statement or behind it."""
    return any("# " in line for line in lines[statement.lineno - 2 : statement.end_lineno])


@EACH
def test_imports_stand_at_the_top_but_for_a_few_with_reasons(source: Source) -> None:
    late = late_imports(source)
    assert {name for name in late if (source.module, name) not in LATE_IMPORTS} == set()
    for name, statements in late.items():
        lines = [statement.lineno for statement in statements]
        assert lines == list(range(lines[0], lines[0] + len(lines))), f"one block in {name}"
    if late:
        assert re.search(r"#.*\b(idle|nothing to do|only)\b", source.text), "a comment says why"


def test_late_imports_of_small_modules_say_why_on_the_spot() -> None:
    for source in SOURCES:
        for name, statements in late_imports(source).items():
            assert source.module == "fullprocess" or has_comment(
                source.text.splitlines(), statements[0]
            ), f"{source.module}.{name}"


# -- importing has no effect -----------------------------------------------------------------------

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
for name in names:
    level = root_logger.level
    importlib.import_module(name)
    loggers = [logging.getLogger(each) for each in logging.root.manager.loggerDict]
    mine = [each for each in loggers if each.name.partition(".")[0] in ("risk", *names)]
    if root_logger.handlers or root_logger.level != level or any(e.handlers for e in mine):
        done.append([name, "logging is set up", ""])
print(json.dumps(done))
"""


def effects(*names: str, root: Path = ROOT) -> list[list[str]]:
    """What importing these modules in this order did to the world."""
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
    return list(json.loads(ran.stdout))


def test_importing_any_file_has_no_effect() -> None:
    modules = [source.module for source in SOURCES if source.path.stem.isidentifier()]
    assert effects(*modules) == []


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
    assert [found[:2] for found in effects("room", root=tmp_path)] == [["room", event]]


# -- an idle run -----------------------------------------------------------------------------------

RUNS_AND_TELLS = """
import json, runpy, sys
before = set(sys.modules)
script, told = sys.argv[1:3]
sys.argv = [script, *sys.argv[3:]]
sys.path[0] = script.rpartition("/")[0]
try:
    runpy.run_path(script, run_name="__main__")
finally:
    new = {name: sys.modules[name] for name in set(sys.modules) - before}
    files = {name: getattr(module, "__file__", None) or "" for name, module in new.items()}
    with open(told, "w") as handle:
        json.dump(files, handle)
"""


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which everything is deployed and nothing is new; only to be copied."""
    folder = tmp_path_factory.mktemp("first")
    settings = configured(folder)
    clients = [f"{'AB'[i % 2]}{i:03},{i % 7},{i},{i % 5 + 1},{i % 2}" for i in range(300)]
    put(settings, "dataset1.csv", clients)
    shutil.copytree(settings.input_folder_path, settings.test_data_path)
    assert script(settings, "fullprocess.py").returncode == 0
    return folder


@pytest.fixture
def deployed(first_run: Path, tmp_path: Path) -> Settings:
    """A project of one's own in which nothing is new."""
    shutil.copytree(first_run, tmp_path / "project")
    return Settings.load(tmp_path / "project" / "config.json")


def idle_modules(settings: Settings, told: Path) -> dict[str, str]:
    """The modules that an idle run has loaded at its end, each with its file."""
    config, pipeline = settings.workspace / "config.json", ROOT / "fullprocess.py"
    subprocess.run(
        [sys.executable, "-c", RUNS_AND_TELLS, pipeline, told, "--config", config],
        cwd="/",
        capture_output=True,
        check=True,
    )
    log = (settings.output_folder_path / "fullprocess.log").read_text().splitlines()
    assert "no new data" in log[-1]
    return dict(json.loads(told.read_text()))


def test_an_idle_run_loads_only_what_lies_below_the_line(
    deployed: Settings, tmp_path: Path
) -> None:
    loaded = idle_modules(deployed, tmp_path / "told")
    foreign = {name for name, file in loaded.items() if "site-packages" in Path(file).parts}
    ours = {name for name in loaded if is_ours(name)} - {"risk"}
    unknown = {n for n in loaded if n.partition(".")[0] not in {*sys.stdlib_module_names, "risk"}}
    assert foreign == set()
    assert "risk.settings" in ours
    assert {name for name in ours if DEPTH.get(name, -1) < THE_LINE} == set()
    assert unknown == set()


def test_an_idle_run_with_a_source_loads_what_the_source_needs_alone(
    deployed: Settings, tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(deployed.workspace / "source.db")) as source:
        source.execute(f"CREATE TABLE clients (id, {', '.join(deployed.columns.all)})")
    url = "sqlite:///source.db"
    settings = configured(deployed.workspace, input_database_url=url, input_table="clients")
    loaded = {name.partition(".")[0] for name in idle_modules(settings, tmp_path / "told")}
    assert "sqlalchemy" in loaded
    assert not loaded & {"pandas", "sklearn", "matplotlib", "reportlab", "flask", "reporting"}


def traces(folder: Path, log: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder with its time and content, but for the log's."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if path != log
    }


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("/", id="the root, where cron may start"),
        pytest.param("{elsewhere}", id="a folder that has nothing to do with it"),
        pytest.param("{workspace}", id="the workspace"),
        pytest.param("{workspace}/sourcedata", id="the input folder"),
        pytest.param("{root}", id="the folder of the scripts"),
    ],
)
def test_an_idle_run_writes_nothing_but_its_log_line_wherever_it_starts(
    deployed: Settings, tmp_path: Path, place: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    log = deployed.output_folder_path / "fullprocess.log"
    before, said = traces(tmp_path, log), log.read_text()
    subprocess.run(
        [sys.executable, ROOT / "fullprocess.py", "--config", deployed.workspace / "config.json"],
        cwd=place.format(elsewhere=tmp_path / "elsewhere", workspace=deployed.workspace, root=ROOT),
        capture_output=True,
        check=True,
    )
    assert traces(tmp_path, log) == before
    assert log.read_text().startswith(said)
    assert log.read_text().removeprefix(said).count("\n") == 1
    assert "no new data" in log.read_text().splitlines()[-1]


# -- one helper writes -----------------------------------------------------------------------------

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
    if TABLE_AND_FIGURE_WRITERS.fullmatch(method) and owner != "arrivals":
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


# -- the docs are true -----------------------------------------------------------------------------

README = (ROOT / "README.md").read_text()


def exit_codes() -> set[int]:
    """Every code that a script can end with when it ends as it should."""
    family = [value for value in vars(errors).values() if isinstance(value, type)]
    return {0, 2, INPUT_OUTPUT_ERROR} | {
        kind.exit_code for kind in family if hasattr(kind, "exit_code")
    }


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("*.py")))
def test_the_readme_names_every_script(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("key", [field for field in Settings._fields if field != "workspace"])
def test_the_readme_names_every_key_of_the_configuration(key: str) -> None:
    assert re.search(rf"^\|.*`{key}`.*\|", README, re.MULTILINE)


@pytest.mark.parametrize("code", sorted(exit_codes()))
def test_the_readme_names_every_exit_code(code: int) -> None:
    assert re.search(rf"^\| {code} \| \S", README, re.MULTILINE)


def targets() -> list[str]:
    """What one can ask make for; help is what it does when asked for nothing."""
    return re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", [name for name in targets() if name != "help"])
def test_the_readme_names_every_make_target(target: str) -> None:
    assert re.search(rf"\bmake {target}\b", README)


def test_make_alone_lists_what_one_can_do() -> None:
    make = shutil.which("make")
    if not make:
        pytest.skip("there is no make here")
    listed = subprocess.run([make], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make ([a-z]+)", listed, re.MULTILINE) == targets()
    assert {"install", "run", "test", "check", "format", "bench", "cron"} <= set(targets())


def test_every_make_target_of_the_readme_exists() -> None:
    assert set(re.findall(r"`(?:\$ )?make ([a-z]+)", README)) <= set(targets())


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert README.count("\n") < LONGEST_README


# -- style -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(ROOT.glob("*.py"))])
def test_no_script_is_long(path: Path) -> None:
    assert path.read_text().count("\n") <= LONGEST_SCRIPT


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(ROOT.glob("*.py"))])
def test_what_can_be_run_can_be_started_by_its_name(path: Path) -> None:
    text = path.read_text()
    runs = 'if __name__ == "__main__":' in text
    assert text.startswith("#!/usr/bin/env python3\n") is runs
    assert os.access(path, os.X_OK) is runs


def undocumented(tree: ast.Module) -> list[str]:
    """The public functions, classes and methods that say nothing of themselves."""
    tops = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    classes = [node for node in tops if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    methods = [node for owner in classes for node in owner.body]
    named = [node for node in [*tops, *methods] if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [node.name for node in named if node.name[0] != "_" and not ast.get_docstring(node)]


@EACH
def test_every_module_and_public_function_says_what_it_is(source: Source) -> None:
    assert ast.get_docstring(source.tree)
    assert undocumented(source.tree) == []


REGISTRIES = ("pypi" + ".org", "files.python" + "hosted", "registry.npm" + "js")
OF_A_MACHINE = re.compile(
    r"(?<![\w.}/~-])/(?:work|tmp|root|Users|mnt|home(?!/workspace\b))/[\w.-]+"
)


def tracked_texts() -> dict[str, str]:
    """Every text file in the repository, by name."""
    git = shutil.which("git")
    listed = git and subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not listed or listed.returncode:
        pytest.skip("this is no checkout")
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    contents = {name: (ROOT / name).read_bytes() for name in names if not name.endswith(".csv")}
    return {name: text.decode() for name, text in contents.items() if b"\0" not in text}


def test_the_repository_speaks_of_no_registry_and_of_no_machine() -> None:
    texts = tracked_texts()
    assert "fullprocess.py" in texts
    found = [
        (name, word)
        for name, text in texts.items()
        for word in [*filter(text.__contains__, REGISTRIES), *OF_A_MACHINE.findall(text)]
    ]
    assert found == []
    if str(ROOT) != "/home/workspace":
        assert [name for name, text in texts.items() if str(ROOT) in text] == []
