"""One run at a time, and the removal of what a dead one left."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from risk import files, shapes
from risk.errors import ArtefactRefused, RunInProgress
from risk.settings import Settings

RELEASED = (files.MODEL, files.SCORE, files.INGESTED_FILES, files.MANIFEST)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold this lock file, or refuse at once; the system releases it however the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunInProgress(
                f"another run holds {files.short(path)}; nothing was touched, "
                "try again when it has ended"
            ) from None
        yield
    finally:
        os.close(descriptor)


def remove_leftovers(settings: Settings) -> None:
    """Remove drafts and partly staged releases of dead runs, which only the lock's holder may.

    Those that cannot be removed do no harm.
    """
    with contextlib.suppress(OSError, ArtefactRefused):
        for folder in _folders(settings):
            _remove_drafts(folder)
        for production in (settings.prod_deployment_path, *_of_rivals(settings)):
            remove_uncommitted(production)


def _of_rivals(settings: Settings) -> list[Path]:
    """The folders of the policies that keep a model of their own."""
    folder = settings.output_folder_path / files.POLICIES
    return list(filter(_is_real, folder.iterdir())) if _is_real(folder) else []


def _folders(settings: Settings) -> Iterator[Path]:
    """The folders that may hold drafts of ours; the inner ones are never links."""
    yield settings.output_model_path
    for outer, inner in (
        (settings.output_folder_path, files.PENDING),
        *((place, files.STORE) for place in (settings.prod_deployment_path, *_of_rivals(settings))),
    ):
        yield outer
        if _is_real(outer / inner):
            yield outer / inner
            yield from filter(_is_real, (outer / inner).iterdir())


def remove_uncommitted(production: Path) -> None:
    """Remove staged releases that the manifest does not name."""
    folders = (production / files.STORE).glob(f"*{files.NEW}")
    staged = [path for path in folders if shapes.release_name(path.stem)]
    named = files.read_json(production / files.MANIFEST, shapes.MANIFEST) if staged else None
    for path in staged:
        if not named or path.stem != named["release"]:
            discard(path)


def _is_real(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink()


def discard(folder: Path) -> None:
    """Remove a release's folder, unless it holds files that are not ours."""
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
