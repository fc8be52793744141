"""Four months as cron lives them, outcomes late by half a month: python -m benchmarks.months

Each month begins with a snapshot; the outcomes of the last one come in later, as a further file.
After each file fullprocess.py runs, and the first of its list are held against what happens then.
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.project import command, cost, project
from company import fabricate
from risk import files
from risk.records import list_file
from risk.rows import tables
from risk.settings import Settings

FIRST, LAST = 4, 7  # the months that come after the files in the repository
TEST_DATA = "testdata/testdata.csv"


class Worth(NamedTuple):
    """The share that leaves of those called: by the list, by the best possible, by chance."""

    listed: float
    best: float
    at_random: float


def worth(settings: Settings, month: int) -> Worth:
    """What calling the first on the list is worth in this month."""
    left = fabricate.periods(month, fabricate.CLIENTS, fabricate.SEED)[-1]
    left = left.set_index("corporation")["exited"]
    codes = list_file.read(settings.output_model_path / files.RANKING, ("corporation",))
    called = codes["corporation"][: settings.capacity]
    if gone := sorted(set(called) - set(left.index)):
        raise SystemExit(f"the list has clients that are gone: {', '.join(gone)}")
    truth = fabricate.true_risks(month, fabricate.CLIENTS, fabricate.SEED)[left.index]
    best = truth.nlargest(settings.capacity).index
    return Worth(float(left[called].mean()), float(left[best].mean()), float(left.mean()))


def show(settings: Settings, month: int, what: str) -> None:
    """Run as cron does, check the data, and print what the list is worth."""
    cost(command("fullprocess.py", settings.workspace / "config.json"))
    table = tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns)
    key = [name for name in settings.columns.all if name != settings.target_column]
    if table.duplicated(subset=key).sum() > len(table) / 1000:
        raise SystemExit("the data has rows twice")
    found = worth(settings, month)
    print(f"{month:>5}  {what:<10} {len(table):>8,} {found.listed:>8.1%} ", end="")
    print(f"{found.best:>8.1%} {found.at_random:>8.1%}")


def main() -> None:
    """Live through the months."""
    shipped = fabricate.shipped()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        given = [table for name, table in shipped.items() if name.startswith("sourcedata/")]
        settings = Settings.load(project(Path(folder), [*given, shipped[TEST_DATA]]))
        print("month  came in        rows     list     best   random")
        show(settings, FIRST - 1, "the start")
        for month in range(FIRST, LAST + 1):
            delivery = fabricate.delivery(month, fabricate.CLIENTS, fabricate.SEED)
            for what, rows in (("snapshot", delivery.snapshot), ("outcomes", delivery.outcomes)):
                name = f"dataset{month + 1}-{what}.csv"
                tables.write(settings.input_folder_path / name, rows)
                show(settings, month, what)


if __name__ == "__main__":
    main()
