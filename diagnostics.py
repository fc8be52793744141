"""What the runs decided, and a copy of their history: python diagnostics.py --history

python diagnostics.py --backup FILE
"""

import textwrap
from pathlib import Path

import pandas as pd

from risk import records
from risk.cli import Option, run
from risk.settings import Settings

LAST_RUNS = 20
WIDTH = 100


def history(settings: Settings | None = None) -> str:
    """The last runs as a person reads them, the newest at the end."""
    settings = settings or Settings.load()
    last = records.last_runs(settings, LAST_RUNS)[::-1]
    if last.empty:
        return "no run is recorded yet"
    lines = [f"{'began':20}  {'outcome':11}  {'release':12}  deployed  newest   trained"]
    for entry in last.to_dict("records"):
        numbers = [_four(entry[name]) for name in ("deployed_score", "new_score", "trained_score")]
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


def print_history(settings: Settings) -> None:
    """Print what the last runs decided, and why."""
    print(history(settings))


def back_up(settings: Settings, file: str) -> None:
    """Copy the SQLite history to FILE while it is in use."""
    records.back_up(settings, Path(file))
    print(f"the history is in {file}")


if __name__ == "__main__":
    run(
        print_history,
        Option("--history", print_history, writes=False),
        Option("--backup", back_up, writes=False, argument="FILE"),
        writes=False,
    )
