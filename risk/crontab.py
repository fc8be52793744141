"""The crontab line of this checkout: python -m risk.crontab [--install]"""

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACEHOLDER = "/home/workspace"


def line(template: str, workspace: Path) -> str:
    """The line of cronjob.txt with this path in it, quoted for the shell and for cron."""
    quoted = shlex.quote(str(workspace)).strip("'").replace("%", r"\%")
    return template.strip().replace(PLACEHOLDER, quoted)


def with_line(crontab: str, line: str) -> str:
    """A crontab that holds this line once, in the place of any that runs the same script."""
    script = line.split("'")[3]
    others = [other for other in crontab.splitlines() if script not in other]
    return "\n".join([*others, line]) + "\n"


def install(line: str) -> None:
    """Put the line into the user's crontab."""
    listed = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    if listed.returncode and "no crontab" not in listed.stderr:
        sys.exit(f"the crontab cannot be read, so nothing was changed: {listed.stderr.strip()}")
    subprocess.run(["crontab", "-"], input=with_line(listed.stdout, line), text=True, check=True)


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
