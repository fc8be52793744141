"""What the last ingestion left: its record and the lines that it refused, for page and report."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from risk import files
from risk.errors import ArtefactRefused, InputMissing


class Ingested(NamedTuple):
    """The files that were read, the last to arrive first, and how many lines were refused.

    Lines of files that were refused whole are not counted.
    """

    time: str
    folder: str
    files: list[dict[str, Any]]
    rows: int
    refused: int
    refused_whole: list[dict[str, Any]]
    empty: list[str]
    rejected: str


def ingested(path: Path) -> Ingested:
    """The record of the last ingestion, which is this file."""
    record = files.required_json(path, "ingestion.py")
    newest_first = record["files"][::-1]
    used = [each for each in newest_first if not each.get("reason")]
    return Ingested(
        record["time"],
        record["input_folder"],
        newest_first,
        sum(each["rows"] for each in used),
        sum(each["rejected"] for each in used),
        [each for each in newest_first if each.get("reason")],
        [each["name"] for each in used if not each["rows"]],
        files.short(path.with_name(files.REJECTED)),
    )


def refused_lines(path: Path) -> pd.DataFrame:
    """The columns file, line, reason and text of every refused line, all as text."""
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
        return table[["file", "line", "reason", "text"]]
    except FileNotFoundError:
        raise InputMissing(f"{files.short(path)} is missing; run python ingestion.py") from None
    except (KeyError, ValueError) as error:
        raise ArtefactRefused(
            f"{files.short(path)} is damaged ({error}); run python ingestion.py"
        ) from error
