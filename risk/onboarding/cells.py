"""A column of a table that nobody has described yet: its name, its cells, what they can be."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from risk.columns import DATE, MONEY, NUMBER, PERCENT, SIGNED
from risk.judging import cell_rules
from risk.judging.cell_rules import LineRefused

FITS = 0.98  # of the cells must be of a kind; lines with others are refused later
PLACEHOLDERS = frozenset({"-", "--", "?", ".", "n/a", "#n/a", "unknown", "missing", "not known"})
NUMBERS_OF_NOTHING = frozenset({"-99", "-999", "-9999", "-99999", "-999.0", "-9999.0"})
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


class Column(NamedTuple):
    """A column, its cells as they are and counted, those that are missing left out."""

    name: str
    cells: Sequence[str]
    counts: Counter[str]

    @property
    def words(self) -> list[str]:
        """The words of its name, in small letters."""
        return [word.lower() for word in WORD.findall(self.name)]

    @property
    def present(self) -> int:
        """How many cells are not missing."""
        return self.counts.total()

    def named_like(self, beginnings: Iterable[str]) -> bool:
        """Whether a word of its name begins like one of these."""
        return any(word.startswith(tuple(beginnings)) for word in self.words)

    def share_of(self, kind: str) -> float:
        """The share of its cells that are of this kind."""
        fitting = (count for cell, count in self.counts.items() if value_of(kind, cell) is not None)
        return sum(fitting) / max(1, self.present)


def column_of(name: str, cells: Sequence[str], missing: Iterable[str] = ()) -> Column:
    """A column with these cells, of which empty ones and these words are missing."""
    nothing = cell_rules.MISSING_LEVELS.union(missing)
    counts = Counter(cells)
    there = {cell: count for cell, count in counts.items() if cell.strip(" \t") not in nothing}
    return Column(name, cells, Counter(there))


def placeholders(cells: Iterable[str]) -> set[str]:
    """The cells that people fill in where they know nothing."""
    words = {cell.strip(" \t") for cell in cells}
    return {word for word in words if word.casefold() in PLACEHOLDERS}


def value_of(kind: str, cell: str) -> str | float | None:
    """A cell as it is read, nan where it is missing, and none if it is not of this kind."""
    try:
        return cell_rules.KINDS[kind](cell, "")
    except LineRefused:
        return None


def words_for_missing(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What stands for a missing cell among numbers and dates, and where."""
    told: dict[str, str] = {}
    for name, cells in table.items():
        column = column_of(name, cells)
        stripped = {cell.strip(" \t") for cell in column.counts}
        words = placeholders(stripped)
        others = column_of(name, cells, words | NUMBERS_OF_NOTHING)
        if not others.present:
            continue
        if others.share_of(NUMBER) >= FITS:
            words |= stripped & NUMBERS_OF_NOTHING if others.share_of(NUMBER) == 1 else set()
        elif not any(others.share_of(kind) >= FITS for kind in (DATE, SIGNED, PERCENT, MONEY)):
            continue
        for word in sorted(words):
            told.setdefault(word, f"among the numbers or dates of {name!r}")
    return told


def counts_rows(column: Column) -> bool:
    """Whether a column holds the numbers of the rows."""
    if len(column.counts) < len(column.cells) or column.share_of(NUMBER) < 1:
        return False
    numbers = [float(cell) for cell in column.counts]
    return max(numbers) - min(numbers) == len(numbers) - 1 and len(numbers) > 1
