"""What an idle run loads and writes: next to nothing, from wherever it starts; what others load."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from risk import files
from risk.settings import Settings
from tests.conftest import ROOT, configured
from tests.house.test_imports import GROUND, OURS, floor

OF_THE_WINGS = {
    "risk.data",
    "risk.data.input_folder",
    "risk.decisions",
    "risk.decisions.gates",
    "risk.decisions.judgement",
    "risk.learning",
    "risk.learning.publishing",
    "risk.learning.releases",
    "risk.records",
    "risk.records.pending",
}
HEAVY = {"risk.database", "risk.packages", "risk.silence"}  # on the ground, with a library

MOST_MODULES = 72  # exactly so many with Python 3.11; each more is time that every idle run takes
NOT_NEEDED = {"argparse", "signal", "copy", "math", "locale"}

RUNS_AND_TELLS = """
import sys
before = set(sys.modules)
script, told = sys.argv[1:3]
sys.argv = [script, *sys.argv[3:]]
sys.path[0] = script.rpartition("/")[0]
try:
    exec(compile(open(script).read(), script, "exec"))
finally:
    new = {name: sys.modules[name] for name in set(sys.modules) - before}
    import json
    files = {name: getattr(module, "__file__", None) or "" for name, module in new.items()}
    with open(told, "w") as handle:
        json.dump(files, handle)
"""


def modules_of(script: str, settings: Settings, told: Path) -> dict[str, str]:
    """The modules that a script has loaded at its end, each with its file."""
    config = settings.workspace / "config.json"
    subprocess.run(
        [sys.executable, "-c", RUNS_AND_TELLS, ROOT / script, told, "--config", config],
        cwd="/",
        capture_output=True,
        check=True,
    )
    return dict(json.loads(told.read_text()))


def idle_modules(settings: Settings, told: Path) -> dict[str, str]:
    """The modules that an idle run has loaded at its end, each with its file."""
    loaded = modules_of("fullprocess.py", settings, told)
    log = (settings.output_folder_path / "fullprocess.log").read_text().splitlines()
    assert "no new data" in log[-1]
    return loaded


def test_an_idle_run_loads_the_ground_and_nothing_heavy(finished: Settings, tmp_path: Path) -> None:
    loaded = idle_modules(finished, tmp_path / "told")
    foreign = {name for name, file in loaded.items() if "site-packages" in Path(file).parts}
    ours = {name for name in loaded if name in OURS or name.startswith("risk.")}
    unknown = {n for n in loaded if n.partition(".")[0] not in {*sys.stdlib_module_names, "risk"}}
    assert foreign == set()
    assert "risk.settings" in ours
    assert {name for name in ours if floor(name) < GROUND} <= OF_THE_WINGS
    assert not ours & HEAVY
    assert unknown == set()
    assert len(loaded) <= MOST_MODULES
    assert not {name.partition(".")[0] for name in loaded} & NOT_NEEDED


def test_an_idle_run_with_a_source_loads_what_the_source_needs_alone(
    finished: Settings, tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(finished.workspace / "source.db")) as source:
        source.execute(f"CREATE TABLE clients (id, {', '.join(finished.columns.all)})")
    url = "sqlite:///source.db"
    settings = configured(finished.workspace, input_database_url=url, input_table="clients")
    loaded = {name.partition(".")[0] for name in idle_modules(settings, tmp_path / "told")}
    assert "sqlalchemy" in loaded
    assert not loaded & {"pandas", "sklearn", "matplotlib", "reportlab", "flask", "reporting"}


def test_an_ingestion_loads_what_tables_and_records_need_alone(
    settings: Settings, tmp_path: Path
) -> None:
    """Importing scikit-learn and scipy takes more CPU time than all that an ingestion needs."""
    told = modules_of("ingestion.py", settings, tmp_path / "told")
    loaded = {name.partition(".")[0] for name in told}
    assert (settings.output_folder_path / files.FINAL_DATA).exists()
    assert loaded >= {"numpy", "pandas", "pyarrow", "sqlalchemy"}
    assert not loaded & {"sklearn", "scipy", "matplotlib", "flask"}


def traces(folder: Path, log: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder with its time and content, but for what idle runs write."""
    written = (log, log.with_name("last_run.json"), log.parent)
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if path not in written
    }


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("/", id="the root, where cron may start"),
        pytest.param("{elsewhere}", id="a folder that has nothing to do with it"),
        pytest.param("{workspace}", id="the workspace"),
        pytest.param("{workspace}/sourcedata", id="the input folder"),
        pytest.param("{root}", id="the folder of the scripts"),
    ],
)
def test_an_idle_run_writes_its_log_line_and_its_ending_alone_wherever_it_starts(
    finished: Settings, tmp_path: Path, place: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    log = finished.output_folder_path / "fullprocess.log"
    for left in ("lock", log.name):  # by every script
        (finished.output_folder_path / left).touch()
    before, said = traces(tmp_path, log), log.read_text()
    subprocess.run(
        [sys.executable, ROOT / "fullprocess.py", "--config", finished.workspace / "config.json"],
        cwd=place.format(elsewhere=tmp_path / "elsewhere", workspace=finished.workspace, root=ROOT),
        capture_output=True,
        check=True,
    )
    assert traces(tmp_path, log) == before
    assert log.read_text().startswith(said)
    assert log.read_text().removeprefix(said).count("\n") == 1
    last = log.read_text().splitlines()[-1]
    assert "no new data" in last
    ending = json.loads((log.with_name("last_run.json")).read_text())
    (name, noted), *others = ending.items()
    assert (name, noted["exit_code"], others) == ("fullprocess", 0, [])
    assert last.endswith(f" INFO {noted['message']}")
