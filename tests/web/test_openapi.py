"""/openapi.json says what the routes really take and answer."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import reporting
from app import create_app
from risk.settings import Settings
from risk.web import answers
from tests.conftest import configured

CLIENT = {"lastmonth_activity": 1, "lastyear_activity": 2.5, "number_of_employees": None}


@pytest.fixture(scope="module")
def app(served: Settings) -> Flask:
    reporting.rank_clients(served)
    (served.test_data_path / "flawed.csv").write_text(f"{','.join(CLIENT)}\n1,2,3\n1,2\n")
    return create_app(served)


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json
    return described


KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


WORDS = {"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
WORDS |= {"minimum", "maximum", "enum", "const", "description"}


def misfit(value: Any, schema: dict[str, Any], at: str = "/") -> str | None:
    """Where a value is not what its schema says, of the words that our schemas use."""
    assert not schema.keys() - WORDS, schema.keys() - WORDS
    kinds = schema.get("type", list(KINDS))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    is_right = any(isinstance(value, KINDS[kind]) for kind in kinds)
    is_right &= value in schema.get("enum", [schema.get("const", value)])
    if isinstance(value, (int, float)):
        is_right &= schema.get("minimum", value) <= value <= schema.get("maximum", value)
    parts: list[tuple[Any, dict[str, Any], str]] = []
    if isinstance(value, list):
        is_right &= schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        parts = [(item, schema.get("items", {}), f"{at}[]") for item in value]
    if isinstance(value, dict) and "properties" in schema:
        inner = schema["properties"]
        is_right &= set(schema["required"]) <= value.keys() <= inner.keys()
        parts = [(value[key], inner.get(key, {}), f"{at}/{key}") for key in value]
    if not is_right:
        return at
    return next(filter(None, (misfit(*part) for part in parts)), None)


def test_every_route_is_described_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD"
    }
    described = {
        (path, method) for path, methods in document["paths"].items() for method in methods
    }
    assert described == routes


def answer_schema(document: dict[str, Any], path: str, method: str, status: int) -> Any:
    described = document["paths"][path][method]["responses"][str(status)]
    schema = described["content"]["application/json"]["schema"]
    return document["components"]["schemas"]["Error"] if "$ref" in schema else schema


QUESTIONS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/scoring", {}, 200),
    ("GET", "/summarystats", {}, 200),
    ("GET", "/ranking", {}, 200),
    ("GET", "/ranking", {"query_string": "top=3"}, 200),
    ("GET", "/ranking", {"query_string": "top=0"}, 400),
    ("GET", "/diagnostics", {}, 200),
    ("GET", "/health", {}, 200),
    ("GET", "/health", {"query_string": "strict=1"}, 503),
    ("GET", "/health", {"query_string": "strict=x"}, 400),
    ("GET", "/openapi.json", {}, 200),
    ("GET", "/health", {"headers": {"Host": "x"}}, 400),
    ("GET", "/scoring", {"headers": {"Origin": "http://x"}}, 403),
    ("POST", "/prediction", {"json": {"clients": [CLIENT], "risks": True}}, 200),
    ("POST", "/prediction", {"json": {"clients": []}}, 200),
    ("POST", "/prediction", {"json": {"filepath": "testdata/testdata.csv"}}, 200),
    ("POST", "/prediction", {"json": {"filepath": "testdata/flawed.csv"}}, 200),
    ("POST", "/prediction", {"json": {"filepath": "x"}}, 404),
    ("POST", "/prediction", {"json": {}}, 400),
    ("POST", "/prediction", {"json": {"x": "x" * 70_000}}, 413),
    ("POST", "/prediction", {"data": b"x"}, 415),
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_answered_is_what_is_described(
    client: FlaskClient, document: dict[str, Any], question: tuple[str, str, dict[str, Any], int]
) -> None:
    method, path, request_, status = question
    answer = client.open(path, method=method, **request_)
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    schema = answer_schema(document, path, method.lower(), status)
    assert misfit(answer.json, schema) is None


def test_nothing_deployed_is_described(settings: Settings, document: dict[str, Any]) -> None:
    asked = create_app(settings).test_client()
    schema = answer_schema(document, "/scoring", "get", 503)
    assert misfit(asked.get("/scoring").json, schema) is None
    health = answer_schema(document, "/health", "get", 200)
    assert misfit(asked.get("/health").json, health) is None


def test_a_misfit_is_found(document: dict[str, Any]) -> None:
    schema = answer_schema(document, "/scoring", "get", 200)
    right = {"release": "1-x", "f1": 0.5, "rows": 3}
    assert misfit(right, schema) is None
    for wrong in ({"f1": 2}, {"rows": "3"}, {"more": 1}):
        assert misfit({**right, **wrong}, schema) is not None
    assert misfit({"release": "1-x"}, schema) is not None


def test_the_clients_of_another_company_have_its_columns(settings: Settings) -> None:
    other = configured(
        settings.workspace, client_column="code", feature_columns=["orders"], target_column="gone"
    )
    document = create_app(other).test_client().get("/openapi.json").json
    body = document["paths"]["/prediction"]["post"]["requestBody"]["content"]["application/json"]
    client = body["schema"]["oneOf"][1]["properties"]["clients"]["items"]
    assert list(client["properties"]) == ["code", "orders"]
    assert client["required"] == ["orders"]


def test_every_code_of_an_error_is_a_plain_word() -> None:
    for code, sentence in answers.SENTENCES.values():
        assert re.fullmatch(r"[a-z_]+", code)
        assert sentence[0].islower()
