"""Files: the one way to write them, what damaged ones are answered with, and the lock."""

import itertools
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from risk import files, lock
from risk.errors import ArtefactRefused, InputMissing, RunInProgress
from risk.shapes import Kind
from tests import tracing
from tests.conftest import ROOT
from tests.serving import wait_until

HALF = 500_000
DEEP = 10_000


def started(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that runs this code, our modules at hand, and says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    """End a process as a power cut would."""
    with process:
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(OSError("No space left on device"), id="the disk is full"),
        pytest.param(ValueError("no number"), id="the content cannot be made"),
        pytest.param(KeyboardInterrupt(), id="somebody stops the run"),
    ],
)
def test_a_failure_in_the_middle_leaves_the_old_file_and_no_draft(
    tmp_path: Path, failure: BaseException
) -> None:
    files.write_bytes(tmp_path / "score", b"old")
    with pytest.raises(type(failure)), files.replacing(tmp_path / "score") as handle:
        handle.write(b"new" * HALF)
        handle.flush()
        raise failure
    assert (tmp_path / "score").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["score"]


def test_a_failure_in_the_middle_of_the_first_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), files.replacing(tmp_path / "score") as handle:
        handle.write(b"new")
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_replaced_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "score").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write_bytes(tmp_path / "score", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["score"]


DIES_WHILE_WRITING = """
import sys, time
from pathlib import Path
from risk import files
with files.replacing(Path(sys.argv[1])) as handle:
    handle.write(b"new" * 500_000)
    handle.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_writer_that_is_killed_leaves_the_old_file_and_hinders_no_later_one(
    tmp_path: Path,
) -> None:
    files.write_bytes(tmp_path / "score", b"old")
    killed(started(DIES_WHILE_WRITING, tmp_path / "score"))
    assert (tmp_path / "score").read_bytes() == b"old"
    files.write_bytes(tmp_path / "score", b"new")
    assert (tmp_path / "score").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["score"]


def test_readers_never_see_a_half_written_file(tmp_path: Path) -> None:
    path, done = tmp_path / "table", threading.Event()
    whole = {sign * 2 * HALF for sign in (b"a", b"b")}
    files.write_bytes(path, b"a" * 2 * HALF)

    def write_in_halves() -> None:
        for sign in itertools.cycle((b"a", b"b")):
            if done.is_set():
                return
            with files.replacing(path) as handle:
                handle.write(sign * HALF)
                handle.flush()
                handle.write(sign * HALF)

    writer = threading.Thread(target=write_in_halves)
    writer.start()
    read: set[bytes] = set()
    try:
        wait_until(lambda: read.update(path.read_bytes() for _ in range(500)) or read >= whole)
    finally:
        done.set()
        writer.join()
    assert read == whole


def test_what_others_put_into_the_draft_place_stays_and_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / ".score.draft").symlink_to(tmp_path / "precious")
    (tmp_path / ".score.2.draft").mkdir()
    files.write_bytes(tmp_path / "score", b"new")
    assert (tmp_path / "score").read_bytes() == b"new"
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / ".score.draft").is_symlink()
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        ".score.2.draft",
        ".score.draft",
        "precious",
        "score",
    ]


def test_a_published_file_is_readable_as_any_file_its_owner_makes(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    files.write_bytes(tmp_path / "score", b"new")
    assert (tmp_path / "score").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_missing_folders_are_made_when_something_is_written(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a" / "b" / "record.json", {"key": [1, None]})
    anything = Kind({}, "restore it")
    assert files.read_json(tmp_path / "a" / "b" / "record.json", anything) == {"key": [1, None]}


def test_content_and_name_survive_a_power_cut(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    code = (
        "import sys, pathlib, risk.files as f; f.write_bytes(pathlib.Path(sys.argv[1], 's'), b's')"
    )
    assert tracing.calls(code, tmp_path / "folder", tmp_path / "calls") == [
        ("write", ".s.draft"),
        ("fsync", ".s.draft"),
        ("rename", ".s.draft", "s"),
        ("fsync", "."),
    ]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="none"),
        pytest.param(["dataset1.csv", "dataset2.csv"], id="plain ones"),
        pytest.param(["it's.csv", 'a "b".csv', "a\\b.csv"], id="quotes and backslashes"),
        pytest.param(["a\nb.csv", "a\u2028b.csv", "\udcff.csv"], id="what may break a line"),
    ],
)
def test_names_are_kept_as_a_python_list_on_one_line(tmp_path: Path, names: list[str]) -> None:
    files.write_names(tmp_path / "names", names)
    content = (tmp_path / "names").read_bytes()
    assert content.count(b"\n") == 1
    assert files.parse_names(content, "names") == names


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"dataset1.csv", id="a bare name"),
        pytest.param(b"'dataset1.csv'", id="one text, not a list"),
        pytest.param(b"['a', 1]", id="a number among the names"),
        pytest.param(b"['a', ['b']]", id="a list among the names"),
        pytest.param(b"('a', 'b')", id="a tuple"),
        pytest.param(b"{'a': 1}", id="a dictionary"),
        pytest.param(b"{[]: 1}", id="a dictionary that cannot be"),
        pytest.param(b"['a'", id="cut off"),
        pytest.param(b"['a' 'b', c]", id="a name that is code"),
        pytest.param(b"__import__('os').getcwd()", id="a call"),
        pytest.param(b"['\xff']", id="not UTF-8"),
        pytest.param(b"['\0']", id="a NUL"),
        pytest.param(b"[" * DEEP + b"]" * DEEP, id="lists in lists"),
        pytest.param(b"-" * DEEP + b"1", id="signs before signs"),
    ],
)
def test_a_damaged_list_of_names_is_refused(content: bytes) -> None:
    with pytest.raises(ArtefactRefused, match=r"^production/ingestedfiles\.txt "):
        files.parse_names(content, "production/ingestedfiles.txt")


@pytest.mark.parametrize("score", [0.0, 1.0, 0.5714285714285714, 1 / 3, 5e-324])
def test_a_score_is_kept_in_full(tmp_path: Path, score: float) -> None:
    files.write_score(tmp_path / "score", score)
    assert files.parse_score((tmp_path / "score").read_bytes(), "score") == score


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b"good", id="a word"),
        pytest.param(b"nan", id="no number"),
        pytest.param(b"inf", id="without an end"),
        pytest.param(b"-0.1", id="below 0"),
        pytest.param(b"1.1", id="above 1"),
        pytest.param(b"0.5 0.6", id="two numbers"),
        pytest.param(b"[0.5]", id="a list"),
        pytest.param(b"0,5", id="a comma"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"0.5\0", id="a NUL"),
    ],
)
def test_what_is_no_score_is_refused(content: bytes) -> None:
    with pytest.raises(ArtefactRefused, match=r"^production/latestscore\.txt "):
        files.parse_score(content, "production/latestscore.txt")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"a": 1', id="cut off"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b"null", id="nothing"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, id="objects in objects"),
    ],
)
def test_a_damaged_record_is_refused_by_its_name_with_a_cure(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "ingestion.json"
    path.write_bytes(content)
    cure = r"\.json is damaged.*; remove it and run python ingestion\.py"
    with pytest.raises(ArtefactRefused, match=rf"{tmp_path.name}/ingestion{cure}"):
        files.read_json(path)


def test_a_record_that_was_never_written_is_none_or_names_the_step_that_writes_it(
    tmp_path: Path,
) -> None:
    assert files.read_json(tmp_path / "judged.json") is None
    with pytest.raises(InputMissing, match=r"ingestion\.json is missing; run python ingestion\.py"):
        files.required_json(tmp_path / "ingestion.json", "ingestion.py")


HOLDS_THE_LOCK = """
import sys, time
from pathlib import Path
from risk import lock
with lock.held(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_while_the_first_lives_and_not_when_it_was_killed(
    tmp_path: Path,
) -> None:
    first = started(HOLDS_THE_LOCK, tmp_path / "lock")
    with pytest.raises(RunInProgress, match="try again"), lock.held(tmp_path / "lock"):
        pass
    killed(first)
    with lock.held(tmp_path / "lock"):
        pass


def test_the_lock_is_refused_within_one_process_too(tmp_path: Path) -> None:
    with (
        lock.held(tmp_path / "lock"),
        pytest.raises(RunInProgress),
        lock.held(tmp_path / "lock"),
    ):
        pass


def test_a_step_that_fails_lets_go_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock.held(tmp_path / "lock"):
        raise ZeroDivisionError
    with lock.held(tmp_path / "lock"):
        pass


def test_a_refused_run_does_not_let_go_of_the_lock_of_the_first(tmp_path: Path) -> None:
    with lock.held(tmp_path / "lock"):
        for _ in range(2):
            with pytest.raises(RunInProgress), lock.held(tmp_path / "lock"):
                pass


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), lock.held(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
