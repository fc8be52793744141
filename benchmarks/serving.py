"""What an answer of the API costs beside one of a route that does nothing; a worker's memory."""

import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases import Measured, Sizes, fabricated
from benchmarks.figures import Figure
from benchmarks.project import ROOT, first_run
from company import crowd
from risk import files

SERVED_WITHIN = 60  # seconds
SECONDS = 1.0  # of CPU time, in about which each question is asked again and again
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


class Server(NamedTuple):
    """A gunicorn with one worker."""

    port: int
    worker: int

    @property
    def cpu(self) -> float:
        """The CPU seconds that the worker has used so far."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def mebibytes(self) -> float:
        """The memory that the worker holds now."""
        pages = int(Path(f"/proc/{self.worker}/statm").read_text().split()[1])
        return pages * PAGE / 2**20

    def ask(self, path: str, body: bytes = b"", times: int = 1) -> None:
        """Ask so often over one connection, with a body by POST."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        headers = {"Content-Type": "application/json"} if body else {"Accept": "text/html"}
        for _ in range(times):
            connection.request("POST" if body else "GET", path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != http.client.OK:
                raise ValueError(f"{path}: {answer.status} {content[:200]!r}")
        connection.close()


class Question(NamedTuple):
    """A body for a route, and the share of the constant route's pace that is aimed at."""

    title: str
    server: Server
    path: str
    body: bytes
    aim: float

    def cost(self, times: int) -> float:
        """The CPU seconds of the worker for one answer."""
        begin = self.server.cpu
        self.server.ask(self.path, self.body, times)
        return (self.server.cpu - begin) / times

    def enough(self) -> int:
        """How often it is asked so that the clock tells."""
        return max(20, round(SECONDS / max(self.cost(100), 1e-4)))


@contextlib.contextmanager
def served(module: str, config: Path) -> Iterator[Server]:
    """Our server, or another one set up in the same way."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = ["-c", str(ROOT / "gunicorn.conf.py"), "--workers", "1"]
    environment = {**os.environ, "RISK_CONFIG": str(config), "RISK_BIND": f"127.0.0.1:{port}"}
    with (
        (config.parent / f"{module}.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *settings, module],
            cwd=ROOT,
            env=environment,
            stderr=log,
        ) as process,
    ):
        try:
            yield Server(port, _worker(process.pid, port))
        finally:
            process.terminate()


def _worker(parent: int, port: int) -> int:
    """The only worker, as soon as it listens."""
    deadline = time.monotonic() + SERVED_WITHIN
    while time.monotonic() < deadline:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            if children:
                return int(children[0])
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def predictions(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """Answers per CPU second, of one worker each, as a share of the constant route's."""
    config = fabricated(folder, 20_000, 10_000)
    for name, rows in (("five", 5), ("ten_thousand", 10_000)):
        crowd.save(folder / "testdata" / f"{name}.csv", crowd.rows(0, rows, rows, 3))
    first_run(config)
    client = {"lastmonth_activity": 12, "lastyear_activity": 340, "number_of_employees": 56}
    with served("wsgi:app", config) as ours, served("benchmarks.constant:app", config) as other:
        questions = [
            Question("a route that does nothing", other, "/", b"{}", 1),
            Question("one client", ours, "/prediction", _body({"clients": [client]}), 0.8),
            Question("a file of 5 rows", ours, "/prediction", _file("five"), 0.7),
            Question("a file of 10,000 rows", ours, "/prediction", _file("ten_thousand"), 0.3),
        ]
        times = [question.enough() for question in questions]
        rounds = [
            [question.cost(often) for question, often in zip(questions, times, strict=True)]
            for _ in range(max(3, sizes.runs))
        ]
    nothing = [first for first, *_ in rounds]
    for place, question in enumerate(questions[1:], 1):
        own = [each[place] for each in rounds]
        share = statistics.median(a / b for a, b in zip(nothing, own, strict=True))
        medians = 1000 * statistics.median(own), 1000 * statistics.median(nothing)
        what = f"/prediction, {question.title}"
        yield Figure(what, share, "times", question.aim, *medians, "constant (ms)", at_least=True)


def _body(value: object) -> bytes:
    return json.dumps(value).encode()


def _file(name: str) -> bytes:
    return _body({"filepath": f"testdata/{name}.csv"})


def worker(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """The first page of a worker that has just started, and its memory when it has shown all."""
    config = fabricated(folder, sizes.book, sizes.book, count=1)
    first_run(config)
    with (folder / "models" / files.RANKING).open(encoding="utf-8") as rows:
        client = rows.readlines(1000)[1].partition(",")[0]
    seconds, sizes_held = [], []
    for _ in range(max(3, sizes.runs)):
        with served("wsgi:app", config) as server:
            server.ask("/health")
            begin = time.perf_counter()
            server.ask("/")
            seconds.append(time.perf_counter() - begin)
            for path in ("/clients", "/clients?q=ab&all=1", f"/clients/{client}", "/ranking"):
                server.ask(path)
            sizes_held.append(server.mebibytes)
    first, held = statistics.median(seconds), statistics.median(sizes_held)
    book = f"{sizes.book:,} clients"
    yield Figure(f"a worker's first page, {book}", first, "s", 1.0, first, 0.0, "")
    yield Figure(f"a worker's memory, {book}", held, "MiB", 400.0, held, 0.0, "", held)
