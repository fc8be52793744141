"""The memory that a large table took, given back when the table is gone."""

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Let the system have what is free; a server would keep it for the next large table."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # where the C library has it
    if trim:
        trim(0)
