"""A file that is remembered is read again when another one took its place, and only then."""

import os
from functools import partial
from pathlib import Path

import pytest

from risk import files
from risk.cache import Remembered, state


class Reader:
    """What a file says, and all that was read of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.readings: list[str] = []

    def __call__(self) -> str:
        self.readings.append(self.path.read_text())
        return self.readings[-1]


def test_a_file_is_read_again_only_when_another_took_its_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    reader = Reader(path)
    known = Remembered(reader, partial(state, path))
    with pytest.raises(FileNotFoundError):
        known.now()
    files.write_bytes(path, b"one")
    assert [known.now(), known.now()] == ["one", "one"]
    files.write_bytes(path, b"two")
    assert known.now() == "two"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        known.now()
    assert reader.readings == ["one", "two"]


def test_a_file_with_the_inode_size_and_time_of_the_last_one_is_another(tmp_path: Path) -> None:
    path = tmp_path / "file"
    known = Remembered(path.read_text, partial(state, path))
    path.write_text("one")
    assert known.now() == "one"
    status = path.stat()
    while path.stat().st_ctime_ns == status.st_ctime_ns:  # until the clock of files has moved
        path.write_text("two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert known.now() == "two"


def test_other_files_count_only_while_the_first_one_is_missing(tmp_path: Path) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    reader = Reader(other)
    known = Remembered(reader, partial(state, first, other))
    for text in ("one", "two"):
        files.write_bytes(other, text.encode())
        assert [known.now(), known.now()] == [text, text]
    files.write_bytes(first, b"")
    assert known.now() == "two"
    files.write_bytes(other, b"three")
    assert known.now() == "two"
    first.unlink()
    assert known.now() == "three"
    assert reader.readings == ["one", "two", "two", "three"]
