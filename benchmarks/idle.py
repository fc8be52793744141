"""What a run with nothing to do costs beside an empty Python: python -m benchmarks.idle [--pairs N]

Sets up a deployed project with ten input files in a temporary folder, then runs fullprocess.py
and `python -c pass` in turn and prints the median CPU time (user and system) of each in
milliseconds and their ratio; the same with 1,000 and 100,000 files that are on record as read,
in fewer pairs. At the end come the modules that the idle run loads and an empty Python does not.
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
from risk import files
from risk.data.input_folder import Seen
from risk.learning import releases
from risk.settings import Settings

FILES = 10
MORE = {1000: 20, 100_000: 3}  # with the pairs that are run of each
CLIENTS = 1000
LINES = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\nA{},1,2,3,0\n"
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


def grow(settings: Settings, count: int) -> None:
    """Let the input folder hold so many files, all of them read and weighed by the release."""
    path = settings.output_folder_path / files.INGESTION
    record = files.required_json(path, "ingestion.py")
    release, _ = releases.load(settings.prod_deployment_path)
    seen = {*release.seen.files}
    for number in range(len(record["files"]), count):
        file = settings.input_folder_path / f"part{number}.csv"
        file.write_text(LINES.format(number))
        status = file.stat()
        seen.add((file.name, status.st_size, status.st_mtime_ns))
        own = {"name": file.name, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
        record["files"].append(record["files"][0] | own)
    files.write_json(path, record)
    manifest = release._replace(seen=Seen(frozenset(seen))).manifest()
    files.write_bytes(settings.prod_deployment_path / files.MANIFEST, manifest)


def measure(run: Sequence[str], count: int, pairs: int) -> None:
    """Print what an idle run costs with so many files."""
    costs = [(1000 * cost(run).cpu, 1000 * cost(EMPTY).cpu) for _ in range(pairs)]
    idle, empty = (statistics.median(column) for column in zip(*costs, strict=True))
    print(f"idle run of fullprocess.py, {count:7,} files {idle:7.1f} ms CPU, median of {pairs}")
    print(f"python -c pass                            {empty:7.1f} ms CPU")
    print(f"ratio                                     {idle / empty:7.2f}")


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
        measure(run, FILES, pairs)
        modules = loaded(run)
        for count, fewer in MORE.items():
            grow(Settings.load(config), count)
            measure(run, count, min(fewer, pairs))
    print(f"the idle run loads {len(modules)} modules: {', '.join(modules)}")


if __name__ == "__main__":
    main()
