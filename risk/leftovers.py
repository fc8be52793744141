"""What a run that died has left: drafts, and a release that was staged in part."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from risk import files, shapes
from risk.errors import ArtefactRefused
from risk.settings import Settings

RELEASED = (files.MODEL, files.SCORE, files.INGESTED_FILES, files.MANIFEST)


def remove(settings: Settings) -> None:
    """Remove what dead runs left in our folders; only who holds the lock may.

    What cannot be removed is in nobody's way.
    """
    with contextlib.suppress(OSError, ArtefactRefused):
        for folder in _folders(settings):
            _remove_drafts(folder)
        remove_uncommitted(settings.prod_deployment_path)


def _folders(settings: Settings) -> Iterator[Path]:
    """Where drafts of ours may lie; the inner folders are ours, and never links."""
    yield settings.output_model_path
    for outer, inner in (
        (settings.output_folder_path, files.PENDING),
        (settings.prod_deployment_path, files.STORE),
    ):
        yield outer
        if _is_real(outer / inner):
            yield outer / inner
            yield from filter(_is_real, (outer / inner).iterdir())


def remove_uncommitted(production: Path) -> None:
    """Remove releases that were staged and that the manifest does not name."""
    found = (production / files.STORE).glob(f"*{files.NEW}")
    staged = [path for path in found if shapes.release_name(path.stem)]
    named = files.read_json(production / files.MANIFEST, shapes.MANIFEST) if staged else None
    for path in staged:
        if not named or path.stem != named["release"]:
            discard(path)


def _is_real(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink()


def discard(folder: Path) -> None:
    """Remove a folder of the store; what is not of a release stays, and the folder with it."""
    if not _is_real(folder):
        return
    _remove_drafts(folder)
    for path in (folder / name for name in RELEASED):
        if not files.is_foreign(path):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove_drafts(folder: Path) -> None:
    for draft in files.drafts(folder):
        draft.unlink()
