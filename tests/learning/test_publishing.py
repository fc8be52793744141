"""Publishing releases: numbers that only grow, a store that stays small, a way back."""

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from risk import files, lock
from risk.data.input_folder import Arrival, Seen
from risk.errors import ArtefactRefused, InputMissing
from risk.learning import publishing, releases
from tests import tracing
from tests.learning.sets import NOTHING_SEEN, Contents, contents_of, fill_by_hand, publish, stored

# -- publishing ------------------------------------------------------------------------------------


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


# -- going back ------------------------------------------------------------------------------------


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
