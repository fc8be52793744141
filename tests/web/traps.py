"""What the API must never say, open or change, and how it is asked."""

import hashlib
import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from risk.settings import Settings
from risk.web import answers

HEADER = "corporation,lastmonth_activity,lastyear_activity,number_of_employees"
CLIENT = {"lastmonth_activity": 12, "lastyear_activity": 340.5, "number_of_employees": None}
NEVER_SAID = re.compile(
    r"/tm[p]|/work|/home|/root|/usr|site-packages|Traceback|\.py\b(?<!fullprocess\.py)|File \"|"
    r"pandas|numpy|sklearn|scikit|flask|werkzeug|pyarrow|gunicorn|sqlalchemy|Errno",
    re.IGNORECASE,
)


def make_traps(settings: Settings) -> None:
    """Links, pipes and files that are no datasets, inside and outside of the data folders."""
    data, outside = settings.test_data_path, settings.workspace / "secret"
    outside.mkdir()
    (outside / "secret.csv").write_text(f"{HEADER}\nSECR,1,2,3\n")
    (settings.workspace / "root.csv").write_text(f"{HEADER}\nSECR,1,2,3\n")
    (settings.workspace / "testdata2").mkdir()
    shutil.copy(outside / "secret.csv", settings.workspace / "testdata2/x.csv")
    (data / "notes.txt").write_text("no dataset")
    (data / ".hidden.csv").write_text(f"{HEADER}\nSECR,1,2,3\n")
    (data / "link.csv").symlink_to(outside / "secret.csv")
    (data / "inner.csv").symlink_to("testdata.csv")
    (data / "folder").symlink_to(outside)
    (data / "folder.csv").mkdir()
    os.mkfifo(data / "pipe.csv")
    (data / "hard.csv").hardlink_to(outside / "secret.csv")
    (data / "null.csv").symlink_to("/dev/null")
    (data / "deep").mkdir()
    shutil.copy(data / "testdata.csv", data / "deep/er.csv")
    (settings.workspace / "practicedata").symlink_to(outside)


def told(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a refusal, whose every part is looked at."""
    assert set(answer.json or {}) == {"error", "message"}, answer.data
    assert not NEVER_SAID.search(answer.text), answer.text
    for name in answers.HEADERS:
        assert name in answer.headers
    return answer.status_code, answer.json["error"] if answer.json else ""


def clients(**changes: object) -> bytes:
    return json.dumps({"clients": [{**CLIENT, **changes}]}).encode()


def upload(content: bytes) -> dict[str, Any]:
    return {"data": {"file": (io.BytesIO(content), "x.csv")}}


def rows(text: str) -> dict[str, Any]:
    return upload(f"{HEADER}\n{text}".encode())


JSON = {"content_type": "application/json"}


def shared_files(workspace: Path) -> dict[str, tuple[str, int]]:
    """Content and time of every file of the project."""
    found = (path for path in sorted(workspace.rglob("*")) if path.is_file())
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in found
        if not path.is_fifo()
    }
