"""What the model can be asked: bodies, datasets, and the sentences that refuse them."""

import io
import json
import resource
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient

from risk.settings import MOST_ROWS, Settings
from risk.web import prediction_request
from tests.web.traps import CLIENT, JSON, clients, rows, told, upload


def nested(depth: int) -> bytes:
    return b'{"clients":' + b"[" * depth + b"]" * depth + b"}"


def long_upload(content: bytes) -> dict[str, Any]:
    """The same in one piece, for which the client of the tests leaves no file open."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    kind = "multipart/form-data; boundary=b"
    return {"data": head + content + b"\r\n--b--\r\n", "content_type": kind}


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"data": b"", **JSON}, 400, "bad_json"),
        ({"data": b"{", **JSON}, 400, "bad_json"),
        ({"data": b"\xff\xfe", **JSON}, 400, "bad_json"),
        ({"data": b"null", **JSON}, 400, "bad_json"),
        ({"data": b"[]", **JSON}, 400, "bad_json"),
        ({"data": b'"testdata/testdata.csv"', **JSON}, 400, "bad_json"),
        ({"data": b"[" * 50_000 + b"]" * 50_000, **JSON}, 413, "too_large"),
        ({"data": b"[" * 30_000 + b"]" * 30_000, **JSON}, 400, "bad_json"),
        ({"data": nested(50_000), **JSON}, 400, "bad_json"),
        ({"data": b'{"a":' * 10_000 + b"1" + b"}" * 10_000, **JSON}, 400, "bad_json"),
        ({"data": b'{"clients": [], "clients": []}', **JSON}, 400, "bad_json"),
        ({"data": b'{"filepath": "x.csv", "filepath": "y.csv"}', **JSON}, 400, "bad_json"),
        (
            {"data": clients().replace(b"[{", b'[{"lastyear_activity": 1, '), **JSON},
            400,
            "bad_json",
        ),
        ({"data": b"\xef\xbb\xbf" + clients(), **JSON}, 400, "bad_json"),
        ({"data": clients() + b"{}", **JSON}, 400, "bad_json"),
        ({"data": b"{}", **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": 7}', **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": null}', **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": ["testdata/testdata.csv"]}', **JSON}, 400, "bad_request"),
        ({"data": b'{"file": "testdata/testdata.csv"}', **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": "x.csv", "clients": []}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": [], "risks": 1}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": {}}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": [7]}', **JSON}, 400, "bad_request"),
        ({"data": b'{"clients": [{}]}', **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity="12"), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=True), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=[1]), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=-1), **JSON}, 400, "bad_request"),
        ({"data": clients(lastmonth_activity=float("nan")), **JSON}, 400, "bad_json"),
        ({"data": clients(lastmonth_activity=float("inf")), **JSON}, 400, "bad_json"),
        ({"data": clients(lastmonth_activity=10**400), **JSON}, 400, "bad_request"),
        ({"data": clients().replace(b"12", b"9" * 5_000), **JSON}, 400, "bad_json"),
        ({"data": clients().replace(b"12", b"1e999"), **JSON}, 400, "bad_request"),
        ({"data": clients(corporation=12), **JSON}, 400, "bad_request"),
        ({"data": clients(corporation=" "), **JSON}, 400, "bad_request"),
        ({"data": clients(**{f"c{i}": 1 for i in range(1000)}), **JSON}, 400, "bad_request"),
        ({"data": b'{"filepath": "' + b"x" * 70_000 + b'"}', **JSON}, 413, "too_large"),
        ({"data": b'{"clients": 1, "x": "' + b"x" * 70_000 + b'"}', **JSON}, 413, "too_large"),
        ({"data": clients(), "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"data": clients()}, 415, "unsupported_media_type"),
        ({"data": {"x": "1"}}, 415, "unsupported_media_type"),
        ({"data": b"x", "content_type": "multipart/form-data"}, 400, "bad_request"),
        ({"data": b"x", "content_type": "multipart/form-data; boundary=b"}, 400, "bad_request"),
        ({"data": {"other": (io.BytesIO(b"x"), "x.csv")}}, 400, "bad_request"),
        ({"data": {"file": [(io.BytesIO(b"x"), "x"), (io.BytesIO(b"x"), "y")]}}, 400, None),
        ({"data": {"file": (io.BytesIO(b"x"), "x"), "risks": "yes"}}, 400, "bad_request"),
        ({"data": {"file": (io.BytesIO(b"x"), "x"), "more": "1"}}, 400, "bad_request"),
        ({"data": {f"f{i}": "1" for i in range(50)} | upload(b"x")["data"]}, 413, "too_large"),
        (upload(b""), 400, "bad_dataset"),
        (upload(b"\0"), 400, "bad_dataset"),
        (upload(b"\xff\xfe1,2"), 400, "bad_dataset"),
        (upload(b"<html>"), 400, "bad_dataset"),
        (upload(b"a;b;c\n1;2;3\n"), 400, "bad_dataset"),
        (upload(b"," * 1000 + b"\n"), 400, "bad_dataset"),
        (long_upload(b"\n" * (MOST_ROWS + 2)), 413, "too_large"),
    ],
)
def test_hostile_bodies_are_refused_in_a_sentence(
    client: FlaskClient, request_: dict[str, Any], status: int, code: str | None
) -> None:
    answer = client.post("/prediction", **request_)
    assert told(answer) == (status, code or "bad_request")


@pytest.mark.parametrize("before", [0, 9_000])
def test_a_refused_line_of_a_dataset_costs_itself_and_is_named(
    client: FlaskClient, before: int
) -> None:
    good = "AAAA,1,2,3\n" * before + "CCCC,0,,9\n"
    bad = {
        "BBBB,1,2,x\n": "number_of_employees is not a number",
        "BBBB,1,2\n": "3 fields where the header has 4",
        "BBBB,1,2" + ",3" * 5_000 + "\n": "more than 1000 fields where the header has 4",
        "BBBB,1,2,-3\n": "number_of_employees is below 0",
        ",1,2,3\n": "corporation is empty",
        '"BBBB,1,2,3\n': "its quotes do not match",
    }
    answer = client.post("/prediction", **rows(good + "".join(bad) + "CCCC,0,,9\n")).json
    wanted = client.post("/prediction", **rows(good + "CCCC,0,,9\n")).json
    assert wanted["refused"] == []
    assert answer["predictions"] == wanted["predictions"]
    assert len(answer["predictions"]) == before + 2
    assert answer["refused"] == [
        {"line": line, "reason": reason} for line, reason in enumerate(bad.values(), before + 3)
    ]
    assert answer["refused_count"] == len(bad)


def test_of_very_many_refused_lines_the_first_are_named(client: FlaskClient) -> None:
    answer = client.post("/prediction", **rows("AAAA,1,2,x\n" * 3_000)).json
    assert answer["predictions"] == []
    assert [line["line"] for line in answer["refused"]] == list(range(2, 1_002))
    assert answer["refused_count"] == 3_000


@pytest.mark.parametrize("count", [0, 1, 2, 3_000])
def test_there_is_one_answer_per_row(client: FlaskClient, count: int) -> None:
    for question in ({"json": {"clients": [CLIENT] * count}}, rows("AAAA,12,340.5,\n" * count)):
        answer = client.post("/prediction", **question)
        assert answer.status_code == 200
        assert len(answer.json["predictions"]) == count
        assert "risks" not in answer.json
        assert ("refused" in answer.json) is ("json" not in question)


@pytest.fixture
def small_files() -> Iterator[None]:
    """What may be open at once, used up."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_shortage_here_is_not_blamed_on_the_question(
    client: FlaskClient, small_files: None
) -> None:
    question = {"filepath": "testdata/testdata.csv"}
    assert told(client.post("/prediction", json=question)) == (503, "input_output")


def test_a_hundred_thousand_clients_are_answered_in_one_body(client: FlaskClient) -> None:
    body = json.dumps({"clients": [CLIENT] * 100_000}).encode()
    assert len(body) > prediction_request.LARGEST_JSON
    assert len(client.post("/prediction", data=body, **JSON).json["predictions"]) == 100_000


def test_a_table_of_pandas_makes_a_dataset(client: FlaskClient, served: Settings) -> None:
    """With the index that pandas writes, and a column of its own."""
    table = pd.DataFrame([CLIENT] * 3).assign(note="x").to_csv().encode()
    assert len(client.post("/prediction", **upload(table)).json["predictions"]) == 3
