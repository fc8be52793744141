"""What scripts say and log: one line per fact, quiet runs, names that deceive, bugs."""

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from risk import lock
from risk.settings import Settings
from tests.conftest import FOLDERS, HEADER, ROOT, Run, configured, put, script
from tests.ground.scripts import FORGED, LOG_LINE, noted, said, visible

# -- what is said ----------------------------------------------------------------------------------


def test_quiet_says_nothing_when_all_is_well(idle: Settings) -> None:
    before = len(said(idle.workspace))
    ran = script(idle, "fullprocess.py", "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(said(idle.workspace)) == before + 1


def test_quiet_still_says_warnings(idle: Settings) -> None:
    (idle.output_folder_path / "pending").mkdir(exist_ok=True)
    (idle.output_folder_path / "pending" / "2026-01-01T000000Z-1.json").write_text("{}")
    ran = script(idle, "fullprocess.py", "--quiet")
    assert ran.returncode == 0
    assert re.fullmatch("warning: the run that began at .* died before its end\n", ran.stderr)


def test_quiet_still_says_errors(idle: Settings) -> None:
    shutil.rmtree(idle.input_folder_path)
    ran = script(idle, "fullprocess.py", "--quiet")
    assert ran.returncode == 66
    assert ran.stderr.startswith("error: ")


def test_each_line_of_the_log_has_the_time_in_utc_the_step_and_the_level(
    script_run: tuple[Path, Run],
) -> None:
    lines = said(script_run[0])
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


# -- the log ---------------------------------------------------------------------------------------


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


# -- a bug -----------------------------------------------------------------------------------------


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


def test_without_a_terminal_there_is_no_progress(hostile_run: tuple[Run, str]) -> None:
    ran, log = hostile_run
    assert "reading" not in ran.stderr + log
