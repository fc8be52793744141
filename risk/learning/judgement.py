"""What was judged: which files the deployed release or the last judgement has settled."""

from typing import Any

from risk import files
from risk.data import input_folder
from risk.data.input_folder import Seen
from risk.learning.releases import Release
from risk.settings import Settings


def seen(settings: Settings, release: Release | None) -> Seen:
    """What the last judgement or the deployed release, and the last ingestion settled.

    A file that the last ingestion did not hold as it is now is new, whoever looked at it before.
    """
    record = _ingestion(settings)
    folder = settings.input_folder
    if release is None or record.get("input_folder", folder) != folder:
        return Seen()  # the merged data is another folder's: then all files here are to be read
    counted = judged(settings, release)
    if not counted.files and release.input_folder in ("", folder):
        counted = release.seen
    if not record:
        return counted
    has_other_limits = record.get("limits") != settings.limits._asdict()
    return Seen(
        frozenset(
            input_folder.of(entry)
            for entry in record["files"]
            if (
                entry.get("adds_nothing")
                or not input_folder.unseen([input_folder.of(entry)], counted)
            )
            and not _is_new(settings, entry, counted, has_other_limits)
        )
    )


def _is_new(
    settings: Settings, entry: dict[str, Any], counted: Seen, has_other_limits: bool
) -> bool:
    """Whether a file without a row is new: rows of it were judged, or it may have some now."""
    if input_folder.has_rows(entry):
        return False
    if input_folder.is_unreadable(entry.get("reason")):
        path = settings.input_folder_path / entry["name"]
        has_other_limits = has_other_limits or input_folder.can_be_opened(path)
    were_judged = any(arrival.name == entry["name"] for arrival in counted.files)
    return were_judged or (has_other_limits and bool(entry.get("reason")))


def _ingestion(settings: Settings) -> dict[str, Any]:
    return files.read_json(settings.output_folder_path / files.INGESTION) or {}


def unreadable(settings: Settings) -> list[str]:
    """The files that the last ingestion could not open, each with its reason and the cure."""
    cure = "let the user of this run read it"
    return [
        f"{settings.input_folder_path.name}/{entry['name']}: {entry['reason']}; {cure}"
        for entry in _ingestion(settings).get("files", [])
        if input_folder.is_unreadable(entry.get("reason"))
    ]


def dataset(settings: Settings) -> tuple[object, object]:
    """Which rows and which book the last ingestion wrote; none where there was no ingestion."""
    record = _ingestion(settings)
    return record.get("id"), record.get("book")


def judged(settings: Settings, release: Release) -> Seen:
    """What the last judgement made with this release saw of this input folder."""
    record = files.sound_json(settings.output_folder_path / files.JUDGED) or {}
    made_with = (record.get("release"), record.get("input_folder"))
    if made_with != (release.release, settings.input_folder):
        return Seen()
    return input_folder.from_json(record["seen"])


def judge(settings: Settings, release: Release, looked_at: Seen) -> None:
    """Remember that these files were weighed against this release and changed nothing."""
    record = {
        "release": release.release,
        "time": files.now(),
        "input_folder": settings.input_folder,
        "seen": input_folder.to_json(looked_at),
    }
    files.write_json(settings.output_folder_path / files.JUDGED, record)
