#!/usr/bin/env python3
"""Call the API's endpoints and file what they answer: python apicalls.py"""

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import requests

import app
from risk import files
from risk.cli import run
from risk.data import test_data
from risk.errors import DataUnusable, InputMissing, ServiceDown, noted
from risk.learning import releases
from risk.records import pending
from risk.settings import Settings
from risk.web import local_server, security

CONNECT_SECONDS, HEALTH_SECONDS, ANSWER_SECONDS = 2, 5, 60
LONGEST_ANSWER = 64 * 1024 * 1024
QUESTIONS = ("scoring", "summarystats", "diagnostics")
STOPS_WITHIN_SECONDS = 0.02
PASSING = (408, 409, 425, 429)  # refusals of which the next may be none

log = logging.getLogger("risk.apicalls")


class Refused(ServiceDown):
    """The API answers, and will refuse the same question again."""


def call_api(settings: Settings | None = None) -> Path:
    """Ask for predictions, score, statistics and diagnostics; file all four answers or none."""
    settings = settings or Settings.load()
    dataset = {"filepath": _test_data(settings)}
    with requests.Session() as session, _service(session, settings) as url:
        session.headers.update(_authorization())
        answers = {"prediction": _answer(session, "POST", f"{url}/prediction", dataset)}
        for name in QUESTIONS:
            answers[name] = _answer(session, "GET", f"{url}/{name}")
    if len({answer.get("release") for answer in answers.values()}) > 1:
        raise ServiceDown("a deployment came between the answers of the API; call it again")
    path = settings.output_model_path / files.API_RETURNS
    files.write_json(path, answers)
    pending.made(settings, pending.ANSWERS)
    log.info("the answers of the API are in %s", files.short(path))
    return path


def file_owed(settings: Settings) -> list[str]:
    """File the answers that runs still owe; what prevented it is returned.

    What would be refused again is given up: it is said once, and owed no longer.
    """
    problems: list[str] = []
    if pending.ANSWERS in pending.owed(settings):
        with noted(problems, "the answers of the API are not filed"):
            try:
                call_api(settings)
            except (Refused, InputMissing, DataUnusable) as why:
                problems.append(
                    f"the answers of the API are given up: {why}; run python apicalls.py "
                    "when that is mended"
                )
                pending.give_up(settings, pending.ANSWERS, problems[-1])
            pending.settle(settings, pending.ANSWERS)
    return problems


def _test_data(settings: Settings) -> str:
    """A file of the test data that scoring uses, as a request names it."""
    path = settings.test_data_path / test_data.read(settings).first_file
    return path.relative_to(settings.workspace).as_posix()


def _authorization() -> dict[str, str]:
    token = security.token()
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextlib.contextmanager
def _service(session: requests.Session, settings: Settings) -> Iterator[str]:
    """Where our service answers: at `api_url`, or else here, for as long as it is needed."""
    session.trust_env = False  # no proxy of the environment, which the token would pass
    configured = settings.api_url.rstrip("/")
    if _is_ours(session, configured, settings):
        yield configured
        return
    log.info("our service does not answer at api_url, so it is served here meanwhile")
    with local_server.server(app.create_app(settings), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(STOPS_WITHIN_SECONDS,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join()


def _is_ours(session: requests.Session, url: str, settings: Settings) -> bool:
    """Whether what answers there is this service, serving what is deployed here."""
    deployed = releases.current(settings.prod_deployment_path)
    try:
        _, health = _asked(session, "GET", f"{url}/health", None, HEALTH_SECONDS)
    except (requests.RequestException, ValueError):
        return False
    if not isinstance(health, dict) or health.get("service") != "risk":
        return False
    return deployed is not None and health.get("release") == deployed.release


def _asked(
    session: requests.Session, method: str, url: str, body: object, seconds: int
) -> tuple[int, Any]:
    """Status and JSON of an answer that is all there in time, however it comes."""
    answer: Future[tuple[int, bytes]] = Future()

    def ask() -> None:
        try:
            answer.set_result(_whole(session, method, url, body, seconds))
        except requests.RequestException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        status, content = answer.result(CONNECT_SECONDS + seconds)
    except TimeoutError:
        raise requests.Timeout("it does not come to an end") from None
    return status, json.loads(content)


def _whole(
    session: requests.Session, method: str, url: str, body: object, seconds: int
) -> tuple[int, bytes]:
    """Status and bytes of an answer that is not endless."""
    patience, content = (CONNECT_SECONDS, seconds), bytearray()
    with session.request(
        method, url, json=body, timeout=patience, allow_redirects=False, stream=True
    ) as answer:
        for piece in answer.iter_content(64 * 1024):
            content += piece
            if len(content) > LONGEST_ANSWER:
                raise requests.Timeout("it does not come to an end")
        return answer.status_code, bytes(content)


def _answer(session: requests.Session, method: str, url: str, body: object = None) -> Any:
    """The JSON object of one answer; anything else is said in a sentence."""
    route = url.rpartition("/")[2]
    try:
        status, value = _asked(session, method, url, body, ANSWER_SECONDS)
    except (requests.RequestException, ValueError) as error:
        raise ServiceDown(f"the API gave no answer to /{route}: {error}") from error
    if not isinstance(value, dict) or status != requests.codes.ok:
        said = value.get("message", "") if isinstance(value, dict) else ""
        is_final = 400 <= status < 500 and status not in PASSING
        kind = Refused if is_final else ServiceDown
        raise kind(f"the API answered /{route} with {status}: {said}")
    return value


if __name__ == "__main__":
    run(call_api)
