"""apicalls: four answers filed as one document, whoever serves them, or none."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import apicalls
from app import create_app
from fullprocess import full_process
from risk import files, records, releases, serving
from risk.errors import InputMissing, ServiceDown
from risk.settings import Settings
from tests.conftest import configured, deploy, script, small_project
from tests.serving import free_port, running

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

    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def asking_at(settings: Settings, url: str) -> Settings:
    return configured(settings.workspace, api_url=url)


def test_it_serves_itself_when_nothing_answers(
    deployed: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    nowhere = asking_at(deployed, f"http://127.0.0.1:{free_port()}")
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
    failed = f"{files.now()} fullprocess ERROR failed with exit code 69: the database is down"
    (deployed.output_folder_path / files.LOG).write_text(f"{failed}\n")
    with running(serving.server(create_app(deployed), "127.0.0.1", 0)) as port:
        path = apicalls.call_api(asking_at(deployed, f"http://127.0.0.1:{port}/"))
    assert list(json.loads(path.read_text())) == KEYS
    assert HERE not in caplog.text


def test_the_service_of_another_project_is_not_asked(
    deployed: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "other").mkdir()
    other = small_project(tmp_path / "other")
    with running(serving.server(create_app(other), "127.0.0.1", 0)) as port:
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
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
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
    with pytest.raises(InputMissing, match=r"no \.csv file in testdata/"):
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
    full_process(finished, force=True)
    assert first.startswith("1-")
    assert json.loads(path.read_text())["scoring"]["release"].startswith("2-")
    path.unlink()
    assert full_process(finished) == "no new data"
    assert not path.exists()


def test_a_deployment_whose_answers_cannot_be_filed_stands(settings: Settings) -> None:
    """One refused line of the test data is left out of the score, but no dataset to ask about."""
    with (settings.test_data_path / "testdata.csv").open("a") as data:
        data.write("AAAA,1,2,x,0\n")
    run = script(settings, "fullprocess.py")
    assert run.returncode == ServiceDown.exit_code, run.stderr
    assert "the answers of the API are not filed" in run.stderr
    assert "line 202: number_of_employees is not a number" in run.stderr
    assert releases.load(settings.prod_deployment_path)[0].number == 1
    assert len(records.last_runs(settings, 5)) == 1


def test_the_script_files_the_answers_and_takes_the_lock(settings: Settings) -> None:
    run = script(deploy(settings), "apicalls.py")
    assert run.returncode == 0, run.stderr
    assert "the answers of the API are in models/apireturns.txt" in run.stderr
    assert (settings.output_folder_path / files.LOCK).exists()
    assert " GET " not in run.stderr
