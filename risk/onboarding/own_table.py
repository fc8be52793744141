"""A config.json for the file of a company that has none yet: its rows, its folders, the guess."""

import contextlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from risk.errors import DataUnusable, InputMissing
from risk.judging import lines
from risk.judging.schema import FileRefused
from risk.onboarding import column_guess
from risk.rules import LONGEST_COLUMN
from risk.settings import Settings

MOST_ROWS = 100_000  # that are looked at
TEST_FOLDERS = ("test", "testdata", "test_data")

log = logging.getLogger("risk.own_table")


def print_configuration(_settings: Settings, file: str) -> None:
    """Print a config.json that fits the table in FILE, and say on stderr why."""
    path, here = Path(os.path.abspath(file)), Path.cwd()
    if not path.is_relative_to(here) or path.parent == here or path.suffix.lower() != ".csv":
        raise DataUnusable(
            f"{file} must be a .csv file in a folder below this one, such as data/own.csv"
        )
    if not path.is_file():
        raise InputMissing(f"there is no file {file}")
    guess = column_guess.guessed(cells_of(path.read_bytes(), file))
    folders, warnings = _folders(path.relative_to(here), guess.keys)
    for reason in guess.reasons:
        log.info("%s", reason)
    for warning in (*guess.warnings, *warnings):
        log.warning("%s", warning)
    print(json.dumps(folders | guess.keys, indent=2))


def cells_of(content: bytes, file: str) -> dict[str, list[str]]:
    """The cells of a CSV by column, the first rows only; doubled and nameless columns are left out.

    Rows are what ingestion will see as rows, and how many lines are none is said.
    """
    header, rows, left_out = _rows(content, file)
    if not rows:
        raise DataUnusable(f"{file} has no row with as many fields as its header")
    if left_out:
        log.warning(
            "%d lines of %s are left out, as ingestion will refuse them: they have more or fewer "
            "fields than the header, or quotes that do not match; the first is line %d",
            *(len(left_out), file, left_out[0] + 1),
        )
    return {
        name: list(cells)
        for name, cells in zip(header, zip(*rows, strict=True), strict=True)
        if header.count(name) == 1 and 0 < len(name) <= LONGEST_COLUMN
    }


def _rows(content: bytes, file: str) -> tuple[list[str], list[list[str]], list[int]]:
    """The names in the header, the fields of the first rows, and which lines are no rows."""
    header, own, start = _header(content, file)
    rows: list[list[str]] = []
    left_out: list[int] = []
    for at, fields, _ in lines.records(own, start, len(header)):
        if fields and len(fields) == len(header):
            rows.append([sys.intern(field) for field in fields])
        else:
            left_out.append(at)
        if len(rows) == MOST_ROWS:
            break
    return header, rows, left_out


def _header(content: bytes, file: str) -> tuple[list[str], list[str], int]:
    """The names in the header, all lines, and the one below the header."""
    try:
        own = lines.lines_of(content)
        header, start = lines.header_of(own)
    except FileRefused as reason:
        raise DataUnusable(f"{file} cannot be read as CSV: {reason}") from reason
    if len(header) < 2:
        raise DataUnusable(f"{file} has no header with names between commas")
    return [name.strip() for name in header], own, start


def _folders(file: Path, keys: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The five folders: the file's own, test data beside it if there are any, and new ones."""
    data, beside = file.parent, file.parent.parent
    others = [beside / name for name in TEST_FOLDERS if beside / name != data]
    tests = [folder for folder in others if _has_outcomes(folder, keys)]
    new = [(beside / f"{file.stem}_{name}").as_posix() for name in ("data", "models", "deployed")]
    test = (tests or [data])[0].as_posix()
    folders = {
        "input_folder_path": data.as_posix(),
        "output_folder_path": new[0],
        "test_data_path": test,
        "output_model_path": new[1],
        "prod_deployment_path": new[2],
    }
    alone = (
        f"there is no test data in {others[0]}/, so the model is scored on the very "
        "rows it was trained on, and THE SCORE IS TOO GOOD; keep some rows apart and name their "
        "folder as 'test_data_path'"
    )
    return folders, [] if tests else [alone]


def _has_outcomes(folder: Path, keys: Mapping[str, Any]) -> bool:
    """Whether a folder has a table with all columns that scoring needs."""
    needed = {keys["client_column"], *keys["feature_columns"], keys["target_column"]}
    for path in sorted(folder.glob("*.[cC][sS][vV]")):
        with contextlib.suppress(DataUnusable):
            header, *_ = _header(path.read_bytes(), path.name)
            if needed <= {*header}:
                return True
    return False
