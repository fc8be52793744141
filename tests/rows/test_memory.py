"""What a large table took goes back to the system when the table is gone."""

import ctypes
import subprocess
import sys

import pytest

from tests.conftest import ROOT

MEASURED = """
import resource
from pathlib import Path
from risk.rows import memory

def held():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20

many = [b"x" * 100_000 for _ in range(2_000)]
last = [b"y" * 100_000]  # above them on the heap, so that it cannot shrink by itself
with_them = held()
del many
before = held()
memory.give_back()
print(with_them, before, held())
"""


def test_memory_is_given_back() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("the C library gives nothing back on demand")
    asked = [sys.executable, "-c", MEASURED]
    ran = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    with_them, before, after = map(int, ran.stdout.split())
    assert before > with_them - 20, "else there was nothing to give back"
    assert after < before - 150


AT_ONCE = """
import resource
from pathlib import Path
from risk.rows import memory

def held():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20

memory.give_back_at_once()
first = b"x" * (30 * 2**20)
del first  # a size that the C library would have room for from now on
many = [b"x" * (10 * 2**20) for _ in range(20)]
last = b"y" * (10 * 2**20)
with_them = held()
del many
print(with_them, held())
"""


def test_large_arrays_are_given_back_at_once() -> None:
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("the C library cannot be told to")
    asked = [sys.executable, "-c", AT_ONCE]
    ran = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    with_them, after = map(int, ran.stdout.split())
    assert after < with_them - 180
