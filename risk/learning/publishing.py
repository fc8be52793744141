"""Changing the deployed release: publishing, finishing after a kill, going back."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from risk import files, lock
from risk.data.input_folder import Seen
from risk.errors import ArtefactRefused, InputMissing, RiskError
from risk.learning import releases
from risk.learning.releases import MANIFEST, PLAIN_FILES, STORE, Release

KEPT = 3
CURE = "run python deployment.py --rollback, or python fullprocess.py --force"

log = logging.getLogger("risk.publishing")


class Learned(NamedTuple):
    """What a training tells of its model beside the model itself, as far as it is known."""

    model: str = ""
    threshold: float | None = None
    choice: str = ""
    periods: int | None = None
    arrival: int = 0
    trained: int = 0
    reference: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Learned":
        """What the record of a training says; an old one says nothing."""
        return cls(**{name: record[name] for name in cls._fields if name in record})


UNKNOWN = Learned()


def publish(
    folder: Path,
    contents: Mapping[str, bytes],
    *,
    score: float,
    input_folder: str,
    seen: Seen,
    libraries: Mapping[str, str],
    rows: int,
    learned: Learned = UNKNOWN,
) -> Release:
    """Make these contents the deployed release, all at once when the manifest is replaced."""
    recover(folder)
    latest = releases.current(folder)
    number = 1 + max(
        [latest.number if latest else 0, *(each for each, _ in releases.stored(folder))]
    )
    fingerprints = releases.fingerprints(contents)
    release = Release(
        release=f"{number}-{releases.identity(fingerprints)}",
        number=number,
        time=files.now(),
        score=score,
        input_folder=input_folder,
        seen=seen,
        files=fingerprints,
        libraries=libraries,
        rows=rows,
        **learned._asdict(),
    )
    try:
        _stage(folder / STORE, release, contents)
        files.write_bytes(folder / MANIFEST, release.manifest())
    except BaseException:
        with suppress(RiskError, OSError):  # what it is about is the first error
            recover(folder)
        raise
    recover(folder)
    return release


def _stage(store: Path, release: Release, contents: Mapping[str, bytes]) -> None:
    """Write a complete release to the side; nobody reads it before the manifest names it."""
    staged = releases.staging(store / release.release)
    _make_way(staged)
    for name, content in contents.items():
        files.write_bytes(staged / name, content)
    files.write_bytes(staged / MANIFEST, release.manifest())
    files.sync_folder(store)
    files.sync_folder(store.parent)


def _make_way(place: Path) -> None:
    """Clear a place in the store; what is not ours is kept under another name."""
    lock.discard(place)
    if os.path.lexists(place):
        log.warning(
            "%s holds what is not ours; it is kept as %s",
            files.short(place),
            files.set_aside(place),
        )


def recover(folder: Path) -> ArtefactRefused | None:
    """Finish what a killed deployment left undone: the plain files, the tidying of the store.

    An error is returned if a file is damaged here and in the store: another release mends that.
    """
    lock.remove_uncommitted(folder)
    if not (folder / MANIFEST).exists():
        return None
    damaged = []
    release = releases.from_manifest((folder / MANIFEST).read_bytes(), f"{folder.name}/{MANIFEST}")
    _store(folder / STORE / release.release)
    for name in PLAIN_FILES:
        content = releases.verified(folder, release, name)
        if content is None:
            damaged.append(f"{folder.name}/{name} of {release.title} is damaged")
        elif content != releases.bytes_of(folder / name):
            files.write_bytes(folder / name, content)
    for path in _outdated(release, releases.stored(folder)):
        lock.discard(path)
    return ArtefactRefused(f"{'; '.join(damaged)}; {CURE}") if damaged else None


def _store(place: Path) -> None:
    """Move the release that the manifest names to its place in the store, unless it is there."""
    if releases.staging(place).is_dir():
        _make_way(place)
        releases.staging(place).rename(place)
        files.sync_folder(place.parent)


def _outdated(release: Release, stored: list[tuple[int, Path]]) -> Iterator[Path]:
    """Releases older than this one that are past the last three contents, or there in a newer one.

    What has a higher number than the manifest, which somebody may have restored, is not outdated.
    """
    contents = {release.content}
    for number, path in reversed(stored):
        if number > release.number or path.name == release.release:
            continue
        if len(contents) >= KEPT or _content_of(path) in contents:
            yield path
        else:
            contents.add(_content_of(path))


def _content_of(stored: Path) -> str:
    """The identity of the content in a release's name."""
    return stored.name.partition("-")[2]


def way_back(folder: Path, name: str | None) -> tuple[Release, Release]:
    """The current release, and the kept one of this name or else the last one that differs."""
    latest = releases.current(folder)
    paths = [path for _, path in releases.stored(folder)]
    earlier = [path.name for path in paths if latest and _content_of(path) != latest.content]
    known = [path.name for path in paths]
    if not latest or not (known if name else earlier):
        raise InputMissing(f"there is no earlier release in {folder.name}/ to go back to")
    if name is not None and name not in known:
        raise InputMissing(f"{folder.name}/ keeps no release {name!r}, only {', '.join(known)}")
    place = folder / STORE / (name or earlier[-1])
    release = releases.from_manifest(
        releases.bytes_of(place / MANIFEST) or b"", f"{folder.name}/{STORE}/{place.name}/{MANIFEST}"
    )
    if (
        release.release != place.name
        or releases.fingerprints(_contents(folder, release)) != release.files
    ):
        raise ArtefactRefused(
            f"release {place.name} in {folder.name}/{STORE}/ is damaged; it is not published"
        )
    return latest, release


def _contents(folder: Path, release: Release) -> dict[str, bytes]:
    """The files of a release as the store has them."""
    return {
        name: releases.bytes_of(folder / STORE / release.release / name) or b""
        for name in PLAIN_FILES
    }


def roll_back(folder: Path, also_seen: Seen, name: str | None = None) -> Release:
    """Publish an earlier release again; files that the current one has seen stay seen.

    If its model is in use already, the current release is returned.
    """
    recover(folder)
    latest, earlier = way_back(folder, name)
    if same := releases.deployed_if_same(
        folder, earlier.files[files.MODEL]["sha256"], earlier.score
    ):
        return same
    return publish(
        folder,
        _contents(folder, earlier),
        score=earlier.score,
        input_folder=latest.input_folder,
        seen=latest.seen | also_seen,
        libraries=earlier.libraries,
        rows=earlier.rows,
        learned=Learned.of(earlier._asdict()),
    )
