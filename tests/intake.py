"""A project of which only the input folder is filled, and what ingestion makes of it."""

import ast
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from risk import files
from risk.settings import Settings
from tests.conftest import HEADER, aged

WRITTEN = (
    *(files.FINAL_DATA, files.CLIENTS, files.OUTCOMES, files.REJECTED, files.INGESTED_FILES),
)
OUR_OWN = (files.INGESTION, files.ROWS, files.DATASET, files.STANDING)
FEATURES = ("lastmonth_activity", "lastyear_activity", "number_of_employees")
WHOLE_MINUTES, FRESH = 120, 10
Contents = Callable[[Path], dict[str, bytes]]
A, B, C = "AAAA,1,2,3,0", "BBBB,4,5,6,1", "CCCC,7,8,9,0"
SHUFFLED = "exited,number_of_employees,notes,lastyear_activity,corporation,lastmonth_activity"


def place(settings: Settings, name: str, content: str | bytes, age: float = WHOLE_MINUTES) -> Path:
    """Put these very bytes into the input folder as if written so many seconds ago."""
    folder = settings.input_folder_path
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return aged(path, age)


def output(settings: Settings, name: str) -> bytes:
    """A file that ingestion wrote."""
    return (settings.output_folder_path / name).read_bytes()


def cells(settings: Settings, name: str) -> list[list[str]]:
    """A CSV that ingestion wrote, cell by cell, by a reader that is not ours."""
    return list(csv.reader(output(settings, name).decode().split("\n")[:-1]))


def clients(settings: Settings, name: str = files.FINAL_DATA) -> list[str]:
    """The client of every row."""
    return [row[0] for row in cells(settings, name)[1:]]


def record(settings: Settings) -> dict[str, Any]:
    """What ingestion.json holds."""
    value: dict[str, Any] = json.loads(output(settings, files.INGESTION))
    return value


def looked_at(settings: Settings) -> dict[str, dict[str, Any]]:
    """The files of ingestion.json, by name."""
    return {entry["name"]: entry for entry in record(settings)["files"]}


def ingested(settings: Settings) -> list[str]:
    """What ingestedfiles.txt lists."""
    names: list[str] = ast.literal_eval(output(settings, files.INGESTED_FILES).decode())
    return names


def lines(*rows: str, header: str = HEADER) -> bytes:
    """A file of these lines, each with its end."""
    return "".join(f"{row}\n" for row in (header, *rows)).encode()


def cut(*rows: str) -> bytes:
    """A file of these lines, the last one without its end."""
    return lines(*rows)[:-1]
