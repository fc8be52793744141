"""The API in the process of the tests: answers, refusals, and what no answer may hold or change."""

import io
import os
import pickle
import re
import shutil
import socket
import sys
from types import FrameType
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

import diagnostics
import ingestion
from app import create_app
from risk import files
from risk.data import input_folder
from risk.judging import csv_file
from risk.learning import publishing, releases
from risk.settings import Settings
from risk.web import local_server
from tests.conftest import configured, deploy, ended, put
from tests.serving import running
from tests.web.traps import HEADER, JSON, NEVER_SAID, clients, shared_files, told

GETS = ("/scoring", "/summarystats", "/diagnostics", "/health", "/openapi.json")


@pytest.fixture(scope="module")
def client(served: Settings) -> FlaskClient:
    """A client of a deployed project."""
    return create_app(served).test_client()


def test_function_api_and_scikit_learn_say_the_same(client: FlaskClient, served: Settings) -> None:
    content = (served.test_data_path / "testdata.csv").read_bytes()
    table = csv_file.read_csv(content, served.columns).table
    features = table[list(served.feature_columns)]
    fitted = pickle.loads((served.prod_deployment_path / files.MODEL).read_bytes())
    wanted = fitted.predict(features).tolist()
    risks = fitted.predict_proba(features)[:, 1].tolist()
    assert diagnostics.model_predictions(table, served) == wanted
    cells = features.astype(object).where(features.notna(), None)
    questions_ = [
        {"json": {"filepath": "testdata/testdata.csv", "risks": True}},
        {"json": {"clients": cells.to_dict("records"), "risks": True}},
        {"data": {"file": (io.BytesIO(content), "x"), "risks": "true"}},
    ]
    release = releases.load(served.prod_deployment_path)[0].release
    for question in questions_:
        answer = client.post("/prediction", **question).json
        assert answer["release"] == release
        assert answer["predictions"] == wanted
        assert answer["risks"] == pytest.approx(risks, rel=1e-9)


def test_the_answers_are_those_of_the_rooms(client: FlaskClient, served: Settings) -> None:
    release, contents = releases.load(served.prod_deployment_path)
    score = client.get("/scoring").json
    assert score == {"release": release.release, "f1": float(contents[files.SCORE]), "rows": 200}
    statistics = client.get("/summarystats").json
    assert statistics["columns"] == [*served.feature_columns, served.target_column]
    assert statistics["statistics"] == diagnostics.dataframe_summary(served)
    measured = client.get("/diagnostics").json
    assert measured["missing_data"] == diagnostics.missing_data(served)
    assert [row[0] for row in measured["packages"]][:2] == ["pandas", "numpy"]
    assert client.get("/diagnostics").json == measured
    health = client.get("/health").json
    assert health == {
        "service": "risk",
        "release": release.release,
        "deployed_at": release.time,
        "last_run": None,
        "last_run_age_seconds": None,
        "last_run_exit_code": None,
        "status": "late",
    }


def test_the_last_run_is_told_without_the_folders_of_the_machine(deployed: Settings) -> None:
    ended(deployed, f"kept: F1 0.5/0.6 of {deployed.workspace}/x.csv")
    answer = create_app(deployed).test_client().get("/health").json
    assert answer["last_run"] == "kept: F1 0.5/0.6 of x.csv"


GOOD = "no new data: nothing new"
FULL = "failed with exit code 74: models/x: No space left on device"


@pytest.mark.parametrize(
    ("minutes", "message", "code", "status"),
    [
        (1, GOOD, 0, "ok"),
        (21, GOOD, 0, "late"),
        (1, FULL, 74, "failing"),
        (21, FULL, 74, "failing"),
        (1, "crashed: ValueError: x", 1, "failing"),
    ],
)
def test_a_monitor_learns_how_the_last_run_ended(
    deployed: Settings, minutes: float, message: str, code: int, status: str
) -> None:
    ended(deployed, message, minutes, code)
    ended(deployed, "a step by hand says nothing of cron", 0, step="training")
    asked = create_app(deployed).test_client()
    health = asked.get("/health")
    assert health.status_code == 200
    assert (health.json["status"], health.json["last_run_exit_code"]) == (status, code)
    assert health.json["last_run_age_seconds"] >= 60 * minutes
    assert health.json["last_run"] == message
    strict = asked.get("/health?strict=1")
    assert strict.status_code == (200 if status == "ok" else 503)
    assert strict.json.keys() == health.json.keys()
    assert strict.json["status"] == status


def test_a_monitor_is_told_of_nothing_deployed_and_of_a_file_refused_whole(
    settings: Settings,
) -> None:
    asked = create_app(settings).test_client()
    ended(settings, GOOD)
    assert asked.get("/health?strict=1").json["status"] == "failing"
    deploy(settings)
    assert asked.get("/health?strict=1").json["status"] == "ok"
    put(settings, "secret.csv", ["1"], header="not ours")
    ingestion.merge_multiple_dataframe(settings)
    answer = asked.get("/health?strict=1")
    assert (answer.status_code, answer.json["status"]) == (503, "failing")
    assert "secret" not in answer.text


@pytest.mark.parametrize("value", ["0", "yes", "2", "11", "%31%20"])
def test_a_flag_that_is_no_flag_is_refused(client: FlaskClient, value: str) -> None:
    assert told(client.get(f"/health?strict={value}")) == (400, "bad_request")


def test_health_asks_neither_the_model_nor_the_database(deployed: Settings) -> None:
    broken = deployed._replace(database_url="postgresql://nobody@127.0.0.1:1/none")
    asked = create_app(broken).test_client()
    ended(deployed, GOOD)
    assert asked.get("/health").json["status"] == "ok"
    called: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        called.append(f"{event} {frame.f_code.co_filename}")

    sys.setprofile(note)
    try:
        assert asked.get("/health").json["status"] == "ok"
    finally:
        sys.setprofile(None)
    assert called
    assert [each for each in called if re.search("sklearn|sqlalchemy|pandas", each)] == []


@pytest.mark.parametrize("path", GETS)
def test_no_get_changes_a_shared_file(client: FlaskClient, served: Settings, path: str) -> None:
    before = shared_files(served.workspace)
    assert client.get(path).status_code == 200
    assert shared_files(served.workspace) == before


@pytest.mark.parametrize("path", [*GETS[:3], "/prediction"])
def test_nothing_deployed_is_said_as_such(settings: Settings, path: str) -> None:
    asked = create_app(settings).test_client()
    answer = asked.get(path) if path in GETS else asked.post(path, data=clients(), **JSON)
    assert told(answer) == (503, "input_missing")
    assert asked.get("/health").json["release"] is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b"{"),
        ("manifest.json", b'{"release": "1-x"}'),
        ("trainedmodel.pkl", pickle.dumps(os.getcwd)),
    ],
)
def test_a_damaged_release_is_never_described(
    deployed: Settings, name: str, content: bytes
) -> None:
    shutil.rmtree(deployed.prod_deployment_path / ".releases")
    (deployed.prod_deployment_path / name).write_bytes(content)
    asked = create_app(deployed).test_client()
    assert told(asked.get("/scoring")) == (503, "artefact_refused")
    health = asked.get("/health")
    assert not NEVER_SAID.search(health.text)
    assert (health.json["release"], health.json["status"]) == (None, "failing")


def test_the_answers_to_come_are_those_of_the_new_release(deployed: Settings) -> None:
    asked = create_app(deployed).test_client()
    first = asked.get("/scoring").json["release"]
    deploy(configured(deployed.workspace, features="raw"))
    publishing.roll_back(deployed.prod_deployment_path, input_folder.Seen())
    assert asked.get("/scoring").json["release"].startswith("3-")
    assert first.startswith("1-")
    (deployed.prod_deployment_path / "manifest.json").unlink()
    assert asked.get("/scoring").json["release"].startswith("unrecorded-")


def test_data_that_says_nothing_is_an_answer_in_words(deployed: Settings) -> None:
    (deployed.test_data_path / "testdata.csv").write_text(f"{HEADER}\nAAAA,1,2,3\n")
    assert told(create_app(deployed).test_client().get("/scoring")) == (422, "data_unusable")


def test_a_damaged_dataset_is_never_described(deployed: Settings) -> None:
    (deployed.output_folder_path / files.FINAL_DATA).write_text("a,b\n1,2,3\n")
    asked = create_app(deployed).test_client()
    assert told(asked.get("/summarystats")) == (503, "artefact_refused")


def test_numbers_too_large_for_a_raw_model_are_said_to_be(settings: Settings) -> None:
    raw = deploy(configured(settings.workspace, features="raw"))
    asked = create_app(raw).test_client()
    huge = dict.fromkeys(raw.feature_columns, 1.7e308)
    answer = asked.post("/prediction", json={"clients": [huge], "risks": True})
    assert answer.status_code == 200 or told(answer) == (422, "data_unusable")


def test_a_log_line_cannot_be_forged(served: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger=local_server.log.name)
    forged = b"2026-01-01T00:00:00Z fullprocess INFO deployed"
    with running(local_server.server(create_app(served), "127.0.0.1", 0)) as port:
        for sign in ("\n", "\r", "\x85", "\u2028", "\x1b[2J", "\0"):
            for written in (sign.encode(), quote(sign).encode()):
                sent(port, b"GET /x" + written + forged.replace(b" ", b"+"))
                sent(port, b"GET" + written + b"x /health")
        sent(port, b"GET /" + b"x" * 10_000)
    assert all(re.fullmatch(r"127\.0\.0\.1 \S+ \S+ \d+ [\d.]+ ms", m) for m in caplog.messages)
    assert len(caplog.messages) > 12
    assert len(caplog.messages[-1]) < 300


def sent(port: int, line: bytes) -> None:
    """Send a request with this line, whatever becomes of it."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(line + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while connection.recv(65_536):
            pass
