#!/usr/bin/env python3
"""The HTTP API, without gunicorn: python app.py

make serve starts it under gunicorn, as colleagues use it.
"""

import math
from typing import NamedTuple

from flask import Blueprint, Flask, Response, current_app, request

import diagnostics
from risk import cache, files
from risk.cli import run
from risk.learning import evaluation
from risk.learning.deployed import Watched
from risk.records import health
from risk.settings import Settings
from risk.web import (
    answers,
    binding,
    client_list,
    local_server,
    openapi,
    pages,
    prediction_request,
    security,
)
from risk.web.data_files import DataFiles

KEPT_SECONDS = 60

api = Blueprint("api", __name__)


class Service(NamedTuple):
    """What the routes answer from."""

    settings: Settings
    deployed: Watched
    data_files: DataFiles


def create_app(settings: Settings | None = None) -> Flask:
    """The application; nothing is read or opened before the first request."""
    settings = settings or Settings.load()
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    answers.dress(app)
    security.guard(app, settings.allowed_hosts)
    watched = Watched(settings.prod_deployment_path, settings.columns)
    app.extensions["risk"] = Service(settings, watched, DataFiles(settings))
    app.extensions["pages"] = pages.sources(settings, watched)
    app.register_blueprint(api)
    app.register_blueprint(pages.pages)
    return app


def _service() -> Service:
    service: Service = current_app.extensions["risk"]
    return service


@api.post("/prediction")
def prediction() -> Response:
    """What the deployed model expects of each good row that is sent or named."""
    service = _service()
    deployed = service.deployed.now()
    asked = prediction_request.asked(request, service.data_files, service.settings.columns)
    folded, rows = deployed.folded, asked.rows
    expected, risks = folded.listed(rows) if isinstance(rows, list) else folded.answers(rows)
    found = {"release": deployed.release.release, **asked.refused}
    if asked.with_risks:
        found["risks"] = risks
    return answers.answer(found, predictions=answers.digits(expected))


@api.get("/scoring")
def scoring() -> Response:
    """F1 of the deployed model on the test data."""
    settings, watched, _ = _service()
    deployed = watched.now()
    rows = current_app.extensions["pages"].test_data.now().rows
    score = evaluation.f1(deployed.model, rows, settings.columns)
    return answers.answer({"release": deployed.release.release, "f1": score, "rows": len(rows)})


@api.get("/summarystats")
def summarystats() -> Response:
    """Mean, median, standard deviation and mode of each column; null where there is none."""
    settings, watched, _ = _service()
    release = watched.now().release.release
    statistics = [
        [value if math.isfinite(value) else None for value in row]
        for row in diagnostics.dataframe_summary(settings)
    ]
    columns = settings.columns.all[1:]
    return answers.answer({"release": release, "columns": columns, "statistics": statistics})


@api.get("/ranking")
def ranking() -> Response:
    """The first clients to call, and why: open outcomes first, each by risk."""
    asked = request.args.get("top", str(_service().settings.capacity))
    return answers.answer(
        client_list.answer(pages.listed(), answers.count(asked, "top", client_list.MOST))
    )


@api.get("/diagnostics")
def diagnose() -> Response:
    """Timings, missing data and package versions, measured at most once a minute."""
    settings, watched, _ = _service()
    release = watched.now().release.release
    project = files.sha256(str(settings.workspace).encode())[:16]
    measured = cache.answer(
        f"diagnostics-{project}",
        release,
        KEPT_SECONDS,
        lambda: {
            "execution_time": diagnostics.execution_time(settings),
            "missing_data": diagnostics.missing_data(settings),
            "packages": diagnostics.versions(
                settings,
                settings.output_folder_path / files.PACKAGES,
                cache.folder() / files.PACKAGES,
            ),
        },
    )
    return answers.answer({"release": release, **measured})


@api.get("/health")
def service_health() -> Response:
    """What is deployed, and whether the pipeline is well; asked without a token.

    Monitors ask every second, so no database is asked: drift and a weaker model are on / alone.
    With strict=1 the answer is 503 unless all is ok.
    """
    is_strict = pages.is_set(request.args, "strict")
    known = pages.state_of_service()
    status = 503 if is_strict and known["status"] != health.OK else 200
    return answers.answer({"service": "risk", **known}, status)


@api.get("/openapi.json")
def description() -> Response:
    """The description of all routes."""
    return answers.answer(openapi.document(_service().settings))


def serve(settings: Settings) -> None:
    """Answer on 127.0.0.1:8000, or where RISK_BIND says, until interrupted."""
    host, port = binding.host_and_port(binding.bind())
    with local_server.server(create_app(settings), host, port) as listening:
        local_server.log_requests()
        where = binding.bind().rpartition(":")[0], listening.port  # a port of 0 is any free one
        print("http://{}:{}/health answers; Ctrl-C ends it".format(*where), flush=True)
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    run(serve, writes=False)
