"""The crontab line: for any path, in any crontab, and it really starts the script."""

import os
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


OTHERS = [
    pytest.param("", id="an empty crontab"),
    pytest.param("MAILTO=me@example.org\n\n# nightly\n0 3 * * * backup\n", id="a usual crontab"),
    pytest.param("0 3 * * * backup", id="no newline at its end"),
    pytest.param("0 3 * * * /home/workspace/backup.sh\n", id="another script of this folder"),
    pytest.param("0 3 * * * cp /home/workspace/fullprocess.py.old /x\n", id="a name that goes on"),
    pytest.param(
        "*/10 * * * * '/srv/home/workspace/.venv/bin/python'"
        " '/srv/home/workspace/fullprocess.py' --quiet\n",
        id="a checkout whose path ends like ours",
    ),
    pytest.param('0 3 * * * echo "good morning"\n', id="double quotes"),
    pytest.param("0 3 * * * echo 'a\x0cb'\n", id="a form feed inside a line"),
    pytest.param("0 3 * * * echo 'a\u2028b'\n", id="a line separator inside a line"),
]


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("workspace", ["/home/workspace", "/srv/it's mine", "/srv/100%"])
def test_lines_of_others_stay_and_the_own_one_stands_there_once(
    others: str, workspace: str
) -> None:
    own = crontab.line(TEMPLATE, Path(workspace))
    once = crontab.with_line(others, own)
    twice = crontab.with_line(once, own)
    kept = others.removesuffix("\n")
    assert once == twice
    assert once == (f"{kept}\n{own}\n" if kept else f"{own}\n")


def test_an_older_line_for_the_same_script_gives_way() -> None:
    older = OWN.replace("*/10", "*/5").replace(" --quiet", "")
    assert crontab.with_line(f"{older}\n# last\n", OWN) == f"# last\n{OWN}\n"


FAKE = """#!/bin/sh
if [ "$1" = -l ]; then
    if [ -e "$TABLE.unreadable" ]; then echo "you are not allowed to" >&2; exit 1; fi
    if [ -e "$TABLE" ]; then exec cat "$TABLE"; fi
    echo "no crontab for somebody" >&2
    exit 1
fi
if [ -e "$TABLE.full" ]; then echo "no space left" >&2; exit 1; fi
cat > "$TABLE"
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The crontab of a stand-in for the crontab program."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "crontab"
    program.write_text(FAKE)
    program.chmod(0o755)
    return tmp_path / "table"


def installed(table: Path, *arguments: str) -> Run:
    """Ask for the line as make cron does, the stand-in first on the path."""
    path = f"{table.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "risk.crontab", *arguments],
        env={"PATH": path, "TABLE": str(table)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_printing_the_line_installs_nothing(table: Path) -> None:
    ran = installed(table)
    assert ran.stdout.strip() == crontab.line(TEMPLATE, ROOT)
    assert not table.exists()


def test_installing_twice_leaves_one_line(table: Path) -> None:
    assert [installed(table, "--install").returncode for _ in range(2)] == [0, 0]
    assert table.read_text() == crontab.line(TEMPLATE, ROOT) + "\n"


def test_installing_keeps_the_lines_that_are_there(table: Path) -> None:
    table.write_text("0 3 * * * backup\n")
    assert installed(table, "--install").returncode == 0
    assert table.read_text() == f"0 3 * * * backup\n{crontab.line(TEMPLATE, ROOT)}\n"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        pytest.param("unreadable", "you are not allowed to", id="the crontab cannot be read"),
        pytest.param("full", "no space left", id="the crontab cannot be written"),
    ],
)
def test_trouble_with_the_crontab_changes_nothing_and_is_said_without_a_traceback(
    table: Path, trouble: str, said: str
) -> None:
    table.write_text("0 3 * * * backup\n")
    table.with_name(f"table.{trouble}").touch()
    ran = installed(table, "--install")
    assert ran.returncode != 0
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert table.read_text() == "0 3 * * * backup\n"


def test_without_a_crontab_program_the_line_is_printed_with_what_to_do(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "risk.crontab", "--install"],
        env={"PATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert ran.stdout.strip() == crontab.line(TEMPLATE, ROOT)
    assert "put the line above into your scheduler" in ran.stderr
    assert "Traceback" not in ran.stderr
