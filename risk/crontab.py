"""The crontab line of this checkout: python -m risk.crontab"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACEHOLDER = "/home/workspace"


def line(template: str, workspace: Path) -> str:
    """The line of cronjob.txt for this path, quoted for the shell and for cron."""

    def moved(match: re.Match[str]) -> str:
        return _quoted(str(workspace) + match[1]).replace("%", r"\%")

    return re.sub(f"'{PLACEHOLDER}([^']*)'", moved, template.strip())


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\"'\"'") + "'"


if __name__ == "__main__":
    print(line((ROOT / "cronjob.txt").read_text(), ROOT))
