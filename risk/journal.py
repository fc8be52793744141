"""What one run leaves for the next: what it judged, and a mark while it is not finished."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from risk import arrivals, files
from risk.arrivals import Arrival, Seen
from risk.releases import Release
from risk.settings import Settings

log = logging.getLogger("journal")


def seen(settings: Settings, release: Release | None) -> Seen:
    """What the deployed release, and the last judgement made with it, saw of this input folder."""
    if release is None:
        return Seen()
    deployed = release.seen if release.input_folder in ("", settings.input_folder) else Seen()
    return deployed | judged(settings, release)


def judged(settings: Settings, release: Release) -> Seen:
    """What the last judgement made with this release saw of this input folder."""
    record = files.read_json(settings.output_folder_path / files.JUDGED) or {}
    made_with = (record.get("release"), record.get("input_folder"))
    if made_with != (release.release, settings.input_folder):
        return Seen()
    return arrivals.from_json(record["seen"])


def judge(settings: Settings, release: Release, looked_at: Seen) -> None:
    """Remember that these files were weighed against this release and changed nothing."""
    record = {
        "release": release.release,
        "time": files.now(),
        "input_folder": settings.input_folder,
        "seen": arrivals.to_json(looked_at),
    }
    files.write_json(settings.output_folder_path / files.JUDGED, record)


@contextlib.contextmanager
def pending(settings: Settings, new: list[Arrival]) -> Iterator[None]:
    """Mark a run that has begun; only a run that dies leaves its mark behind."""
    folder = settings.output_folder_path / files.PENDING
    started = files.now()
    mark = folder / f"{started.replace(':', '')}-{os.getpid()}.json"
    files.write_json(mark, {"started_at": started, "new": [arrival.name for arrival in new]})
    try:
        yield
    finally:
        _remove(mark)


def close_interrupted(settings: Settings) -> None:
    """Say which runs died before their end; what they left undone, the gates decide anew."""
    folder = settings.output_folder_path / files.PENDING
    for mark in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        log.warning("the run of %s died before its end", mark.stem.rpartition("-")[0])
        _remove(mark)


def _remove(mark: Path) -> None:
    mark.unlink(missing_ok=True)
    files.sync_folder(mark.parent)
