"""What a run with nothing to do costs beside an empty Python: python -m benchmarks.idle [--pairs N]

Sets up a deployed project with ten input files in a temporary folder, then runs fullprocess.py
and `python -c pass` in turn and prints the median CPU time (user and system) of each in
milliseconds, their ratio, and the modules that the idle run loads and an empty Python does not.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.project import command, cost, project
from company import fabricate

FILES = 10
CLIENTS = 1000
EMPTY = [sys.executable, "-c", "pass"]
TELLS_ITS_MODULES = """
import sys
before = {"atexit", *sys.modules}
import atexit
atexit.register(lambda: print(*sorted({*sys.modules} - before), file=sys.stderr))
del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
"""


def loaded(arguments: Sequence[str]) -> list[str]:
    """The modules that a script has imported at its end and an empty Python has not."""
    script = [sys.executable, "-c", TELLS_ITS_MODULES, *arguments[1:]]
    ran = subprocess.run(
        script, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    )
    return ran.stderr.split()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=40, help="runs of each (default: 40)")
    pairs = parser.parse_args().pairs
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # cron's runs keep what they compiled, too
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = project(Path(folder), fabricate.periods(FILES + 1, CLIENTS, seed=1))
        run = command("fullprocess.py", config)
        cost(run)
        costs = [(1000 * cost(run).cpu, 1000 * cost(EMPTY).cpu) for _ in range(pairs)]
        modules = loaded(run)
    idle, empty = (statistics.median(column) for column in zip(*costs, strict=True))
    print(f"idle run of fullprocess.py  {idle:6.1f} ms CPU, median of {pairs}")
    print(f"python -c pass              {empty:6.1f} ms CPU, median of {pairs}")
    print(f"ratio                       {idle / empty:6.2f}")
    print(f"the idle run loads {len(modules)} modules: {', '.join(modules)}")


if __name__ == "__main__":
    main()
