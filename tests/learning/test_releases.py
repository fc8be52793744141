"""Releases: one whole set for every reader, numbers that only grow, a way back."""

import json
import logging
import os
import re
import shutil
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from risk import files, lock
from risk.data.input_folder import Arrival, Seen
from risk.errors import ArtefactRefused, InputMissing, RiskError
from risk.learning import publishing, releases
from risk.learning.releases import Release
from tests import tracing

NOTHING_SEEN = Seen()
UNDISTURBED = "no such look"
Contents = Callable[[Path], dict[str, bytes]]


def contents_of(mark: object) -> dict[str, bytes]:
    """Three files that belong together: each one tells by its content to which set it belongs."""
    return {
        files.MODEL: f"{mark}".encode(),
        files.SCORE: f"0.{zlib.crc32(f'{mark}'.encode())}\n".encode(),
        files.INGESTED_FILES: f"['{mark}.csv']\n".encode(),
    }


def publish(folder: Path, mark: object, score: float = 0.5, seen: Seen = NOTHING_SEEN) -> Release:
    """Deploy the set with this mark."""
    return publishing.publish(
        *(folder, contents_of(mark)),
        score=score,
        input_folder="sourcedata",
        seen=seen,
        libraries={"scikit-learn": "1.0"},
        rows=7,
    )


def fill_by_hand(folder: Path, mark: object) -> None:
    """Copy three files into the folder as a person would."""
    folder.mkdir()
    for name, content in contents_of(mark).items():
        (folder / name).write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where nothing was deployed yet."""
    return tmp_path / "production_deployment"


def stored(folder: Path) -> list[str]:
    """The releases in the store."""
    return sorted(path.name for path in (folder / releases.STORE).iterdir())


# -- publishing ----------------------------------------------------------------------------------


def test_a_release_is_three_plain_files_and_a_manifest_that_describes_them(folder: Path) -> None:
    seen = Seen(frozenset({Arrival("dataset1.csv", 10, 123), Arrival("broken.csv", 0, 4)}))
    release = publish(folder, "first", 0.625, seen)
    manifest = json.loads((folder / releases.MANIFEST).read_bytes())
    for name, content in contents_of("first").items():
        assert (folder / name).read_bytes() == content
        assert manifest["files"][name] == {"sha256": files.sha256(content), "size": len(content)}
    assert re.fullmatch(r"1-[0-9a-f]{8}", manifest["release"])
    assert (manifest["number"], manifest["score"], manifest["rows"]) == (1, 0.625, 7)
    assert manifest["seen"] == [["broken.csv", 0, 4], ["dataset1.csv", 10, 123]]
    assert (manifest["input_folder"], manifest["libraries"]["scikit-learn"]) == (
        "sourcedata",
        "1.0",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", manifest["time"])
    assert releases.load(folder) == (release, contents_of("first"))


def test_the_store_keeps_the_last_three_releases(folder: Path, contents: Contents) -> None:
    made = [publish(folder, mark).release for mark in range(5)]
    assert stored(folder) == made[2:]
    look = contents(folder / releases.STORE / made[2])
    assert {name: look[name] for name in releases.PLAIN_FILES} == contents_of(2)


def test_numbers_only_grow_also_when_the_clock_does_not(folder: Path) -> None:
    assert [publish(folder, mark).number for mark in range(3)] == [1, 2, 3]
    for path in folder.rglob(releases.MANIFEST):
        record = json.loads(path.read_bytes())
        path.write_text(json.dumps(record | {"time": f"2099-01-0{4 - record['number']}T00:00:00Z"}))
    assert publish(folder, "back in time").number == 4
    assert releases.load(folder)[1] == contents_of("back in time")
    assert publishing.roll_back(folder, NOTHING_SEEN).number == 5
    assert releases.load(folder)[1] == contents_of(2)


def killed_before_renaming(folder: Path, what: str) -> None:
    """Deploy in a child that is killed before it renames what has this in its name."""
    child = os.fork()
    if child == 0:

        def is_meant(path: Path) -> bool:
            return what in path.name and path.parent in (folder, folder / releases.STORE)

        def kill(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "os.rename" and is_meant(Path(arguments[0])):
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        publish(folder, "killed")
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_set_that_was_staged_but_never_deployed_is_no_way_back(folder: Path) -> None:
    killed_before_renaming(folder, releases.MANIFEST)
    assert len(stored(folder)) == 1
    first, second = publish(folder, "first"), publish(folder, "second")
    assert stored(folder) == [first.release, second.release]
    publishing.roll_back(folder, NOTHING_SEEN)
    assert releases.load(folder)[1] == contents_of("first")


def test_equal_bytes_published_again_do_not_use_up_the_way_back(folder: Path) -> None:
    first = publish(folder, "first")
    latest = [publish(folder, "second") for _ in range(4)][-1]
    assert stored(folder) == [first.release, latest.release]
    back = publishing.roll_back(folder, NOTHING_SEEN)
    assert releases.load(folder) == (back, contents_of("first"))
    assert stored(folder) == [latest.release, back.release]


def test_going_there_and_back_again_keeps_the_third_content(folder: Path) -> None:
    third = publish(folder, "third")
    publish(folder, "second")
    publish(folder, "first")
    turns = [publishing.roll_back(folder, NOTHING_SEEN).release for _ in range(4)]
    assert stored(folder) == [third.release, *turns[-2:]]


def test_numbers_go_on_from_the_store_where_the_manifest_was_removed(folder: Path) -> None:
    made = [publish(folder, mark).release for mark in range(3)]
    (folder / releases.MANIFEST).unlink()
    publishing.recover(folder)
    assert stored(folder) == made
    latest = publish(folder, "anew")
    assert (latest.number, stored(folder)) == (4, [*made[1:], latest.release])
    publishing.roll_back(folder, NOTHING_SEEN)
    assert releases.load(folder)[1] == contents_of(2)


def test_one_can_go_back_where_the_manifest_was_removed(folder: Path) -> None:
    first, second = publish(folder, "first"), publish(folder, "second")
    (folder / releases.MANIFEST).unlink()
    back = publishing.roll_back(folder, NOTHING_SEEN)
    assert releases.load(folder) == (back, contents_of("first"))
    assert (back.number, stored(folder)) == (3, [second.release, back.release])
    (folder / releases.MANIFEST).unlink()
    assert publishing.roll_back(folder, NOTHING_SEEN, back.release).number == 4
    assert first.content == back.content


def test_an_older_manifest_that_was_restored_costs_no_newer_release(folder: Path) -> None:
    made = [publish(folder, mark).release for mark in range(4)]
    shutil.copy(folder / releases.STORE / made[1] / releases.MANIFEST, folder)
    publishing.recover(folder)
    assert (stored(folder), releases.load(folder)[1]) == (made[1:], contents_of(1))
    latest = publish(folder, "anew")
    assert (latest.number, stored(folder)) == (5, [*made[2:], latest.release])


@pytest.mark.parametrize("manifest", [True, False], ids=["with a manifest", "without one"])
def test_what_was_staged_and_never_deployed_is_removed_whatever_its_number(
    folder: Path, manifest: bool
) -> None:
    made = [publish(folder, mark).release for mark in range(2)]
    if not manifest:
        (folder / releases.MANIFEST).unlink()
    killed_before_renaming(folder, releases.MANIFEST)
    assert len(stored(folder)) == 3
    publishing.recover(folder)
    assert stored(folder) == made


def test_a_deployed_release_that_has_no_place_in_the_store_yet_is_read_and_gets_it(
    folder: Path,
) -> None:
    first = publish(folder, "first")
    killed_before_renaming(folder, files.NEW)
    second = releases.load(folder)[0].release
    assert stored(folder) == [first.release, f"{second}{files.NEW}"]
    lock.remove_uncommitted(folder)
    assert releases.load(folder)[1] == contents_of("killed")
    publishing.recover(folder)
    assert stored(folder) == [first.release, second]


PUBLISH = """
import sys, pathlib, risk.learning.publishing as p, risk.learning.releases as r
contents = dict.fromkeys(r.PLAIN_FILES, b"1")
facts = dict(score=1, input_folder="", seen=r.Seen(), libraries={}, rows=1)
p.publish(pathlib.Path(sys.argv[1]), contents, **facts)
"""


def test_the_store_is_on_the_disk_before_the_manifest_names_the_release(
    folder: Path, tmp_path: Path
) -> None:
    calls = tracing.calls(PUBLISH, folder, tmp_path / "calls")
    name = releases.load(folder)[0].release
    staged = f"{releases.STORE}/{name}{files.NEW}"
    commit = calls.index(("rename", ".manifest.json.draft", "manifest.json"))
    for file in (*releases.PLAIN_FILES, releases.MANIFEST):
        draft = f"{staged}/.{file}.draft"
        written = calls.index(("rename", draft, f"{staged}/{file}"))
        assert ("fsync", draft) in calls[:written]
        assert ("fsync", staged) in calls[written:commit]
    for place in (releases.STORE, "."):
        assert ("fsync", place) in calls[written:commit]
    stored = calls.index(("rename", staged, f"{releases.STORE}/{name}"))
    assert commit < stored < calls.index(("fsync", releases.STORE), stored)


# -- going back ----------------------------------------------------------------------------------


def test_going_back_publishes_the_older_bytes_as_a_new_release(folder: Path) -> None:
    old, new = Arrival("dataset1.csv", 1, 1), Arrival("dataset2.csv", 2, 2)
    judged = Arrival("dataset3.csv", 3, 3)
    publish(folder, "old", 0.25, Seen(frozenset({old})))
    publish(folder, "new", 0.75, Seen(frozenset({old, new})))
    back = publishing.roll_back(folder, Seen(frozenset({judged})))
    assert (back.number, back.score, back.rows) == (3, 0.25, 7)
    assert back.seen.files == {old, new, judged}
    assert releases.load(folder) == (back, contents_of("old"))
    again = publishing.roll_back(folder, NOTHING_SEEN)
    assert (again.number, releases.load(folder)[1]) == (4, contents_of("new"))


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(lambda _: None, id="nothing was deployed"),
        pytest.param(lambda folder: publish(folder, 1), id="the first release"),
        pytest.param(lambda folder: fill_by_hand(folder, "x"), id="a folder filled by hand"),
        pytest.param(
            lambda folder: (publish(folder, 1), shutil.rmtree(folder / releases.STORE)),
            id="a store that was removed",
        ),
    ],
)
def test_without_an_earlier_release_there_is_no_way_back(
    folder: Path, contents: Contents, prepare: Callable[[Path], object]
) -> None:
    prepare(folder)
    before = contents(folder)
    with pytest.raises(InputMissing, match="no earlier release"):
        publishing.roll_back(folder, NOTHING_SEEN)
    assert contents(folder) == before


@pytest.mark.parametrize("damage", [b"", b"other bytes", None], ids=["empty", "other", "gone"])
@pytest.mark.parametrize("name", [*releases.PLAIN_FILES, releases.MANIFEST])
def test_a_damaged_earlier_release_is_not_published(
    folder: Path, contents: Contents, name: str, damage: bytes | None
) -> None:
    first = publish(folder, "first")
    publish(folder, "second")
    path = folder / releases.STORE / first.release / name
    path.unlink() if damage is None else path.write_bytes(damage)
    before = contents(folder)
    with pytest.raises(ArtefactRefused) as refusal:
        publishing.roll_back(folder, NOTHING_SEEN)
    assert refusal.value.exit_code == 76
    assert contents(folder) == before
    assert releases.load(folder)[1] == contents_of("second")


# -- reading what is damaged ---------------------------------------------------------------------


@pytest.mark.parametrize("tampered", [b"", b"tampered", None], ids=["empty", "other", "gone"])
@pytest.mark.parametrize("name", releases.PLAIN_FILES)
def test_a_plain_file_that_was_tampered_with_is_never_loaded_and_is_restored(
    folder: Path, name: str, tampered: bytes | None
) -> None:
    publish(folder, "whole")
    path = folder / name
    path.unlink() if tampered is None else path.write_bytes(tampered)
    assert releases.load(folder)[1] == contents_of("whole")
    publishing.recover(folder)
    assert path.read_bytes() == contents_of("whole")[name]


@pytest.mark.parametrize("name", releases.PLAIN_FILES)
def test_what_is_damaged_in_both_places_is_refused_with_the_way_out(
    folder: Path, name: str
) -> None:
    publish(folder, "first")
    release = publish(folder, "second")
    for place in (folder, folder / releases.STORE / release.release):
        (place / name).write_bytes(b"tampered")
    with pytest.raises(ArtefactRefused, match=r"--rollback or python fullprocess\.py --force"):
        releases.load(folder)
    damaged = publishing.recover(folder)
    sentence = f"production_deployment/{name} of release {release.release} is damaged; run python"
    assert str(damaged).startswith(sentence)
    assert (folder / name).read_bytes() == b"tampered"
    publishing.roll_back(folder, NOTHING_SEEN)
    assert releases.load(folder)[1] == contents_of("first")


def changed(**keys: object) -> Callable[[dict[str, Any]], str]:
    """A manifest with these keys set to something else."""
    return lambda record: json.dumps(record | keys)


def without(key: str) -> Callable[[dict[str, Any]], str]:
    """A manifest without this key."""
    return lambda record: json.dumps({name: record[name] for name in record if name != key})


DAMAGED = [
    pytest.param(lambda _: "", id="empty"),
    pytest.param(lambda record: json.dumps(record)[:99], id="cut off"),
    pytest.param(lambda record: json.dumps([record]), id="a list"),
    pytest.param(lambda _: "null", id="null"),
    pytest.param(lambda _: "\x00" * 300, id="zeros, as a power cut may leave"),
    pytest.param(lambda _: "{}", id="no key at all"),
    *(
        pytest.param(without(key), id=f"no {key}")
        for key in ("release", "number", "time", "score", "input_folder", "seen", "files")
    ),
    pytest.param(changed(unheard_of=1), id="a key that nobody knows"),
    pytest.param(changed(seen=None), id="seen is null"),
    pytest.param(changed(seen=[1]), id="seen holds no rows"),
    pytest.param(changed(files=None), id="files is null"),
    pytest.param(changed(files={}), id="files is empty"),
    pytest.param(changed(files={name: {} for name in releases.PLAIN_FILES}), id="no fingerprints"),
    pytest.param(changed(release=None), id="release is null"),
    pytest.param(changed(number="2"), id="number is text"),
    pytest.param(changed(number=None), id="number is null"),
    pytest.param(changed(score="high"), id="score is text"),
    pytest.param(changed(score=None), id="score is null"),
]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(releases.load, id="load"),
        pytest.param(publishing.recover, id="recover"),
        pytest.param(lambda folder: publish(folder, "third"), id="publish"),
        pytest.param(lambda folder: publishing.roll_back(folder, NOTHING_SEEN), id="roll back"),
    ],
)
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_manifest_is_refused_by_everyone_and_left_as_itis_meant(
    folder: Path,
    contents: Contents,
    damage: Callable[[dict[str, Any]], str],
    act: Callable[[Path], object],
) -> None:
    publish(folder, "first")
    publish(folder, "second")
    manifest = folder / releases.MANIFEST
    manifest.write_text(damage(json.loads(manifest.read_bytes())))
    before = contents(folder)
    with pytest.raises(ArtefactRefused, match=r"manifest\.json is damaged"):
        act(folder)
    assert contents(folder) == before


# -- a folder without a manifest -----------------------------------------------------------------


def test_a_folder_filled_by_hand_is_taken_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill_by_hand(folder, "dataset1")
    release, contents = releases.load(folder)
    assert (release.number, release.input_folder) == (0, "")
    assert release.score == float(contents_of("dataset1")[files.SCORE])
    assert release.seen == Seen(names=frozenset({"dataset1.csv"}))
    assert contents == contents_of("dataset1")
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "filled by hand" in caplog.text
    assert publish(folder, "ours").number == 1


@pytest.mark.parametrize("name", releases.PLAIN_FILES)
def test_a_folder_filled_in_part_counts_as_empty_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    fill_by_hand(folder, "dataset1")
    (folder / name).unlink()
    assert releases.current(folder) is None
    assert "is incomplete and counts as empty" in caplog.text
    with pytest.raises(InputMissing, match="nothing is deployed yet"):
        releases.load(folder)
    assert publish(folder, "ours").number == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(files.SCORE, b"good", id="a score in words"),
        pytest.param(files.SCORE, b"nan", id="no number"),
        pytest.param(files.SCORE, b"1.5", id="a score above 1"),
        pytest.param(files.SCORE, b"\xff", id="a score that is no text"),
        pytest.param(files.INGESTED_FILES, b"dataset1.csv", id="a name instead of a list"),
        pytest.param(files.INGESTED_FILES, b"[1]", id="a list of numbers"),
        pytest.param(files.INGESTED_FILES, b"\xff", id="a list that is no text"),
        pytest.param(files.INGESTED_FILES, b"[f()]", id="a call"),
    ],
)
def test_nonsense_in_a_folder_filled_by_hand_is_refused(
    folder: Path, name: str, content: bytes
) -> None:
    fill_by_hand(folder, "dataset1")
    (folder / name).write_bytes(content)
    with pytest.raises(ArtefactRefused, match=name):
        releases.load(folder)


def test_an_empty_folder_and_none_hold_no_release_and_need_no_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert releases.current(folder) is None
    folder.mkdir()
    assert releases.current(folder) is None
    publishing.recover(folder)
    assert (caplog.records, list(folder.iterdir())) == ([], [])


# -- readers beside a writer ---------------------------------------------------------------------


def test_a_reader_beside_40_deployments_sees_whole_ones_and_never_goes_back(folder: Path) -> None:
    publish(folder, 1)
    ended = Event()

    def read() -> Iterator[tuple[int, dict[str, bytes]]]:
        while not ended.is_set():
            release, contents = releases.load(folder)
            yield release.number, contents

    with ThreadPoolExecutor() as threads:
        reader = threads.submit(lambda: list(read()))
        try:
            for number in range(2, 42):
                publish(folder, number)
        finally:
            ended.set()
    numbers = [number for number, _ in reader.result()]
    assert all(contents == contents_of(number) for number, contents in reader.result())
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 1


def read_while(folder: Path, step: int, happens: Callable[[], object]) -> str:
    """What a reader gets when this happens just before its so-manieth look at a file."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        looks = 0

        def interrupt(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal looks
            if event == "open" and str(arguments[0]).startswith(str(folder)):
                looks += 1
                if looks == step:
                    happens()

        sys.addaudithook(interrupt)
        try:
            contents = releases.load(folder)[1]
            mark = contents[files.MODEL].decode()
            answer = mark if contents == contents_of(mark) else "a mix"
        except RiskError as error:
            answer = type(error).__name__
        os.write(writing, (answer if looks >= step else UNDISTURBED).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@pytest.mark.parametrize("deployments", [1, 2, 4], ids=["one", "two", "more than are kept"])
@pytest.mark.parametrize(
    ("prepare", "old"),
    [
        pytest.param(lambda _: None, "InputMissing", id="nothing"),
        pytest.param(lambda folder: publish(folder, "old"), "old", id="a release"),
        pytest.param(lambda folder: fill_by_hand(folder, "old"), "old", id="filled by hand"),
    ],
)
def test_deployments_between_any_two_looks_of_a_reader_are_not_mixed_up(
    folder: Path, prepare: Callable[[Path], object], old: str, deployments: int
) -> None:
    got = []
    while not got or got[-1] != UNDISTURBED:
        shutil.rmtree(folder, ignore_errors=True)
        prepare(folder)
        happens = [f"new{number}" for number in range(deployments)]
        got.append(
            read_while(
                folder, len(got) + 1, lambda marks=happens: [publish(folder, m) for m in marks]
            )
        )
    assert set(got[:-1]) <= {old, *happens}
    assert happens[-1] in got
