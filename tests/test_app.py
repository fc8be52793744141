"""The API in the process of the tests: answers, refusals, and what no answer may hold or change."""

import hashlib
import io
import json
import os
import pickle
import re
import resource
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import diagnostics
import ingestion
from app import create_app
from risk import files
from risk.data import input_folder, judging
from risk.learning import publishing, releases
from risk.settings import Settings
from risk.web import answers, local_server, prediction_request
from tests.conftest import configured, deploy, ended, put
from tests.serving import running

HEADER = "corporation,lastmonth_activity,lastyear_activity,number_of_employees"
CLIENT = {"lastmonth_activity": 12, "lastyear_activity": 340.5, "number_of_employees": None}
NEVER_SAID = re.compile(
    r"/tm[p]|/work|/home|/root|/usr|site-packages|Traceback|\.py\b(?<!fullprocess\.py)|File \"|"
    r"pandas|numpy|sklearn|scikit|flask|werkzeug|pyarrow|gunicorn|sqlalchemy|Errno",
    re.IGNORECASE,
)
GETS = ("/scoring", "/summarystats", "/diagnostics", "/health", "/openapi.json")


@pytest.fixture(scope="module")
def client(served: Settings) -> FlaskClient:
    """A client of a deployed project with all that could be asked for wrongly in its folders."""
    make_traps(served)
    return create_app(served).test_client()


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


OUTSIDE = (404, "no_such_dataset")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        ".",
        "..",
        "testdata",
        "testdata/",
        "/testdata/",
        "testdata/missing.csv",
        "testdata/notes.txt",
        "testdata/testdata.csv/",
        "testdata/testdata.csv/x.csv",
        "testdata/testdata.csv.bak",
        "testdata/.hidden.csv",
        "testdata/link.csv",
        "testdata/inner.csv",
        "testdata/hard.csv",
        "testdata/folder/secret.csv",
        "testdata/folder.csv",
        "testdata/pipe.csv",
        "testdata/null.csv",
        "testdata2/x.csv",
        "practicedata/secret.csv",
        "root.csv",
        "/root.csv",
        "secret/secret.csv",
        "testdata/../secret/secret.csv",
        "testdata/../testdata/testdata.csv",
        "../secret/secret.csv",
        "testdata/..\\secret\\secret.csv",
        "testdata\\testdata.csv",
        "testdata/%2e%2e/secret/secret.csv",
        "testdata/%2e%2e%2fsecret%2fsecret.csv",
        "testdata/....//secret/secret.csv",
        "TESTDATA/testdata.csv",
        "ingesteddata/finaldata.csv",
        "ingesteddata/clients.csv",
        "production_deployment/trainedmodel.pkl",
        "config.json",
        "/etc/passwd",
        "/etc/passwd\0.csv",
        "testdata/testdata.csv\0",
        "testdata/testdata.csv\n",
        "testdata/\x1b[2J.csv",
        "/dev/stdin",
        "/dev/zero.csv",
        "/proc/self/environ.csv",
        "/proc/self/cwd/testdata/testdata.csv",
        "~/x.csv",
        "file:///etc/passwd.csv",
        "http://127.0.0.1:9/x.csv",
        "s3://bucket/x.csv",
        "testdata/" + "x" * 300 + ".csv",
        "testdata/" + "x/" * 5000 + "x.csv",
        "testdata/\ud800.csv",
        "testdata/\u2028.csv",
        "testdata/\u202etestdata.csv",
        "*.csv",
        "testdata/*.csv",
        "testdata/testdata.csv;id",
        "|id .csv",
        "testdata/testdata.csv::$DATA",
        "//testdata2//x.csv",
        "//127.0.0.1/share/x.csv",
    ],
)
def test_all_that_is_outside_answers_alike(client: FlaskClient, path: str) -> None:
    answer = client.post("/prediction", json={"filepath": path})
    assert told(answer) == OUTSIDE
    usual = client.post("/prediction", json={"filepath": "testdata/missing.csv"})
    assert answer.data == usual.data


def test_a_path_that_really_leads_to_the_workspace_is_no_different(
    client: FlaskClient, served: Settings
) -> None:
    """Else one could guess where it lies."""
    path = str(served.test_data_path / "testdata.csv")
    assert told(client.post("/prediction", json={"filepath": path})) == OUTSIDE


@pytest.mark.parametrize(
    "path",
    [
        "testdata/testdata.csv",
        "/testdata/testdata.csv",
        "./testdata/./testdata.csv",
        "//testdata//testdata.csv",
        "testdata/deep/er.csv",
    ],
)
def test_a_dataset_below_the_data_folders_is_opened(
    client: FlaskClient, served: Settings, path: str
) -> None:
    answer = client.post("/prediction", json={"filepath": path})
    assert answer.status_code == 200, answer.text
    assert len(answer.json["predictions"]) == 200


def test_a_link_that_flips_during_the_requests_is_never_followed(
    client: FlaskClient, served: Settings
) -> None:
    """A folder on the way is real and a link in turns; only the real one's file is ever read."""
    data, stop = served.test_data_path, threading.Event()
    real, link, place = data / "real", data / "link_to_secret", data / "flips"
    real.mkdir()
    (real / "secret.csv").write_text(f"{HEADER}\n" + "AAAA,1,2,3\n" * 2)
    link.symlink_to(served.workspace / "secret")
    real.rename(place)

    def flip() -> None:
        while not stop.is_set():
            place.rename(real)
            link.rename(place)
            place.rename(link)
            real.rename(place)

    flipping = threading.Thread(target=flip)
    flipping.start()
    question = {"filepath": "testdata/flips/secret.csv"}
    answers = [client.post("/prediction", json=question) for _ in range(600)]
    stop.set()
    flipping.join()
    seen = {answer.status_code: len(answer.json.get("predictions", "")) for answer in answers}
    assert seen.pop(200, 2) == 2
    assert set(seen) <= {404}


def nested(depth: int) -> bytes:
    return b'{"clients":' + b"[" * depth + b"]" * depth + b"}"


def clients(**changes: object) -> bytes:
    return json.dumps({"clients": [{**CLIENT, **changes}]}).encode()


def upload(content: bytes) -> dict[str, Any]:
    return {"data": {"file": (io.BytesIO(content), "x.csv")}}


def long_upload(content: bytes) -> dict[str, Any]:
    """The same in one piece, for which the client of the tests leaves no file open."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    kind = "multipart/form-data; boundary=b"
    return {"data": head + content + b"\r\n--b--\r\n", "content_type": kind}


def rows(text: str) -> dict[str, Any]:
    return upload(f"{HEADER}\n{text}".encode())


JSON = {"content_type": "application/json"}


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"data": b"", **JSON}, 400, "bad_json"),
        ({"data": b"{", **JSON}, 400, "bad_json"),
        ({"data": b"\xff\xfe", **JSON}, 400, "bad_json"),
        ({"data": b"null", **JSON}, 400, "bad_json"),
        ({"data": b"[]", **JSON}, 400, "bad_json"),
        ({"data": b'"testdata/testdata.csv"', **JSON}, 400, "bad_json"),
        ({"data": b"[" * 50_000 + b"]" * 50_000, **JSON}, 413, "too_large"),
        ({"data": b"[" * 30_000 + b"]" * 30_000, **JSON}, 400, "bad_json"),
        ({"data": nested(50_000), **JSON}, 400, "bad_json"),
        ({"data": b'{"a":' * 10_000 + b"1" + b"}" * 10_000, **JSON}, 400, "bad_json"),
        ({"data": b'{"clients": [], "clients": []}', **JSON}, 400, "bad_json"),
        ({"data": b'{"filepath": "x.csv", "filepath": "y.csv"}', **JSON}, 400, "bad_json"),
        (
            {"data": clients().replace(b"[{", b'[{"lastyear_activity": 1, '), **JSON},
            400,
            "bad_json",
        ),
        ({"data": b"\xef\xbb\xbf" + clients(), **JSON}, 400, "bad_json"),
        ({"data": clients() + b"{}", **JSON}, 400, "bad_json"),
        ({"data": b"{}", **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": 7}', **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": null}', **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": ["testdata/testdata.csv"]}', **JSON}, 400, "bad_request"),
        ({"data": b'{"file": "testdata/testdata.csv"}', **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": "x.csv", "clients": []}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": [], "risks": 1}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": {}}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": [7]}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": [{}]}', **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity="12"), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=True), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=[1]), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=-1), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=float("nan")), **JSON}, 400, "bad_json"),
        ({"data": clients(lastmonth_activity=float("inf")), **JSON}, 400, "bad_json"),
        ({"data": clients(lastmonth_activity=10**400), **JSON}, 400, "bad_request"),
        ({"data": clients().replace(b"12", b"9" * 5_000), **JSON}, 400, "bad_json"),
        ({"data": clients().replace(b"12", b"1e999"), **JSON}, 400, "bad_request"),
        ({"data": clients(corporation=12), **JSON}, 400, "bad_request"),
        ({"data": clients(corporation=" "), **JSON}, 400, "bad_request"),
        ({"data": clients(**{f"c{i}": 1 for i in range(1000)}), **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": "' + b"x" * 70_000 + b'"}', **JSON}, 413, "too_large"),
        ({"data": b'{"clients": 1, "x": "' + b"x" * 70_000 + b'"}', **JSON}, 413, "too_large"),
        ({"data": clients(), "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"data": clients()}, 415, "unsupported_media_type"),
        ({"data": {"x": "1"}}, 415, "unsupported_media_type"),
        ({"data": b"x", "content_type": "multipart/form-data"}, 400, "bad_request"),
        ({"data": b"x", "content_type": "multipart/form-data; boundary=b"}, 400, "bad_request"),
        ({"data": {"other": (io.BytesIO(b"x"), "x.csv")}}, 400, "bad_request"),
        ({"data": {"file": [(io.BytesIO(b"x"), "x"), (io.BytesIO(b"x"), "y")]}}, 400, None),
        ({"data": {"file": (io.BytesIO(b"x"), "x"), "risks": "yes"}}, 400, "bad_request"),
        ({"data": {"file": (io.BytesIO(b"x"), "x"), "more": "1"}}, 400, "bad_request"),
        ({"data": {f"f{i}": "1" for i in range(50)} | upload(b"x")["data"]}, 413, "too_large"),
        (upload(b""), 400, "bad_dataset"),
        (upload(b"\0"), 400, "bad_dataset"),
        (upload(b"\xff\xfe1,2"), 400, "bad_dataset"),
        (upload(b"<html>"), 400, "bad_dataset"),
        (upload(b"a;b;c\n1;2;3\n"), 400, "bad_dataset"),
        (upload(b"," * 1000 + b"\n"), 400, "bad_dataset"),
        (long_upload(b"\n" * (prediction_request.MOST_ROWS + 2)), 413, "too_large"),
    ],
)
def test_hostile_bodies_are_refused_in_a_sentence(
    client: FlaskClient, request_: dict[str, Any], status: int, code: str | None
) -> None:
    answer = client.post("/prediction", **request_)
    assert told(answer) == (status, code or "bad_request")


@pytest.mark.parametrize("before", [0, 9_000])
def test_a_refused_line_of_a_dataset_costs_itself_and_is_named(
    client: FlaskClient, before: int
) -> None:
    good = "AAAA,1,2,3\n" * before + "CCCC,0,,9\n"
    bad = {
        "BBBB,1,2,x\n": "number_of_employees is not a number",
        "BBBB,1,2\n": "3 fields where the header has 4",
        "BBBB,1,2" + ",3" * 5_000 + "\n": "more than 1000 fields where the header has 4",
        "BBBB,1,2,-3\n": "number_of_employees is below 0",
        ",1,2,3\n": "corporation is empty",
        '"BBBB,1,2,3\n': "its quotes do not match",
    }
    answer = client.post("/prediction", **rows(good + "".join(bad) + "CCCC,0,,9\n")).json
    wanted = client.post("/prediction", **rows(good + "CCCC,0,,9\n")).json
    assert wanted["refused"] == []
    assert answer["predictions"] == wanted["predictions"]
    assert len(answer["predictions"]) == before + 2
    assert answer["refused"] == [
        {"line": line, "reason": reason} for line, reason in enumerate(bad.values(), before + 3)
    ]
    assert answer["refused_count"] == len(bad)


def test_of_very_many_refused_lines_the_first_are_named(client: FlaskClient) -> None:
    answer = client.post("/prediction", **rows("AAAA,1,2,x\n" * 3_000)).json
    assert answer["predictions"] == []
    assert [line["line"] for line in answer["refused"]] == list(range(2, 1_002))
    assert answer["refused_count"] == 3_000


@pytest.mark.parametrize(
    ("method", "path", "headers", "refusal"),
    [
        ("GET", "/nothing", {}, (404, "not_found")),
        ("GET", "/prediction", {}, (405, "method_not_allowed")),
        ("POST", "/scoring", {}, (405, "method_not_allowed")),
        ("OPTIONS", "/scoring", {}, (405, "method_not_allowed")),
        ("TRACE", "/scoring", {}, (405, "method_not_allowed")),
        ("GET", "/scoring/", {}, (404, "not_found")),
        ("GET", "/static/x", {}, (404, "not_found")),
        ("GET", "/../etc/passwd", {}, (404, "not_found")),
        ("GET", "/health", {"Host": "evil.example"}, (400, "host_refused")),
        ("GET", "/health", {"Host": ""}, (400, "host_refused")),
        ("GET", "/health", {"Host": "localhost.evil.example"}, (400, "host_refused")),
        ("GET", "/health", {"Host": "localhost:8000@evil"}, (400, "host_refused")),
        ("GET", "/health", {"Host": "127.0.0.1, evil"}, (400, "host_refused")),
        ("GET", "/health", {"Host": "[::1"}, (400, "host_refused")),
        ("GET", "/nothing", {"Host": "evil.example"}, (400, "host_refused")),
        ("GET", "/health", {"Origin": "http://evil.example"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "null"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "http://localhost:1"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "http://[::1"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "file://localhost"}, (403, "origin_refused")),
    ],
)
def test_who_asks_wrongly_is_refused(
    client: FlaskClient, method: str, path: str, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert told(client.open(path, method=method, headers=headers)) == refusal


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:8000"},
        {"Host": "LOCALHOST"},
        {"Host": "[::1]:80"},
        {"Host": "risk.example:1"},
        {"Host": "localhost:5", "Origin": "http://localhost:5"},
    ],
)
def test_who_asks_rightly_is_answered(served: Settings, headers: dict[str, str]) -> None:
    app = create_app(served._replace(allowed_hosts=("risk.example",)))
    answer = app.test_client().get("/health", headers=headers)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert app.secret_key is None


@pytest.mark.parametrize("address", ["10.0.0.7", "::ffff:10.0.0.7", "fe80::1%eth0", "nonsense"])
def test_another_machine_is_refused_without_a_token(client: FlaskClient, address: str) -> None:
    answer = client.get("/health", environ_overrides={"REMOTE_ADDR": address})
    assert told(answer) == (403, "not_local")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_needs_no_token(client: FlaskClient, address: str) -> None:
    assert client.get("/health", environ_overrides={"REMOTE_ADDR": address}).status_code == 200


@pytest.fixture
def guarded(served: Settings, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A client of an API that asks for a token."""
    monkeypatch.setenv("RISK_API_TOKEN", "open-sesame")
    return create_app(served).test_client()


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "open-sesame",
        "Bearer",
        "Bearer open-sesam",
        "Bearer open-sesame2",
        "Bearer \xff\u20ac".encode().decode("latin-1"),
        "Basic open-sesame",
        "Basic !!!",
        "Basic eDpvcGVu",
        "Digest open-sesame",
    ],
)
def test_a_missing_or_wrong_token_is_refused(guarded: FlaskClient, sent: str) -> None:
    for path in ("/scoring", "/openapi.json", "/nothing"):
        answer = guarded.get(path, headers={"Authorization": sent} if sent else {})
        assert told(answer) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert guarded.get("/health").status_code == 200


def test_the_right_token_opens_as_bearer_and_as_password(guarded: FlaskClient) -> None:
    far = {"REMOTE_ADDR": "10.0.0.7"}
    for sent in ("Bearer open-sesame", "bearer  open-sesame", "Basic bWU6b3Blbi1zZXNhbWU="):
        headers = {"Authorization": sent}
        assert guarded.get("/scoring", headers=headers, environ_overrides=far).status_code == 200


def test_function_api_and_scikit_learn_say_the_same(client: FlaskClient, served: Settings) -> None:
    content = (served.test_data_path / "testdata.csv").read_bytes()
    table = judging.read_csv(content, served.columns).table
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


@pytest.mark.parametrize("count", [0, 1, 2, 3_000])
def test_there_is_one_answer_per_row(client: FlaskClient, count: int) -> None:
    for question in ({"json": {"clients": [CLIENT] * count}}, rows("AAAA,12,340.5,\n" * count)):
        answer = client.post("/prediction", **question)
        assert answer.status_code == 200
        assert len(answer.json["predictions"]) == count
        assert "risks" not in answer.json
        assert ("refused" in answer.json) is ("json" not in question)


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


def shared_files(workspace: Path) -> dict[str, tuple[str, int]]:
    """Content and time of every file of the project."""
    found = (path for path in sorted(workspace.rglob("*")) if path.is_file())
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in found
        if not path.is_fifo()
    }


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


@pytest.fixture
def small_files() -> Iterator[None]:
    """What may be open at once, used up."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_shortage_here_is_not_blamed_on_the_question(
    client: FlaskClient, small_files: None
) -> None:
    question = {"filepath": "testdata/testdata.csv"}
    assert told(client.post("/prediction", json=question)) == (503, "input_output")


def test_a_hundred_thousand_clients_are_answered_in_one_body(client: FlaskClient) -> None:
    body = json.dumps({"clients": [CLIENT] * 100_000}).encode()
    assert len(body) > prediction_request.LARGEST_JSON
    assert len(client.post("/prediction", data=body, **JSON).json["predictions"]) == 100_000


def test_a_table_of_pandas_makes_a_dataset(client: FlaskClient, served: Settings) -> None:
    """With the index that pandas writes, and a column of its own."""
    table = pd.DataFrame([CLIENT] * 3).assign(note="x").to_csv().encode()
    assert len(client.post("/prediction", **upload(table)).json["predictions"]) == 3
