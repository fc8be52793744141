#!/usr/bin/env python3
"""Predictions, weights, statistics, missing data, timings, package versions: python diagnostics.py

python diagnostics.py --history | --json | --backup FILE | --columns FILE | --replay
"""

import json
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import ingestion
import training
from risk import files, packages, sandbox
from risk.cli import Option, run
from risk.data import test_data
from risk.dataset import final_data
from risk.errors import InputMissing, RiskError
from risk.learning import deployed
from risk.onboarding import own_table
from risk.reasons import coefficients
from risk.records import queries, store
from risk.reports import replay_table, terminal
from risk.rows import statistics, tables
from risk.settings import Settings

LAST_RUNS = 20
REQUIREMENTS = "requirements.txt"
STEPS = ("ingestion", "training")
PACKAGE = ["package", "installed", "latest"]


def model_predictions(dataset: pd.DataFrame, settings: Settings | None = None) -> list[int]:
    """What the deployed model expects of each row: 1 the client leaves, 0 it stays."""
    settings = settings or Settings.load()
    current = deployed.load(settings.prod_deployment_path, settings.columns)
    expected, _ = current.folded.of_table(tables.features(dataset, settings.columns))
    return [int(one) for one in expected]


def dataframe_summary(settings: Settings | None = None) -> list[list[float]]:
    """Mean, median, standard deviation and mode of each feature, then of the target."""
    settings = settings or Settings.load()
    table = final_data.read(settings).table
    return [statistics.numbers(table, name) for name in settings.columns.measured]


def missing_data(settings: Settings | None = None) -> list[float]:
    """The percentage of missing cells in each column of the merged data."""
    settings = settings or Settings.load()
    table = final_data.read(settings).table
    return statistics.missing_percent(table, settings.columns)


def execution_time(settings: Settings | None = None) -> list[float]:
    """The seconds that ingestion and training take, run in a scratch project."""
    settings = settings or Settings.load()
    seconds = []
    with sandbox.aside(settings) as aside, sandbox.quiet():
        for step in (ingestion.merge_multiple_dataframe, training.train_model):
            begin = time.perf_counter()
            step(aside)
            seconds.append(time.perf_counter() - begin)
    return seconds


def outdated_packages_list(settings: Settings | None = None) -> list[list[str]]:
    """Name, installed and newest version for each line of requirements.txt."""
    settings = settings or Settings.load()
    return versions(settings, settings.output_folder_path / files.PACKAGES)


def versions(settings: Settings, *remembered: Path) -> list[list[str]]:
    """The same, the newest versions remembered in the last of these files."""
    own = settings.workspace / REQUIREMENTS
    requirements = own if own.is_file() else Path(__file__).parent / REQUIREMENTS
    if not requirements.is_file():
        raise InputMissing(f"there is no {REQUIREMENTS} beside config.json")
    lines = packages.lines(requirements)
    return packages.rows(lines, packages.latest(lines, remembered))


def history(settings: Settings | None = None) -> str:
    """The last runs as a person reads them, the newest at the end."""
    settings = settings or Settings.load()
    last = queries.last_runs(settings, LAST_RUNS)[::-1]
    return "no run is recorded yet" if last.empty else terminal.history(last)


def print_all(settings: Settings) -> None:
    """Print predictions, statistics, missing data, timings and package versions."""
    problems = []
    for title, rows in sections(settings).items():
        print(f"{title}\n")
        try:
            print(textwrap.indent(terminal.aligned(rows()), "  "))
        except RiskError as error:
            print(f"  {error}")
            problems.append(error)
        print()
    if problems:
        raise problems[0]


def sections(settings: Settings) -> dict[str, Callable[[], list[list[str]]]]:
    """What is printed: titles, and the functions that make their rows."""
    columns = settings.columns.all
    two, missing = terminal.two_columns, "Missing cells of the merged data"
    return {
        "Predictions of the deployed model on the test data": lambda: _predictions(settings),
        "Weights of the deployed model": lambda: _weights(settings),
        "Statistics of the merged data": lambda: _statistics(settings),
        missing: lambda: two("column", "%", columns, missing_data(settings)),
        "Running times": lambda: two("step", "seconds", STEPS, execution_time(settings)),
        "Packages": lambda: [PACKAGE, *outdated_packages_list(settings)],
    }


def _statistics(settings: Settings) -> list[list[str]]:
    numbers = zip(settings.columns.measured, dataframe_summary(settings), strict=True)
    cells = ([name, *map("{:.4g}".format, each)] for name, each in numbers)
    return [["column", *statistics.STATISTICS], *cells]


def _predictions(settings: Settings) -> list[list[str]]:
    table = test_data.rows(settings)
    expected = sum(model_predictions(table, settings))
    left = int(table[settings.target_column].sum())
    return [
        ["", "expected", "really"],
        ["left", str(expected), str(left)],
        ["stayed", str(len(table) - expected), str(len(table) - left)],
    ]


def _weights(settings: Settings) -> list[list[str]]:
    model = deployed.load(settings.prod_deployment_path, settings.columns).model
    return coefficients.of(model, settings.columns).table


def print_history(settings: Settings) -> None:
    """Print what the last runs decided, and why."""
    print(history(settings))


def print_history_as_json(settings: Settings) -> None:
    """Print what the last runs decided, and why, for programs."""
    last = queries.last_runs(settings, LAST_RUNS)[::-1]
    print(json.dumps(tables.as_rows(last.convert_dtypes()), indent=2))


def back_up(settings: Settings, file: str) -> None:
    """Copy the SQLite history to FILE while it is in use."""
    store.back_up(settings, Path(file))
    print(f"the history is in {file}")


if __name__ == "__main__":
    run(
        print_all,
        Option("--history", print_history, writes=False),
        Option("--json", print_history_as_json, writes=False),
        Option("--backup", back_up, writes=False, argument="FILE"),
        Option("--columns", own_table.print_configuration, writes=False, argument="FILE"),
        Option("--replay", replay_table.print_table, writes=False),
        writes=False,
    )
