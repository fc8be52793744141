"""How scripts run: exit codes and their order, one line per error, the log, the terminal."""

import contextlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from risk import lock
from risk.settings import Settings
from tests.conftest import FOLDERS, HEADER, ROOT, Run, configured, put, script

SCRIPTS = sorted(
    path.name for path in ROOT.glob("*.py") if 'if __name__ == "__main__"' in path.read_text()
)
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \w+ (INFO|WARNING|ERROR|CRITICAL) \S.*")
FORGED = "2026-01-01T00:00:00Z fullprocess INFO deployed: all is well"
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""

Contents = Callable[[Path], dict[str, bytes]]


def said(folder: Path) -> list[str]:
    """The lines of the log of a project."""
    log = folder / "ingesteddata" / "fullprocess.log"
    return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """A project whose input folder is empty, so that every run of it is idle."""
    (tmp_path / "sourcedata").mkdir()
    return configured(tmp_path)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A project after its first run, and what that run said; only to be copied."""
    folder = tmp_path_factory.mktemp("first")
    settings = configured(folder)
    clients = [f"{'AB'[i % 2]}{i:03},{i % 7},{i},{i % 5 + 1},{i % 2}" for i in range(300)]
    put(settings, "dataset1.csv", clients)
    shutil.copytree(settings.input_folder_path, settings.test_data_path)
    return folder, script(settings, "fullprocess.py")


@pytest.fixture
def deployed(first_run: tuple[Path, Run], tmp_path: Path) -> Settings:
    """A project of one's own in which nothing is new."""
    shutil.copytree(first_run[0], tmp_path, dirs_exist_ok=True)
    return Settings.load(tmp_path / "config.json")


# -- exit codes --------------------------------------------------------------------------------


def test_all_that_is_said_of_a_first_run_ends_with_its_outcome(
    first_run: tuple[Path, Run],
) -> None:
    folder, ran = first_run
    assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)
    assert re.search(r" fullprocess INFO deployed: .*0\.\d{4}", said(folder)[-1])


def test_an_idle_run_ends_well_and_says_so_in_one_line(deployed: Settings) -> None:
    before = said(deployed.workspace)
    ran = script(deployed, "fullprocess.py")
    added = said(deployed.workspace)[len(before) :]
    assert (ran.returncode, ran.stderr.count("\n"), len(added)) == (0, 1, 1)
    assert ran.stderr.startswith("no new data: ")
    assert ran.stdout == "", "nothing was made, so there is nothing to look at"
    assert added[0].endswith(ran.stderr.strip())


def noted(settings: Settings) -> dict[str, tuple[int, str]]:
    """The exit code and the message of each step that last_run.json knows."""
    record = json.loads((settings.output_folder_path / "last_run.json").read_text())
    return {step: (ending["exit_code"], ending["message"]) for step, ending in record.items()}


def test_a_failure_by_hand_is_noted_until_the_pipeline_went_well(deployed: Settings) -> None:
    dataset = deployed.output_folder_path / "finaldata.csv"
    content = dataset.read_bytes()
    dataset.write_text(f"{HEADER}\nAAAA,1,2,3,0\n")
    failed = script(deployed, "training.py")
    assert noted(deployed)["training"] == (65, failed.stderr.splitlines()[-1].partition(": ")[2])
    dataset.write_bytes(content)
    assert script(deployed, "scoring.py").returncode == 0
    assert {step: code for step, (code, _) in noted(deployed).items()} == {
        **{"fullprocess": 0, "training": 65, "scoring": 0}
    }
    ran = script(deployed, "fullprocess.py")
    assert noted(deployed) == {"fullprocess": (0, ran.stderr.strip())}


def test_an_empty_input_folder_is_no_error_of_the_pipeline(empty: Settings) -> None:
    ran = script(empty, "fullprocess.py")
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1)
    assert "no new data" in ran.stderr


USAGE = [
    pytest.param("fullprocess.py", ("--bogus",), id="an unknown option"),
    pytest.param("fullprocess.py", ("--check", "--force"), id="two that exclude each other"),
    pytest.param("fullprocess.py", ("--forc",), id="an abbreviation is unknown too"),
    pytest.param("fullprocess.py", ("now",), id="an argument nobody asked for"),
    pytest.param("fullprocess.py", ("--config",), id="an option without its value"),
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
DATA, LIVE = "ingesteddata", "production_deployment"
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
    deployed: Settings, failure: Failure
) -> None:
    failure.breakage(deployed.workspace)
    ran = script(deployed, failure.name)
    assert ran.returncode == failure.exit_code, ran.stderr
    assert ran.stderr.count("\n") == 1, ran.stderr
    assert ran.stderr.startswith(f"error: failed with exit code {failure.exit_code}: ")
    for expected in (failure.where, failure.what, failure.cure):
        assert re.search(expected, ran.stderr), expected


def test_a_file_without_a_good_row_ends_with_65_and_leaves_the_old_dataset(
    deployed: Settings,
) -> None:
    dataset = (deployed.output_folder_path / "finaldata.csv").read_bytes()
    put(deployed, "dataset1.csv", ["AAAA,-1,2,3,0", "BBBB,x,2,3,1"])
    ran = script(deployed, "ingestion.py")
    assert ran.returncode == 65
    assert "rejected.csv says why" in ran.stderr.splitlines()[-1]
    assert (deployed.output_folder_path / "finaldata.csv").read_bytes() == dataset


def test_while_another_run_holds_the_lock_nothing_is_touched(
    deployed: Settings, contents: Contents
) -> None:
    put(deployed, "dataset2.csv", ["AAAA,1,2,3,1"])
    before = contents(deployed.workspace)
    with lock.held(deployed.output_folder_path / "lock"):
        ran = script(deployed, "fullprocess.py")
    assert ran.returncode == 75
    assert ran.stderr.count("\n") == 1
    assert "try again" in ran.stderr
    assert contents(deployed.workspace) == before


def test_looking_only_needs_no_lock_and_changes_nothing(
    deployed: Settings, contents: Contents
) -> None:
    before = contents(deployed.workspace)
    with lock.held(deployed.output_folder_path / "lock"):
        ran = script(deployed, "fullprocess.py", "--check")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("a run would end with no new data: ")
    assert contents(deployed.workspace) == before


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
    deployed: Settings,
    breakages: list[Callable[[Path], object]],
    arguments: list[str],
    locked: bool,
    exit_code: int,
) -> None:
    for breakage in breakages:
        breakage(deployed.workspace)
    with lock.held(deployed.output_folder_path / "lock") if locked else contextlib.nullcontext():
        assert script(deployed, "fullprocess.py", *arguments).returncode == exit_code


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


def test_every_path_is_the_folder_and_the_name(deployed: Settings) -> None:
    """Whatever speaks: a file of the input, a folder, a record, a copy."""
    put(deployed, "dataset2.csv", ["AAAA,x,2,3,0"])
    assert (
        "warning: sourcedata/dataset2.csv is refused: " in script(deployed, "ingestion.py").stderr
    )
    (deployed.output_folder_path / "judged.json").write_text('{"release": "1-x"}')
    shutil.rmtree(deployed.input_folder_path)
    said = script(deployed, "ingestion.py").stderr
    assert said == "error: failed with exit code 66: there is no folder sourcedata/\n"


# -- a full disk -------------------------------------------------------------------------------


def on_a_small_disk(settings: Settings, largest: int, name: str) -> Run:
    """Run a script that can write no file larger than this."""
    config = settings.workspace / "config.json"
    ours = [sys.executable, ROOT / name, "--config", config, "--quiet"]
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(largest), *ours],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )


def test_a_full_disk_leaves_every_old_file_whole_and_no_draft(
    deployed: Settings, contents: Contents
) -> None:
    put(deployed, "dataset2.csv", ["ZZZZ,1,2,3,1"])
    before = contents(deployed.workspace)
    ran = on_a_small_disk(deployed, 4096, "ingestion.py")
    after = contents(deployed.workspace)
    assert ran.returncode == 74
    assert ran.stderr.splitlines()[-1].startswith("error: failed with exit code 74: ingesteddata/")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{DATA}/fullprocess.log", f"{DATA}/last_run.json"}
    assert not [name for name in after if name.endswith(".draft")]
    assert re.search(rf"{DATA}/\w+\.csv", ran.stderr), "it names the file that did not fit"


def test_a_run_that_cannot_log_does_its_work_all_the_same(deployed: Settings) -> None:
    ran = on_a_small_disk(deployed, 1, "fullprocess.py")
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--force"], id="a run", marks=pytest.mark.slow),
        pytest.param(["--check"], id="a look"),
    ],
)
def test_an_answer_that_cannot_be_written_is_an_input_output_error(
    deployed: Settings, arguments: list[str]
) -> None:
    config = deployed.workspace / "config.json"
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, ROOT / "fullprocess.py", "--config", config, "--quiet", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 74, ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_run_without_standard_streams_does_its_work(deployed: Settings) -> None:
    config = deployed.workspace / "config.json"
    ran = subprocess.run(
        [
            *("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"),
            *(sys.executable, ROOT / "fullprocess.py", "--config", config),
        ],
        check=False,
    )
    assert ran.returncode == 0
    assert "no new data" in said(deployed.workspace)[-1]
    assert (deployed.output_folder_path / "lock").read_bytes() == b""


SPEAKS_AS_A_LIBRARY_IN_C_DOES = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from risk.cli import run

def speak(settings):
    "Write to the standard descriptors, whoever has them now."
    for descriptor in (0, 1, 2):
        os.write(descriptor, b"out of place")

run(speak)
"""


def test_what_is_said_to_closed_streams_ends_up_in_no_file_of_ours(
    empty: Settings, contents: Contents
) -> None:
    step, config = empty.workspace / "speak.py", empty.workspace / "config.json"
    step.write_text(SPEAKS_AS_A_LIBRARY_IN_C_DOES)
    ran = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, step, "--config", config],
        check=False,
    )
    assert ran.returncode == 0
    written = contents(empty.output_folder_path)
    assert json.loads(written.pop("last_run.json"))["speak"]["message"] == ""
    assert set(written.values()) == {b""}


# -- what is said ------------------------------------------------------------------------------


def test_quiet_says_nothing_when_all_is_well(deployed: Settings) -> None:
    before = len(said(deployed.workspace))
    ran = script(deployed, "fullprocess.py", "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(said(deployed.workspace)) == before + 1


def test_quiet_still_says_warnings(deployed: Settings) -> None:
    (deployed.output_folder_path / "pending").mkdir(exist_ok=True)
    (deployed.output_folder_path / "pending" / "2026-01-01T000000Z-1.json").write_text("{}")
    ran = script(deployed, "fullprocess.py", "--quiet")
    assert ran.returncode == 0
    assert re.fullmatch("warning: the run that began at .* died before its end\n", ran.stderr)


def test_quiet_still_says_errors(deployed: Settings) -> None:
    shutil.rmtree(deployed.input_folder_path)
    ran = script(deployed, "fullprocess.py", "--quiet")
    assert ran.returncode == 66
    assert ran.stderr.startswith("error: ")


def test_each_line_of_the_log_has_the_time_in_utc_the_step_and_the_level(
    first_run: tuple[Path, Run],
) -> None:
    lines = said(first_run[0])
    assert all(map(LOG_LINE.fullmatch, lines)), lines
    steps = {line.split()[1] for line in lines}
    assert steps >= {"ingestion", "training", "scoring", "deployment", "fullprocess"}


def test_the_time_is_utc_wherever_the_machine_stands(empty: Settings) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert script(empty, "fullprocess.py", TZ="Pacific/Kiritimati").returncode == 0
    stamp = datetime.fromisoformat(said(empty.workspace)[-1].split()[0])
    assert before <= stamp <= datetime.now(UTC)


HOSTILE = [
    pytest.param("\x1b[31mred", id="a colour of the terminal"),
    pytest.param("\x1b]0;title\x07", id="a title of the terminal"),
    pytest.param("\x9b31m", id="an escape sequence in one character"),
    pytest.param("\x08\x08\x08", id="backspaces"),
    pytest.param("\x0b\x0c", id="line ends of old printers"),
    pytest.param("\x85" + FORGED, id="a next-line sign, then a forged line"),
    pytest.param("\u2028" + FORGED, id="a line separator, then a forged line"),
    pytest.param("\u2029" + FORGED, id="a paragraph separator, then a forged line"),
    pytest.param("\u202egnp", id="a mark that turns the reading direction"),
    pytest.param("\u2066x\u2069", id="marks that isolate a direction"),
    pytest.param("\ufeff", id="an invisible sign"),
]
IN_FILE_NAMES = [
    *HOSTILE,
    pytest.param("\n" + FORGED, id="a line end, then a forged line"),
    pytest.param("\r" + FORGED, id="a carriage return, then a forged line"),
    pytest.param("\udcff", id="a byte that is no text"),
]


def hostile_texts(rows: list[object]) -> list[str]:
    """The texts in a table of pytest parameters."""
    return [row.values[0] for row in rows]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """What a run says and logs of file names and columns that try to deceive."""
    settings = configured(tmp_path_factory.mktemp("hostile"))
    for number, text in enumerate(hostile_texts(IN_FILE_NAMES)):
        put(settings, f"n{number}{text}.csv", ["AAAA,x,2,3,1", "BBBB,1,2,3,0"])
    ignored = [f"c{number}{text}" for number, text in enumerate(hostile_texts(HOSTILE))]
    quoted = f'"c99\n{FORGED}"'
    header = ",".join([HEADER, *ignored, quoted])
    put(settings, "columns.csv", ["CCCC,1,2,3,0" + "," * (len(ignored) + 1)], header=header)
    ran = script(settings, "ingestion.py", PYTHONIOENCODING="utf-8:surrogateescape")
    return ran, (settings.output_folder_path / "fullprocess.log").read_text()


def visible(line: str) -> bool:
    """Whether a line holds no sign that acts instead of being seen."""
    return not any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in line)


def test_no_name_from_data_breaks_or_forges_a_line(hostile_run: tuple[Run, str]) -> None:
    ran, log = hostile_run
    assert ran.returncode == 0, ran.stderr
    assert log.splitlines() == log.removesuffix("\n").split("\n")
    assert all(LOG_LINE.fullmatch(line) and visible(line) for line in log.splitlines())
    assert all(map(visible, ran.stderr.removesuffix("\n").split("\n")))
    assert not any(line.startswith(FORGED) for line in (log + ran.stderr).splitlines())


@pytest.mark.parametrize("number", range(len(IN_FILE_NAMES)))
def test_a_file_with_a_deceiving_name_is_spoken_of_on_one_line(
    hostile_run: tuple[Run, str], number: int
) -> None:
    ran, log = hostile_run
    name = re.compile(rf"\bn{number}[^0-9]")
    assert len(list(filter(name.search, log.splitlines()))) == 1
    assert len(list(filter(name.search, ran.stderr.splitlines()))) == 1


def test_columns_with_deceiving_names_are_named_on_one_line(hostile_run: tuple[Run, str]) -> None:
    ignored = [line for line in hostile_run[1].splitlines() if "ignored columns" in line]
    assert len(ignored) == 1
    assert all(f"c{number}" in ignored[0] for number in (*range(len(HOSTILE)), 99))


def test_a_deceiving_key_of_the_configuration_stays_on_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        f'{{"a\\n{FORGED}\\u001b[31m\\u2028": 1, {str(FOLDERS)[1:]}'.replace("'", '"')
    )
    ran = subprocess.run(
        [sys.executable, ROOT / "fullprocess.py", "--config", config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, len(ran.stderr.splitlines())) == (78, 1)
    assert visible(ran.stderr.removesuffix("\n"))


# -- the log -----------------------------------------------------------------------------------


def filled_log(settings: Settings, sign: str, size: int) -> str:
    """Let the log hold this sign so many times."""
    settings.output_folder_path.mkdir(exist_ok=True)
    text = sign * (size - 1) + "\n"
    (settings.output_folder_path / "fullprocess.log").write_text(text)
    return text


def test_the_log_is_put_aside_beyond_one_megabyte_and_older_ones_are_kept(
    empty: Settings,
) -> None:
    log = empty.output_folder_path / "fullprocess.log"
    full = {sign: filled_log(empty, sign, 1_000_001) for sign in "abcde"}
    for sign in "abcde":
        log.write_text(full[sign])
        assert script(empty, "fullprocess.py").returncode == 0
        assert len(said(empty.workspace)) == 1
    aside = [log.with_name(f"fullprocess.log.{age}").read_text() for age in (1, 2, 3)]
    assert aside == [full[sign] for sign in "edc"]
    assert not log.with_name("fullprocess.log.4").exists()


def test_a_log_of_a_little_less_goes_on(empty: Settings) -> None:
    text = filled_log(empty, "a", 900_000)
    assert script(empty, "fullprocess.py").returncode == 0
    log = (empty.output_folder_path / "fullprocess.log").read_text()
    assert log.startswith(text)
    assert log.count("\n") == 2


# -- a bug -------------------------------------------------------------------------------------

CRASHES = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from risk.cli import run

def crash(settings):
    "Do what cannot be done."
    raise ZeroDivisionError({"no" + chr(10) + FORGED!r})

run(crash)
"""


def crashed(settings: Settings) -> Run:
    """What came of a step that cannot be done."""
    step = settings.workspace / "crash.py"
    step.write_text(CRASHES)
    command = [sys.executable, step, "--config", settings.workspace / "config.json"]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)


def test_a_crash_is_one_line_of_the_log_and_prints_its_traceback(empty: Settings) -> None:
    ran = crashed(empty)
    assert ran.returncode == 1
    assert "Traceback (most recent call last)" in ran.stderr
    assert 'raise ZeroDivisionError("' in ran.stderr.replace("'", '"')
    assert re.fullmatch(
        r"\S+Z crash CRITICAL .*ZeroDivisionError: no.*", "|".join(said(empty.workspace))
    )
    code, message = noted(empty)["crash"]
    assert (code, message) == (1, said(empty.workspace)[0].partition(" CRITICAL ")[2])


def test_a_crash_lets_go_of_the_lock(empty: Settings) -> None:
    crashed(empty)
    with lock.held(empty.output_folder_path / "lock"):
        pass


# -- a terminal --------------------------------------------------------------------------------


def shown(master: int) -> Iterator[bytes]:
    """What arrives at a terminal until its last writer has gone."""
    while select.select([master], [], [], 60)[0]:
        try:
            yield os.read(master, 65536)
        except OSError:
            return


@pytest.fixture(scope="module")
def on_a_terminal(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """What an ingestion shows on a terminal, and its log."""
    settings = configured(tmp_path_factory.mktemp("terminal"))
    put(settings, "dataset1.csv", ["AAAA,1,2,3,0"])
    put(settings, "dataset2\u202egnp\x9b31m.csv", ["BBBB,1,2,3,0"])
    put(settings, "dataset3.csv", ["AAAA,1,2,3,0"] * 50_001)
    config = settings.workspace / "config.json"
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, ROOT / "ingestion.py", "--config", config], stderr=slave
    ) as process:
        os.close(slave)
        screen = b"".join(shown(master)).decode()
    os.close(master)
    assert process.returncode == 0
    return screen, said(settings.workspace)


def test_progress_shows_on_a_terminal_and_makes_way(
    on_a_terminal: tuple[str, list[str]],
) -> None:
    screen, _ = on_a_terminal
    assert "reading dataset1.csv, 1 of 3" in screen
    assert "dataset3.csv: 50,000 of 50,002 lines are judged" in screen
    before, _, after = screen.partition("\r\033[K2 rows of 2 clients")
    assert "reading" in before
    assert "reading" not in after


def test_nothing_of_the_progress_is_in_the_log(on_a_terminal: tuple[str, list[str]]) -> None:
    log = on_a_terminal[1]
    assert all(map(LOG_LINE.fullmatch, log))
    assert not any("reading" in line or "judged" in line for line in log)


def test_progress_shows_no_sign_of_a_name_that_acts_on_the_terminal(
    on_a_terminal: tuple[str, list[str]],
) -> None:
    lines = re.split(r"\r\033\[K|\r?\n", on_a_terminal[0])
    assert any("dataset2" in line for line in lines)
    assert all(map(visible, lines))


def test_without_a_terminal_there_is_no_progress(hostile_run: tuple[Run, str]) -> None:
    ran, log = hostile_run
    assert "reading" not in ran.stderr + log
