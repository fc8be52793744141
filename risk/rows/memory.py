"""The memory that a large table took, given back when the table is gone."""

import ctypes

import pyarrow as pa

LARGE = 4 * 2**20  # bytes
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # as malloc.h numbers them


def give_back() -> None:
    """Let the system have what is free; a server would keep it for the next large table."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # where the C library has it
    if trim:
        trim(0)


def give_back_at_once() -> None:
    """Let the system have each large array as soon as it is gone, wherever it lies among others.

    The C library would do so for the largest ones only, and keep room for the next one of a size
    that it has seen before.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune:
        tune(MMAP_THRESHOLD, LARGE)
        tune(TRIM_THRESHOLD, 4 * LARGE)
