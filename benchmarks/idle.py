"""What a run with nothing to do costs beside an empty Python: python -m benchmarks.idle [--pairs N]

Sets up a deployed project with ten input files in a temporary folder, then runs fullprocess.py
and `python -c pass` in turn and prints the median CPU time (user and system) of each in
milliseconds, their ratio, and the modules that the idle run loads and an empty Python does not.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from company import fabricate
from risk.data import tables

ROOT = Path(__file__).parent.parent
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


def project(folder: Path, periods: Sequence[pd.DataFrame]) -> Path:
    """The config.json of a project whose last period is its test data, the others its input."""
    for number, table in enumerate(periods[:-1], 1):
        tables.write(folder / "sourcedata" / f"dataset{number}.csv", table)
    tables.write(folder / "testdata" / "testdata.csv", periods[-1])
    return Path(shutil.copy(ROOT / "config.json", folder))


def command(script: str, config: Path) -> list[str]:
    """How a script is run on a project, saying only what is wrong."""
    return [sys.executable, str(ROOT / script), "--config", str(config), "--quiet"]


def cpu_milliseconds(arguments: Sequence[str]) -> float:
    """User and system time of one run of this command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


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
        subprocess.run(run, stdout=subprocess.DEVNULL, check=True)
        times = [(cpu_milliseconds(run), cpu_milliseconds(EMPTY)) for _ in range(pairs)]
        modules = loaded(run)
    idle, empty = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"idle run of fullprocess.py  {idle:6.1f} ms CPU, median of {pairs}")
    print(f"python -c pass              {empty:6.1f} ms CPU, median of {pairs}")
    print(f"ratio                       {idle / empty:6.2f}")
    print(f"the idle run loads {len(modules)} modules: {', '.join(modules)}")


if __name__ == "__main__":
    main()
