"""The crontab line of this checkout: python -m risk.crontab [--install]"""

import re
import shlex
import subprocess
import sys
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


def with_line(crontab: str, line: str) -> str:
    """A crontab that holds this line once, in the place of any that runs the same script."""
    command = line.replace(r"\%", "%").split(maxsplit=5)[5]
    script = f" {_quoted(shlex.split(command)[1])} "
    kept = [other for other in _lines(crontab) if script not in f"{other} ".replace(r"\%", "%")]
    return "\n".join([*kept, line]) + "\n"


def _lines(crontab: str) -> list[str]:
    return crontab.removesuffix("\n").split("\n") if crontab else []


def install(line: str) -> None:
    """Put the line into the user's crontab."""
    listed = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    if listed.returncode and "no crontab" not in listed.stderr:
        sys.exit(f"the crontab cannot be read, so nothing was changed: {listed.stderr.strip()}")
    new = with_line(listed.stdout, line)
    written = subprocess.run(
        ["crontab", "-"], input=new, capture_output=True, text=True, check=False
    )
    if written.returncode:
        sys.exit(f"the crontab cannot be written: {written.stderr.strip()}")


def main() -> None:
    """Print the line, or install it."""
    own = line((ROOT / "cronjob.txt").read_text(), ROOT)
    print(own)
    if "--install" in sys.argv[1:]:
        try:
            install(own)
        except FileNotFoundError:
            sys.exit("there is no crontab command here; put the line above into your scheduler")
        print("it is in your crontab now")


if __name__ == "__main__":
    main()
