"""Scripts on a project, their log and what it may hold."""

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from risk.settings import Settings
from tests.conftest import ROOT

SCRIPTS = sorted(
    path.name for path in ROOT.glob("*.py") if 'if __name__ == "__main__"' in path.read_text()
)
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \w+ (INFO|WARNING|ERROR|CRITICAL) \S.*")
FORGED = "2026-01-01T00:00:00Z fullprocess INFO deployed: all is well"
Contents = Callable[[Path], dict[str, bytes]]
DATA, LIVE = "ingesteddata", "production_deployment"


def said(folder: Path) -> list[str]:
    """The lines of the log of a project."""
    log = folder / "ingesteddata" / "fullprocess.log"
    return log.read_text().splitlines() if log.exists() else []


def noted(settings: Settings) -> dict[str, tuple[int, str]]:
    """The exit code and the message of each step that last_run.json knows."""
    record = json.loads((settings.output_folder_path / "last_run.json").read_text())
    return {step: (ending["exit_code"], ending["message"]) for step, ending in record.items()}


def visible(line: str) -> bool:
    """Whether a line holds no sign that acts instead of being seen."""
    return not any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in line)
