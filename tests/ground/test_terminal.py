"""Progress on a terminal."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

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
