#!/usr/bin/env python3
"""Call the API's endpoints and file what they answer: python apicalls.py"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import app
from risk import files
from risk.cli import run
from risk.data import test_data
from risk.errors import DataUnusable, InputMissing, ServiceDown, noted
from risk.learning import releases
from risk.records import pending
from risk.settings import Settings
from risk.web import api_client, local_server

QUESTIONS = ("scoring", "summarystats", "diagnostics")

log = logging.getLogger("risk.apicalls")


def call_api(settings: Settings | None = None) -> Path:
    """Ask for predictions, score, statistics and diagnostics; file all four answers or none."""
    settings = settings or Settings.load()
    dataset = {"filepath": _test_dataset(settings)}
    with _service(settings) as service:
        answers = {"prediction": service.answer("POST", "/prediction", dataset)}
        answers |= {name: service.answer("GET", f"/{name}") for name in QUESTIONS}
    if len({answer.get("release") for answer in answers.values()}) > 1:
        raise ServiceDown("a deployment came between the answers of the API; call it again")
    path = settings.output_model_path / files.API_RETURNS
    files.write_json(path, answers)
    pending.forget_failure(settings, pending.ANSWERS)
    log.info("the answers of the API are in %s", files.short(path))
    return path


def file_owed(settings: Settings) -> list[str]:
    """File the answers that runs still owe, and return what prevented it.

    A question that would be refused again is given up: it is reported once, and no longer owed.
    """
    problems: list[str] = []
    if pending.ANSWERS in pending.owed(settings):
        with noted(problems, "the answers of the API are not filed"):
            try:
                call_api(settings)
            except (api_client.Refused, InputMissing, DataUnusable) as why:
                problems.append(
                    f"the answers of the API are given up: {why}; run python apicalls.py "
                    "when that is mended"
                )
                pending.note_failure(settings, pending.ANSWERS, problems[-1])
            pending.settle(settings, pending.ANSWERS)
    return problems


def _test_dataset(settings: Settings) -> str:
    """A file of the test data that scoring uses, as a request names it."""
    path = settings.test_data_path / test_data.read(settings).first_file
    return path.relative_to(settings.workspace).as_posix()


@contextlib.contextmanager
def _service(settings: Settings) -> Iterator[api_client.Client]:
    """Our service at `api_url`, or else one that is served here while it is needed."""
    deployed = releases.current(settings.prod_deployment_path)
    configured = api_client.Client(settings.api_url.rstrip("/"))
    if deployed and configured.is_serving(deployed.release):
        yield configured
        return
    log.info("our service does not answer at api_url, so it is served here meanwhile")
    with local_server.serving(app.create_app(settings)) as url:
        yield api_client.Client(url)


if __name__ == "__main__":
    run(call_api)
