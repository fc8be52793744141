"""Hold a running server against /openapi.json with made-up requests: make fuzz

python -m tests.fuzz PATH_OF_SCHEMATHESIS [ITS OPTIONS, SUCH AS --seed 2]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from risk.records import contacts
from tests.conftest import ROOT, small_project
from tests.serving import gunicorn

EXAMPLES, SECONDS, SEED = "1000", "60", "1"


def main() -> int:
    """Serve a project after its first run, and let requests of every kind loose on it."""
    with tempfile.TemporaryDirectory(prefix="risk-fuzz-") as folder:
        settings = small_project(Path(folder))
        run = [
            sys.executable,
            ROOT / "fullprocess.py",
            "--config",
            settings.workspace / "config.json",
        ]
        subprocess.run(run, check=True)  # else /health?strict=1 rightly says that none ever ran
        with gunicorn(settings) as port:
            url = f"http://127.0.0.1:{port}/openapi.json"
            limits = ["--max-examples", EXAMPLES, "--max-time", SECONDS]
            limits += ["--seed", SEED, *sys.argv[2:]]
            config = ["--config-file", str(ROOT / "tests/schemathesis.toml")]
            tool = str(Path(sys.argv[1]).absolute())
            command = [tool, *config, "run", url, *limits, "--checks", "all"]
            found = subprocess.run(command, cwd=folder, check=False).returncode
        if not contacts.recent(settings):
            print("no request was good enough to record a contact")
            return 1
        return found


if __name__ == "__main__":
    sys.exit(main())
