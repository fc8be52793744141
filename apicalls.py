"""Call the API's endpoints and file what they answer: python apicalls.py"""

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

import app
from risk import arrivals, binding, files, releases, serving
from risk.cli import run
from risk.errors import InputMissing, ServiceDown
from risk.settings import Settings

CONNECT_SECONDS, HEALTH_SECONDS, ANSWER_SECONDS = 2, 5, 60
QUESTIONS = ("scoring", "summarystats", "diagnostics")

log = logging.getLogger("risk.apicalls")


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
    log.info("the answers of the API are in %s", files.short(path))
    return path


def _test_data(settings: Settings) -> str:
    """The first file of the test data, as a request names it."""
    found = arrivals.listing(settings.test_data_path).files
    if not found:
        raise InputMissing(f"there is no .csv file in {settings.test_data_path.name}/")
    path = settings.test_data_path / found[0].name
    return path.relative_to(settings.workspace).as_posix()


def _authorization() -> dict[str, str]:
    token = binding.token()
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
    with serving.server(app.create_app(settings), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _is_ours(session: requests.Session, url: str, settings: Settings) -> bool:
    """Whether what answers there is this service, serving what is deployed here."""
    deployed = releases.current(settings.prod_deployment_path)
    try:
        health = _asked(session, "GET", f"{url}/health", None, HEALTH_SECONDS).json()
    except (requests.RequestException, ValueError):
        return False
    if not isinstance(health, dict) or health.get("service") != "risk":
        return False
    return deployed is not None and health.get("release") == deployed.release


def _asked(
    session: requests.Session, method: str, url: str, body: object, seconds: int
) -> requests.Response:
    patience = (CONNECT_SECONDS, seconds)
    return session.request(method, url, json=body, timeout=patience, allow_redirects=False)


def _answer(session: requests.Session, method: str, url: str, body: object = None) -> Any:
    """The JSON object of one answer; anything else is said in a sentence."""
    route = url.rpartition("/")[2]
    try:
        answer = _asked(session, method, url, body, ANSWER_SECONDS)
        value = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise ServiceDown(f"the API gave no answer to /{route}: {error}") from error
    if not isinstance(value, dict) or answer.status_code != requests.codes.ok:
        said = value.get("message", "") if isinstance(value, dict) else ""
        raise ServiceDown(f"the API answered /{route} with {answer.status_code}: {said}")
    return value


if __name__ == "__main__":
    run(call_api)
