"""A part of a step on a table in memory: python -m benchmarks.alone WHOSE PART CONFIG

The last line of its output is the CPU time of that part, of all threads, in seconds. Imports, the
parse of the CSV and the choice of rows are over by then, and the same for both.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks import bare
from risk import files
from risk.columns import Columns
from risk.models import estimator
from risk.rows import statistics, tables
from risk.settings import Settings


def fit(table: pd.DataFrame, columns: Columns) -> None:
    """Our fit, from the table to a model that can be kept."""
    estimator.fit(table, columns, "log")


def summarize(table: pd.DataFrame, columns: Columns) -> None:
    """Our statistics and missing shares."""
    for name in columns.measured:
        statistics.numbers(table, name)
    statistics.missing_percent(table, columns)


def works(columns: Columns) -> dict[tuple[str, str], Callable[[pd.DataFrame], None]]:
    """Each part, as we do it and as one would type it."""
    return {
        ("our", "fit"): partial(fit, columns=columns),
        ("bare", "fit"): bare.fit,
        ("our", "summarize"): partial(summarize, columns=columns),
        ("bare", "summarize"): bare.summarize,
    }


def main(whose: str, part: str, config: str) -> None:
    """Measure one of them on the dataset of a project."""
    settings = Settings.load(Path(config))
    columns = settings.columns
    table = tables.read(settings.output_folder_path / files.FINAL_DATA, columns)
    if part == "fit":
        table = tables.with_outcome(table, columns)
    work = works(columns)[whose, part]
    begin = time.process_time()
    work(table)
    print(time.process_time() - begin)


if __name__ == "__main__":
    main(*sys.argv[1:])
