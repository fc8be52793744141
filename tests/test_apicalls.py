"""apicalls: four answers filed as one document, whoever serves them, or none."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from flask import request

import apicalls
from app import create_app
from fullprocess import full_process
from risk import files
from risk.errors import InputMissing, ServiceDown
from risk.judging import csv_file
from risk.learning import releases
from risk.records import pending
from risk.rows import tables
from risk.settings import Settings
from risk.web import answers, local_server
from tests.conftest import HEADER, configured, decided, deploy, ended, script, small_project
from tests.serving import deaf_port, running

KEYS = ["prediction", "scoring", "summarystats", "diagnostics"]
HERE = "so it is served here meanwhile"
Replies = dict[str, tuple[int, bytes]]


@contextlib.contextmanager
def stranger(replies: Replies) -> Iterator[tuple[str, list[str]]]:
    """Something else that answers: its URL, and what it was asked, tokens too."""
    asked = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization', '')}".strip())
            status, body = replies.get(self.path, (404, b"{}"))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/health")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name the library looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Stranger)) as port:
        yield f"http://127.0.0.1:{port}", asked


def asking_at(settings: Settings, url: str) -> Settings:
    return configured(settings.workspace, api_url=url)


def test_it_serves_itself_when_nothing_answers(
    deployed: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with deaf_port() as nobody:
        nowhere = asking_at(deployed, f"http://127.0.0.1:{nobody}")
        document = json.loads(apicalls.call_api(nowhere).read_text())
    release = releases.load(deployed.prod_deployment_path)[0].release
    assert list(document) == KEYS
    assert {answer["release"] for answer in document.values()} == {release}
    assert len(document["prediction"]["predictions"]) == 200
    assert document["scoring"]["rows"] == 200
    assert HERE in caplog.text
    assert not [thread for thread in threading.enumerate() if "serve_forever" in thread.name]


def test_it_asks_the_service_that_runs(
    deployed: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """However its pipeline is: a failed run is no reason to ask another one."""
    caplog.set_level("INFO")
    ended(deployed, "failed with exit code 69: the database is down", code=69)
    with running(local_server.server(create_app(deployed), "127.0.0.1", 0)) as port:
        path = apicalls.call_api(asking_at(deployed, f"http://127.0.0.1:{port}/"))
    assert list(json.loads(path.read_text())) == KEYS
    assert HERE not in caplog.text


def test_the_service_of_another_project_is_not_asked(
    deployed: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "other").mkdir()
    other = small_project(tmp_path / "other")
    with running(local_server.server(create_app(other), "127.0.0.1", 0)) as port:
        apicalls.call_api(asking_at(deployed, f"http://127.0.0.1:{port}"))
    assert HERE in caplog.text


@pytest.mark.parametrize(
    "health",
    [
        (200, b"welcome"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"service": "another"}'),
        (200, b'{"service": "risk", "release": "1-other"}'),
        (302, b'{"service": "risk"}'),
        (500, b""),
    ],
)
def test_a_stranger_at_the_url_is_left_alone(
    deployed: Settings, monkeypatch: pytest.MonkeyPatch, health: tuple[int, bytes]
) -> None:
    monkeypatch.setenv("RISK_API_TOKEN", "sesame")
    with stranger({"/health": health}) as (url, asked):
        path = apicalls.call_api(asking_at(deployed, url))
    assert list(json.loads(path.read_text())) == KEYS
    assert asked == ["/health"]  # once, and the token was kept


@contextlib.contextmanager
def chatterbox(said: bytes, pause: float) -> Iterator[str]:
    """Something that takes a connection and says the same again and again: its URL."""
    over = threading.Event()

    def chat(listener: socket.socket) -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if said else b"")
            while not over.wait(pause):
                connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        chatting = threading.Thread(target=chat, args=[listener])
        chatting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            chatting.join()


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        pytest.param(b"", 1, id="nothing at all"),
        pytest.param(b" ", 0.5, id="a blank now and then", marks=pytest.mark.slow),
        pytest.param(b" " * 2**20, 0, id="more than fits"),
    ],
)
def test_what_never_comes_to_an_end_is_given_up(
    deployed: Settings, caplog: pytest.LogCaptureFixture, said: bytes, pause: float
) -> None:
    caplog.set_level("INFO")
    with chatterbox(said, pause) as url:
        path = apicalls.call_api(asking_at(deployed, url))
    assert list(json.loads(path.read_text())) == KEYS
    assert HERE in caplog.text


def test_the_token_is_sent_to_our_service(
    deployed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RISK_API_TOKEN", "sesame")
    release = releases.load(deployed.prod_deployment_path)[0].release
    ours = json.dumps({"service": "risk", "release": release}).encode()
    with stranger({"/health": (200, ours)}) as (url, asked), pytest.raises(ServiceDown):
        apicalls.call_api(asking_at(deployed, url))
    assert asked == ["/health", "/prediction Bearer sesame"]


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ({"/prediction": (500, b'{"message": "so"}')}, "answered /prediction with 500: so"),
        ({"/prediction": (200, b"<html>")}, "no answer to /prediction"),
        ({"/prediction": (200, b"[]")}, "answered /prediction with 200"),
        ({"/prediction": (200, b"{}"), "/scoring": (503, b"{}")}, "answered /scoring with 503"),
        (
            dict.fromkeys((f"/{key}" for key in KEYS), (200, b"{}"))
            | {"/scoring": (200, b'{"release": "2-x"}')},
            "a deployment came between",
        ),
    ],
)
def test_without_all_four_answers_the_old_document_stays(
    deployed: Settings, replies: Replies, said: str
) -> None:
    path = deployed.output_model_path / files.API_RETURNS
    path.write_text("old")
    release = releases.load(deployed.prod_deployment_path)[0].release
    ours = json.dumps({"service": "risk", "release": release}).encode()
    every = {"/health": (200, ours), **replies}
    with stranger(every) as (url, _), pytest.raises(ServiceDown, match=said):
        apicalls.call_api(asking_at(deployed, url))
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.glob(".*")] == []


def test_nothing_deployed_is_a_service_that_is_down(settings: Settings) -> None:
    with pytest.raises(ServiceDown, match="with 503: nothing is deployed yet"):
        apicalls.call_api(settings)


def test_without_test_data_the_folder_is_named(deployed: Settings) -> None:
    (deployed.test_data_path / "testdata.csv").unlink()
    with pytest.raises(InputMissing, match=r"no usable \.csv file in testdata/"):
        apicalls.call_api(deployed)


def test_a_proxy_of_the_environment_is_not_asked(
    deployed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stranger({}) as (url, asked):
        monkeypatch.setenv("http_proxy", url)
        apicalls.call_api(deployed)
    assert asked == []


def test_every_deployment_is_followed_by_the_calls(finished: Settings) -> None:
    path = finished.output_model_path / files.API_RETURNS
    first = json.loads(path.read_text())["scoring"]["release"]
    full_process(configured(finished.workspace, features="raw"), force=True)
    assert first.startswith("1-")
    assert json.loads(path.read_text())["scoring"]["release"].startswith("2-")
    path.unlink()
    assert full_process(finished) == "no new data"
    assert not path.exists()


def test_a_file_that_is_scored_is_asked_about_whatever_lies_beside_it(deployed: Settings) -> None:
    folder = deployed.test_data_path
    (folder / "a.csv").write_text("<html>")
    (folder / "b.csv").write_text(f"{HEADER}\nAAAA,1,2,3,\n")
    (folder / "c.csv").write_text(f"{HEADER}\n")
    answers = json.loads(apicalls.call_api(deployed).read_text())
    assert len(answers["prediction"]["predictions"]) == 200


def owing(settings: Settings) -> Settings:
    """A run has deployed and could not file the answers."""
    pending.Run(settings, pending.OWED).end("deployed", "some time ago")
    for thing in (pending.LIST, pending.REPORT):
        pending.settle(settings, thing)
    return settings


@contextlib.contextmanager
def refusing(settings: Settings, status: int) -> Iterator[Settings]:
    """Our service as it runs, but for one route."""
    application = create_app(settings)
    refusal = answers.error("bad_dataset", "so", status)
    application.before_request(lambda: refusal if request.path == "/prediction" else None)
    with running(local_server.server(application, "127.0.0.1", 0)) as port:
        yield asking_at(settings, f"http://127.0.0.1:{port}")


def test_a_bad_line_of_the_test_data_costs_itself_only(finished: Settings) -> None:
    with (finished.test_data_path / "testdata.csv").open("a") as data:
        data.write("ZZZ9,abc,10,3,0\n")
    assert full_process(owing(finished)) == "no new data"
    answer = json.loads((finished.output_model_path / files.API_RETURNS).read_text())["prediction"]
    assert len(answer["predictions"]) == 200
    reason = "lastmonth_activity is not a number"
    assert answer["refused"] == [{"line": 202, "reason": reason}]


def test_what_will_be_refused_again_is_said_once_and_stands_to_be_read(finished: Settings) -> None:
    with refusing(owing(finished), 400) as asked:
        with pytest.raises(ServiceDown, match=r"given up: .* with 400: so"):
            full_process(asked)
        (sentence,) = pending.failures(asked)
        assert "run python apicalls.py when that is mended" in sentence
        assert full_process(asked) == "no new data"
        assert pending.failures(asked) == [sentence]
        for _ in range(2):
            with pytest.raises(ServiceDown, match="400: so"):
                apicalls.call_api(asked)
    assert full_process(owing(finished)) == "no new data"
    assert pending.failures(finished) == []


@pytest.mark.parametrize("status", [409, 503])
def test_what_may_be_answered_next_time_is_owed_until_it_is(
    finished: Settings, status: int
) -> None:
    with refusing(owing(finished), status) as asked:
        for _ in range(2):
            with pytest.raises(ServiceDown, match=f"not filed: the API answered .* {status}"):
                full_process(asked)
    assert pending.failures(finished) == []
    assert full_process(configured(finished.workspace)) == "no new data"
    assert pending.waiting(finished) == []


def test_answers_about_test_data_that_are_gone_are_given_up(finished: Settings) -> None:
    (finished.test_data_path / "testdata.csv").unlink()
    with pytest.raises(ServiceDown, match=r"given up: there is no usable \.csv file in testdata/"):
        full_process(owing(finished))
    assert full_process(finished) == "no new data"


def test_a_table_of_many_columns_is_good_for_the_api_as_well(settings: Settings) -> None:
    names = [f"feature_{number}" for number in range(85)]
    wide = configured(settings.workspace, feature_columns=names)
    for folder in (wide.input_folder_path, wide.test_data_path):
        for path in folder.iterdir():
            rows = csv_file.read_csv(path.read_bytes(), settings.columns).table
            numbers = rows.iloc[:, [1 + number % 3 for number in range(85)]].set_axis(names, axis=1)
            tables.write(path, rows[["corporation"]].join(numbers).assign(exited=rows["exited"]))
    assert decided(wide) == "deployed"
    apicalls.call_api(wide)
    answers = json.loads((wide.output_model_path / files.API_RETURNS).read_text())
    assert len(answers["prediction"]["predictions"]) == 200
    client = {"clients": [dict.fromkeys(names, 1)]}
    assert create_app(wide).test_client().post("/prediction", json=client).status_code == 200


def test_the_script_files_the_answers_and_takes_the_lock(settings: Settings) -> None:
    run = script(deploy(settings), "apicalls.py")
    assert run.returncode == 0, run.stderr
    assert "the answers of the API are in models/apireturns.txt" in run.stderr
    assert (settings.output_folder_path / files.LOCK).exists()
    assert " GET " not in run.stderr
    quiet = script(settings, "apicalls.py", "--quiet")  # that it served itself is no warning
    assert (quiet.returncode, quiet.stderr) == (0, "")
