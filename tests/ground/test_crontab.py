"""The crontab line: for any path it really starts the script."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from risk import crontab
from tests.conftest import ROOT, Run

TEMPLATE = (ROOT / "cronjob.txt").read_text()
SCHEDULE = "*/10 * * * * "
OWN = crontab.line(TEMPLATE, Path("/home/workspace"))

FOLDERS = [
    pytest.param("plain", id="nothing to quote"),
    pytest.param("two words", id="a space"),
    pytest.param("it's mine", id="a quote"),
    pytest.param("the workers'", id="a quote at the end"),
    pytest.param("''", id="nothing but quotes"),
    pytest.param('so "called"', id="double quotes"),
    pytest.param("100% mine", id="a percent sign, which cron takes for a line end"),
    pytest.param("a'b%c", id="a quote and a percent sign"),
    pytest.param("$HOME `id` $(id)", id="what the shell would run"),
    pytest.param("a;b&c|d>e #f", id="what the shell would split"),
    pytest.param("back\\slash", id="a backslash"),
    pytest.param("a\\%b", id="a backslash before a percent sign"),
    pytest.param("Größe", id="letters from elsewhere"),
]


def test_cronjob_holds_one_line_that_runs_every_ten_minutes() -> None:
    assert TEMPLATE.startswith(SCHEDULE)
    assert TEMPLATE.count("\n") == 1
    assert TEMPLATE.endswith("\n")
    assert crontab.PLACEHOLDER in TEMPLATE


def command(line: str) -> str:
    """What cron hands to the shell: five fields off, escaped percent signs as plain ones."""
    assert line.startswith(SCHEDULE)
    assert "\n" not in line
    assert not re.search(r"(?<!\\)%", line), "cron would cut the command here"
    return line.removeprefix(SCHEDULE).replace(r"\%", "%")


def run_by_cron(line: str) -> Run:
    """Run a line as cron does, but for help only, and let its output through."""
    harmless = command(line).replace("--quiet", "--help").replace(">/dev/null", "")
    return subprocess.run(
        ["/bin/sh", "-c", harmless], env={}, cwd="/", capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", FOLDERS)
def test_the_line_starts_the_script_whatever_the_path_is(tmp_path: Path, name: str) -> None:
    workspace = tmp_path / name
    shutil.copytree(ROOT / "risk", workspace / "risk", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "fullprocess.py", workspace)
    (workspace / ".venv" / "bin").mkdir(parents=True)
    (workspace / ".venv" / "bin" / "python").symlink_to(sys.executable)
    ran = run_by_cron(crontab.line(TEMPLATE, workspace))
    assert ran.returncode == 0, ran.stderr
    assert "fullprocess.py" in ran.stdout


def test_the_line_of_this_checkout_starts_its_script() -> None:
    if not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("make install was not run in this checkout")
    ran = run_by_cron(crontab.line(TEMPLATE, ROOT))
    assert ran.returncode == 0, ran.stderr
    assert "--force" in ran.stdout


def test_the_line_of_the_template_is_the_template() -> None:
    assert TEMPLATE.strip() == OWN


def test_the_module_prints_the_line_of_this_checkout() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "risk.crontab"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{crontab.line(TEMPLATE, ROOT)}\n"
