"""The rows in a request to /prediction, whose body has one of three forms."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from flask import Request

from risk.columns import Columns
from risk.errors import RequestRefused
from risk.judging import csv_file, schema
from risk.judging.schema import FileRefused
from risk.models import linear
from risk.rows import tables
from risk.settings import LARGEST_DATASET
from risk.web import json_clients
from risk.web.data_files import DataFiles

LARGEST_JSON = 64 * 1024
LARGEST_JSON_OF_CLIENTS = 32 * 1024 * 1024
FORMS = "one of 'filepath', 'clients' or, in a form, the file 'file'"


class Question(NamedTuple):
    """The features of each row in configured order, nan where missing; whether risks are wanted.

    Words and days are in a table; of plain numbers a few rows are in lists, many in an array.
    For a dataset also its refused lines, as the answer has them; a bad client refuses the request.
    """

    rows: json_clients.Rows
    with_risks: bool
    refused: Mapping[str, object] = {}


def read(request: Request, data_files: DataFiles, columns: Columns) -> Question:
    """The question in the body of this request."""
    if request.mimetype == "application/json":
        return _in_json(_json(_body(request)), data_files, columns)
    if request.mimetype == "multipart/form-data":
        request.max_content_length = LARGEST_DATASET
        return _in_form(request, columns)
    raise RequestRefused(
        "unsupported_media_type", "the body must be application/json or multipart/form-data", 415
    )


def _body(request: Request) -> bytes:
    """The whole body, in one read if the request states its length."""
    length = request.content_length
    if length is None or length > LARGEST_JSON_OF_CLIENTS:
        request.max_content_length = LARGEST_JSON_OF_CLIENTS
        return request.get_data(cache=False)
    try:
        content: bytes = request.environ["wsgi.input"].read(length)
    except OSError:  # the sender is gone or silent
        content = b""
    if len(content) < length:
        raise _wrong("the body is shorter than its Content-Length")
    return content


def _wrong(message: str, code: str = "bad_request") -> RequestRefused:
    return RequestRefused(code, message)


def _no_number(name: str) -> float:
    raise ValueError(f"JSON has no {name}")


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused if it has a key twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key appears twice")
    return members


DECODER = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=_unambiguous)


def _json(body: bytes) -> Mapping[str, Any]:
    """The JSON object in a body, which may be large only if it holds clients."""
    if len(body) > LARGEST_JSON and b'"clients"' not in body:
        raise _too_large()
    try:
        value = DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        raise _wrong("the body is not JSON that can be read", "bad_json") from None
    if not isinstance(value, dict):
        raise _wrong("the body must be a JSON object", "bad_json")
    if len(body) > LARGEST_JSON and not isinstance(value.get("clients"), list):
        raise _too_large()
    return value


def _too_large() -> RequestRefused:
    message = f"at most {LARGEST_JSON} bytes of JSON are read, unless they are clients"
    return RequestRefused("too_large", message, 413)


def _in_json(value: Mapping[str, Any], data_files: DataFiles, columns: Columns) -> Question:
    if unknown := value.keys() - {"filepath", "clients", "risks"}:
        raise _wrong(f"the body has {len(unknown)} unknown keys; it may have {FORMS}, and 'risks'")
    with_risks = value.get("risks", False)
    if not isinstance(with_risks, bool):
        raise _wrong("'risks' must be true or false")
    if ("filepath" in value) == ("clients" in value):
        raise _wrong(f"the body must have {FORMS}")
    if "clients" in value:
        return Question(json_clients.rows_of(value["clients"], columns), with_risks)
    if not isinstance(value["filepath"], str):
        raise _wrong("'filepath' must be text")
    content = data_files.read(value["filepath"], LARGEST_DATASET)
    return _of_dataset(content, columns, with_risks)


def _in_form(request: Request, columns: Columns) -> Question:
    """One uploaded dataset; a form holds only text, so risks are "true" or "false"."""
    sent, fields = request.files, request.form
    if list(sent.keys()) != ["file"] or len(sent.getlist("file")) != 1:
        raise _wrong("the form must have one file, named 'file'")
    wanted = fields.getlist("risks")
    if fields.keys() - {"risks"} or wanted not in ([], ["true"], ["false"]):
        raise _wrong("beside the file the form may have 'risks', which is true or false")
    return _of_dataset(sent["file"].read(), columns, wanted == ["true"])


def _of_dataset(content: bytes, columns: Columns, with_risks: bool) -> Question:
    """The good rows of a CSV, answered in their order."""
    try:
        schema.judge_length(content)
    except FileRefused as reason:
        raise RequestRefused("too_large", str(reason), 413) from None
    try:
        reading = csv_file.features(content, columns)
    except FileRefused as reason:
        raise _wrong(f"the dataset is refused: {reason}", "bad_dataset") from None
    named = [{"line": refusal.line, "reason": refusal.reason} for refusal in reading.refused]
    refused = {"refused": named, "refused_count": reading.refused_count}
    return Question(_short(reading.rows), with_risks, refused)


def _short(rows: tables.Asked) -> json_clients.Rows:
    """A few rows as lists, which are answered sooner than an array."""
    return rows.tolist() if isinstance(rows, np.ndarray) and len(rows) <= linear.FEW else rows
