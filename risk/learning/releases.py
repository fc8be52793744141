"""What a release is, and reading one: its files as one set, or none of them."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from risk import files, shapes, wording
from risk.data import input_folder
from risk.data.input_folder import Seen
from risk.errors import ArtefactRefused, InputMissing

PLAIN_FILES = (files.MODEL, files.SCORE, files.INGESTED_FILES)
MANIFEST, STORE = files.MANIFEST, files.STORE
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
    model: str = ""  # of which kind it is; like the next two not known of an old release
    threshold: float | None = None  # from which risk on F1 was best when the model was fitted
    choice: str = ""  # why it is of this kind, where config.json left that open
    periods: int | None = None  # of which it has learned; of all if there is no number
    arrival: int = 0  # up to which it knows the outcomes
    trained: int = 0  # the arrival of its training, where its level was corrected since
    reference: Mapping[str, Any] | None = None  # what evidence against it is held against

    @property
    def title(self) -> str:
        """The release as sentences name it."""
        return f"release {self.release}"

    @property
    def content(self) -> str:
        """The identity of its three files, which ends its name."""
        return identity(self.files)

    @property
    def stays(self) -> str:
        """The sentence for a run whose new model equals the one in use."""
        return f"{self.title} {wording.SAME}"

    def manifest(self) -> bytes:
        """The content of manifest.json."""
        return files.json_bytes(self._asdict() | {"seen": input_folder.to_json(self.seen)})


def identity(fingerprints: Mapping[str, Mapping[str, Any]]) -> str:
    """The identity of a release's three files, which ends its name."""
    hashes = "".join(fingerprints[name]["sha256"] for name in PLAIN_FILES)
    return files.sha256(hashes.encode())[:8]


def from_manifest(content: bytes, name: str) -> Release:
    """The release that a manifest describes."""
    record = files.parse_json(content, name, shapes.MANIFEST)
    return Release(**record | {"seen": input_folder.from_json(record["seen"])})


def current(folder: Path) -> Release | None:
    """The deployed release by its manifest alone, None when nothing was deployed."""
    path = folder / MANIFEST
    try:
        return from_manifest(path.read_bytes(), files.short(path))
    except FileNotFoundError:
        return _filled_by_hand(folder)


def _filled_by_hand(folder: Path) -> Release | None:
    """Three plain files without a manifest, as somebody may have copied them there."""
    contents = {name: bytes_of(folder / name) for name in PLAIN_FILES}
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
        files=fingerprints({files.MODEL: model, files.SCORE: score, files.INGESTED_FILES: names}),
        libraries={},
    )


def load(folder: Path) -> tuple[Release, dict[str, bytes]]:
    """The deployed release with the bytes of its files, whole or not at all, without a lock."""
    for _ in range(TRIES):
        release = current(folder)
        if release is None:
            raise InputMissing("nothing is deployed yet; run python fullprocess.py first")
        contents = {name: verified(folder, release, name) for name in PLAIN_FILES}
        whole = {name: content for name, content in contents.items() if content is not None}
        if len(whole) == len(PLAIN_FILES):
            return release, whole
    raise ArtefactRefused(
        f"{folder.name}/ does not hold the files that its {MANIFEST} names, nor does {STORE}/; "
        "run python deployment.py --rollback or python fullprocess.py --force"
    )


def seconds_of(release: Release, steps: Sequence[str], models: Path, data: Path) -> list[float]:
    """What these steps took in the run that made a release of the newest data; none if unknown."""
    with suppress(ArtefactRefused):  # which those say who need more of the record
        trained = files.read_json(models / files.MODEL_RECORD) or {}
        ingested = files.read_json(data / files.INGESTION) or {}
        about, seconds = (
            (trained.get("sha256"), trained.get("ingestion")),
            trained.get("seconds", {}),
        )
        is_newest = about == (release.files[files.MODEL]["sha256"], ingested.get("id"))
        if is_newest and seconds.keys() >= {*steps}:
            return [seconds[step] for step in steps]
    return []


def copy(folder: Path, other: Path) -> None:
    """Put the deployed release, if there is one, into another folder as one set."""
    with suppress(InputMissing):
        release, contents = load(folder)
        for name, content in contents.items():
            files.write_bytes(other / name, content)
        if release.number:
            files.write_bytes(other / MANIFEST, release.manifest())


def staging(place: Path) -> Path:
    """Where a release is staged; it takes its place in the store once the manifest names it."""
    return place.with_name(f"{place.name}{files.NEW}")


def verified(folder: Path, release: Release, name: str) -> bytes | None:
    """A file's content as the manifest has it, from its place or from the store."""
    in_store = folder / STORE / release.release
    places = (folder, staging(in_store), in_store)  # in this order no rename between two is missed
    for place in places:
        content = bytes_of(place / name)
        if content is not None and files.sha256(content) == release.files[name]["sha256"]:
            return content
    return None


def bytes_of(path: Path) -> bytes | None:
    """A file's content, None if there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def fingerprints(contents: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """The sha256 and size of each content, as a manifest has them."""
    return {
        name: {"sha256": files.sha256(content), "size": len(content)}
        for name, content in contents.items()
    }


def kept(folder: Path) -> list[Release]:
    """The releases that the store still has, as far as they can be read, lowest number first."""
    readable = []
    for _, path in stored(folder):
        with suppress(ArtefactRefused):
            readable.append(from_manifest(bytes_of(path / MANIFEST) or b"", path.name))
    return readable


def stored(folder: Path) -> list[tuple[int, Path]]:
    """The releases in the store with their numbers, lowest first."""
    numbered = []
    if (folder / STORE).is_dir():
        for path in (folder / STORE).iterdir():
            number = int(path.name.partition("-")[0]) if shapes.release_name(path.name) else 0
            if shapes.ordinal(number):
                numbered.append((number, path))
    return sorted(numbered)


def deployed_if_same(folder: Path, model: str, score: float) -> Release | None:
    """The deployed release if it is whole and has the model of this sha256 and this score."""
    release = current(folder)
    if not release or not release.number:
        return None
    is_whole = all(verified(folder, release, name) is not None for name in PLAIN_FILES)
    is_same = (release.files[files.MODEL]["sha256"], release.score) == (model, score)
    return release if is_whole and is_same else None
