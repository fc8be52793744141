"""The form of every answer: JSON or a page, with our headers, and errors in our words."""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import numpy as np
import numpy.typing as npt
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from risk.errors import ArtefactRefused, RequestRefused, RiskError

MOST_FORM_PARTS = 8
LONGEST_LOGGED = 200
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # else browsers send forms without their origin
    "Vary": "Accept",
}
WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
BY_LOWER_NAME = [(pair[0].lower(), pair) for pair in HEADERS.items()]
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=np.ndarray.tolist)
SENTENCES = {
    400: ("bad_request", "the request cannot be read"),
    404: ("not_found", "there is no such page"),
    405: ("method_not_allowed", "this page does not answer to this method"),
    413: ("too_large", "the body is larger than what is read here"),
    500: ("internal_error", "something is wrong here, not with what you asked; the log says what"),
}

log = logging.getLogger("risk.answers")


def answer(value: Mapping[str, Any], status: int = 200, **written: str) -> Response:
    """A JSON answer with at least one key; keywords add keys whose values are JSON already."""
    body = ENCODER.encode(value)
    if written:
        body = body[:-1] + "".join(f',"{key}":{text}' for key, text in written.items()) + "}"
    return Response(body, status, mimetype="application/json")


def digits(ones: list[int] | npt.NDArray[np.int64]) -> str:
    """Zeros and ones as JSON, written fast because they are most of a long answer."""
    if isinstance(ones, list):
        return ENCODER.encode(ones)
    text = np.full(max(0, 2 * len(ones) - 1), ord(","), dtype=np.uint8)
    text[::2] = ones + ord("0")
    return f"[{text.tobytes().decode()}]"


def error(code: str, message: str, status: int) -> Response:
    """An error as every route answers it."""
    return answer({"error": code, "message": message}, status)


def page(template: str, status: int = 200, **values: object) -> Response:
    """A page for people."""
    made = Response(render_template(template, **values), status, mimetype="text/html")
    made.headers.extend(PAGE_HEADERS)
    return made


def wants_page() -> bool:
    """Whether a browser asks, which is shown errors as pages; programs get them as JSON."""
    return request.blueprint != "api" and "text/html" in request.headers.get("Accept", "")


def _refused(code: str, message: str, status: int) -> Response:
    """An error for whoever asks."""
    if wants_page():
        return page("error.html", status, code=code, message=message)
    return error(code, message, status)


def count(text: str, name: str, most: int) -> int:
    """A whole number from 1 up in a query."""
    number = int(text) if WHOLE_NUMBER.fullmatch(text) else 0
    if not 1 <= number <= most:
        raise RequestRefused("bad_request", f"{name} must be a whole number from 1 to {most}")
    return number


def line(address: str, method: str, path: bytes, status: int, seconds: float) -> str:
    """The log line about a request, short and on one line whatever was sent."""
    request_line = f"{quote(method)[:20]} {quote(path)[:LONGEST_LOGGED]}"
    return f"{address} {request_line} {status} {seconds * 1000:.1f} ms"


def dress(app: Flask) -> None:
    """Put our headers on every answer, and our words into errors."""
    app.config.update(MAX_FORM_PARTS=MOST_FORM_PARTS, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.wsgi_app = _Dressed(app.wsgi_app)  # type: ignore[method-assign]
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(RiskError, _of_ours)
    app.register_error_handler(OSError, _of_the_system)


def of_a_broken_body(_error: Exception) -> Response:
    """The refusal of a body with malformed chunks."""
    return _refused(*_sentence(400), 400)


def _sentence(status: int) -> tuple[str, str]:
    return SENTENCES.get(status, SENTENCES[400 if status < 500 else 500])


def _of_http(refusal: HTTPException) -> Response:
    """A refusal by the framework in our words, as its own may reveal too much."""
    status = refusal.code or 500
    made = _refused(*_sentence(status), status)
    if allow := dict(refusal.get_headers()).get("Allow"):
        made.headers["Allow"] = allow
    return made


def _of_ours(refusal: RiskError) -> Response:
    if isinstance(refusal, RequestRefused):
        made = _refused(refusal.code, str(refusal), refusal.http_status)
        if refusal.http_status == 401:
            made.headers["WWW-Authenticate"] = 'Basic realm="risk", charset="UTF-8"'
        return made
    log.warning("%s %s: %s", request.method, quote(request.path)[:LONGEST_LOGGED], refusal)
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(refusal).__name__).lower()
    return _refused(code, public_sentence(refusal), refusal.http_status)


def public_sentence(refusal: RiskError) -> str:
    """The message of an error as an answer has it; details of our files are for the log only."""
    if isinstance(refusal, ArtefactRefused):
        return "what lies on the disk is not what its record says; the server's log says more"
    return str(refusal)


def _of_the_system(failure: OSError) -> Response:
    log.error("%s: %s", quote(request.path)[:LONGEST_LOGGED], failure)
    return _refused("input_output", "reading failed here; the server's log says why", 503)


class _Dressed:
    """Adds our headers to every answer, unless it has its own."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does."""

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            own = {name.lower() for name, _ in headers}
            missing = [pair for lower, pair in BY_LOWER_NAME if lower not in own]
            return start_response(status, headers + missing, *error)

        return self.application(environ, start)
