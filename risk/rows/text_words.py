"""Texts as numbers, eight bytes at a time; no text holds a NUL."""

from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Whole = npt.NDArray[np.integer]
Texts = Any  # an array of pyarrow of the type large_binary

WORD = 8  # bytes


def longest(texts: Texts) -> int:
    """The length of the longest text in bytes."""
    return int(ends(texts)[1].max(initial=0))


def ends(texts: Texts) -> tuple[Whole, Whole]:
    """Where each text begins among the bytes, and how long it is."""
    ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return ends[:-1], np.diff(ends)


def content(texts: Texts) -> npt.NDArray[np.uint8]:
    """The bytes of all texts, one after another."""
    begin, length = ends(texts)
    if not len(texts) or texts.buffers()[2] is None:
        return np.zeros(0, dtype=np.uint8)
    first, last = int(begin[0]), int(begin[-1] + length[-1])
    return np.frombuffer(texts.buffers()[2], np.uint8)[first:last]


def word(texts: Texts, at: int) -> Words:
    """Eight bytes of each text from this one on, 0 where it has no more."""
    begin, length = ends(texts)
    left = np.clip(length - at, 0, WORD)
    padded = np.append(content(texts), np.zeros(2 * WORD, dtype=np.uint8))
    words = np.lib.stride_tricks.as_strided(
        padded[:WORD].view(np.uint64), (len(padded) - WORD + 1,), (1,)
    )
    unused = ((WORD - left) * WORD).astype(np.uint64)  # bits; to shift by all 64 is undefined
    found = words[np.minimum(begin - begin[:1] + at, len(words) - 1)]
    return np.where(left, (found << unused) >> unused, np.uint64(0))
