"""The system calls by which files get their content and their names, watched with strace."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

DEMANDED = "RISK_TEST_STRACE"
WATCHED = "trace=write,fsync,fdatasync,rename,renameat,renameat2"
PATHS = re.compile(r'[<"](/[^>"]*)[>"]')


def calls(code: str, below: Path, log: Path) -> list[tuple[str, ...]]:
    """Each call on what lies below a folder while this code runs: its name and its paths there."""
    strace = _strace()
    subprocess.run(
        [strace, "-y", "-s", "0", "-o", log, "-e", WATCHED, sys.executable, "-c", code, below],
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    return list(filter(None, (_call(line, below) for line in log.read_text().splitlines())))


def _call(line: str, below: Path) -> tuple[str, ...]:
    paths = [path for path in map(Path, PATHS.findall(line)) if path.is_relative_to(below)]
    name = re.sub("at2?$", "", line.partition("(")[0])
    return (name, *(str(path.relative_to(below)) for path in paths)) if paths else ()


def _strace() -> str:
    """Where strace is; the tests are skipped in words where it cannot watch."""
    strace = shutil.which("strace")
    if strace and not subprocess.run([strace, "true"], capture_output=True, check=False).returncode:
        return strace
    message = "system calls can only be watched with strace"
    if os.environ.get(DEMANDED):
        pytest.fail(message)
    pytest.skip(message)
