"""Requests per second of the API beside those of a route that does nothing: make bench

Both are served by gunicorn with 2 workers on loopback; the questions take turns, so that whatever
else the machine does meanwhile slows all of them.
"""

import contextlib
import http.client
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.project import ROOT, project
from company import fabricate
from fullprocess import full_process
from risk.data import tables
from risk.settings import Settings

CLIENTS = 4
SECONDS = 2.0
ROUNDS = 5
SERVED_WITHIN = 30


class Question(NamedTuple):
    """A body for a route, and the share of the constant route's pace that is aimed at."""

    title: str
    port: int
    path: str
    body: bytes
    aim: float


def deployed(folder: Path) -> Settings:
    """A deployed project with test data of 5 and of 10,000 rows."""
    period = fabricate.periods(1, clients=12_000, seed=1)[0]
    settings = Settings.load(project(folder, [period, period[:5]]))
    tables.write(settings.test_data_path / "ten_thousand.csv", period[:10_000])
    full_process(settings)
    return settings


@contextlib.contextmanager
def served(module: str, config: Path) -> Iterator[int]:
    """A port on which gunicorn answers for this module, with the configuration of the project."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), module]
    environment = {**os.environ, "RISK_CONFIG": str(config), "RISK_BIND": f"127.0.0.1:{port}"}
    with (
        (config.parent / f"{module}.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log) as server,
    ):
        try:
            wait_for(port)
            yield port
        finally:
            server.terminate()


def wait_for(port: int) -> None:
    """Until a connection is taken."""
    deadline = time.monotonic() + SERVED_WITHIN
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def ask(question: Question, seconds: float) -> int:
    """How many answers one client gets in that time, over one connection after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", question.port, timeout=30)
    headers = {"Content-Type": "application/json"}
    answers, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        connection.request("POST", question.path, question.body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != http.client.OK:
            raise ValueError(f"{question.title}: {answer.status} {content[:200]!r}")
        answers += 1
    connection.close()
    return answers


def pace(question: Question) -> float:
    """Answers per second of all clients together."""
    with multiprocessing.get_context("fork").Pool(CLIENTS) as pool:
        return sum(pool.starmap(ask, [(question, SECONDS)] * CLIENTS)) / SECONDS


def main() -> None:
    """Measure in turns, and print the medians."""
    client = {"lastmonth_activity": 12, "lastyear_activity": 340, "number_of_employees": 56}
    with tempfile.TemporaryDirectory(prefix="risk-bench-") as folder:
        settings = deployed(Path(folder))
        config = settings.workspace / "config.json"
        with served("wsgi:app", config) as ours, served("benchmarks.constant:app", config) as other:
            five, many = (
                {"filepath": f"testdata/{name}.csv"} for name in ("testdata", "ten_thousand")
            )
            questions = [
                Question("a route that does nothing", other, "/", b"{}", 1),
                Question("one client", ours, "/prediction", body({"clients": [client]}), 0.8),
                Question("a file of 5 rows", ours, "/prediction", body(five), 0.7),
                Question("a file of 10,000 rows", ours, "/prediction", body(many), 0.15),
            ]
            for question in questions:
                ask(question, 0.5)
            rounds = [[pace(question) for question in questions] for _ in range(ROUNDS)]
    report(questions, rounds)


def body(value: object) -> bytes:
    """A value as a request sends it."""
    return json.dumps(value).encode()


def report(questions: list[Question], rounds: list[list[float]]) -> None:
    """Print the medians of the paces, and of their ratios within each round."""
    for place, question in enumerate(questions):
        paces = statistics.median(each[place] for each in rounds)
        ratio = statistics.median(each[place] / each[0] for each in rounds)
        print(f"{question.title:26} {paces:7.0f}/s   {ratio:5.2f}   aim {question.aim}")


if __name__ == "__main__":
    main()
