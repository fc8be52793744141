"""What the big steps cost: python -m benchmarks.steps [--clients N ...]

Fabricates a company of so many clients in a temporary folder, runs each step by hand and then,
from the same input, a whole first run; prints seconds, CPU seconds and peak memory of each.
A million clients (--clients 1000000) take minutes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.idle import command, project
from company import fabricate

STEPS = ("ingestion.py", "training.py", "scoring.py", "deployment.py", "fullprocess.py")
WHOLE_RUN = "fullprocess.py"
MADE = ("ingesteddata", "models", "production_deployment")
MEBIBYTE_IN_KIB = 1024


class Cost(NamedTuple):
    """What one run of a script took."""

    seconds: float
    cpu: float
    mebibytes: float


def cost(script: str, config: Path) -> Cost:
    """Run a script to its end, and ask the system what that took."""
    begin = time.perf_counter()
    with subprocess.Popen(command(script, config), stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{script} ended with exit code {process.returncode}")
    elapsed = time.perf_counter() - begin
    return Cost(elapsed, used.ru_utime + used.ru_stime, used.ru_maxrss / MEBIBYTE_IN_KIB)


def measure(clients: int) -> None:
    """Print a row for each step with so many clients."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = project(Path(folder), fabricate.periods(3, clients, seed=1))
        for script in STEPS:
            if script == WHOLE_RUN:
                for made in MADE:
                    shutil.rmtree(Path(folder) / made)
            took = cost(script, config)
            print(
                f"{clients:>9,}  {script:15}"
                f"{took.seconds:9.2f}{took.cpu:9.2f}{took.mebibytes:11.0f}",
                flush=True,
            )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[10_000, 100_000], metavar="N")
    arguments = parser.parse_args()
    print(f"{'clients':>9}  {'step':15}{'seconds':>9}{'CPU s':>9}{'peak MiB':>11}")
    for clients in arguments.clients:
        measure(clients)


if __name__ == "__main__":
    main()
