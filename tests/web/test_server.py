"""The API as colleagues reach it: gunicorn with two workers, on real sockets."""

import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import create_app
from risk.settings import Settings
from tests import warm
from tests.conftest import ROOT
from tests.serving import (
    GUNICORN,
    PATIENCE,
    answering,
    ask,
    environment,
    gunicorn,
    served_by,
    wait_until,
)
from tests.test_diagnostics import OFFLINE
from tests.web.traps import NEVER_SAID, make_traps, shared_files

CLIENT = {"lastmonth_activity": 0, "lastyear_activity": 0, "number_of_employees": 0}
QUESTION = {"clients": [CLIENT], "risks": True}
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [\w.]+ [A-Z]+ .*")


@pytest.fixture(scope="module")
def port(served: Settings) -> Iterator[int]:
    """Where two workers serve the project of this module; what they said is read at the end."""
    make_traps(served)
    known = environment(served, RISK_BIND="127.0.0.1:0")
    with answering([*GUNICORN, "wsgi:app"], known, served) as port:
        yield port
    log = (served.workspace / "server.log").read_text()
    assert all(LOG_LINE.fullmatch(line) for line in log.splitlines()), log
    assert "Traceback" not in log
    assert "reading failed" not in log


def test_two_workers_serve_what_one_process_does(port: int, served: Settings) -> None:
    here = create_app(served).test_client()
    for path in ("/scoring", "/summarystats", "/openapi.json", "/nothing"):
        answer = ask(port, "GET", path)
        assert (answer.status, answer.body) == (here.get(path).status_code, here.get(path).data)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert ask(port, "POST", "/prediction", QUESTION).status == 200


def test_eight_at_once_are_answered_by_one_measurement(port: int, served: Settings) -> None:
    before = shared_files(served.workspace)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(port, "GET", "/diagnostics"), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    own_log = str(served.workspace / "server.log")
    assert {**shared_files(served.workspace), own_log: before[own_log]} == before


LOCAL = b"Host: localhost\r\n"
HEADER = "lastmonth_activity,lastyear_activity,number_of_employees"
JSON = LOCAL + b"Content-Type: application/json\r\n"
POST = b"POST /prediction HTTP/1.1\r\n"
CHUNKED = POST + JSON + b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /health HTTP/1.0\r\n", 400),
        (b"GET /health\r\n", 400),
        (b"GET /health HTTP/9.9\r\n" + LOCAL, 400),
        (b"\0\1\2\r\n", 400),
        (b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03\r\n", 400),
        (b"PRI * HTTP/2.0\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: evil.example\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost.\r\n", 400),
        (b"GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + LOCAL + b"Host: evil.example\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + LOCAL + b"User-Agent: a\rforged\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + LOCAL + b"User-Agent: a\0b\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + LOCAL + b"User-Agent: a\r\n b\r\n", 400),
        (b"GE\rT /health HTTP/1.1\r\n" + LOCAL, 400),
        (b"GET /%0a%0dforged HTTP/1.1\r\n" + LOCAL, 404),
        (b"GET /\xc2\x85forged HTTP/1.1\r\n" + LOCAL, 400),
        (b"OPTIONS * HTTP/1.1\r\n" + LOCAL, 404),
        (b"CONNECT localhost:22 HTTP/1.1\r\n" + LOCAL, 404),
        (b"GET /scoring HTTP/1.1\r\n" + LOCAL + b"SCRIPT_NAME: /evil\r\n", 200),
        (b"GET /health/scoring HTTP/1.1\r\n" + LOCAL + b"SCRIPT_NAME: /health\r\n", 404),
        (b"GET /nothing HTTP/1.1\r\n" + LOCAL + b"PATH_INFO: /health\r\n", 404),
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n" + LOCAL, 414),
        (b"GET /health HTTP/1.1\r\n" + LOCAL + b"X: 1\r\n" * 200, 431),
        (b"GET /health HTTP/1.1\r\n" + LOCAL + b"X: " + b"y" * 20_000 + b"\r\n", 431),
        (POST + LOCAL + b"Content-Length: x\r\n", 400),
        (POST + LOCAL + b"Content-Length: -1\r\n", 400),
        (POST + LOCAL + b"Content-Length: 3\r\nContent-Length: 4\r\n", 400),
        (POST + JSON + b"Content-Length: 99999999999999999999\r\n", 413),
        (POST + JSON + b"Expect: 200-perhaps\r\nContent-Length: 2\r\n", 417),
        (POST + LOCAL, 415),
        (CHUNKED + b"Content-Length: 3\r\n", 400),
        (CHUNKED + b"\r\nzz\r\nabc\r\n0\r\n", 400),
        (CHUNKED + b"\r\n5\r\nabcdefgh\r\n0\r\n", 400),
        (CHUNKED.replace(b"chunked", b"mystery"), 501),
    ],
)
def test_raw_requests_are_refused_and_forge_no_line(
    port: int, request_: bytes, status: int
) -> None:
    head, _, body = raw(port, request_ + b"\r\n").partition(b"\r\n\r\n")
    assert head.split(b" ", 2)[1] == str(status).encode(), head
    if b"Content-Type: application/json" in head:  # else gunicorn itself refuses
        assert b"X-Content-Type-Options: nosniff" in head
        assert set(json.loads(body)) == {"error", "message"} or status == 200
    assert not NEVER_SAID.search((head + body).decode("latin-1"))


def test_there_is_one_line_about_each_request(port: int, served: Settings) -> None:
    ask(port, "GET", "/only_here?one", headers={"User-Agent": "forged"})
    (line,) = wait_until(lambda: lines_about("/only_here", served))
    assert re.fullmatch(r"\S+ gunicorn.access INFO 127\.0\.0\.1 GET /only_here 404 [\d.]+ ms", line)


def lines_about(words: str, settings: Settings) -> list[str]:
    """The whole lines of the server's log that hold these words."""
    whole = (settings.workspace / "server.log").read_text().rpartition("\n")[0]
    return [line for line in whole.splitlines() if words in line]


def test_a_worker_that_dies_while_it_measures_locks_nobody_out(deployed: Settings) -> None:
    """What it waits for is an index of packages that never answers."""
    (deployed.workspace / "requirements.txt").write_text("flask\n")
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        own = {**OFFLINE, "PIP_INDEX_URL": url, "TMPDIR": str(deployed.workspace)}
        with gunicorn(deployed, **own) as port, ThreadPoolExecutor(1) as pool:
            wait_until(lambda: len(lines_about("pid: ", deployed)) == 2)
            workers = [line.rpartition(" ")[2] for line in lines_about("pid: ", deployed)]
            silent.settimeout(PATIENCE)
            measured = pool.submit(ask, port, "GET", "/diagnostics")
            with silent.accept()[0]:  # now it waits there, for two seconds at least
                for worker in workers:
                    os.kill(int(worker), signal.SIGKILL)
                with pytest.raises(OSError, match=r"."):
                    measured.result()
            silent.close()
            assert ask(port, "GET", "/diagnostics").status == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /health HTT", id="half a line"),
        pytest.param(POST + JSON + b"Content-Length: 9\r\n\r\n{", id="half a body"),
        pytest.param(CHUNKED + b"\r\n9\r\n{", id="half a chunk"),
    ],
)
def test_clients_that_fall_silent_do_not_keep_others_from_asking(port: int, sent: bytes) -> None:
    """There are more of them than threads; the others' patience is that of `ask`."""
    with contextlib.ExitStack() as opened:
        for _ in range(40):
            silent = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            silent.sendall(sent)
        assert ask(port, "GET", "/health").status == 200


HEADERS = (b"GET /health HTTP/1.1\r\n", b"X: 1\r\n", b"X: 2\r\n")
BODY = (POST + JSON + b"Content-Length: 999\r\n\r\n", b"{\r\n", b"{\r\n")


def test_a_hundred_clients_that_drip_do_not_keep_others_from_asking(port: int) -> None:
    """Half of them drip headers, half a body."""
    with contextlib.ExitStack() as opened:
        place = ("127.0.0.1", port)
        slow = [opened.enter_context(socket.create_connection(place)) for _ in range(100)]
        for drops in zip(HEADERS, BODY, strict=True):
            for at, client in enumerate(slow):
                client.sendall(drops[at % 2])
            assert ask(port, "GET", "/health", patience=20).status == 200
            time.sleep(0.7)  # the pace of a drip


@pytest.mark.parametrize(
    "is_closed",
    [
        pytest.param(True, id="closes"),
        pytest.param(False, id="falls silent", marks=pytest.mark.slow),
    ],
)
def test_a_body_that_is_shorter_than_was_said_is_no_whole_question(
    port: int, is_closed: bool
) -> None:
    """Though what came of it would be one: it ends where the sender closes, or falls silent."""
    question = b'{"clients": []}'
    length = f"Content-Length: {len(question) + 9}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(POST + JSON + b"Connection: close\r\n" + length + question)
        if is_closed:
            connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (head.split(b" ", 2)[1], json.loads(body)["error"]) == (b"400", "bad_request")


def raw(port: int, request: bytes) -> bytes:
    """What comes back for these bytes, to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_an_endless_body_is_not_read_to_its_end(port: int) -> None:
    """Chunked, so no length is said beforehand."""
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = b"POST /prediction HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(head + b"Content-Type: application/json\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(1000):
                connection.sendall(piece)
        with contextlib.suppress(OSError):
            assert b" 413 " in connection.recv(65536)[:20]
    assert ask(port, "GET", "/health").status == 200


def test_the_script_serves_without_a_debugger(deployed: Settings) -> None:
    known = environment(deployed, RISK_BIND="127.0.0.1:0", FLASK_DEBUG="1", PORT="1")
    program = warm.Program(str(ROOT / "app.py"), [], known)
    with served_by(program, deployed) as port:
        assert ask(port, "POST", "/prediction", QUESTION).status == 200
        answer = ask(port, "GET", "/nothing?__debugger__=yes&cmd=resource&f=debugger.js")
        assert answer.value["error"] == "not_found"
        assert answer.headers["Server"] == "risk"
        wait_until(lambda: lines_about("POST /prediction 200", deployed))


@pytest.mark.slow
def test_a_client_that_never_reads_its_answer_is_left_in_time(deployed: Settings) -> None:
    """The answer is longer than what a connection holds between its ends."""
    (deployed.test_data_path / "long.csv").write_text(f"{HEADER}\n" + "1,2,3\n" * 300_000)
    body = json.dumps({"filepath": "testdata/long.csv", "risks": True}).encode()
    with gunicorn(deployed) as port, socket.socket() as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.connect(("127.0.0.1", port))
        mute.sendall(POST + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: lines_about("POST /prediction", deployed), 2 * PATIENCE)
