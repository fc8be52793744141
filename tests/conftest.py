"""What the tests share: a whole small project in a temporary folder, and running its scripts."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from flask import Flask
from hypothesis import settings as limits
from jinja2 import FileSystemBytecodeCache

import deployment
import ingestion
import scoring
import training
from company import fabricate
from fullprocess import decide_and_act, full_process
from risk import files
from risk.records import pending, recording
from risk.rows import tables
from risk.settings import Settings
from tests import databases, warm

MEMORY, ROOM = "/dev/shm", 2 * 2**30  # noqa: S108 - a file system, not a name in one
ROOT = Path(__file__).parent.parent
HEADER = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited"
FOLDERS = {
    "input_folder_path": "sourcedata",
    "output_folder_path": "ingesteddata",
    "test_data_path": "testdata",
    "output_model_path": "models",
    "prod_deployment_path": "production_deployment",
}

for profile, examples in (("quick", 20), ("soak", 1000)):
    limits.register_profile(profile, max_examples=examples, deadline=None, database=None)
limits.load_profile("quick")

Run = subprocess.CompletedProcess[str]


class Score(NamedTuple):
    """F1 of a model, and on how many leavers it rests, as the gates weigh it."""

    f1: float
    leavers: int = 100


def configured(workspace: Path, **keys: object) -> Settings:
    """The settings of a project in this folder, its config.json written with these further keys."""
    config = workspace / "config.json"
    config.write_text(json.dumps(FOLDERS | keys))
    return Settings.load(config)


def pytest_configure() -> None:
    """Have all temporary files in memory where there is room: the tests wait for disks otherwise.

    Whether our files would reach a disk, tests/tracing.py tells.
    """
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK):
        memory = os.statvfs(MEMORY)
        if memory.f_bavail * memory.f_frsize >= ROOM and not memory.f_flag & os.ST_NOEXEC:
            tempfile.tempdir = os.environ["TMPDIR"] = MEMORY
    Flask.jinja_options["bytecode_cache"] = FileSystemBytecodeCache()  # of one app for the others


def pytest_sessionfinish() -> None:
    databases.drop_all()


@pytest.fixture(scope="session")
def before_all_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project as no run has seen it yet, to be copied."""
    return small_project(tmp_path_factory.mktemp("new")).workspace


@pytest.fixture
def settings(before_all_runs: Path, tmp_path: Path) -> Settings:
    """A project with one file of 300 clients to learn from and 200 rows of test data."""
    return copied(before_all_runs, tmp_path)


def copied(workspace: Path, place: Path) -> Settings:
    """The same project in another folder, its files with their times."""
    shutil.copytree(workspace, place, dirs_exist_ok=True)
    return Settings.load(place / "config.json")


def small_project(folder: Path) -> Settings:
    """The same in any folder."""
    settings = configured(folder)
    first, second = fabricate.periods(2, clients=400, seed=1)
    deliver(settings, "dataset1.csv", first[:300])
    tables.write(settings.test_data_path / "testdata.csv", second[:200])
    return settings


@pytest.fixture(scope="session")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project with a deployed release, to be copied."""
    return deploy(small_project(tmp_path_factory.mktemp("deployed"))).workspace


@pytest.fixture
def deployed(first_release: Path, tmp_path: Path) -> Settings:
    """The same project with a deployed release."""
    return copied(first_release, tmp_path)


@pytest.fixture(scope="module")
def served(first_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A deployed project that no test of a module changes."""
    return copied(first_release, tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project after its first run, to be copied."""
    settings = small_project(tmp_path_factory.mktemp("first"))
    full_process(settings)
    return settings.workspace


@pytest.fixture
def finished(first_run: Path, tmp_path: Path) -> Settings:
    """The small project after its first run."""
    return copied(first_run, tmp_path / "finished")


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """A project with one small file of one client, ZZZZ, in which any share may be refused."""
    settings = configured(tmp_path, refused_share=1)
    put(settings, "dataset1.csv", ["ZZZZ,5,5,5,1"])
    return settings


def deploy(settings: Settings) -> Settings:
    """Ingest, train, score and deploy."""
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    scoring.score_model(settings)
    deployment.store_model_into_pickle(settings)
    return settings


def decided(settings: Settings, *, force: bool = False) -> str:
    """What a run decides, does and records, without the report and the answers that follow."""
    decision = decide_and_act(settings, force).decision
    settle_what_is_shown(settings)
    recording.catch_up(settings)
    return decision.outcome


def settle_what_is_shown(settings: Settings) -> None:
    """Have nobody owe the report and the answers, which take most of a run's time."""
    for thing in (pending.REPORT, pending.ANSWERS):
        pending.settle(settings, thing)


def put(settings: Settings, name: str, lines: Iterable[str], header: str = HEADER) -> Path:
    """Write a file into the input folder as somebody would who finished a while ago."""
    path = settings.input_folder_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n")
    return aged(path)


def deliver(settings: Settings, name: str, table: pd.DataFrame) -> Path:
    """Put a table into the input folder in the same way."""
    path = settings.input_folder_path / name
    tables.write(path, table)
    return aged(path)


def ended(
    settings: Settings, message: str, minutes: float = 1, code: int = 0, step: str = "fullprocess"
) -> None:
    """Note that a step ended so many minutes ago, as the command line does."""
    path = settings.output_folder_path / files.LAST_RUN
    moment = time.strftime(files.TIME, time.gmtime(time.time() - 60 * minutes))
    ending = {"time": moment, "exit_code": code, "message": message}
    files.write_json(path, (files.read_json(path) or {}) | {step: ending})


def aged(path: Path, seconds: float = 120) -> Path:
    """The same file, as if it had been written so long ago."""
    moment = time.time_ns() - int(seconds * 1e9)
    os.utime(path, ns=(moment, moment))
    return path


def script(settings: Settings, name: str, *arguments: str, **environment: str) -> Run:
    """Run one of our scripts on this project, from a folder that has nothing to do with it."""
    config = str(settings.workspace / "config.json")
    known = {**os.environ, **environment}
    return warm.run(warm.Program(str(ROOT / name), ["--config", config, *arguments], known))


def script_of_a_user(settings: Settings, name: str) -> Run:
    """Run one of our scripts as somebody whom permissions bind, as they do not bind root."""
    config = str(settings.workspace / "config.json")
    arguments, known = ["--config", config], dict(os.environ)
    return warm.run(warm.Program(str(ROOT / name), arguments, known, obeys_permissions=True))


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """A look at every file below a folder, to compare before and after."""

    def look(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return look
