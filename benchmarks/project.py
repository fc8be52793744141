"""A fabricated project in a temporary folder, and what a script costs there."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk.data import tables

ROOT = Path(__file__).parent.parent
MEBIBYTE_IN_KIB = 1024


class Cost(NamedTuple):
    """What one run of a command took."""

    seconds: float
    cpu: float
    mebibytes: float


def project(folder: Path, periods: Sequence[pd.DataFrame]) -> Path:
    """The config.json of a project whose last period is its test data, the others its input."""
    for number, table in enumerate(periods[:-1], 1):
        tables.write(folder / "sourcedata" / f"dataset{number}.csv", table)
    tables.write(folder / "testdata" / "testdata.csv", periods[-1])
    return Path(shutil.copy(ROOT / "config.json", folder))


def command(script: str, config: Path) -> list[str]:
    """How a script is run on a project without its usual output."""
    return [sys.executable, str(ROOT / script), "--config", str(config), "--quiet"]


def cost(arguments: Sequence[str]) -> Cost:
    """Run a command to its end, and ask the system what that took."""
    begin = time.perf_counter()
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} ended with exit code {process.returncode}")
    elapsed = time.perf_counter() - begin
    return Cost(elapsed, used.ru_utime + used.ru_stime, used.ru_maxrss / MEBIBYTE_IN_KIB)
