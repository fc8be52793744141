"""Which column tells who left, and which of its two values says so."""

from collections import Counter
from collections.abc import Iterable, Sequence

from risk.errors import DataUnusable
from risk.judging import cell_rules
from risk.judging.cell_rules import LineRefused
from risk.onboarding.cells import WORD, Column, column_of, placeholders

OF_LEAVING = (
    *("churn", "exit", "left", "leave", "leaving", "attrit", "cancel", "quit", "lost", "gone"),
    *("terminat", "defect"),
)
OF_STAYING = ("stay", "retain", "active", "renew", "loyal", "kept")
OF_OUTCOMES = ("status", "outcome", "target", "label", "class", "result")
YES, NO = {"yes", "y", "true", "t", "1", "1.0"}, {"no", "n", "false", "f", "0", "0.0"}
LEFT = {"left", "gone", "inactive", "bad", "closed", "expired", "ended", "default", "former"}
STAYED = {"current", "open", "existing", "good"}
NOT = {"not", "no", "non", "never"}


def as_outcome(name: str, cells: Sequence[str], missing: Iterable[str]) -> Column:
    """A column without the cells of clients whose outcome is not known yet."""
    return column_of(name, cells, cell_rules.MISSING.union(missing, placeholders(cells)))


def words_for_unknown(target: Column) -> dict[str, str]:
    """What stands for an outcome that is not known yet and is not read so, and where."""
    unknown = sorted(placeholders(target.cells) - cell_rules.MISSING)
    return dict.fromkeys(unknown, f"in {target.name!r}")


def target_among(columns: Sequence[Column]) -> tuple[Column, list[str], str, bool]:
    """The outcome, its words if they have to be named, why, and whether its name speaks for it."""
    ranked = [
        (rank, column, why)
        for column in columns
        if (found := _as_target(column))
        for rank, why in [found]
    ]
    if not ranked:
        raise DataUnusable("no column has two values, one for clients that left and one for others")
    best = max(rank for rank, _, _ in ranked)
    _, column, why = [each for each in ranked if each[0] == best][-1]
    left, stayed, why_left = _outcomes(column)
    words = [left, stayed] if _needs_words(left, stayed) else []
    reason = f"'target_column' is {column.name!r}: {why}; {left!r} means left, {why_left}"
    return column, words, reason, column.named_like(OF_LEAVING)


def _as_target(column: Column) -> tuple[int, str] | None:
    """How well a column with two values would do as the outcome, and why."""
    values = {cell.strip(" \t").casefold() for cell in column.counts}
    if len(values) != 2 or max(map(len, values)) > cell_rules.LONGEST_LEVEL:
        return None
    if column.named_like(OF_LEAVING):
        rank = 4 + (len(column.words) == 1)
        return rank, "it has two values, and its name speaks of leaving"
    if any(_means_left(value) for value in values - YES):
        return 3, "one of its two values speaks of leaving"
    if column.named_like(OF_STAYING):
        return 2, "it has two values, and its name speaks of staying"
    if column.named_like(OF_OUTCOMES):
        return 1, "it has two values, and its name speaks of an outcome"
    return 0, "it is the last column with two values, which is no more than a guess"


def _means_left(value: str) -> bool:
    words = {word.lower() for word in WORD.findall(value)}
    speaks = any(word in LEFT or word.startswith(OF_LEAVING) for word in words)
    return speaks and not words & NOT


def _means_stayed(value: str) -> bool:
    words = {word.lower() for word in WORD.findall(value)}
    if words & NOT:
        return _means_left(" ".join(words - NOT))
    return any(word in STAYED or word.startswith(OF_STAYING) for word in words)


def _outcomes(column: Column) -> tuple[str, str, str]:
    """The value of a client that left and the other one, as they are written, and why."""
    counts = Counter[str]()
    for cell, count in column.counts.items():
        counts[cell.strip(" \t").casefold()] += count
    written = {cell.strip(" \t").casefold(): cell.strip(" \t") for cell in column.counts}
    rarer, other = sorted(counts, key=lambda value: (counts[value], value))
    for left, stayed in ((rarer, other), (other, rarer)):
        plain, plain_too = left.rstrip("."), stayed.rstrip(".")
        if (_means_left(plain) and not _means_left(plain_too)) or (
            _means_stayed(plain_too) and not _means_stayed(plain)
        ):
            return written[left], written[stayed], "as the word says"
        if plain in YES and plain_too in NO and not column.named_like(OF_STAYING):
            return written[left], written[stayed], "as the name of the column says"
        if plain in NO and plain_too in YES and column.named_like(OF_STAYING):
            return written[left], written[stayed], "as the name of the column says"
    return written[rarer], written[other], "since it is the rarer one"


def _needs_words(left: str, stayed: str) -> bool:
    """Whether two values are not read as an outcome, or the wrong way round."""
    try:
        return (cell_rules.outcome(left, ""), cell_rules.outcome(stayed, "")) != (1.0, 0.0)
    except LineRefused:
        return True
