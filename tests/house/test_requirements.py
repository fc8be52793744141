"""The lock files, from which everything is installed, are those of the requirements."""

import re

import pytest

from tests.conftest import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==([^\s;]+)(.*)$", re.MULTILINE)
INPUTS = sorted(path.stem for path in ROOT.glob("requirements*.txt"))


def pins(name: str) -> dict[str, str]:
    """The version of each package that a file pins."""
    found = PIN.findall((ROOT / name).read_text())
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version, _ in found}


@pytest.mark.parametrize("name", INPUTS)
def test_what_is_required_is_locked_in_the_same_version(name: str) -> None:
    required = pins(f"{name}.txt")
    assert required
    assert required.items() <= pins(f"{name}.lock").items()


def test_what_tests_install_is_what_runs() -> None:
    for name in ("requirements.lock", "requirements-databases.lock"):
        assert pins(name).items() <= pins("requirements-dev.lock").items()


@pytest.mark.parametrize("name", INPUTS)
def test_each_locked_package_has_the_hashes_of_its_files(name: str) -> None:
    text = (ROOT / f"{name}.lock").read_text()
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) == len(pins(f"{name}.lock"))
    for package in packages:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}$", package, re.MULTILINE), package[:40]
