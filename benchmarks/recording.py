"""What keeping records adds to a run that deploys: python -m benchmarks.recording [--clients N]

Runs forced deployments of a fabricated company, each in a process of its own, and prints the share
of the run that went into finding out what is recorded, into loading SQLAlchemy, into writing.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.project import ROOT, project
from company import fabricate

TIMED_RUN = """
import json, sys, time
begin = time.perf_counter()
import pandas, sklearn.linear_model
loading = time.perf_counter()
import sqlalchemy
spent = {"loading": time.perf_counter() - loading, "finding": 0.0, "writing": 0.0}
import fullprocess
from risk.records import recording
from risk.settings import Settings
PARTS = {"remember_data": "finding", "remember_scores": "finding", "catch_up": "writing"}
def timed(name):
    function = getattr(recording, name)
    def run(*arguments):
        start = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            spent[PARTS[name]] += time.perf_counter() - start
    setattr(recording, name, run)
for name in PARTS:
    timed(name)
fullprocess.full_process(Settings.load(sys.argv[1]), force=True)
print(json.dumps({**spent, "run": time.perf_counter() - begin}))
"""


def shares(config: Path) -> dict[str, float]:
    """The parts of one run as shares of it, the seconds of the whole run beside them."""
    run = subprocess.run(
        [sys.executable, "-c", TIMED_RUN, config], cwd=ROOT, capture_output=True, check=True
    )
    took: dict[str, float] = json.loads(run.stdout)
    whole = took.pop("run")
    return {part: seconds / whole for part, seconds in took.items()} | {"seconds": whole}


def main() -> None:
    """Measure and print a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=10_000, metavar="N")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = project(Path(folder), fabricate.periods(3, arguments.clients, seed=1))
        runs = [shares(config) for _ in range(arguments.runs + 1)][1:]  # the first one warms up
    middle = {part: statistics.median(run[part] for run in runs) for part in runs[0]}
    seconds = middle.pop("seconds")
    parts = ", ".join(f"{part} {share:.1%}" for part, share in middle.items())
    print(
        f"recording is {sum(middle.values()):.1%} of a deploying run of {arguments.clients:,} "
        f"clients, which takes {seconds:.1f} s: {parts}"
    )


if __name__ == "__main__":
    main()
