#!/usr/bin/env python3
"""The HTTP API, without gunicorn: python app.py

make serve starts it under gunicorn, as colleagues use it.
"""

import contextlib
import math
from typing import Any

import numpy as np
from flask import Blueprint, Flask, Response, request

import diagnostics
from risk import cache, files
from risk.cli import run
from risk.learning import evaluation, releases
from risk.models import linear
from risk.records import health
from risk.settings import Settings
from risk.web import (
    answers,
    binding,
    client_list,
    client_page,  # noqa: F401 - importing it adds its routes
    json_clients,
    local_server,
    openapi,
    overview,
    prediction_request,
    run_page,  # noqa: F401 - importing it adds its routes
    security,
)
from risk.web.pages import Service, is_set, pages, service

KEPT_SECONDS = 60

api = Blueprint("api", __name__)


def create_app(settings: Settings | None = None) -> Flask:
    """The application; nothing is read or opened before the first request."""
    settings = settings or Settings.load()
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    answers.dress(app)
    security.guard(app, settings.allowed_hosts)
    app.extensions["risk"] = Service(settings)
    app.register_blueprint(api)
    app.register_blueprint(pages)
    return app


@api.post("/prediction")
def prediction() -> Response:
    """What the deployed model expects of each good row that is sent or named."""
    sources = service()
    deployed, columns = sources.deployed.now(), sources.settings.columns
    question = prediction_request.read(request, sources.data_files, columns)
    expected, risks = _answers(deployed.folded, question.rows)
    value = {"release": deployed.release.release, **question.refused}
    if question.with_risks:
        value["risks"] = risks
    return answers.answer(value, predictions=answers.digits(expected))


def _answers(folded: linear.Folded, rows: json_clients.Rows) -> tuple[Any, Any]:
    """The answers for rows in the form in which the question has them."""
    if isinstance(rows, list):
        return folded.listed(rows)
    return folded.answers(rows) if isinstance(rows, np.ndarray) else folded.of_table(rows)


@api.get("/scoring")
def scoring() -> Response:
    """F1 of the deployed model on the test data."""
    deployed, rows = service().deployed.now(), service().test_data.now().rows
    score = evaluation.f1(deployed.model, rows, service().settings.columns)
    return answers.answer({"release": deployed.release.release, "f1": score, "rows": len(rows)})


@api.get("/summarystats")
def summarystats() -> Response:
    """Mean, median, standard deviation and mode of each column; null where there is none."""
    release, look = service().deployed.now().release.release, service().look()
    columns = service().settings.columns.measured
    rows = [
        [value if math.isfinite(value) else None for value in look.numbers[name]]
        for name in columns
    ]
    return answers.answer({"release": release, "columns": columns, "statistics": rows})


@api.get("/ranking")
def ranking() -> Response:
    """The first clients to call, and why: open outcomes first, each by risk."""
    asked, capacity = request.args.get("top"), service().settings.capacity
    top = None if asked is None else answers.count(asked, "top", client_list.MOST)
    return answers.answer(client_list.answer(client_list.current(), top, capacity))


@api.get("/diagnostics")
def diagnose() -> Response:
    """Timings, missing data and package versions, measured at most once a minute."""
    settings, release = service().settings, service().deployed.now().release
    folders = settings.output_model_path, settings.output_folder_path

    def measure() -> cache.Answer:
        taken = releases.seconds_of(release, diagnostics.STEPS, *folders)
        known, own = settings.output_folder_path / files.PACKAGES, cache.folder() / files.PACKAGES
        return {
            "execution_time": taken or diagnostics.execution_time(settings),
            "missing_data": list(service().look().missing.values()),
            "packages": diagnostics.versions(settings, known, own),
        }

    project = files.sha256(str(settings.workspace).encode())[:16]
    measured = cache.answer(f"diagnostics-{project}", release.release, KEPT_SECONDS, measure)
    return answers.answer({"release": release.release, **measured})


@api.get("/health")
def service_health() -> Response:
    """What is deployed, and whether the pipeline is well; asked without a token.

    Monitors ask every second, so no database is asked: the start page alone tells of drift and of
    a weaker model. With strict=1 the answer is 503 unless the status is ok.
    """
    is_strict = is_set(request.args, "strict")
    state = overview.state_of_service()
    status = 503 if is_strict and state["status"] != health.OK else 200
    return answers.answer({"service": "risk", **state}, status)


@api.get("/openapi.json")
def description() -> Response:
    """The description of all routes."""
    return answers.answer(openapi.document(service().settings))


def serve(settings: Settings) -> None:
    """Answer on 127.0.0.1:8000, or where RISK_BIND says, until interrupted."""
    host, port = binding.host_and_port(binding.bind())
    with local_server.server(create_app(settings), host, port) as server:
        local_server.log_requests()
        address = binding.bind().rpartition(":")[0]
        print(f"http://{address}:{server.port}/health answers; Ctrl-C ends it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    run(serve, writes=False)
