"""What a model can learn from a column, or why it is left out."""

import math
import re
from collections.abc import Mapping, Sequence

from risk.columns import CATEGORY, DATE, MONEY, NUMBER, PERCENT, SIGNED
from risk.errors import DataUnusable
from risk.judging import cell_rules
from risk.onboarding.cells import FITS, Column, counts_rows, value_of
from risk.onboarding.row_key import UNIQUE, rank_of_name

MOST_DIFFERENT = 0.5  # of the texts of a category
FEWEST_TO_TELL, MOST_TO_TELL = 100, 20  # rows and values, for a column that tells the outcome
OF_VALUES = (
    *("revenue", "turnover", "sales", "mrr", "arr", "premium", "charge", "fee", "value"),
    *("spend", "price", "amount", "income", "balance"),
)
UNREAD = {
    "moments, where only days like 2026-01-31 are read": re.compile(r"\d{4}-\d\d-\d\d[T ]\d.*"),
    "days not written like 2026-01-31": re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( .*)?"),
    "numbers with a decimal comma": re.compile(r"-?[0-9.]*[0-9],[0-9]{1,2}"),
}


def kinds_among(columns: Sequence[Column], target: Column) -> tuple[dict[str, str], list[str]]:
    """The kind of each column that is of use, by name, and why each is of that kind or left out."""
    found = {column.name: _kind(column, target) for column in columns}
    kinds = {name: kind for name, (kind, _) in found.items() if kind}
    if not kinds:
        raise DataUnusable("no column is left that a model could learn from")
    return kinds, [f"{name!r} is {why}" for name, (_, why) in found.items()]


def _kind(column: Column, target: Column) -> tuple[str | None, str]:
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


def _because(column: Column, kind: str) -> str:
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


def _useless(column: Column, kind: str) -> str | None:
    """Why a column has nothing to learn from."""
    if column.share_of(kind) < FITS:
        return (
            f"its texts are longer than {cell_rules.LONGEST_LEVEL} characters, or have line breaks"
        )
    values = {value_of(kind, cell) for cell in column.counts} - {None}
    known = {value for value in values if not (isinstance(value, float) and math.isnan(value))}
    has_gaps = column.present < len(column.cells)
    if len(known) < (1 if kind == CATEGORY and has_gaps else 2):
        return "it has the same value in each row"
    if kind == CATEGORY:
        return _useless_text(column)
    if kind == NUMBER and counts_rows(column):
        return "it counts the rows"
    is_code = rank_of_name(column) > 0 and len(known) >= UNIQUE * len(column.cells)
    return "it is a code: its name says so, and each row has another one" if is_code else None


def _useless_text(column: Column) -> str | None:
    if len(column.counts) <= MOST_DIFFERENT * column.present:
        return None
    for what, pattern in UNREAD.items():
        fitting = (
            count for cell, count in column.counts.items() if pattern.fullmatch(cell.strip())
        )
        if sum(fitting) >= FITS * column.present:
            return f"it holds {what}"
    return "nearly every row has another text"


def _tells(column: Column, target: Column) -> str | None:
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


def suggestions(columns: Sequence[Column], kinds: Mapping[str, str]) -> list[str]:
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
