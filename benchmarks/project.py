"""A fabricated project in a temporary folder, and what a command costs there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk.rows import tables

ROOT = Path(__file__).parent.parent
MEBIBYTE_IN_KIB = 1024
API_SILENT = (0, 69)  # exit codes: done, or all but filing the answers of a slow API
MADE = ("ingesteddata", "models", "production_deployment")
TELLS_ITS_MODULES = """
import sys
before = {"atexit", *sys.modules}
import atexit
atexit.register(lambda: print(*sorted({*sys.modules} - before), file=sys.stderr))
del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
"""
IMPORTS_THEM = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception:
        pass
"""


class Cost(NamedTuple):
    """What one run of a command took."""

    cpu: float
    mebibytes: float


def project(folder: Path, periods: Sequence[pd.DataFrame]) -> Path:
    """The config.json of a project whose last period is its test data, the others its input."""
    for number, table in enumerate(periods[:-1], 1):
        tables.write(folder / "sourcedata" / f"dataset{number}.csv", table)
    tables.write(folder / "testdata" / "testdata.csv", periods[-1])
    return Path(shutil.copy(ROOT / "config.json", folder))


def start_anew(folder: Path) -> None:
    """Remove all that the steps have made."""
    for made in MADE:
        shutil.rmtree(folder / made, ignore_errors=True)


def command(script: str, config: Path) -> list[str]:
    """How a script is run on a project without its usual output."""
    return [sys.executable, str(ROOT / script), "--config", str(config), "--quiet"]


def called(statement: str, config: Path) -> list[str]:
    """How one function of a script is called on a project; the settings are `settings`."""
    code = "import sys\nfrom pathlib import Path\nfrom risk.settings import Settings\n"
    code += f"settings = Settings.load(Path(sys.argv[1]))\n{statement}"
    return [sys.executable, "-c", code, str(config)]


def cost(arguments: Sequence[str], accepted: Sequence[int] = (0,), **environment: str) -> Cost:
    """Run a command to its end, and ask the system what that took."""
    variables: Mapping[str, str] = {**os.environ, **environment}
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, cwd=ROOT, env=variables) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accepted:
        sys.exit(f"{' '.join(arguments)} ended with exit code {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / MEBIBYTE_IN_KIB)


def cost_alone(arguments: Sequence[str]) -> Cost:
    """What a command says that a part of it took; its memory is not the part's."""
    ran = subprocess.run(arguments, stdout=subprocess.PIPE, cwd=ROOT, text=True, check=True)
    return Cost(float(ran.stdout.splitlines()[-1]), 0.0)


def first_run(config: Path) -> None:
    """Deploy for the first time."""
    cost(command("fullprocess.py", config), API_SILENT)


def loaded(arguments: Sequence[str]) -> list[str]:
    """The modules that a script has imported at its end and an empty Python has not."""
    script = [sys.executable, "-c", TELLS_ITS_MODULES, *arguments[1:]]
    ran = subprocess.run(
        script, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    )
    return ran.stderr.splitlines()[-1].split()


def bare_imports(arguments: Sequence[str]) -> list[str]:
    """How to import what a script imports of others, and do nothing with it."""
    rooms = {path.stem for path in ROOT.glob("*.py")}
    ours = {"risk", *rooms}
    names = [name for name in loaded(arguments) if name.partition(".")[0] not in ours]
    return [sys.executable, "-c", IMPORTS_THEM, *names]
