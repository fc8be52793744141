"""Progress: a bar on a terminal, now and then a line in a log."""

import itertools
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
from tests.conftest import ROOT, configured, put
from tests.ground.scripts import LOG_LINE, said, visible


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
    for done in range(total + 1):
        progress.at("counting", done, total, "sheep")
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


def test_a_log_has_a_line_for_every_ten_seconds_of_work_with_the_time_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "risk.progress")
    moments = itertools.count()  # a second goes by between two looks at the clock
    progress = Progress(lambda: float(next(moments)))
    for done in range(0, 2500, 100):
        progress.at("judging", done, 2500, "rows")
    progress.say("writing")
    progress.at("judging", 2500, 2500, "rows")
    progress.at("judging", 0, 2500, "rows")  # another work of the same size begins
    assert caplog.messages == [
        "judging: 1,000 of 2,500 rows, 15 s left",
        "judging: 2,000 of 2,500 rows, 5 s left",
    ]


def test_work_inside_other_work_does_not_hide_how_long_that_takes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "risk.progress")
    moments = itertools.count()
    progress = Progress(lambda: 30.0 * next(moments))
    for file in range(3):
        progress.at("reading", file, 3, "files")
        progress.at("judging", 500, 1000, "rows")
        progress.at("judging", 1000, 1000, "rows")
    assert caplog.messages == [
        "reading: 1 of 3 files, 2 min 0 s left",
        "reading: 2 of 3 files, 1 min 0 s left",
    ]
