"""Publishing checked bytes as one set, reading them as one set, going back to an earlier one."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from risk import files, lock, shapes
from risk.data import input_folder
from risk.data.input_folder import Seen
from risk.errors import ArtefactRefused, InputMissing, RiskError

PLAIN_FILES = (files.MODEL, files.SCORE, files.INGESTED_FILES)
MANIFEST, STORE = files.MANIFEST, files.STORE
KEPT = 3
TRIES = 5

log = logging.getLogger("risk.releases")


class Release(NamedTuple):
    """One published set, as its manifest describes it; a folder filled by hand has no number."""

    release: str
    number: int
    time: str
    score: float
    input_folder: str
    seen: Seen
    files: Mapping[str, Mapping[str, Any]]
    libraries: Mapping[str, str]
    rows: int = 0

    @property
    def title(self) -> str:
        """The release as sentences name it."""
        return f"release {self.release}"

    @property
    def content(self) -> str:
        """The identity of its three files, which ends its name."""
        return _identity(self.files)

    @property
    def stays(self) -> str:
        """What is said where a new model would be the one in use."""
        return f"{self.title} stays: the new model is the same to the byte"

    def manifest(self) -> bytes:
        """The content of manifest.json."""
        return files.json_bytes(self._asdict() | {"seen": input_folder.to_json(self.seen)})


def _identity(fingerprints: Mapping[str, Mapping[str, Any]]) -> str:
    hashes = "".join(fingerprints[name]["sha256"] for name in PLAIN_FILES)
    return files.sha256(hashes.encode())[:8]


def _from_manifest(content: bytes, name: str) -> Release:
    record = files.parse_json(content, name, shapes.MANIFEST)
    return Release(**record | {"seen": input_folder.from_json(record["seen"])})


def current(folder: Path) -> Release | None:
    """The deployed release, none when nothing was deployed; its files are not looked at."""
    path = folder / MANIFEST
    try:
        return _from_manifest(path.read_bytes(), files.short(path))
    except FileNotFoundError:
        return _filled_by_hand(folder)


def _filled_by_hand(folder: Path) -> Release | None:
    """Three plain files without a manifest, as somebody may have copied them there."""
    contents = {name: _content(folder / name) for name in PLAIN_FILES}
    model, score, names = (contents[name] for name in PLAIN_FILES)
    if model is None or score is None or names is None:
        if any(content is not None for content in contents.values()):
            log.warning("%s/ is incomplete and counts as empty", folder.name)
        return None
    log.warning(
        "%s/ has no %s: it was filled by hand, and is taken as it is", folder.name, MANIFEST
    )
    return Release(
        release=f"unrecorded-{files.sha256(model)[:8]}",
        number=0,
        time="",
        score=files.parse_score(score, f"{folder.name}/{files.SCORE}"),
        input_folder="",
        seen=Seen(
            names=frozenset(files.parse_names(names, f"{folder.name}/{files.INGESTED_FILES}"))
        ),
        files=_fingerprints({files.MODEL: model, files.SCORE: score, files.INGESTED_FILES: names}),
        libraries={},
    )


def load(folder: Path) -> tuple[Release, dict[str, bytes]]:
    """The deployed release with the bytes of its files, whole or not at all, without a lock."""
    for _ in range(TRIES):
        release = current(folder)
        if release is None:
            raise InputMissing("nothing is deployed yet; run python fullprocess.py first")
        contents = {name: _verified(folder, release, name) for name in PLAIN_FILES}
        whole = {name: content for name, content in contents.items() if content is not None}
        if len(whole) == len(PLAIN_FILES):
            return release, whole
    raise ArtefactRefused(
        f"{folder.name}/ does not hold the files that its {MANIFEST} names, nor does {STORE}/; "
        "run python deployment.py --rollback or python fullprocess.py --force"
    )


def copy(folder: Path, other: Path) -> None:
    """Put the deployed release, if there is one, into another folder as one set."""
    with suppress(InputMissing):
        release, contents = load(folder)
        for name, content in contents.items():
            files.write_bytes(other / name, content)
        if release.number:
            files.write_bytes(other / MANIFEST, release.manifest())


def _verified(folder: Path, release: Release, name: str) -> bytes | None:
    """A file's content as the manifest has it, from its place or from the store."""
    stored = folder / STORE / release.release
    for place in (folder, _new(stored), stored):  # in this order no rename between two is missed
        content = _content(place / name)
        if content is not None and files.sha256(content) == release.files[name]["sha256"]:
            return content
    return None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _fingerprints(contents: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    return {
        name: {"sha256": files.sha256(content), "size": len(content)}
        for name, content in contents.items()
    }


def publish(
    folder: Path,
    contents: Mapping[str, bytes],
    *,
    score: float,
    input_folder: str,
    seen: Seen,
    libraries: Mapping[str, str],
    rows: int,
) -> Release:
    """Make these contents the deployed release, all at once when the manifest is replaced."""
    recover(folder)
    latest = current(folder)
    number = 1 + max([latest.number if latest else 0, *(each for each, _ in _stored(folder))])
    fingerprints = _fingerprints(contents)
    release = Release(
        release=f"{number}-{_identity(fingerprints)}",
        number=number,
        time=files.now(),
        score=score,
        input_folder=input_folder,
        seen=seen,
        files=fingerprints,
        libraries=libraries,
        rows=rows,
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


def _new(stored: Path) -> Path:
    """Where a release is staged; it takes its place in the store once the manifest names it."""
    return stored.with_name(f"{stored.name}{files.NEW}")


def _stage(store: Path, release: Release, contents: Mapping[str, bytes]) -> None:
    """Write a release whole beside the store's; nobody reads it before the manifest names it."""
    staged = _new(store / release.release)
    _make_way(staged)
    for name, content in contents.items():
        files.write_bytes(staged / name, content)
    files.write_bytes(staged / MANIFEST, release.manifest())
    files.sync_folder(store)
    files.sync_folder(store.parent)


def _make_way(place: Path) -> None:
    """Remove what is ours from a place in the store, and keep what is not under another name."""
    lock.discard(place)
    if os.path.lexists(place):
        log.warning(
            "%s holds what is not ours; it is kept as %s",
            files.short(place),
            files.set_aside(place),
        )


def recover(folder: Path) -> None:
    """Finish what a killed deployment left undone: the plain files, the tidying of the store."""
    lock.remove_uncommitted(folder)
    if not (folder / MANIFEST).exists():
        return
    release = _from_manifest((folder / MANIFEST).read_bytes(), f"{folder.name}/{MANIFEST}")
    _store(folder / STORE / release.release)
    for name in PLAIN_FILES:
        content = _verified(folder, release, name)
        if content is None:
            log.error("%s/%s of release %s is damaged", folder.name, name, release.release)
        elif content != _content(folder / name):
            files.write_bytes(folder / name, content)
    for path in _outdated(release, _stored(folder)):
        lock.discard(path)


def _store(place: Path) -> None:
    """Give the release that the manifest names its place in the store, if it has not got it yet."""
    if _new(place).is_dir():
        _make_way(place)
        _new(place).rename(place)
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


def kept(folder: Path) -> list[Release]:
    """The releases that the store still has, as far as they can be read, lowest number first."""
    found = []
    for _, path in _stored(folder):
        with suppress(ArtefactRefused):
            found.append(_from_manifest(_content(path / MANIFEST) or b"", path.name))
    return found


def _stored(folder: Path) -> list[tuple[int, Path]]:
    """The releases in the store with their numbers, lowest first."""
    found = []
    if (folder / STORE).is_dir():
        for path in (folder / STORE).iterdir():
            number = int(path.name.partition("-")[0]) if shapes.release_name(path.name) else 0
            if shapes.ordinal(number):
                found.append((number, path))
    return sorted(found)


def way_back(folder: Path, name: str | None) -> tuple[Release, Release]:
    """The current release, and the kept one of this name or else the last one that differs."""
    latest = current(folder)
    paths = [path for _, path in _stored(folder)]
    earlier = [path.name for path in paths if latest and _content_of(path) != latest.content]
    known = [path.name for path in paths]
    if not latest or not (known if name else earlier):
        raise InputMissing(f"there is no earlier release in {folder.name}/ to go back to")
    if name is not None and name not in known:
        raise InputMissing(f"{folder.name}/ keeps no release {name!r}, only {', '.join(known)}")
    place = folder / STORE / (name or earlier[-1])
    found = _from_manifest(
        _content(place / MANIFEST) or b"", f"{folder.name}/{STORE}/{place.name}/{MANIFEST}"
    )
    if found.release != place.name or _fingerprints(_contents(folder, found)) != found.files:
        raise ArtefactRefused(
            f"release {place.name} in {folder.name}/{STORE}/ is damaged; it is not published"
        )
    return latest, found


def _contents(folder: Path, release: Release) -> dict[str, bytes]:
    """The files of a release as the store has them."""
    return {name: _content(folder / STORE / release.release / name) or b"" for name in PLAIN_FILES}


def in_use(folder: Path, model: str, score: float) -> Release | None:
    """The deployed release if it is whole and has the model of this sha256 and this score."""
    release = current(folder)
    if not release or not release.number:
        return None
    is_whole = all(_verified(folder, release, name) is not None for name in PLAIN_FILES)
    is_same = (release.files[files.MODEL]["sha256"], release.score) == (model, score)
    return release if is_whole and is_same else None


def roll_back(folder: Path, also_seen: Seen, name: str | None = None) -> Release:
    """Publish an earlier release anew; what the current one had seen stays seen.

    One whose model is in use already is not published again: the current release is returned.
    """
    recover(folder)
    latest, earlier = way_back(folder, name)
    if same := in_use(folder, earlier.files[files.MODEL]["sha256"], earlier.score):
        return same
    return publish(
        folder,
        _contents(folder, earlier),
        score=earlier.score,
        input_folder=latest.input_folder,
        seen=latest.seen | also_seen,
        libraries=earlier.libraries,
        rows=earlier.rows,
    )
