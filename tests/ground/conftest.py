"""Projects for scripts: empty ones and one that had its first run."""

import shutil
from pathlib import Path

import pytest

from risk.settings import Settings
from tests.conftest import Run, configured, copied, put, script


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """A project whose input folder is empty, so that every run of it is idle."""
    (tmp_path / "sourcedata").mkdir()
    return configured(tmp_path)


@pytest.fixture(scope="session")
def script_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A project after its first run, and what that run said; only to be copied."""
    folder = tmp_path_factory.mktemp("first")
    settings = configured(folder)
    clients = [f"{'AB'[i % 2]}{i:03},{i % 7},{i},{i % 5 + 1},{i % 2}" for i in range(300)]
    put(settings, "dataset1.csv", clients)
    shutil.copytree(settings.input_folder_path, settings.test_data_path)
    return folder, script(settings, "fullprocess.py")


@pytest.fixture
def idle(script_run: tuple[Path, Run], tmp_path: Path) -> Settings:
    """The same project, in which nothing is new, to change."""
    return copied(script_run[0], tmp_path)
