"""Which column says whose row it is, and which of what time, where a client has several rows."""

import re
from collections.abc import Iterator, Sequence

from risk.columns import DATE, MONEY, PERCENT, SIGNED
from risk.errors import DataUnusable
from risk.judging import cell_rules
from risk.onboarding.cells import FITS, Column, counts_rows

UNIQUE = 0.99  # of the rows have a value of their own, or a value of their own in each period
SHARED = 0.2  # of the clients, at least, stand in a usual period
OF_CLIENTS = {"customer", "client", "account", "subscriber", "member", "user", "corporation"}
OF_CLIENTS |= {"company", "policy", "contract", "employee", "phone"}
OF_CODES = {"id", "code", "number", "no", "nr", "key", "uid", "uuid"}
OF_PERIODS = ("period", "month", "quarter", "year", "week", "snapshot", "date", "day", "time", "as")


def client_among(columns: Sequence[Column]) -> tuple[Column, Column | None, list[str]]:
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


def _is_day_of_all(column: Column) -> bool:
    """Whether a column holds the day of a snapshot, the same in each row."""
    is_full = column.present == len(column.cells) and len(column.counts) == 1
    return is_full and column.share_of(DATE) == 1 and column.named_like(OF_PERIODS)


def _as_client(
    column: Column, columns: Sequence[Column]
) -> Iterator[tuple[float, Column, Column | None, str]]:
    """How well a column would do as the client's code, with which period, and why."""
    rank, rows = rank_of_name(column), len(column.cells)
    if column.present < FITS * rows or max(map(len, column.counts)) > cell_rules.LONGEST_CLIENT:
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


def rank_of_name(column: Column) -> float:
    """How clearly a name speaks of a client's code, or of a code at all."""
    words = set(column.words)
    is_client, is_code = bool(words & OF_CLIENTS), bool(words & OF_CODES)
    if "of" in words:  # such as number_of_calls
        return 0
    if words - OF_CLIENTS - OF_CODES:
        return {(True, True): 3, (False, True): 1}.get((is_client, is_code), 0)
    return {(True, True): 4, (True, False): 3, (False, True): 2}.get((is_client, is_code), 0)


def _rank_of_content(column: Column) -> float:
    """How much values look like codes: words more than numbers, and a row's number least."""
    if all(column.share_of(kind) < FITS for kind in (DATE, MONEY, PERCENT)):
        return 0.2 if any(" " in cell.strip() for cell in column.counts) else 0.5
    if not all(re.fullmatch("[0-9]+", cell.strip(" \t")) for cell in column.counts):
        return 0
    return 0.1 if counts_rows(column) else 0.3


def _in_order(columns: Sequence[Column]) -> list[Column]:
    """First those whose names speak of a time, then those that hold dates."""
    return sorted(
        columns, key=lambda each: (not each.named_like(OF_PERIODS), each.share_of(DATE) < 1)
    )


def _is_period(column: Column, client: Column) -> bool:
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
