"""The image and what compose.yaml starts, as far as that can be seen without Docker."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from risk.settings import Settings
from risk.web import binding, security
from tests import warm
from tests.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKSPACE = "/app/"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what .dockerignore lets into the image."""
    folder = tmp_path_factory.mktemp("image")
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for pattern in allowed:
        found = list(ROOT.glob(pattern))
        assert found, pattern
        for path in found:
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / path.name)
    return folder


IMPORTS_ALONE = """
import sys
root, *rooms = sys.argv[1:]
ours = {"risk", "tests", *rooms}
for name in [name for name in sys.modules if name.partition(".")[0] in ours]:
    del sys.modules[name]  # the tests had them from the checkout
sys.path[:] = ["", *(path for path in sys.path if path != root)]
for room in rooms:
    assert not __import__(room).__file__.startswith(root), room
"""


def test_the_image_holds_all_that_its_services_import(image: Path, tmp_path: Path) -> None:
    program = tmp_path / "imports.py"
    program.write_text(IMPORTS_ALONE)
    rooms = [path.stem for path in ROOT.glob("*.py") if path.stem.isidentifier()]
    arguments = [str(ROOT), *rooms]
    ran = warm.run(warm.Program(str(program), arguments, dict(os.environ), str(image)))
    assert ran.returncode == 0, ran.stderr


def test_the_image_holds_what_it_is_made_from(image: Path) -> None:
    named = set(re.findall(r"requirements[\w-]*\.\w+", DOCKERFILE))
    assert named == {"requirements.lock", "requirements-databases.lock"}
    assert {path.name for path in image.iterdir()} >= named | {"gunicorn.conf.py"}


def test_the_image_serves_as_make_does() -> None:
    (command,) = re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)
    program, *arguments = json.loads(command)
    assert program == "python"
    assert f"$(PY) {' '.join(arguments)}\n" in (ROOT / "Makefile").read_text()


def test_the_image_is_no_root_and_asks_for_a_token() -> None:
    users = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["risk"]
    (address,) = re.findall(r"^ENV RISK_BIND=(.+)$", DOCKERFILE, re.MULTILINE)
    assert not security.is_loopback(binding.host_and_port(address)[0])
    for name in ("app", "runner"):
        assert ":?" in SERVICES[name]["environment"]["RISK_API_TOKEN"]


def test_only_this_machine_reaches_what_is_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("name", SERVICES)
def test_each_volume_is_a_file_of_ours_or_declared(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        source = volume.partition(":")[0]
        assert source in COMPOSE["volumes"] or (source[0] == "." and (ROOT / source).exists())


@pytest.mark.parametrize("name", ["app", "runner"])
def test_each_folder_of_the_configuration_is_a_volume(name: str, tmp_path: Path) -> None:
    mounted = dict(volume.split(":")[1::-1] for volume in SERVICES[name]["volumes"])
    config = ROOT / mounted.pop(f"{WORKSPACE}config.json")
    settings = Settings.load(shutil.copy(config, tmp_path))
    folders = [getattr(settings, key) for key in Settings._fields if key.endswith("_path")]
    assert {f"{WORKSPACE}{folder.name}" for folder in folders} == set(mounted)


def test_the_runner_reaches_the_app_and_both_the_database(tmp_path: Path) -> None:
    settings = Settings.load(shutil.copy(ROOT / "deploy" / "config.json", tmp_path))
    host, port = settings.api_url.removeprefix("http://").split(":")
    assert host in SERVICES
    assert host in settings.allowed_hosts
    assert f"RISK_BIND=0.0.0.0:{port}\n" in DOCKERFILE
    assert settings.database_url == "postgresql://risk@database/risk"
    assert SERVICES["database"]["environment"]["POSTGRES_USER"] == "risk"


def test_the_runner_runs_on_after_a_run_that_failed(image: Path) -> None:
    shell, option, loop = SERVICES["runner"]["command"]
    script = re.findall(r"\w+\.py", loop)[0]
    assert (image / script).is_file()
    twice = loop.replace(f"python {script}", "echo run; false").replace(
        "sleep 600", "read _ || exit"
    )
    ran = subprocess.run(
        [shell, option, twice], input="\n", capture_output=True, text=True, check=False
    )
    assert ran.stdout == "run\nrun\n"
