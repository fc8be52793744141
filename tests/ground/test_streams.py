"""A full disk and closed streams: what a script does all the same, and what it leaves whole."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from risk.settings import Settings
from tests.conftest import ROOT, Run, put
from tests.ground.scripts import DATA, Contents, said

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


def on_a_small_disk(settings: Settings, largest: int, name: str) -> Run:
    """Run a script that can write no file larger than this."""
    config = settings.workspace / "config.json"
    ours = [sys.executable, ROOT / name, "--config", config, "--quiet"]
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(largest), *ours],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )


def test_a_full_disk_leaves_every_old_file_whole_and_no_draft(
    idle: Settings, contents: Contents
) -> None:
    put(idle, "dataset2.csv", ["ZZZZ,1,2,3,1"])
    before = contents(idle.workspace)
    ran = on_a_small_disk(idle, 4096, "ingestion.py")
    after = contents(idle.workspace)
    assert ran.returncode == 74
    assert ran.stderr.splitlines()[-1].startswith("error: failed with exit code 74: ingesteddata/")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{DATA}/fullprocess.log", f"{DATA}/last_run.json"}
    assert not [name for name in after if name.endswith(".draft")]
    assert re.search(rf"{DATA}/\w+\.\w+: ", ran.stderr), "it names the file that did not fit"


def test_a_run_that_cannot_log_does_its_work_all_the_same(idle: Settings) -> None:
    ran = on_a_small_disk(idle, 1, "fullprocess.py")
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--force"], id="a run", marks=pytest.mark.slow),
        pytest.param(["--check"], id="a look"),
    ],
)
def test_an_answer_that_cannot_be_written_is_an_input_output_error(
    idle: Settings, arguments: list[str]
) -> None:
    config = idle.workspace / "config.json"
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, ROOT / "fullprocess.py", "--config", config, "--quiet", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 74, ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_run_without_standard_streams_does_its_work(idle: Settings) -> None:
    config = idle.workspace / "config.json"
    ran = subprocess.run(
        [
            *("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"),
            *(sys.executable, ROOT / "fullprocess.py", "--config", config),
        ],
        check=False,
    )
    assert ran.returncode == 0
    assert "no new data" in said(idle.workspace)[-1]
    assert (idle.output_folder_path / "lock").read_bytes() == b""


SPEAKS_AS_A_LIBRARY_IN_C_DOES = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from risk.cli import run

def speak(settings):
    "Write to the standard descriptors, whoever has them now."
    for descriptor in (0, 1, 2):
        os.write(descriptor, b"out of place")

run(speak)
"""


def test_what_is_said_to_closed_streams_ends_up_in_no_file_of_ours(
    empty: Settings, contents: Contents
) -> None:
    step, config = empty.workspace / "speak.py", empty.workspace / "config.json"
    step.write_text(SPEAKS_AS_A_LIBRARY_IN_C_DOES)
    ran = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, step, "--config", config],
        check=False,
    )
    assert ran.returncode == 0
    written = contents(empty.output_folder_path)
    assert json.loads(written.pop("last_run.json"))["speak"]["message"] == ""
    assert set(written.values()) == {b""}
