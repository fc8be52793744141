"""Tables as a terminal shows them."""

import textwrap
from collections.abc import Sequence

import pandas as pd

WIDTH = 100
SCORES = ("deployed_score", "new_score", "trained_score")


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
    """Runs in their order, each with its scores and its reason."""
    lines = [f"{'began':20}  {'outcome':11}  {'release':12}  deployed  newest   trained"]
    for entry in runs.to_dict("records"):
        numbers = [_four(entry[name]) for name in SCORES]
        lines.append(
            f"{entry['started_at']:20}  {entry['outcome']:11}  {entry['release'] or '':12}  "
            + "   ".join(numbers)
        )
        lines += textwrap.wrap(
            entry["reason"], WIDTH, initial_indent=" " * 22, subsequent_indent=" " * 22
        )
    return "\n".join(lines)


def _four(score: float | None) -> str:
    return "      " if score is None or pd.isna(score) else f"{score:.4f}"
