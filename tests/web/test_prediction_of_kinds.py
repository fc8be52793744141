"""Questions about a company whose columns hold words, dates, money and percentages."""

import json
import pickle
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask.testing import FlaskClient

import diagnostics
from app import create_app
from company import subscribers
from risk import files
from risk.judging import csv_file
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import aged, configured, deploy
from tests.web.traps import JSON, told, upload

COLUMNS = {**subscribers.COLUMNS, "missing_words": ["-", "-999"]}
KINDS = subscribers.KINDS
CLIENT = {
    **{"tenure_months": 12, "monthly_charge": 36.5, "data_gb": 2.5, "support_calls": 1},
    **{"late_payments": 0, "balance": -12.5, "discount": 5, "roaming_minutes": None},
    **{"plan": "basic", "region": "region A", "channel": "web", "contract_end": "2026-09-30"},
}


@pytest.fixture(scope="module", params=["logistic", "boosted"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project of subscribers with a deployed release of each model."""
    settings = configured(tmp_path_factory.mktemp("kinds"), **COLUMNS, model=request.param)
    for folder, rows in (("sourcedata", 1_500), ("testdata", 300)):
        path = settings.workspace / folder / "subscribers.csv"
        path.parent.mkdir()
        subscribers.table(rows, seed=rows)[0].to_csv(path, index=False)
        aged(path)
    return deploy(settings)


@pytest.fixture(scope="module")
def client(served: Settings) -> FlaskClient:
    return create_app(served).test_client()


def risks(client: FlaskClient, *clients: dict[str, Any]) -> list[float]:
    body = json.dumps({"clients": clients, "risks": True}).encode()
    answer = client.post("/prediction", data=body, **JSON)
    assert answer.status_code == 200, answer.text
    return [float(risk) for risk in (answer.json or {})["risks"]]


@pytest.fixture
def keep(served: Settings) -> Iterator[Callable[[dict[str, str]], None]]:
    """Writes these newest dates into the record of the ingestion, as long as the test runs."""
    path = served.output_folder_path / files.INGESTION
    before = path.read_bytes()

    def write(newest: dict[str, str]) -> None:
        days = {
            name: (date.fromisoformat(day) - date(1970, 1, 1)).days for name, day in newest.items()
        }
        record = {key: value for key, value in json.loads(before).items() if key != "newest_dates"}
        files.write_json(path, record | ({"newest_dates": days} if days else {}))

    yield write
    files.write_bytes(path, before)


Keep = Callable[[dict[str, str]], None]


def asked(path: Path, settings: Settings) -> pd.DataFrame:
    """A file's rows as the model is asked about them."""
    table = csv_file.read_csv(path.read_bytes(), settings.columns).table
    return tables.with_days(table, settings.columns)


def test_a_file_is_answered_as_scikit_learn_answers(client: FlaskClient, served: Settings) -> None:
    path = served.test_data_path / "subscribers.csv"
    body = {"filepath": "testdata/subscribers.csv", "risks": True}
    answer = client.post("/prediction", json=body).json
    content = (served.prod_deployment_path / files.MODEL).read_bytes()
    table = asked(path, served)
    model = pickle.loads(content)
    wanted = model.predict_proba(table[list(served.feature_columns)])[:, 1]
    assert answer["refused"] == []
    assert np.allclose(answer["risks"], wanted, rtol=1e-9)
    assert answer["predictions"] == diagnostics.model_predictions(table, served)
    assert len(set(answer["risks"])) > 250


def test_clients_are_answered_as_the_same_rows_of_a_file(client: FlaskClient, keep: Keep) -> None:
    keep({})
    others = [CLIENT, {**CLIENT, "plan": None, "contract_end": None}, {**CLIENT, "balance": None}]
    others += [{**CLIENT, "plan": "gold, discontinued"}, {**CLIENT, "contract_end": "2027-01-31"}]
    table = pd.DataFrame(others).astype({"roaming_minutes": "float64"}).to_csv(index=False)
    question = upload(table.encode())
    question["data"]["risks"] = "true"
    assert client.post("/prediction", **question).json["risks"] == risks(client, *others)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"monthly_charge": "\u20ac36.50"}, {"monthly_charge": 36.5}),
        ({"monthly_charge": "EUR 1,036.50"}, {"monthly_charge": 1036.5}),
        ({"discount": "5 %"}, {"discount": 5}),
        ({"discount": ""}, {"discount": None}),
        ({"balance": -999}, {"balance": None}),
        ({"tenure_months": -999.0}, {"tenure_months": None}),
        ({"monthly_charge": "-"}, {"monthly_charge": None}),
        ({"monthly_charge": -999}, {"monthly_charge": None}),
        ({"tenure_months": "-"}, {"tenure_months": None}),
        ({"tenure_months": " -999"}, {"tenure_months": None}),
        ({"balance": "-"}, {"balance": None}),
        ({"discount": "-"}, {"discount": None}),
        ({"plan": "-"}, {"plan": None}),
        ({"plan": "NULL"}, {"plan": None}),
        ({"plan": "never seen"}, {"plan": "never seen either"}),
        ({"contract_end": "NA"}, {"contract_end": None}),
        ({"note": "x", "churned": 7}, {}),
    ],
)
def test_what_means_the_same_is_answered_the_same(
    client: FlaskClient, change: dict[str, Any], same: dict[str, Any]
) -> None:
    newest = {**CLIENT, "contract_end": "2027-01-31"}
    assert risks(client, CLIENT | change, newest) == risks(client, CLIENT | same, newest)


def test_days_are_told_from_the_newest_of_the_data(client: FlaskClient, keep: Keep) -> None:
    later = {**CLIENT, "contract_end": "2027-09-30"}
    keep({})
    among, newest = risks(client, CLIENT, later)
    keep({"contract_end": "2027-09-30", "note": "2028-01-01"})
    assert risks(client, CLIENT) == [among]
    assert risks(client, later) == [newest]
    assert risks(client, CLIENT, later) == [among, newest]
    none = {**CLIENT, "contract_end": None}
    assert risks(client, none, CLIENT)[1] == among
    keep({"contract_end": "2020-01-01"})
    assert risks(client, CLIENT, later) == [among, newest]
    assert risks(client, CLIENT) == [newest]


def test_the_days_of_a_file_are_its_own(client: FlaskClient, keep: Keep) -> None:
    body = {"filepath": "testdata/subscribers.csv", "risks": True}
    keep({})
    before = client.post("/prediction", json=body).json
    keep({"contract_end": "2040-01-01"})
    assert client.post("/prediction", json=body).json == before


def test_days_are_told_from_the_newest_of_the_request_while_that_is_all_that_is_known(
    client: FlaskClient, keep: Keep
) -> None:
    keep({})
    alone, later = risks(client, CLIENT)[0], {**CLIENT, "contract_end": "2027-09-30"}
    moved = risks(client, {**CLIENT, "contract_end": "2020-02-29"})[0]
    assert alone == moved
    among, newest = risks(client, CLIENT, later)
    assert newest == alone
    assert among != alone


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"balance": "5"}, "balance must be a number or null"),
        ({"balance": "-999.0"}, "balance must be a number or null"),
        ({"balance": ["-"]}, "balance must be a number or null"),
        ({"plan": -999}, "plan must be text or null"),
        ({"balance": 10**400}, "balance is too large for a number"),
        ({"balance": -(10**400)}, "balance is too large for a number"),
        ({"tenure_months": -1}, "tenure_months is below 0"),
        ({"monthly_charge": "--5"}, "monthly_charge is not a number"),
        ({"monthly_charge": "5 %"}, "monthly_charge is not a number"),
        ({"monthly_charge": True}, "monthly_charge must be a number or null"),
        ({"discount": "% 5"}, "discount is not a number"),
        ({"plan": 7}, "plan must be text or null"),
        ({"plan": True}, "plan must be text or null"),
        ({"plan": ["basic"]}, "plan must be text or null"),
        ({"plan": "x" * 201}, "plan is longer than 200 characters"),
        ({"plan": "two\nlines"}, "plan holds a line break"),
        ({"plan": "two\rlines"}, "plan holds what no file can hold"),
        ({"plan": "\0"}, "plan holds what no file can hold"),
        ({"plan": "\ud800"}, "plan holds what no file can hold"),
        ({"contract_end": 20260131}, "contract_end must be text or null"),
        ({"contract_end": "2026-02-30"}, "contract_end is no day of the calendar"),
        ({"contract_end": "31.01.2026"}, "contract_end is not a date like 2026-01-31"),
    ],
)
def test_a_cell_of_another_kind_refuses_the_request(
    client: FlaskClient, change: dict[str, Any], why: str
) -> None:
    answer = client.post("/prediction", json={"clients": [CLIENT, CLIENT | change]})
    assert told(answer) == (400, "bad_request")
    assert answer.json is not None
    assert answer.json["message"] == f"client 2: {why}"


def test_a_cell_of_another_kind_costs_its_line_of_a_file(client: FlaskClient) -> None:
    table = pd.DataFrame([CLIENT, CLIENT | {"balance": "x"}, CLIENT | {"contract_end": "May"}])
    answer = client.post("/prediction", **upload(table.to_csv(index=False).encode())).json
    assert [line["reason"] for line in answer["refused"]] == [
        "balance is not a number",
        "contract_end is not a date like 2026-01-31",
    ]
    assert len(answer["predictions"]) == 1


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_there_is_one_answer_for_each_client(client: FlaskClient, rows: int) -> None:
    assert len(risks(client, *[CLIENT] * rows)) == rows


def test_a_table_in_memory_may_hold_words_of_any_type(served: Settings) -> None:
    table = asked(served.test_data_path / "subscribers.csv", served)
    wanted = diagnostics.model_predictions(table, served)
    for kind in ("object", "category", "string"):
        changed = table.astype(dict.fromkeys(served.columns.categories, kind))
        assert diagnostics.model_predictions(changed, served) == wanted


def test_the_description_names_what_each_column_takes(served: Settings) -> None:
    described = create_app(served).test_client().get("/openapi.json").json
    body = described["paths"]["/prediction"]["post"]["requestBody"]["content"]["application/json"]
    columns = body["schema"]["oneOf"][1]["properties"]["clients"]["items"]["properties"]
    assert columns["tenure_months"] == {"type": ["number", "null"], "minimum": 0}
    assert columns["balance"] == {"type": ["number", "null"]}
    for name, kind in KINDS.items():
        takes_text = kind not in ("number", "signed")
        assert ("string" in columns[name]["type"]) is takes_text, name
