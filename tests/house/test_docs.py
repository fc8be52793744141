"""What the repository says of itself is true: README, make, scripts, CI."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from risk import errors
from risk.cli import INPUT_OUTPUT_ERROR
from risk.settings import Settings
from tests.conftest import ROOT

LONGEST_SCRIPT = 180
LONGEST_README = 220

README = (ROOT / "README.md").read_text()


def exit_codes() -> set[int]:
    """Every code that a script can end with when it ends as it should."""
    family = [value for value in vars(errors).values() if isinstance(value, type)]
    return {0, 2, INPUT_OUTPUT_ERROR} | {
        kind.exit_code for kind in family if hasattr(kind, "exit_code")
    }


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("*.py")))
def test_the_readme_names_every_script(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("key", [field for field in Settings._fields if field != "workspace"])
def test_the_readme_names_every_key_of_the_configuration(key: str) -> None:
    assert re.search(rf"^\|.*`{key}`.*\|", README, re.MULTILINE)


@pytest.mark.parametrize("code", sorted(exit_codes()))
def test_the_readme_names_every_exit_code(code: int) -> None:
    assert re.search(rf"^\| {code} \| \S", README, re.MULTILINE)


def targets() -> list[str]:
    """What one can ask make for; help is what it does when asked for nothing."""
    return re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", [name for name in targets() if name != "help"])
def test_the_readme_names_every_make_target(target: str) -> None:
    assert re.search(rf"\bmake {target}\b", README)


def test_make_alone_lists_what_one_can_do() -> None:
    make = shutil.which("make")
    if not make:
        pytest.skip("there is no make here")
    listed = subprocess.run([make], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make ([a-z]+)", listed, re.MULTILINE) == targets()
    assert {"install", "run", "test", "check", "format", "bench", "cron"} <= set(targets())


def test_every_make_target_of_the_readme_exists() -> None:
    assert set(re.findall(r"`(?:\$ )?make ([a-z]+)", README)) <= set(targets())


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert README.count("\n") < LONGEST_README


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(ROOT.glob("*.py"))])
def test_no_script_is_long(path: Path) -> None:
    assert path.read_text().count("\n") <= LONGEST_SCRIPT


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(ROOT.glob("*.py"))])
def test_what_can_be_run_can_be_started_by_its_name(path: Path) -> None:
    text = path.read_text()
    runs = 'if __name__ == "__main__":' in text
    assert text.startswith("#!/usr/bin/env python3\n") is runs
    assert os.access(path, os.X_OK) is runs


REGISTRIES = ("pypi" + ".org", "files.python" + "hosted", "registry.npm" + "js")
OF_A_MACHINE = re.compile(
    r"(?<![\w.}/~-])/(?:work|tmp|root|Users|mnt|home(?!/workspace\b))/[\w.-]+"
)


def tracked_texts() -> dict[str, str]:
    """Every text file in the repository, by name."""
    git = shutil.which("git")
    listed = git and subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not listed or listed.returncode:
        pytest.skip("this is no checkout")
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    contents = {name: (ROOT / name).read_bytes() for name in names if not name.endswith(".csv")}
    return {name: text.decode() for name, text in contents.items() if b"\0" not in text}


def test_the_repository_speaks_of_no_registry_and_of_no_machine() -> None:
    texts = tracked_texts()
    assert "fullprocess.py" in texts
    found = [
        (name, word)
        for name, text in texts.items()
        for word in [*filter(text.__contains__, REGISTRIES), *OF_A_MACHINE.findall(text)]
    ]
    assert found == []
    if str(ROOT) != "/home/workspace":
        assert [name for name, text in texts.items() if str(ROOT) in text] == []


def test_all_that_tests_skip_without_is_demanded_before_a_change_lands() -> None:
    sources = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'"(RISK_TEST_\w+)"', source)}
    assert set(re.findall(r"(RISK_TEST_\w+)=demanded", (ROOT / ".ci/run").read_text())) == named
    assert len(named) == 3
