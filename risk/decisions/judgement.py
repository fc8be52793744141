"""Which input files were weighed already, by the deployed release or a run that kept it."""

from typing import Any

from risk import files
from risk.data import input_folder
from risk.data.input_folder import Seen
from risk.learning import releases
from risk.learning.releases import Release
from risk.settings import Settings


def settled(settings: Settings, release: Release | None) -> Seen:
    """The files that need no run: weighed already, and in the last ingestion as they are now."""
    record = _ingestion(settings)
    folder = settings.input_folder
    if release is None or record.get("input_folder", folder) != folder:
        return Seen()  # the merged data is another folder's: then all files here are to be read
    weighed = last_weighed(settings, release)
    if not weighed.files and release.input_folder in ("", folder):
        weighed = release.seen
    if not record:
        return weighed
    if record.get("columns", columns_id(settings)) != columns_id(settings):
        return Seen()  # each file may hold something else now
    has_other_limits = record.get("limits") != settings.limits._asdict()
    were_judged = {name for name, *_ in weighed.files}
    return Seen(
        frozenset(
            file
            for entry, file in zip(
                record["files"], map(input_folder.LOOKED_AT, record["files"]), strict=True
            )
            if (entry.get("adds_nothing") or weighed.has(file))
            and (
                input_folder.has_rows(entry)
                or not _is_new(settings, entry, entry["name"] in were_judged, has_other_limits)
            )
        )
    )


def columns_id(settings: Settings) -> str:
    """A name for how the data is read, by all keys about columns."""
    return files.sha256(repr(settings.columns._replace(pairs=())).encode())


def _is_new(
    settings: Settings, entry: dict[str, Any], was_judged: bool, has_other_limits: bool
) -> bool:
    """Whether a file without rows is new: it had some when weighed, or may have some now."""
    if input_folder.is_unreadable(entry.get("reason")):
        path = settings.input_folder_path / entry["name"]
        has_other_limits = has_other_limits or input_folder.can_be_opened(path)
    return was_judged or (has_other_limits and bool(entry.get("reason")))


def _ingestion(settings: Settings) -> dict[str, Any]:
    return files.read_json(settings.output_folder_path / files.INGESTION) or {}


def unreadable_files(settings: Settings) -> list[str]:
    """The files that the last ingestion could not open, each with its reason and the cure."""
    content = releases.bytes_of(settings.output_folder_path / files.INGESTION) or b""
    if input_folder.UNREADABLE.encode() not in content:
        return []  # as nearly always, which is soon found out even of a hundred thousand files
    cure = "let the user of this run read it"
    return [
        f"{settings.input_folder_path.name}/{entry['name']}: {entry['reason']}; {cure}"
        for entry in _ingestion(settings).get("files", [])
        if input_folder.is_unreadable(entry.get("reason"))
    ]


def data_ids(settings: Settings) -> tuple[object, object, object]:
    """The ids of the last ingestion's rows and book, and of how they were read; None if none."""
    record = _ingestion(settings)
    return record.get("id"), record.get("book"), record.get("columns", columns_id(settings))


def last_weighed(settings: Settings, release: Release) -> Seen:
    """The files of this input folder that were last weighed against this release."""
    record = files.sound_json(settings.output_folder_path / files.JUDGED) or {}
    made_with = (record.get("release"), record.get("input_folder"))
    if made_with != (release.release, settings.input_folder):
        return Seen()
    return input_folder.from_json(record["seen"])


def remember_weighed(settings: Settings, release: Release, looked_at: Seen) -> None:
    """Note that these files were weighed against this release and changed nothing."""
    record = {
        "release": release.release,
        "time": files.now(),
        "input_folder": settings.input_folder,
        "seen": input_folder.to_json(looked_at),
    }
    files.write_json(settings.output_folder_path / files.JUDGED, record)


def weighed_until(settings: Settings) -> dict[str, int]:
    """Up to which arrival outcomes were held against a model, by the model's sha256."""
    return files.sound_json(settings.output_folder_path / files.WEIGHED) or {}


def remember_weighed_until(settings: Settings, weighed: dict[str, int]) -> None:
    """Note up to which arrival outcomes were held against each model."""
    files.write_json(settings.output_folder_path / files.WEIGHED, weighed)


def settle_arrivals(settings: Settings, release: Release) -> None:
    """Let what came so far not speak against a release that was brought back on purpose."""
    model = release.files[files.MODEL]["sha256"]
    remember_weighed_until(
        settings, weighed_until(settings) | {model: _ingestion(settings).get("arrival", 0)}
    )
