"""The description of the API, in the form that other programs read: OpenAPI 3.1."""

from collections.abc import Sequence
from typing import Any

from risk.data import judging, schema
from risk.learning import ranking
from risk.records import contacts, health
from risk.settings import MOST_COLUMNS, MOST_ROWS, Settings
from risk.web import client_list, data_files, pages

Schema = dict[str, Any]

RELEASE: Schema = {"type": "string", "description": "the release that answered"}
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
OF_THE_GUARD = {
    "400": "the Host header is not served here, or the request cannot be read",
    "401": "a token is needed, and it is missing or wrong",
    "403": "the Origin header is another site's, or the request comes from another machine",
    "500": "something is wrong in the service",
}
OF_THE_RELEASE = {
    "503": "nothing is deployed yet, or what lies on the disk cannot be used or read",
}
OF_THE_DATA = {"422": "there is data, but nothing can be said from it"}
OF_THE_BODY = {
    "404": "there is no such dataset below the data folders",
    "409": "the dataset is being written just now",
    "413": "the body or the dataset is too large",
    "415": "the body is neither application/json nor multipart/form-data",
}


def document(settings: Settings) -> Schema:
    """All routes with their bodies, answers and errors."""
    routes = {
        "/scoring": _get("F1 of the deployed model on the test data", _scoring(), OF_THE_DATA),
        "/summarystats": _get("Statistics of the merged data", _statistics(), {}),
        "/ranking": _get("Whom to call, open outcomes first", _ranking(), {}, [_top(settings)]),
        "/diagnostics": _get("Timings, missing data, packages", _diagnostics(), OF_THE_DATA),
        "/health": _get("What is deployed, and is the pipeline well", _health(), {}, [_strict()]),
        "/openapi.json": _get("This description", {"type": "object"}, {}),
        **_pages(),
    }
    routes["/health"]["get"] |= {"security": [], "responses": _health_responses()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dynamic risk assessment", "version": "1"},
        "security": [{}, {"bearer": []}, {"basic": []}],
        "paths": {"/prediction": {"post": _prediction(settings)}, **routes},
        "components": {
            "schemas": {"Error": _object({"error": TEXT, "message": TEXT})},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _object(properties: Schema, *optional: str) -> Schema:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Schema, **further: int) -> Schema:
    return {"type": "array", "items": items, **further}


def _json(described: Schema) -> Schema:
    return {"application/json": {"schema": described}}


def _get(
    summary: str, answer: Schema, further: dict[str, str], parameters: Sequence[Schema] = ()
) -> Schema:
    responses = _responses(answer, further)
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": responses}}


def _in(place: str, name: str, schema: Schema) -> Schema:
    return {"in": place, "name": name, "required": place == "path", "schema": schema}


def _top(settings: Settings) -> Schema:
    number = {"type": "integer", "minimum": 1, "maximum": client_list.MOST}
    return _in("query", "top", number | {"default": settings.capacity})


def _ranking() -> Schema:
    client = {
        "corporation": TEXT,
        "risk": SHARE,
        "rank": {"type": "integer", "minimum": 1},
        "band": {"type": "string", "enum": [name for name, _ in ranking.BANDS]},
        "reasons": TEXT,
    }
    basis = {
        "release": TEXT_OR_NULL,
        "deployed_at": TEXT_OR_NULL,
        "as_of": TEXT_OR_NULL,
        "age_seconds": {"type": ["integer", "null"], "minimum": 0},
    }
    return _object(basis | {"clients": _list(_object(client))})


def _pages() -> Schema:
    """The pages for people, with the two files that one can take from them."""
    code = _in("path", "corporation", {"type": "string", "minLength": 1})
    unknown = {"404": "no client has this code"}
    return {
        "/": _page("Whether everything is well", "text/html", {}),
        "/clients": _page("Whom to call, and why", "text/html", unknown, _wishes()),
        "/clients/{corporation}": _page("One client", "text/html", unknown, [code]),
        "/clients/{corporation}/contacts": {
            **_page("The client whose contacts these are", "text/html", unknown, [code]),
            "post": _contact(code, unknown),
        },
        "/clients.csv": _page("The whole list for a spreadsheet", "text/csv", {}),
        "/report.pdf": _page("The report", "application/pdf", {}),
        "/style.css": _page("How the pages look", "text/css", {}),
    }


def _page(
    summary: str, kind: str, further: dict[str, str], parameters: Sequence[Schema] = ()
) -> Schema:
    """A route that answers in another form than JSON; its errors are pages for browsers."""
    described = _get(summary, {}, further, parameters)
    errors = described["get"]["responses"]
    for error in errors.values():
        error["content"] = error["content"] | {"text/html": {"schema": TEXT}}
    errors["200"]["content"] = {kind: {"schema": TEXT}}
    return described


def _wishes() -> list[Schema]:
    """What can be asked of the list."""
    yes = {"type": "string", "enum": list(pages.YES)}
    wishes: dict[str, Schema] = {
        "q": {"type": "string", "maxLength": client_list.LONGEST_SEARCH},
        "band": {"type": "string", "enum": ["", *dict(ranking.BANDS)]},
        "sort": {"type": "string", "enum": list(client_list.ORDERS)},
        "all": yes,
        "hide": yes,
        "page": {"type": "integer", "minimum": 1, "maximum": client_list.LAST_PAGE},
        "client": TEXT | {"description": "one client's page, for codes such as .."},
    }
    return [_in("query", name, wanted) for name, wanted in wishes.items()]


def _contact(code: Schema, unknown: dict[str, str]) -> Schema:
    """The form on a client's page."""
    day = {"anyOf": [{"const": ""}, {"type": "string", "format": "date"}]}
    form = {
        "by": _words(contacts.LONGEST_NAME),
        "day": day | {"description": "not before 2000 and not to come; today, if it is left out"},
        "outcome": _words(contacts.LONGEST_OUTCOME)
        | {"description": f"one of {', '.join(contacts.OUTCOMES)}, or other words"},
        "note": {
            "type": "string",
            "pattern": r"^[^\u0000]*$",
            "maxLength": contacts.LONGEST_NOTE,
            "description": "a line break counts once, however it is sent",
        },
        "form": {
            "type": "string",
            "pattern": f"^{contacts.FORM.pattern}$",
            "description": "any that was not sent before: what is sent twice counts once",
        },
    }
    fields = _object(form, "day", "note") | {"additionalProperties": True}
    content = {"application/x-www-form-urlencoded": {"schema": fields}}
    further = {"413": OF_THE_BODY["413"], "415": "the body is no form"}
    described: Schema = _page(
        "Record what was done about a client", "text/html", unknown | further
    )["get"]
    described["responses"]["303"] = {"description": "it is recorded; the page shows it"}
    del described["responses"]["200"]
    return described | {
        "parameters": [code],
        "requestBody": {"required": True, "content": content},
    }


def _words(longest: int) -> Schema:
    """A text of which something can be seen."""
    return {"type": "string", "pattern": r"\S", "maxLength": longest}


def _responses(answer: Schema, further: dict[str, str]) -> Schema:
    errors = OF_THE_GUARD | OF_THE_RELEASE | further
    error = _json({"$ref": "#/components/schemas/Error"})
    return {
        "200": {"description": "the answer", "content": _json(answer)},
        **{code: {"description": why, "content": error} for code, why in sorted(errors.items())},
    }


def _scoring() -> Schema:
    return _object({"release": RELEASE, "f1": SHARE, "rows": COUNT})


def _statistics() -> Schema:
    four = _list(NUMBER_OR_NULL, minItems=4, maxItems=4)
    return _object({"release": RELEASE, "columns": _list(TEXT), "statistics": _list(four)})


def _diagnostics() -> Schema:
    seconds = {"type": "number", "minimum": 0}
    percent = {"type": "number", "minimum": 0, "maximum": 100}
    return _object(
        {
            "release": RELEASE,
            "execution_time": _list(seconds, minItems=2, maxItems=2),
            "missing_data": _list(percent),
            "packages": _list(_list(TEXT, minItems=3, maxItems=3)),
        }
    )


def _health() -> Schema:
    count = {"type": ["integer", "null"], "minimum": 0}
    of_run = "of the last run of the whole pipeline; null before the first one"
    return _object(
        {
            "service": {"const": "risk"},
            "release": TEXT_OR_NULL,
            "deployed_at": TEXT_OR_NULL,
            "last_run": TEXT_OR_NULL | {"description": f"the message {of_run}"},
            "last_run_age_seconds": count | {"description": f"the age {of_run}"},
            "last_run_exit_code": count | {"description": f"what came {of_run}"},
            "status": {"type": "string", "enum": list(health.STATUSES)},
        }
    )


def _strict() -> Schema:
    strict = {"type": "string", "enum": list(pages.YES)}
    return _in("query", "strict", strict | {"description": "1: 503 unless the status is ok"})


def _health_responses() -> Schema:
    """The answers of /health, which is never without one about the pipeline."""
    not_ok = {"description": "with strict=1: the status is not ok", "content": _json(_health())}
    return _responses(_health(), {}) | {"503": not_ok}


def _prediction(settings: Settings) -> Schema:
    predictions = _list({"type": "integer", "enum": [0, 1]})
    line = _object({"line": {"type": "integer", "minimum": 1}, "reason": TEXT})
    refused = {
        "refused": _list(line, maxItems=judging.MOST_NAMED)
        | {"description": "of a dataset, always: its first refused lines; the header is line 1"},
        "refused_count": COUNT | {"description": "of a dataset, always: how many were refused"},
    }
    answer = _object(
        {"release": RELEASE, "predictions": predictions, "risks": _list(SHARE), **refused},
        *("risks", *refused),
    )
    content = _json({"oneOf": [_of_path(settings), _of_clients(settings)]}) | _of_upload()
    return {
        "summary": "What the deployed model expects of each good row: 1 it leaves, 0 it stays",
        "requestBody": {"required": True, "content": content},
        "responses": _responses(answer, OF_THE_BODY | OF_THE_DATA),
    }


def _of_path(settings: Settings) -> Schema:
    folders = ", ".join(data_files.DataFiles(settings).folders)
    filepath = {
        "type": "string",
        "maxLength": data_files.LONGEST_PATH,
        "description": f"a .csv file below {folders}, such as testdata/testdata.csv",
    }
    return _object({"filepath": filepath, "risks": {"type": "boolean"}}, "risks")


def _of_clients(settings: Settings) -> Schema:
    cell = {"type": ["number", "null"], "minimum": 0}
    code = {"type": "string", "pattern": r"^[^\n]*[^\s][^\n]*$", "maxLength": schema.LONGEST_CLIENT}
    client = {
        "type": "object",
        "properties": {settings.client_column: code}
        | dict.fromkeys(settings.feature_columns, cell),
        "required": list(settings.feature_columns),
        "maxProperties": MOST_COLUMNS,
        "description": "further columns are ignored; null is a missing cell",
    }
    clients = _list(client, maxItems=MOST_ROWS)
    return _object({"clients": clients, "risks": {"type": "boolean"}}, "risks")


def _of_upload() -> Schema:
    file = {"type": "string", "contentMediaType": "text/csv", "format": "binary"}
    form = _object({"file": file, "risks": {"type": "string", "enum": ["true", "false"]}}, "risks")
    return {"multipart/form-data": {"schema": form}}
