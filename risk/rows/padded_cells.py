"""Cells as groups of four bytes, padded with NUL, of which the lines of a CSV file are made.

A number has its text from tables of all texts of up to four digits, so that none is formatted.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from risk.rows import text_words
from risk.rows.text_words import WORD, Texts

Fours = npt.NDArray[np.uint32]  # of each row's cell four bytes
Signs = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]

FOUR = 4  # bytes
NUL = b"\0"
LONGEST = 63  # bytes; with longer texts a line would be padding for the most part
ENDS = COMMA, NEWLINE = ",\n"
POINT = "."
THOUSAND = 1_000
TOO_LARGE = 10_000 * THOUSAND


def _digits(count: int) -> Signs:
    """All numbers of so many digits, zeros in front among them."""
    places = 10 ** np.arange(count)[::-1]
    return (np.arange(10**count)[:, None] // places % 10 + ord("0")).astype(np.uint8)


def _without_zeros(digits: Signs) -> Signs:
    """The same without the zeros in front; it does not matter where among NUL a sign stands."""
    is_zero = np.logical_and.accumulate(digits == ord("0"), axis=1)
    return np.where(is_zero, np.uint8(0), digits)


def _fours(signs: Signs, end: str = "") -> Fours:
    """Each of these with its end, and at last what stands for a missing number."""
    ends = np.full((len(signs), len(end)), ord(end or NUL), dtype=np.uint8)
    missing = np.frombuffer(end.strip(POINT).encode().rjust(FOUR, NUL), np.uint8)
    return np.vstack([np.hstack([signs, ends]), missing]).view(np.uint32).ravel()


def _with_last(digits: Signs) -> Signs:
    """The same without zeros in front, of which the last one stays."""
    return np.hstack([_without_zeros(digits)[:, :-1], digits[:, -1:]])


THREE = _digits(3)
THOUSANDS = _fours(_without_zeros(_digits(4)))
LAST_DIGITS = {end: _fours(np.vstack([_with_last(THREE), THREE]), end) for end in (*ENDS, POINT)}
DECIMALS = {end: _fours(_with_last(THREE[:, ::-1])[:, ::-1], end) for end in ENDS}
BEHIND = THOUSAND  # where the last digits with all their zeros begin
MISSING = -1


def of_numbers(numbers: Numbers, end: str, *, is_whole: bool) -> list[Fours] | None:
    """Numbers as Python writes them, and this end; None if one has more digits than the tables."""
    is_missing = np.isnan(numbers)
    given = np.where(is_missing, 0.0, numbers)
    if np.signbit(given).any() or given.max(initial=0) >= TOO_LARGE:
        return None
    whole = np.floor(given)
    if is_whole:
        return _whole(whole, is_missing, end)
    thousandths = np.rint(given * THOUSAND)
    if (thousandths / THOUSAND != given).any():
        return None
    decimals = (thousandths - whole * THOUSAND).astype(np.int32)
    decimals[is_missing] = MISSING
    return [*_whole(whole, is_missing, POINT), DECIMALS[end][decimals]]


def _whole(whole: Numbers, is_missing: npt.NDArray[np.bool_], end: str) -> list[Fours]:
    last = whole.astype(np.int32)
    thousands = last // THOUSAND
    last -= thousands * THOUSAND
    last += (thousands > 0) * np.int32(BEHIND)
    last[is_missing] = MISSING
    before = [THOUSANDS[thousands]] if thousands.any() else []
    return [*before, LAST_DIGITS[end][last]]


def of_texts(texts: Texts, end: str) -> list[Fours] | None:
    """Texts, and this end; None if one is too long, or holds what is padding here."""
    longest = text_words.longest(texts)
    if longest > LONGEST or NUL in text_words.content(texts).tobytes():
        return None
    _, length = text_words.ends(texts)
    fours: list[Fours] = []
    for at in range(0, longest + 1, WORD):
        bits = (np.clip(length - at, 0, WORD - 1) * WORD).astype(np.uint64)
        is_end = (length >= at) & (length < at + WORD)
        word = text_words.word(texts, at)
        word |= np.where(is_end, np.uint64(ord(end)) << bits, np.uint64(0))
        fours.extend(word.view(np.uint32).reshape(-1, WORD // FOUR).T)
    return fours


def lines(cells: Sequence[list[Fours]]) -> bytes:
    """The lines of rows with these cells, each with its end."""
    fours = list(itertools.chain(*cells))
    padded = np.empty((len(fours[0]), len(fours)), dtype=np.uint32)
    for at, four in enumerate(fours):
        padded[:, at] = four
    return padded.tobytes().translate(None, NUL)
