"""Releases: one whole set for every reader, numbers that only grow, a way back."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from risk import files
from risk.data.input_folder import Seen
from risk.errors import ArtefactRefused, InputMissing, RiskError
from risk.learning import publishing, releases
from tests.learning.sets import (
    NOTHING_SEEN,
    UNDISTURBED,
    Contents,
    contents_of,
    fill_by_hand,
    publish,
)

# -- reading what is damaged -----------------------------------------------------------------------


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


# -- a folder without a manifest -------------------------------------------------------------------


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


# -- readers beside a writer -----------------------------------------------------------------------


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
