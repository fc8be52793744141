"""How scripts run: exit codes and their order, one line per error, the log, the terminal."""

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from risk import lock
from risk.settings import Settings
from tests.conftest import HEADER, ROOT, Run, configured, put, script
from tests.ground.scripts import DATA, LIVE, SCRIPTS, Contents, noted, said


def test_all_that_is_said_of_a_first_run_ends_with_its_outcome(
    script_run: tuple[Path, Run],
) -> None:
    folder, ran = script_run
    assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)
    assert re.search(r" fullprocess INFO deployed: .*0\.\d{4}", said(folder)[-1])


def test_an_idle_run_ends_well_and_says_so_in_one_line(idle: Settings) -> None:
    before = said(idle.workspace)
    ran = script(idle, "fullprocess.py")
    added = said(idle.workspace)[len(before) :]
    assert (ran.returncode, ran.stderr.count("\n"), len(added)) == (0, 1, 1)
    assert ran.stderr.startswith("no new data: ")
    assert ran.stdout == "", "nothing was made, so there is nothing to look at"
    assert added[0].endswith(ran.stderr.strip())


def test_a_failure_by_hand_is_noted_until_the_pipeline_went_well(idle: Settings) -> None:
    dataset = idle.output_folder_path / "finaldata.csv"
    content = dataset.read_bytes()
    dataset.write_text(f"{HEADER}\nAAAA,1,2,3,0\n")
    failed = script(idle, "training.py")
    assert noted(idle)["training"] == (65, failed.stderr.splitlines()[-1].partition(": ")[2])
    dataset.write_bytes(content)
    assert script(idle, "scoring.py").returncode == 0
    assert {step: code for step, (code, _) in noted(idle).items()} == {
        **{"fullprocess": 0, "training": 65, "scoring": 0}
    }
    ran = script(idle, "fullprocess.py")
    assert noted(idle) == {"fullprocess": (0, ran.stderr.strip())}


def test_an_empty_input_folder_is_no_error_of_the_pipeline(empty: Settings) -> None:
    ran = script(empty, "fullprocess.py")
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1)
    assert "no new data" in ran.stderr


LOOKS_FOR_GARBAGE = f"""
import atexit, gc, sys
sys.path.insert(0, {str(ROOT)!r})
from risk.cli import run

def fill(settings):
    "Make many objects that stay, as importing a library does."
    before = gc.get_stats()[0]["collections"]
    objects = [[] for _ in range(15_000)]
    print(gc.get_stats()[0]["collections"] - before <= 1, gc.isenabled())

atexit.register(lambda: print(gc.get_freeze_count() > 0))
run(fill)
"""


def test_a_script_looks_for_garbage_neither_all_the_time_nor_at_its_end(empty: Settings) -> None:
    step, config = empty.workspace / "fill.py", empty.workspace / "config.json"
    step.write_text(LOOKS_FOR_GARBAGE)
    ran = subprocess.run(
        [sys.executable, step, "--config", config], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "True True\nTrue\n"


USAGE = [
    pytest.param("fullprocess.py", ("--bogus",), id="an unknown option"),
    pytest.param("fullprocess.py", ("--check", "--force"), id="two that exclude each other"),
    pytest.param("fullprocess.py", ("--forc",), id="an abbreviation is unknown too"),
    pytest.param("fullprocess.py", ("now",), id="an argument nobody asked for"),
    pytest.param("fullprocess.py", ("--config",), id="an option without its value"),
    pytest.param("fullprocess.py", ("--config", "--quiet"), id="an option in place of the value"),
    pytest.param("fullprocess.py", ("--check", "now"), id="an argument behind an option"),
    pytest.param("ingestion.py", ("--bogus",), id="a step with no options of its own"),
]


@pytest.mark.parametrize(("name", "arguments"), USAGE)
def test_wrong_usage_touches_nothing_and_shows_the_right_one(
    empty: Settings, contents: Contents, name: str, arguments: tuple[str, ...]
) -> None:
    before = contents(empty.workspace)
    ran = script(empty, name, *arguments)
    assert ran.returncode == 2, ran.stderr
    assert ran.stderr.startswith(f"usage: {name}")
    assert "Traceback" not in ran.stderr
    assert contents(empty.workspace) == before


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--check", "--quiet"], id="as they come"),
        pytest.param(["--quiet", "--check", "--quiet", "--check"], id="each twice"),
        pytest.param(["--config=elsewhere/config.json", "--check"], id="a value behind a sign"),
        pytest.param(["--check", "--config", "elsewhere/config.json"], id="the last one counts"),
    ],
)
def test_options_may_stand_in_any_order(idle: Settings, arguments: list[str]) -> None:
    other = configured_apart(idle.workspace)
    there = [word.replace("elsewhere", str(other)) for word in arguments]
    ran = script(idle, "fullprocess.py", *there)
    assert (ran.returncode, ran.stderr) == (0, "")
    is_elsewhere = there != arguments
    assert ("nothing new in sourcedata/\n" in ran.stdout) == is_elsewhere


def configured_apart(workspace: Path) -> Path:
    """A second project, whose input folder is empty."""
    (workspace / "apart" / "sourcedata").mkdir(parents=True)
    return configured(workspace / "apart").workspace


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_names_the_options(tmp_path: Path, name: str) -> None:
    ran = script(configured(tmp_path), name, "--help")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert "--config PATH" in ran.stdout
    assert "--quiet" in ran.stdout
    for option in re.findall(r'Option\("(--[a-z-]+)"', (ROOT / name).read_text()):
        assert re.search(rf"^ +{option} +[A-Z].*\.$", ran.stdout, re.MULTILINE), option


class Failure(NamedTuple):
    """A way to break a project, and what the script that meets it must answer."""

    name: str
    exit_code: int
    where: str
    what: str
    cure: str
    breakage: Callable[[Path], object]


def replaced(name: str, content: str) -> Callable[[Path], object]:
    """A breakage: this file of the project has this content, whatever stood there."""

    def write(workspace: Path) -> None:
        path = workspace / name
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return write


def turned_into_a_folder(name: str) -> Callable[[Path], object]:
    """A breakage: a folder stands where this file should be."""

    def make(workspace: Path) -> None:
        (workspace / name).unlink(missing_ok=True)
        (workspace / name).mkdir(parents=True)

    return make


def without(name: str) -> Callable[[Path], object]:
    """A breakage: this folder of the project is gone."""
    return lambda workspace: shutil.rmtree(workspace / name)


STAYED = f"{HEADER}\nAAAA,1,2,3,0\nBBBB,3,4,5,0\n"
FULL = "fullprocess.py"
FAILURES = [
    pytest.param(
        Failure(
            *("training.py", 65, "finaldata.csv|outcomes", "left and clients that stayed", "need"),
            replaced(f"{DATA}/finaldata.csv", STAYED),
        ),
        id="65: nobody left, so nothing can be learned",
    ),
    pytest.param(
        Failure(FULL, 66, "sourcedata", "no folder", "", without("sourcedata")),
        id="66: the input folder is missing",
    ),
    pytest.param(
        Failure(
            *("scoring.py", 66, r"models/trainedmodel\.pkl", "is missing"),
            *(r"run python training\.py first", without("models")),
        ),
        id="66: an earlier step was not run",
    ),
    pytest.param(
        Failure(
            *(FULL, 76, rf"{LIVE}/manifest\.json", "is damaged", "restore it"),
            replaced(f"{LIVE}/manifest.json", "{"),
        ),
        id="76: the record of the deployment is damaged",
    ),
    pytest.param(
        Failure(
            *(FULL, 76, rf"{LIVE}/manifest\.json", "is damaged", "restore it"),
            replaced(f"{LIVE}/manifest.json", '{"release": 1}'),
        ),
        id="76: the record of the deployment lacks its keys",
    ),
    pytest.param(
        Failure(
            *(FULL, 76, rf"{LIVE}/manifest\.json", "is damaged", "restore it"),
            replaced(
                f"{LIVE}/manifest.json",
                '{"release": 1, "number": "a", "time": 0, "score": null, "input_folder": 0,'
                ' "seen": 5, "files": [], "libraries": {}}',
            ),
        ),
        id="76: the record of the deployment has keys of the wrong type",
    ),
    pytest.param(
        Failure(
            *(FULL, 76, rf"{DATA}/ingestion\.json", "is damaged", "remove it and run"),
            replaced(f"{DATA}/ingestion.json", "[]"),
        ),
        id="76: the record of the ingestion is damaged",
    ),
    pytest.param(
        Failure(FULL, 74, DATA, "File exists|Not a directory", "", replaced(DATA, "a file")),
        id="74: the output folder is a file",
    ),
    pytest.param(
        Failure(
            *(FULL, 74, rf"{DATA}/fullprocess\.log", "Is a directory", ""),
            turned_into_a_folder(f"{DATA}/fullprocess.log"),
        ),
        id="74: the log is a folder",
    ),
    pytest.param(
        Failure(
            *(FULL, 74, rf"{DATA}/lock", "Is a directory", ""),
            turned_into_a_folder(f"{DATA}/lock"),
        ),
        id="74: the lock is a folder",
    ),
    pytest.param(
        Failure(
            *(FULL, 78, r"config\.json: the key 'speed'", "is unknown", ""),
            lambda workspace: configured_badly(workspace),  # noqa: PLW0108  defined below
        ),
        id="78: the configuration has an unknown key",
    ),
]


def configured_badly(workspace: Path) -> None:
    """Put a key into config.json that nobody knows."""
    config = workspace / "config.json"
    config.write_text(config.read_text().replace("{", '{"speed": 1, ', 1))


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_step_says_on_one_line_what_is_wrong_and_what_to_do(
    idle: Settings, failure: Failure
) -> None:
    failure.breakage(idle.workspace)
    ran = script(idle, failure.name)
    assert ran.returncode == failure.exit_code, ran.stderr
    assert ran.stderr.count("\n") == 1, ran.stderr
    assert ran.stderr.startswith(f"error: failed with exit code {failure.exit_code}: ")
    for expected in (failure.where, failure.what, failure.cure):
        assert re.search(expected, ran.stderr), expected


def test_a_file_without_a_good_row_ends_with_65_and_leaves_the_old_dataset(
    idle: Settings,
) -> None:
    dataset = (idle.output_folder_path / "finaldata.csv").read_bytes()
    put(idle, "dataset1.csv", ["AAAA,-1,2,3,0", "BBBB,x,2,3,1"])
    ran = script(idle, "ingestion.py")
    assert ran.returncode == 65
    assert "rejected.csv says why" in ran.stderr.splitlines()[-1]
    assert (idle.output_folder_path / "finaldata.csv").read_bytes() == dataset


def test_while_another_run_holds_the_lock_nothing_is_touched(
    idle: Settings, contents: Contents
) -> None:
    put(idle, "dataset2.csv", ["AAAA,1,2,3,1"])
    before = contents(idle.workspace)
    with lock.held(idle.output_folder_path / "lock"):
        ran = script(idle, "fullprocess.py")
    assert ran.returncode == 75
    assert ran.stderr.count("\n") == 1
    assert "try again" in ran.stderr
    assert contents(idle.workspace) == before


def test_looking_only_needs_no_lock_and_changes_nothing(idle: Settings, contents: Contents) -> None:
    before = contents(idle.workspace)
    with lock.held(idle.output_folder_path / "lock"):
        ran = script(idle, "fullprocess.py", "--check")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("a run would end with no new data: ")
    assert contents(idle.workspace) == before


ORDER = [
    pytest.param([configured_badly], ["--bogus"], True, 2, id="usage before the configuration"),
    pytest.param([configured_badly], [], True, 78, id="the configuration before the lock"),
    pytest.param(
        [configured_badly, without("sourcedata")], [], False, 78, id="the configuration before all"
    ),
    pytest.param([without("sourcedata")], [], True, 75, id="the lock before a missing folder"),
    pytest.param(
        [replaced(f"{LIVE}/manifest.json", "{")], [], True, 75, id="the lock before a bad artefact"
    ),
]


@pytest.mark.parametrize(("breakages", "arguments", "locked", "exit_code"), ORDER)
def test_of_several_errors_the_first_in_order_counts(
    idle: Settings,
    breakages: list[Callable[[Path], object]],
    arguments: list[str],
    locked: bool,
    exit_code: int,
) -> None:
    for breakage in breakages:
        breakage(idle.workspace)
    with lock.held(idle.output_folder_path / "lock") if locked else contextlib.nullcontext():
        assert script(idle, "fullprocess.py", *arguments).returncode == exit_code


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, []) for name in ("ingestion.py", "training.py", "scoring.py", "reporting.py")),
        ("deployment.py", []),
        ("deployment.py", ["--rollback"]),
    ],
)
def test_a_step_that_finds_nothing_to_begin_with_leaves_no_record(
    tmp_path: Path, contents: Contents, name: str, options: list[str]
) -> None:
    settings = configured(tmp_path)
    assert script(settings, name, *options).returncode == 66
    noted = {f"{DATA}/{name}" for name in ("lock", "fullprocess.log", "last_run.json")}
    assert set(contents(tmp_path)) == {"config.json", *noted}


def test_every_path_is_the_folder_and_the_name(idle: Settings) -> None:
    """Whatever speaks: a file of the input, a folder, a record, a copy."""
    put(idle, "dataset2.csv", ["AAAA,x,2,3,0"])
    assert "warning: sourcedata/dataset2.csv is refused: " in script(idle, "ingestion.py").stderr
    (idle.output_folder_path / "judged.json").write_text('{"release": "1-x"}')
    shutil.rmtree(idle.input_folder_path)
    said = script(idle, "ingestion.py").stderr
    assert said == "error: failed with exit code 66: there is no folder sourcedata/\n"
