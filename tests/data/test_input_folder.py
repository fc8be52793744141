"""Arrivals: what lies in the input folder, what is passed over, and the order of what came when."""

import ast
import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ingestion
from risk import files
from risk.data import input_folder
from risk.data.input_folder import Arrival, Seen, StillChanging
from risk.errors import InputMissing
from risk.settings import Settings
from tests.conftest import FOLDERS, HEADER, aged, configured, put, script, script_of_a_user

LONG_AGO = 1_000_000_000
A_ROW = f"{HEADER}\nAAAA,1,2,3,0\n"


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """A project whose input folder is empty, and in which any share of lines may be refused."""
    settings = configured(tmp_path, refused_share=1)
    settings.input_folder_path.mkdir()
    return settings


def arrive(settings: Settings, *names: str) -> list[str]:
    """Let a file of one client of its own name arrive for each name; the order after that."""
    for name in names:
        put(settings, name, [f"{name.removesuffix('.csv')},1,2,3,0"])
    return order(settings)


def order(settings: Settings) -> list[str]:
    """The order of the files after another ingestion, the same in all that it writes."""
    ingestion.merge_multiple_dataframe(settings)
    folder = settings.output_folder_path
    names: list[str] = ast.literal_eval((folder / files.INGESTED_FILES).read_text())
    rows = (folder / files.FINAL_DATA).read_text().splitlines()[1:]
    written = json.loads((folder / files.INGESTION).read_text())["files"]
    assert [entry["name"] for entry in written if entry["accepted"]] == names
    assert list(dict.fromkeys(row.split(",")[0] + ".csv" for row in rows)) == names
    return names


# -- what is looked at and what is passed over ---------------------------------------------------

NATURAL = [
    pytest.param(["dataset9", "dataset10"], id="9 before 10"),
    pytest.param(["dataset1", "dataset2", "dataset11", "dataset100"], id="numbers as numbers"),
    pytest.param(["dataset9-10", "dataset10-9"], id="the first number counts first"),
    pytest.param(["dataset2-9", "dataset2-10"], id="then the next one"),
    pytest.param(["2026-9-30", "2026-10-1"], id="dates without zeros"),
    pytest.param(["a", "a1", "a1b", "b"], id="a beginning before what goes on"),
    pytest.param(["a007", "a07", "a7", "a8"], id="zeros decide between equal numbers"),
    pytest.param(["7", "a"], id="a number before a word"),
    pytest.param(["a" + "9" * 60, "a1" + "0" * 60], id="numbers of any length"),
    pytest.param(["a²", "a³", "a٣"], id="other digits are letters"),
]


@pytest.mark.parametrize("names", NATURAL)
def test_the_natural_order_of_names(names: list[str]) -> None:
    for seed in range(5):
        mixed = random.Random(seed).sample(names, len(names))  # noqa: S311 - not a secret
        assert sorted(mixed, key=input_folder.natural) == names


def test_a_folder_lists_its_csv_files_in_natural_order_of_their_names(tmp_path: Path) -> None:
    for name in ("d10.csv", "d9.CSV", "d1.Csv", "d2.csv.txt", "csv", "d3.cs", "d4csv", "notes.txt"):
        (tmp_path / name).write_text(name)
    found = input_folder.listing(tmp_path)
    assert [arrival.name for arrival in found.files] == ["d1.Csv", "d9.CSV", "d10.csv"]
    assert found.passed_over == []


def test_a_listing_knows_size_and_time_without_opening_the_file(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("12345")
    os.utime(path, ns=(7, 1_234_567_890_123_456_789))
    assert input_folder.listing(tmp_path).files == [Arrival("d.csv", 5, 1_234_567_890_123_456_789)]
    assert path.stat().st_atime_ns == 7


@pytest.mark.parametrize("is_file", [False, True], ids=["nothing there", "a file there"])
def test_where_there_is_no_folder_its_name_is_said(tmp_path: Path, is_file: bool) -> None:
    if is_file:
        (tmp_path / "sourcedata").write_text("")
    with pytest.raises(InputMissing, match="there is no folder") as error:
        input_folder.listing(tmp_path / "sourcedata")
    assert str(error.value) == "there is no folder sourcedata/"
    assert str(tmp_path) not in str(error.value)


def make(kind: str, path: Path) -> None:
    """Put something into the input folder that is no file to read."""
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "folder with a file":
        path.mkdir()
        (path / "inner.csv").write_text(A_ROW)
    elif kind == "hard link":
        path.with_name("target.txt").write_text(A_ROW)
        path.hardlink_to(path.with_name("target.txt"))
    elif kind == "broken link":
        path.symlink_to("nowhere")
    elif kind == "link":
        target = path.with_name("target.txt")
        target.write_text(A_ROW)
        path.symlink_to(target)
    elif kind == "link to a FIFO":
        os.mkfifo(path.with_name("fifo"))
        path.symlink_to(path.with_name("fifo"))
    else:
        path.write_text(A_ROW)


ODD_ENTRIES = [
    pytest.param("FIFO", b"x.csv", "x.csv", "regular", id="a FIFO that nobody writes to"),
    pytest.param("folder", b"x.csv", "x.csv", "regular", id="a folder"),
    pytest.param("folder with a file", b"x.csv", "x.csv", "regular", id="a folder with a file"),
    pytest.param("link", b"x.csv", "x.csv", "regular", id="a link to a good file"),
    pytest.param("broken link", b"x.csv", "x.csv", "regular", id="a link to nothing"),
    pytest.param("hard link", b"x.csv", "x.csv", "hard link", id="another name of a file"),
    pytest.param("link to a FIFO", b"x.csv", "x.csv", "regular", id="a link to a FIFO"),
    pytest.param("file", b".x.csv", ".x.csv", "dot", id="a dot-file, as uploads are called"),
    pytest.param("file", b".csv", ".csv", "dot", id="nothing but the ending"),
    pytest.param("file", b"x\ny.csv", "y.csv", "control", id="a name of two lines"),
    pytest.param("file", b"x\ty.csv", "y.csv", "control", id="a name with a tab"),
    pytest.param("file", b"x\x7f.csv", ".csv", "control", id="a name with a delete sign"),
    pytest.param("file", b"x\xff.csv", ".csv", "UTF-8", id="a name of undecodable bytes"),
    pytest.param("file", b"\xed\xa0\x80.csv", ".csv", "UTF-8", id="a name of half a sign"),
]


@pytest.mark.parametrize(("kind", "name", "shown", "reason"), ODD_ENTRIES)
def test_what_is_no_file_to_read_is_passed_over_in_one_sentence(
    tmp_path: Path, kind: str, name: bytes, shown: str, reason: str
) -> None:
    make(kind, tmp_path / os.fsdecode(name))
    (tmp_path / "good.csv").write_text(A_ROW)
    found = input_folder.listing(tmp_path)
    assert [arrival.name for arrival in found.files] == ["good.csv"]
    (sentence,) = found.passed_over
    name_said, _, reason_said = sentence.partition(" is passed over: ")
    assert name_said.endswith(shown)
    assert reason in reason_said
    sentence.encode()


def test_what_is_passed_over_is_logged_and_costs_nothing_else(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    make("FIFO", project.input_folder_path / "fifo.csv")
    make("link", project.input_folder_path / "link.csv")
    make("file", project.input_folder_path / ".hidden.csv")
    assert arrive(project, "good.csv") == ["good.csv"]
    said = [entry.getMessage().partition(" is passed over: ")[0] for entry in caplog.records]
    assert sorted(said) == [".hidden.csv", "fifo.csv", "link.csv"]


def test_odd_names_break_no_line_of_what_the_script_says_and_logs(project: Settings) -> None:
    put(project, "good.csv", ["AAAA,1,2,3,0"])
    for name in (b"x\nforged.csv", b"x\xff.csv", b"x\x1b[31m.csv"):
        make("file", project.input_folder_path / os.fsdecode(name))
    make("FIFO", project.input_folder_path / "x.csv")
    done = script(project, "ingestion.py")
    assert done.returncode == 0, done.stderr
    for said in (done.stderr, (project.output_folder_path / files.LOG).read_text()):
        lines = [line for line in said.splitlines() if ".csv is passed over: " in line]
        assert len(lines) == 4
        assert not any(line.startswith("forged") for line in said.splitlines())
        assert "\x1b" not in said


def test_a_folder_of_nothing_but_odd_entries_is_empty(project: Settings) -> None:
    make("FIFO", project.input_folder_path / "x.csv")
    with pytest.raises(InputMissing, match=r"no \.csv file in sourcedata/"):
        ingestion.merge_multiple_dataframe(project)


# -- what was seen -------------------------------------------------------------------------------

ONE = Arrival("a.csv", 5, 7)
UNSEEN = [
    pytest.param(Seen(), True, id="nothing was seen"),
    pytest.param(Seen(frozenset({ONE})), False, id="this very file"),
    pytest.param(Seen(frozenset({ONE._replace(size=6)})), True, id="another size"),
    pytest.param(Seen(frozenset({ONE._replace(mtime_ns=8)})), True, id="another time"),
    pytest.param(Seen(frozenset({ONE._replace(name="b.csv")})), True, id="another name"),
    pytest.param(Seen(names=frozenset({"a.csv"})), False, id="its bare name"),
    pytest.param(Seen(names=frozenset({"A.csv"})), True, id="a name in other letters"),
]


@pytest.mark.parametrize(("seen", "is_new"), UNSEEN)
def test_a_file_is_new_unless_it_was_seen_as_it_is(seen: Seen, is_new: bool) -> None:
    assert input_folder.unseen([ONE], seen) == [ONE] * is_new
    assert (
        input_folder.unseen([ONE], input_folder.from_json(input_folder.to_json(seen)))
        == [ONE] * is_new
    )
    assert input_folder.unseen([ONE], seen | Seen(frozenset({ONE}))) == []


def test_what_was_seen_survives_being_written_down() -> None:
    seen = Seen(frozenset({ONE, Arrival("é\u2028.csv", 0, 2**62)}), frozenset({"old.csv", "'"}))
    assert input_folder.from_json(json.loads(json.dumps(input_folder.to_json(seen)))) == seen


# -- a file at one moment ------------------------------------------------------------------------


def test_a_snapshot_holds_content_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(b"content\0\xff")
    taken = input_folder.snapshot(path, 1)
    assert taken.content == b"content\0\xff"
    assert [taken.arrival] == input_folder.listing(tmp_path).files


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link", "broken link", "link to a FIFO"])
def test_what_took_the_place_of_a_file_is_never_read(tmp_path: Path, kind: str) -> None:
    make(kind, tmp_path / "x.csv")
    with pytest.raises(StillChanging):
        input_folder.snapshot(tmp_path / "x.csv", 1)


def test_a_file_that_vanished_waits(tmp_path: Path) -> None:
    with pytest.raises(StillChanging, match="cannot be opened"):
        input_folder.snapshot(tmp_path / "x.csv", 1)


def test_a_file_that_has_grown_too_large_since_it_was_listed_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.touch()
    os.truncate(path, 5 * 1024**3)
    with pytest.raises(input_folder.TooLarge, match="more than the 1024 MB that largest_file_mb"):
        input_folder.snapshot(path, 1024)


# -- whether a file is whole ---------------------------------------------------------------------

WRITES_HALF = """
import sys
with open(sys.argv[1], "w") as file:
    print(sys.argv[2], file=file, flush=True)
    print("half", flush=True)
    sys.stdin.readline()
    print(sys.argv[3], file=file)
"""
WRITES_AGAIN_AND_AGAIN = """
import itertools, sys, time
for number in itertools.count():
    with open(sys.argv[1], "w") as file:
        print(sys.argv[2], sys.argv[3].replace("9", str(number)), sep="\\n", file=file)
    if number == 1:
        print("begun", flush=True)
    time.sleep(0.05)
"""


@contextlib.contextmanager
def written_by(code: str, path: Path, *parts: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has begun to write a file."""
    command = [sys.executable, "-c", code, str(path), *parts]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_half_a_file_that_is_open_for_writing_waits_however_long_its_writer_pauses(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    arrive(project, "a.csv")
    path = project.input_folder_path / "b.csv"
    parts = f"{HEADER}\nb,1,2,3,0", "b,4,5,6,1"
    with written_by(WRITES_HALF, path, *parts) as process:
        aged(path)
        assert order(project) == ["a.csv"]
        assert "b.csv waits for the next run: it is still open for writing" in caplog.text
        process.communicate("go on\n")
    aged(path)
    assert order(project) == ["a.csv", "b.csv"]
    assert len(path.read_text().splitlines()) == 3
    rows = (project.output_folder_path / files.FINAL_DATA).read_text()
    assert rows.endswith("\nb,1,2,3,0\nb,4,5,6,1\n")


def test_a_file_that_was_taken_stays_while_somebody_has_it_open_unchanged(
    project: Settings,
) -> None:
    arrive(project, "a.csv", "b.csv")
    with (project.input_folder_path / "a.csv").open("a"):
        assert order(project) == ["a.csv", "b.csv"]


def test_a_file_that_was_finished_a_moment_ago_goes_in(project: Settings) -> None:
    arrive(project, "a.csv")
    put(project, "b.csv", ["b,1,2,3,0"]).touch()
    assert order(project) == ["a.csv", "b.csv"]


def test_a_file_that_changes_again_within_a_moment_waits(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    arrive(project, "a.csv")
    path = project.input_folder_path / "b.csv"
    with written_by(WRITES_AGAIN_AND_AGAIN, path, HEADER, "b,9,2,3,0"):
        assert order(project) == ["a.csv"]
    assert "b.csv waits for the next run: it " in caplog.text
    put(project, "b.csv", ["b,1,2,3,0"])
    assert order(project) == ["a.csv", "b.csv"]


def test_where_the_system_does_not_tell_who_writes_a_fresh_file_waits(project: Settings) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a file another owner's, of which the system does not tell")
    put(project, "ours.csv", ["OURS,1,2,3,0"])
    path = put(project, "theirs.csv", ["THEY,1,2,3,0"])
    os.chown(path, 65534, 65534)
    for age, goes_in in ((3, False), (90, True)):
        aged(path, age)
        done = script_of_a_user(project, "ingestion.py")
        assert done.returncode == 0, done.stderr
        assert ("it may be still open for writing" in done.stderr) is not goes_in
        dataset = (project.output_folder_path / files.FINAL_DATA).read_text()
        assert ("THEY,1,2,3,0" in dataset) is goes_in


# -- the order of arrival ------------------------------------------------------------------------


def test_files_of_one_run_arrive_in_natural_order_of_their_names(project: Settings) -> None:
    assert arrive(project, "d10.csv", "d9.csv", "c99.csv") == ["c99.csv", "d9.csv", "d10.csv"]


def test_what_arrived_before_keeps_its_place_whatever_it_is_called(project: Settings) -> None:
    assert arrive(project, "m.csv") == ["m.csv"]
    assert arrive(project, "z10.csv", "z9.csv", "a.csv") == ["m.csv", "a.csv", "z9.csv", "z10.csv"]
    assert arrive(project, "b.csv") == ["m.csv", "a.csv", "z9.csv", "z10.csv", "b.csv"]
    assert order(project) == ["m.csv", "a.csv", "z9.csv", "z10.csv", "b.csv"]


def test_a_file_that_changed_arrives_anew(project: Settings) -> None:
    arrive(project, "a.csv", "b.csv", "c.csv")
    put(project, "a.csv", ["a,9,9,9,1"])
    assert order(project) == ["b.csv", "c.csv", "a.csv"]
    put(project, "c.csv", ["c,9,9,9,1"])
    assert arrive(project, "a0.csv") == ["b.csv", "a.csv", "a0.csv", "c.csv"]


def test_a_change_that_size_and_time_hide_is_a_change(project: Settings) -> None:
    arrive(project, "a.csv", "b.csv")
    path = project.input_folder_path / "a.csv"
    status = path.stat()
    path.write_text(path.read_text().replace("1,2,3", "9,2,3"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert order(project) == ["b.csv", "a.csv"]


def test_a_touched_file_of_the_same_content_stays(project: Settings) -> None:
    arrive(project, "a.csv", "b.csv")
    os.utime(project.input_folder_path / "a.csv", (LONG_AGO, LONG_AGO))
    assert order(project) == ["a.csv", "b.csv"]
    (project.input_folder_path / "a.csv").touch()
    assert order(project) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("end", ["a,4,5,6,", "a,4,5"], ids=["unknown outcome", "refused line"])
def test_a_touched_file_stays_also_where_its_end_would_make_a_new_one_wait(
    project: Settings, end: str
) -> None:
    path = put(project, "a.csv", [])
    path.write_text(f"{HEADER}\na,1,2,3,0\n{end}")
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert arrive(project, "b.csv") == ["a.csv", "b.csv"]
    path.touch()
    assert order(project) == ["a.csv", "b.csv"]


def test_a_file_that_was_renamed_arrives_under_its_new_name(project: Settings) -> None:
    arrive(project, "a.csv", "b.csv")
    (project.input_folder_path / "a.csv").unlink()
    put(project, "c.csv", ["c,1,2,3,0"])
    assert order(project) == ["b.csv", "c.csv"]


def test_a_file_that_went_away_and_came_back_arrives_anew(project: Settings) -> None:
    arrive(project, "a.csv", "b.csv")
    path = project.input_folder_path / "a.csv"
    content = path.read_bytes()
    path.unlink()
    assert order(project) == ["b.csv"]
    path.write_bytes(content)
    aged(path)
    assert order(project) == ["b.csv", "a.csv"]


def test_a_file_that_could_not_be_used_arrives_when_it_can(project: Settings) -> None:
    put(project, "a.csv", [], header="no header")
    assert arrive(project, "b.csv") == ["b.csv"]
    assert arrive(project, "a.csv") == ["b.csv", "a.csv"]


def test_a_file_that_waited_arrives_when_it_is_whole(project: Settings) -> None:
    path = put(project, "a.csv", [])
    path.write_text(f"{HEADER}\na,1,2,3,0\na,1")
    aged(path, 3)
    assert arrive(project, "b.csv") == ["b.csv"]
    path.write_text(f"{HEADER}\na,1,2,3,0\na,1,1,1,0")
    aged(path)
    assert arrive(project, "c.csv") == ["b.csv", "a.csv", "c.csv"]


def test_with_the_record_lost_the_order_is_that_of_all_names(project: Settings) -> None:
    arrive(project, "d9.csv", "d11.csv")
    assert arrive(project, "d10.csv", "d1.csv") == ["d9.csv", "d11.csv", "d1.csv", "d10.csv"]
    (project.output_folder_path / files.INGESTION).unlink()
    assert order(project) == ["d1.csv", "d9.csv", "d10.csv", "d11.csv"]


def test_another_input_folder_starts_anew(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    arrive(project, "b.csv")
    assert arrive(project, "a.csv") == ["b.csv", "a.csv"]
    other = configured(project.workspace, **FOLDERS | {"input_folder_path": "practicedata"})
    for name in ("b.csv", "a.csv"):
        put(other, name, [f"{name[0]},1,2,3,0"])
    assert order(other) == ["a.csv", "b.csv"]
    assert order(project) == ["a.csv", "b.csv"]
    assert "gone" not in caplog.text


def test_the_order_decides_which_row_is_a_clients_newest(project: Settings) -> None:
    put(project, "z.csv", ["AAAA,1,1,1,0"])
    ingestion.merge_multiple_dataframe(project)
    put(project, "a.csv", ["AAAA,2,2,2,0"])
    ingestion.merge_multiple_dataframe(project)
    book = (project.output_folder_path / files.CLIENTS).read_text()
    assert book == f"{HEADER}\nAAAA,2,2,2,0\n"
