"""Progress: a bar on a terminal, now and then a line in a log."""

import logging
import os
import pty
import re
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from risk.progress import Progress
from risk.settings import Settings
from tests.conftest import ROOT, configured, put
from tests.ground.scripts import LOG_LINE, noted, said, visible


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
    put(settings, f"dataset1\u202egnp\x9b31m{99 * 'z'}.csv", ["BBBB,1,2,3,0"])
    put(settings, "dataset2.csv", ["AAAA,1,2,3,0"] * 50_001)
    config = settings.workspace / "config.json"
    screen = screen_of(ROOT / "ingestion.py", "--config", config)
    return screen, said(settings.workspace)


def screen_of(*command: str | Path) -> str:
    """What a script writes to a terminal of 80 columns."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    with subprocess.Popen([sys.executable, *command], stderr=slave) as process:
        os.close(slave)
        screen = b"".join(shown(master)).decode()
    os.close(master)
    assert process.returncode == 0
    return screen


def test_progress_shows_on_a_terminal_and_makes_way(
    on_a_terminal: tuple[str, list[str]],
) -> None:
    screen, _ = on_a_terminal
    name = "dataset1\\u202egnp\\x9b31mzzzzzzzzzzz"
    assert f"\r\033[Kreading {name} [....................] 0 of 2 files\r" in screen
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
    assert any("dataset1" in line for line in lines)
    assert all(map(visible, lines))


COUNTS = f"""
import logging, sys, time
sys.path.insert(0, {str(ROOT)!r})
from risk import progress
from risk.cli import run

def count(settings):
    "Count to a number that takes a moment."
    begin, total = time.monotonic(), 200_000
    work = progress.of(total, "sheep")
    for done in range(total + 1):
        work.at("counting", done)
    progress.say("dreaming " + 99 * "z")
    print(time.monotonic() - begin)
    logging.getLogger("risk.count").info("slept")

run(count)
"""


@pytest.fixture
def counts(tmp_path: Path) -> list[str | Path]:
    """A script that tells of each of 200,000 things that it does."""
    configured(tmp_path)
    (tmp_path / "count.py").write_text(COUNTS)
    return [tmp_path / "count.py", "--config", tmp_path / "config.json"]


def test_a_bar_is_redrawn_in_its_line_at_most_ten_times_a_second(
    counts: list[str | Path], capfd: pytest.CaptureFixture[str]
) -> None:
    screen = screen_of(*counts)
    lines = re.split(r"\r\033\[K", screen)
    drawn = [line for line in lines if "sheep" in line]
    form = r"counting \[#*\.*\] [0-9,]+ of 200,000 sheep(, [0-9]+ s left)?"
    assert all(re.fullmatch(form, line) and line.count("#") <= 20 for line in drawn)
    assert 1 <= len(drawn) <= 1 + 10 * float(capfd.readouterr().out)
    assert lines[-3:] == ["", "dreaming " + 70 * "z", "slept\r\n"], "whole, cut, and gone"


def test_a_quiet_script_shows_no_bar(counts: list[str | Path]) -> None:
    assert screen_of(*counts, "--quiet") == ""


def test_short_work_leaves_no_line_in_a_log(counts: list[str | Path]) -> None:
    ran = subprocess.run(
        [sys.executable, *counts], capture_output=True, text=True, check=True, cwd="/"
    )
    assert ran.stderr == "slept\n"
    assert len(said(Path(counts[0]).parent)) == 1


SLOWLY = f"""
import itertools, logging, sys
sys.path.insert(0, {str(ROOT)!r})
from risk.cli import run
from risk.progress import Progress

def count(settings):
    "Count four, with six seconds between two looks at the clock."
    logging.getLogger("risk.count").info("begun")
    moments = itertools.count(0, 6)
    work = Progress(lambda: float(next(moments))).of(4, "sheep")
    for done in range(4):
        work.at("counting", done)

run(count)
"""
BAR = r"counting \[#*\.*\] \d of 4 sheep(, \d+ s left)?"
OF_TEN_SECONDS = ["counting: 1 of 4 sheep, 36 s left", "counting: 3 of 4 sheep, 8 s left"]


@pytest.fixture
def counts_slowly(tmp_path: Path) -> list[str | Path]:
    """A script whose clock says that it counts for half a minute."""
    configured(tmp_path)
    (tmp_path / "count.py").write_text(SLOWLY)
    return [tmp_path / "count.py", "--config", tmp_path / "config.json"]


def counted(command: list[str | Path]) -> tuple[list[str], str]:
    """What a script logged of its progress, and the last word on how it ended."""
    workspace = Path(command[0]).parent
    lines = [line.partition(" INFO ")[2] for line in said(workspace) if " progress INFO " in line]
    return lines, noted(Settings.load(workspace / "config.json"))["count"][1]


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        pytest.param([], ["begun", *OF_TEN_SECONDS], id="loud"),
        pytest.param(["--quiet"], [], id="quiet, as cron runs it"),
    ],
)
def test_long_work_leaves_its_lines_in_the_log_however_quiet_the_script_is(
    counts_slowly: list[str | Path], options: list[str], seen: list[str]
) -> None:
    command = [sys.executable, *counts_slowly, *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert ran.stderr.splitlines() == seen
    assert counted(counts_slowly) == (OF_TEN_SECONDS, "begun")


@pytest.mark.parametrize(
    ("options", "form"),
    [
        pytest.param(
            [], r"begun\r\n(counting \[#*\.*\] \d of 4 sheep(, \d+ s left)?){4}", id="loud"
        ),
        pytest.param(["--quiet"], "", id="quiet"),
    ],
)
def test_on_a_terminal_long_work_is_drawn_and_its_lines_are_in_the_log_alone(
    counts_slowly: list[str | Path], options: list[str], form: str
) -> None:
    screen = screen_of(*counts_slowly, *options)
    assert re.fullmatch(form, screen.replace("\r\033[K", ""))
    assert counted(counts_slowly) == (OF_TEN_SECONDS, "begun")


def test_whoever_tells_of_progress_does_not_load_what_runs_scripts() -> None:
    told = "import sys, risk.progress; print('risk.cli' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ran.stdout == "False\n"


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(caplog: pytest.LogCaptureFixture) -> Clock:
    """The clock of a test that reads what is logged of progress."""
    caplog.set_level(logging.INFO, "risk.progress")
    return Clock()


def test_a_log_has_a_line_for_every_ten_seconds_of_work_with_the_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress(clock)
    work = progress.of(2500, "rows")
    for done in range(0, 2500, 100):
        clock.now = done / 100
        work.at("judging", done)
    progress.say("writing")
    work.at("judging", 2500)
    assert caplog.messages == [
        "judging: 1,000 of 2,500 rows, 15 s left",
        "judging: 2,000 of 2,500 rows, 5 s left",
    ]


def test_of_two_files_of_equal_length_each_has_its_own_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The first one is given up in the middle, as when it turns out not to be plain."""
    progress = Progress(clock)
    for name, begun in (("a.csv", 0), ("b.csv", 600)):
        clock.now = begun
        work = progress.of(1000, "lines")
        work.at(f"judging {name}", 100)
        clock.now = begun + 20
        work.at(f"judging {name}", 500)
    assert caplog.messages == [
        "judging a.csv: 500 of 1,000 lines, 20 s left",
        "judging b.csv: 500 of 1,000 lines, 20 s left",
    ]


def test_work_inside_other_work_does_not_hide_how_long_that_takes(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    progress = Progress(clock)
    files = progress.of(3, "files")
    for file in range(3):
        clock.now = 60 * file
        files.at("reading", file)
        rows = progress.of(1000, "rows")
        rows.at("judging", 500)
        rows.at("judging", 1000)
    assert caplog.messages == [
        "reading: 1 of 3 files, 2 min 0 s left",
        "reading: 2 of 3 files, 1 min 0 s left",
    ]
