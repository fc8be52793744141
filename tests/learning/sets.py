"""Whole sets of files, published as releases."""

import zlib
from collections.abc import Callable
from pathlib import Path

from risk import files
from risk.data.input_folder import Seen
from risk.learning import publishing, releases
from risk.learning.releases import Release

NOTHING_SEEN = Seen()
UNDISTURBED = "no such look"
Contents = Callable[[Path], dict[str, bytes]]


def contents_of(mark: object) -> dict[str, bytes]:
    """Three files that belong together: each one tells by its content to which set it belongs."""
    return {
        files.MODEL: f"{mark}".encode(),
        files.SCORE: f"0.{zlib.crc32(f'{mark}'.encode())}\n".encode(),
        files.INGESTED_FILES: f"['{mark}.csv']\n".encode(),
    }


def publish(folder: Path, mark: object, score: float = 0.5, seen: Seen = NOTHING_SEEN) -> Release:
    """Deploy the set with this mark."""
    return publishing.publish(
        *(folder, contents_of(mark)),
        score=score,
        input_folder="sourcedata",
        seen=seen,
        libraries={"scikit-learn": "1.0"},
        rows=7,
    )


def fill_by_hand(folder: Path, mark: object) -> None:
    """Copy three files into the folder as a person would."""
    folder.mkdir()
    for name, content in contents_of(mark).items():
        (folder / name).write_bytes(content)


def stored(folder: Path) -> list[str]:
    """The releases in the store."""
    return sorted(path.name for path in (folder / releases.STORE).iterdir())
