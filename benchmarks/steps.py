"""What the big steps cost: python -m benchmarks.steps [--clients N ...]

Fabricates a company of so many clients in a temporary folder, runs each step by hand and then,
from the same input, a whole first run; prints seconds, CPU seconds and peak memory of each.
A million clients (--clients 1000000) take minutes.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.project import command, cost, project
from company import fabricate

STEPS = ("ingestion.py", "training.py", "scoring.py", "deployment.py", "fullprocess.py")
WHOLE_RUN = "fullprocess.py"
MADE = ("ingesteddata", "models", "production_deployment")


def measure(clients: int) -> None:
    """Print a row for each step with so many clients."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = project(Path(folder), fabricate.periods(3, clients, seed=1))
        for script in STEPS:
            if script == WHOLE_RUN:
                for made in MADE:
                    shutil.rmtree(Path(folder) / made)
            took = cost(command(script, config))
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
