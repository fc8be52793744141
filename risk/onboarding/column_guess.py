"""What the columns of a table that nobody has described yet are, and why."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from risk.columns import CATEGORY, DATE, MONEY, NUMBER, PERCENT, SIGNED
from risk.data import schema
from risk.data.schema import LineRefused
from risk.errors import DataUnusable

FITS = 0.98  # of the cells must be of a kind; lines with others are refused later
UNIQUE = 0.99  # of the rows have a value of their own, or a value of their own in each period
MOST_DIFFERENT = 0.5  # of the texts of a category
SHARED = 0.2  # of the clients, at least, stand in a usual period
FEWEST_TO_TELL, MOST_TO_TELL = 100, 20  # rows and values, for a column that tells the outcome

PLACEHOLDERS = frozenset({"-", "--", "?", ".", "n/a", "#n/a", "unknown", "missing", "not known"})
NUMBERS_OF_NOTHING = frozenset({"-99", "-999", "-9999", "-99999", "-999.0", "-9999.0"})
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
OF_CLIENTS = {"customer", "client", "account", "subscriber", "member", "user", "corporation"}
OF_CLIENTS |= {"company", "policy", "contract", "employee", "phone"}
OF_CODES = {"id", "code", "number", "no", "nr", "key", "uid", "uuid"}
OF_PERIODS = ("period", "month", "quarter", "year", "week", "snapshot", "date", "day", "time", "as")
OF_VALUES = (
    *("revenue", "turnover", "sales", "mrr", "arr", "premium", "charge", "fee", "value"),
    *("spend", "price", "amount", "income", "balance"),
)
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
UNREAD = {
    "moments, where only days like 2026-01-31 are read": re.compile(r"\d{4}-\d\d-\d\d[T ]\d.*"),
    "days not written like 2026-01-31": re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( .*)?"),
    "numbers with a decimal comma": re.compile(r"-?[0-9.]*[0-9],[0-9]{1,2}"),
}


class Guess(NamedTuple):
    """Keys of config.json, why each has its value, and which of them somebody must look at."""

    keys: dict[str, Any]
    reasons: list[str]
    warnings: list[str]


class _Column(NamedTuple):
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
        fitting = (count for cell, count in self.counts.items() if _value(kind, cell) is not None)
        return sum(fitting) / max(1, self.present)


def _column(name: str, cells: Sequence[str], missing: Iterable[str] = ()) -> _Column:
    nothing = schema.MISSING_LEVELS.union(missing)
    counts = Counter(cells)
    there = {cell: count for cell, count in counts.items() if cell.strip(" \t") not in nothing}
    return _Column(name, cells, Counter(there))


def _as_outcome(name: str, cells: Sequence[str], missing: Iterable[str]) -> _Column:
    """A column without the cells of clients whose outcome is not known yet."""
    return _column(name, cells, schema.MISSING.union(missing, _placeholders(cells)))


def _placeholders(cells: Iterable[str]) -> set[str]:
    """The cells that people fill in where they know nothing."""
    words = {cell.strip(" \t") for cell in cells}
    return {word for word in words if word.casefold() in PLACEHOLDERS}


def _value(kind: str, cell: str) -> str | float | None:
    """A cell as it is read, nan where it is missing, and none if it is not of this kind."""
    try:
        return schema.KINDS[kind](cell, "")
    except LineRefused:
        return None


def guessed(table: Mapping[str, Sequence[str]]) -> Guess:
    """The keys that fit a table of texts: a row is a client, or a client at one time."""
    told = _missing_words(table)
    target, words, why_target, is_named = _target(
        [_as_outcome(name, cells, told) for name, cells in table.items()]
    )
    told |= _words_for_unknown(target)
    features = [_column(name, table[name], told) for name in table if name != target.name]
    client, period, why_client = _client(features)
    reasons = [why_target, *why_client]
    keys: dict[str, Any] = {"client_column": client.name, "target_column": target.name}
    kinds: dict[str, str] = {}
    for column in features:
        if column in (client, period):
            continue
        kind, why = _kind(column, target)
        reasons.append(f"{column.name!r} is {why}")
        if kind:
            kinds[column.name] = kind
    if not kinds:
        raise DataUnusable("no column is left that a model could learn from")
    keys["feature_columns"] = list(kinds)
    optional = {
        "column_kinds": {name: kind for name, kind in kinds.items() if kind != NUMBER},
        "period_column": period.name if period else None,
        "outcome_words": words,
        "missing_words": list(told),
    }
    keys |= {key: value for key, value in optional.items() if value}
    reasons += [f"'missing_words' has {word!r}: it stands {where}" for word, where in told.items()]
    reasons += _suggestions(features, kinds)
    doubt = (
        f"no column's name speaks of leaving, so {target.name!r} as the target is NO MORE THAN A "
        "GUESS; if another column tells who left, name it as 'target_column'"
    )
    return Guess(keys, reasons, [] if is_named else [doubt])


def _words_for_unknown(target: _Column) -> dict[str, str]:
    """What stands for an outcome that is not known yet and is not read so, and where."""
    unknown = sorted(_placeholders(target.cells) - schema.MISSING)
    return dict.fromkeys(unknown, f"in {target.name!r}")


def _missing_words(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What stands for a missing cell among numbers and dates, and where."""
    told: dict[str, str] = {}
    for name, cells in table.items():
        column = _column(name, cells)
        stripped = {cell.strip(" \t") for cell in column.counts}
        words = _placeholders(stripped)
        others = _column(name, cells, words | NUMBERS_OF_NOTHING)
        if not others.present:
            continue
        if others.share_of(NUMBER) >= FITS:
            words |= stripped & NUMBERS_OF_NOTHING if others.share_of(NUMBER) == 1 else set()
        elif not any(others.share_of(kind) >= FITS for kind in (DATE, SIGNED, PERCENT, MONEY)):
            continue
        for word in sorted(words):
            told.setdefault(word, f"among the numbers or dates of {name!r}")
    return told


def _target(columns: Sequence[_Column]) -> tuple[_Column, list[str], str, bool]:
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


def _as_target(column: _Column) -> tuple[int, str] | None:
    """How well a column with two values would do as the outcome, and why."""
    values = {cell.strip(" \t").casefold() for cell in column.counts}
    if len(values) != 2 or max(map(len, values)) > schema.LONGEST_LEVEL:
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


def _outcomes(column: _Column) -> tuple[str, str, str]:
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
        return (schema.outcome(left, ""), schema.outcome(stayed, "")) != (1.0, 0.0)
    except LineRefused:
        return True


def _client(columns: Sequence[_Column]) -> tuple[_Column, _Column | None, list[str]]:
    """The column with the client's code, the one with the period if there is one, and why."""
    ranked = [found for column in columns for found in _as_client(column, columns)]
    if not ranked:
        raise DataUnusable(
            "no column has another value in each row, as a client's code would; add one that has"
        )
    best = max(rank for rank, *_ in ranked)
    _, client, period, why = next(each for each in ranked if each[0] == best)
    reasons = [f"'client_column' is {client.name!r}: {why}"]
    if period:
        many = f"{len(period.counts)} values, and a client has one row for each of them"
        reasons.append(f"'period_column' is {period.name!r}: it has {many}")
    elif period := next(filter(_is_day_of_all, columns), None):
        reasons.append(f"'period_column' is {period.name!r}: it has one day for all rows")
    return client, period, reasons


def _is_day_of_all(column: _Column) -> bool:
    """Whether a column holds the day of a snapshot, the same in each row."""
    is_full = column.present == len(column.cells) and len(column.counts) == 1
    return is_full and column.share_of(DATE) == 1 and column.named_like(OF_PERIODS)


def _as_client(
    column: _Column, columns: Sequence[_Column]
) -> Iterator[tuple[float, _Column, _Column | None, str]]:
    """How well a column would do as the client's code, with which period, and why."""
    rank, rows = _rank_of_name(column), len(column.cells)
    if column.present < FITS * rows or max(map(len, column.counts)) > schema.LONGEST_CLIENT:
        return
    if len(column.counts) >= UNIQUE * rows:
        named = " and its name says so" if rank else ""
        rank = rank or _rank_of_content(column)
        if rank:
            yield rank, column, None, f"it has another value in each row{named}"
    elif rank:
        period = next((each for each in _in_order(columns) if _is_period(each, column)), None)
        why = "its name says so, and its values come again in other rows"
        if period or len(column.counts) >= SHARED * rows:
            yield (rank if period else rank - 2), column, period, why


def _rank_of_name(column: _Column) -> float:
    """How clearly a name speaks of a client's code, or of a code at all."""
    words = set(column.words)
    is_client, is_code = bool(words & OF_CLIENTS), bool(words & OF_CODES)
    if "of" in words:  # such as number_of_calls
        return 0
    if words - OF_CLIENTS - OF_CODES:
        return {(True, True): 3, (False, True): 1}.get((is_client, is_code), 0)
    return {(True, True): 4, (True, False): 3, (False, True): 2}.get((is_client, is_code), 0)


def _rank_of_content(column: _Column) -> float:
    """How much values look like codes: words more than numbers, and a row's number least."""
    if all(column.share_of(kind) < FITS for kind in (DATE, MONEY, PERCENT)):
        return 0.2 if any(" " in cell.strip() for cell in column.counts) else 0.5
    if not all(re.fullmatch("[0-9]+", cell.strip(" \t")) for cell in column.counts):
        return 0
    return 0.1 if _counts_rows(column) else 0.3


def _counts_rows(column: _Column) -> bool:
    """Whether a column holds the numbers of the rows."""
    if len(column.counts) < len(column.cells) or column.share_of(NUMBER) < 1:
        return False
    numbers = [float(cell) for cell in column.counts]
    return max(numbers) - min(numbers) == len(numbers) - 1 and len(numbers) > 1


def _in_order(columns: Sequence[_Column]) -> list[_Column]:
    """First those whose names speak of a time, then those that hold dates."""
    return sorted(
        columns, key=lambda each: (not each.named_like(OF_PERIODS), each.share_of(DATE) < 1)
    )


def _is_period(column: _Column, client: _Column) -> bool:
    """Whether a column has another value in each row of a client, and shares it with others."""
    rows, values = len(column.cells), len(column.counts)
    if column == client or column.present < rows or not 2 <= values <= len(client.counts):
        return False
    if rows / values < max(2, SHARED * len(client.counts)):
        return False
    is_number = column.share_of(SIGNED) == 1 and column.named_like(OF_PERIODS)
    if not is_number and column.share_of(DATE) < 1:
        return False
    return len(set(zip(client.cells, column.cells, strict=True))) >= UNIQUE * rows


def _kind(column: _Column, target: _Column) -> tuple[str | None, str]:
    """The kind of a feature and why; none for a column to leave out."""
    if not column.present:
        return None, "left out: it is empty"
    shares = {kind: column.share_of(kind) for kind in (NUMBER, DATE, SIGNED, PERCENT, MONEY)}
    kind = max(shares, key=lambda kind: shares[kind])
    if shares[kind] < FITS:
        kind, shares = CATEGORY, {CATEGORY: column.share_of(CATEGORY)}
    if why := _useless(column, kind) or _tells(column, target):
        return None, f"left out: {why}"
    rest = round((1 - shares[kind]) * column.present)
    more = f"; {rest} cells are not, and their lines will be refused" if rest else ""
    return kind, f"of the kind {kind}: {_because(column, kind)}{more}"


def _because(column: _Column, kind: str) -> str:
    if kind == CATEGORY:
        return f"it holds {len(column.counts)} different texts"
    reasons = {
        NUMBER: "it holds numbers from 0 up",
        SIGNED: "it holds numbers, some of them below 0",
        PERCENT: "it holds numbers with a percent sign",
        MONEY: "it holds numbers with a currency or groups of thousands",
        DATE: "it holds days like 2026-01-31",
    }
    return reasons[kind]


def _useless(column: _Column, kind: str) -> str | None:
    """Why a column has nothing to learn from."""
    if column.share_of(kind) < FITS:
        return f"its texts are longer than {schema.LONGEST_LEVEL} characters, or have line breaks"
    values = {_value(kind, cell) for cell in column.counts} - {None}
    known = {value for value in values if not (isinstance(value, float) and math.isnan(value))}
    has_gaps = column.present < len(column.cells)
    if len(known) < (1 if kind == CATEGORY and has_gaps else 2):
        return "it has the same value in each row"
    if kind == CATEGORY:
        return _useless_text(column)
    if kind == NUMBER and _counts_rows(column):
        return "it counts the rows"
    is_code = _rank_of_name(column) > 0 and len(known) >= UNIQUE * len(column.cells)
    return "it is a code: its name says so, and each row has another one" if is_code else None


def _useless_text(column: _Column) -> str | None:
    if len(column.counts) <= MOST_DIFFERENT * column.present:
        return None
    for what, pattern in UNREAD.items():
        fitting = (
            count for cell, count in column.counts.items() if pattern.fullmatch(cell.strip())
        )
        if sum(fitting) >= FITS * column.present:
            return f"it holds {what}"
    return "nearly every row has another text"


def _tells(column: _Column, target: _Column) -> str | None:
    """Whether a column of few values is the outcome in other words."""
    known = [
        pair for pair in zip(column.cells, target.cells, strict=True) if pair[1] in target.counts
    ]
    pairs = {(cell, outcome.strip(" \t").casefold()) for cell, outcome in known}
    values = {cell for cell, _ in pairs}
    is_twin = len(known) >= FEWEST_TO_TELL and len(pairs) == len(values) <= MOST_TO_TELL
    return (
        f"each of its values has one outcome, so it tells {target.name!r} itself"
        if is_twin
        else None
    )


def _suggestions(columns: Sequence[_Column], kinds: Mapping[str, str]) -> list[str]:
    """What nobody can know but the company."""
    worth = [
        column.name
        for word in OF_VALUES
        for column in columns
        if kinds.get(column.name) in (NUMBER, MONEY, SIGNED) and column.named_like([word])
    ]
    said = (
        [f'if {worth[0]!r} is what a client is worth, add "value_column": "{worth[0]}"']
        if worth
        else []
    )
    if len(kinds) > 3:
        said.append('"model": "auto" would also try trees, which takes a while longer')
    return said
