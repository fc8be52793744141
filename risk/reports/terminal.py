"""Tables as a terminal shows them."""

import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

from risk.rows import tables
from risk.wording import FEW_LEAVERS

WIDTH = 100
PROVISIONAL = "*"
SCORES = {  # each with the leavers that it rests on
    "deployed_score": "test_leavers",
    "new_score": "newest_leavers",
    "trained_score": "test_leavers",
}


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows with their columns one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def two_columns(
    first: str, second: str, names: Sequence[str], numbers: Sequence[float]
) -> list[list[str]]:
    """Names with a number each, under their titles."""
    pairs = zip(names, numbers, strict=True)
    return [[first, second], *([name, f"{number:.3f}"] for name, number in pairs)]


def history(runs: pd.DataFrame) -> str:
    """Runs in their order, each with its scores, its files and its reason."""
    scores = "deployed  newest   trained  files  refused lines"
    lines = [f"{'began':20}  {'outcome':12}  {'release':12}  {scores}"]
    marked = False
    for entry in tables.as_rows(runs):
        numbers = [_four(entry[name], entry[leavers]) for name, leavers in SCORES.items()]
        marked = marked or any(number.endswith(PROVISIONAL) for number in numbers)
        run = f"{entry['started_at']:20}  {entry['outcome']:12}  {entry['release'] or '':12}  "
        lines.append(f"{run}{'  '.join(numbers)}  {_files(entry)}".rstrip())
        lines += textwrap.wrap(
            entry["reason"], WIDTH, initial_indent=" " * 22, subsequent_indent=" " * 22
        )
    if marked:
        lines.append(f"{PROVISIONAL} provisional: rests on fewer than {FEW_LEAVERS} leavers")
    return "\n".join(lines)


def _files(run: dict[str, Any]) -> str:
    return f"{run['files']:5}  {run['refused']:13}" if run["files"] else ""


def _four(score: float | None, leavers: int | None) -> str:
    if score is None:
        return " " * 7
    is_provisional = leavers is not None and leavers < FEW_LEAVERS
    return f"{score:.4f}{PROVISIONAL if is_provisional else ' '}"
