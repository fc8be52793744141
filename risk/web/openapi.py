"""The description of the API for programs, as OpenAPI 3.1."""

from typing import Any

from risk.columns import CATEGORY, DATE, MONEY, NUMBER, PERCENT, SIGNED
from risk.judging import cell_rules, csv_file
from risk.learning import ranking
from risk.records import contacts, health
from risk.settings import MOST_COLUMNS, MOST_ROWS, Settings
from risk.web import client_list, data_files, pages

Schema = dict[str, Any]

RELEASE: Schema = {"type": "string", "description": "the release behind the answer"}
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
FROM_ONE: Schema = {"type": "integer", "minimum": 1}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
WRITTEN: Schema = {"type": ["number", "string", "null"]}
OF_KIND: dict[str, Schema] = {
    NUMBER: NUMBER_OR_NULL | {"minimum": 0},
    SIGNED: NUMBER_OR_NULL,
    MONEY: WRITTEN | {"description": "a number, or a text such as €1,234.50"},
    PERCENT: WRITTEN | {"description": "a number, or a text such as 12 %"},
    CATEGORY: TEXT_OR_NULL
    | {"maxLength": cell_rules.LONGEST_LEVEL, "pattern": r"^[^\r\n\u0000]*$"},
    DATE: TEXT_OR_NULL | {"description": "a day like 2026-01-31, told from the newest one sent"},
}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
FLAG: Schema = {"type": "string", "enum": list(pages.YES)}
OF_THE_GUARD = {
    "400": "the Host header is not served here, or the request cannot be read",
    "401": "a token is required, and it is missing or wrong",
    "403": "the Origin header names another site, or the request comes from another machine",
    "500": "an error in the service",
}
OF_THE_RELEASE = {"503": "nothing is deployed yet, or a file on the disk cannot be used"}
OF_THE_DATA = {"422": "the data has nothing to answer from"}
OF_A_RUN = {"404": "no recorded run has this name"}
OF_A_CLIENT = {"404": "no client has this code"}
OF_THE_BODY = {
    "404": "there is no such dataset below the data folders",
    "409": "the dataset is being written",
    "413": "the body or the dataset is too large",
    "415": "the body is neither application/json nor multipart/form-data",
}


def _object(optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
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


def _text(kind: str) -> Schema:
    return {kind: {"schema": TEXT}}


def _responses(content: Schema, errors: dict[str, str]) -> Schema:
    """The answers of a route; where it is not JSON, browsers are shown errors as pages."""
    error = _json({"$ref": "#/components/schemas/Error"})
    error |= {} if "application/json" in content else _text("text/html")
    meanings = OF_THE_GUARD | OF_THE_RELEASE | errors
    return {
        "200": {"description": "the answer", "content": content},
        **{code: {"description": why, "content": error} for code, why in sorted(meanings.items())},
    }


TOO_LONG = {
    "414": {
        "description": "the address is longer than 4,094 bytes, which the server does not pass on",
        "content": _text("text/html"),
    }
}


def _get(summary: str, content: Schema, errors: dict[str, str], *parameters: Schema) -> Schema:
    responses = _responses(content, errors) | TOO_LONG
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": responses}}


def _in(place: str, name: str, schema: Schema) -> Schema:
    return {"in": place, "name": name, "required": place == "path", "schema": schema}


ERROR = _object(error=TEXT, message=TEXT)
SCORING = _object(release=RELEASE, f1=SHARE, rows=COUNT)
STATISTICS = _object(
    release=RELEASE,
    columns=_list(TEXT),
    statistics=_list(_list(NUMBER_OR_NULL, minItems=4, maxItems=4)),
)
DIAGNOSTICS = _object(
    release=RELEASE,
    execution_time=_list({"type": "number", "minimum": 0}, minItems=2, maxItems=2),
    missing_data=_list({"type": "number", "minimum": 0, "maximum": 100}),
    packages=_list(_list(TEXT, minItems=3, maxItems=3)),
)
OF_RUN = "of the last run of the whole pipeline; null before the first one"
HEALTH = _object(
    service={"const": "risk"},
    release=TEXT_OR_NULL,
    deployed_at=TEXT_OR_NULL,
    last_run=TEXT_OR_NULL | {"description": f"the message {OF_RUN}"},
    last_run_age_seconds=COUNT_OR_NULL | {"description": f"the age {OF_RUN}"},
    last_run_exit_code=COUNT_OR_NULL | {"description": f"the exit code {OF_RUN}"},
    status={"type": "string", "enum": list(health.STATUSES)},
)
CLIENT = _object(
    corporation=TEXT,
    risk=SHARE,
    rank=FROM_ONE,
    band={"type": "string", "enum": [name for name, _ in ranking.BANDS]},
    reasons=TEXT,
)
RANKING = _object(
    release=TEXT_OR_NULL,
    deployed_at=TEXT_OR_NULL,
    as_of=TEXT_OR_NULL,
    age_seconds=COUNT_OR_NULL,
    clients=_list(CLIENT),
)
CODE = _in("path", "corporation", {"type": "string", "minLength": 1})
RUN = _in("path", "run", {"type": "string", "minLength": 1})
FILTERS: dict[str, Schema] = {
    "q": {"type": "string", "maxLength": client_list.LONGEST_SEARCH},
    "band": {"type": "string", "enum": ["", *dict(ranking.BANDS)]},
    "sort": {"type": "string", "enum": list(client_list.ORDERS)},
    "all": FLAG,
    "hide": FLAG,
    "page": FROM_ONE | {"maximum": client_list.LAST_PAGE},
    "client": TEXT | {"description": "shows the page of this client, also of one called .."},
}


def document(settings: Settings) -> Schema:
    """All routes with their bodies, answers and errors."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dynamic risk assessment", "version": "1"},
        "security": [{}, {"bearer": []}, {"basic": []}],
        "paths": _answers(settings) | _pages(),
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _answers(settings: Settings) -> Schema:
    """The routes for programs."""
    top = FROM_ONE | {"maximum": client_list.MOST, "default": settings.capacity}
    number = _in("query", "top", top)
    return {
        "/prediction": {"post": _prediction(settings)},
        "/scoring": _get("F1 of the deployed model on the test data", _json(SCORING), OF_THE_DATA),
        "/summarystats": _get("Statistics of the merged data", _json(STATISTICS), {}),
        "/ranking": _get("Whom to call, open outcomes first", _json(RANKING), {}, number),
        "/diagnostics": _get("Timings, missing data, packages", _json(DIAGNOSTICS), OF_THE_DATA),
        "/health": _health(),
        "/openapi.json": _get("This description", _json({"type": "object"}), {}),
    }


def _health() -> Schema:
    """The route without a token; its 503 has the same form as its 200."""
    strict = FLAG | {"description": "1: answer 503 unless the status is ok"}
    summary = "The deployed release, and whether the pipeline is well"
    route = _get(summary, _json(HEALTH), {}, _in("query", "strict", strict))
    route["get"]["security"] = []
    not_ok = {"description": "with strict=1: the status is not ok", "content": _json(HEALTH)}
    route["get"]["responses"]["503"] = not_ok
    return route


def _pages() -> Schema:
    """The pages for people, with the files that they offer."""
    filters = [_in("query", name, schema) for name, schema in FILTERS.items()]
    return {
        "/": _get("Whether everything is well", _text("text/html"), {}),
        "/runs/{run}": _get("What one run decided, and why", _text("text/html"), OF_A_RUN, RUN),
        "/clients": _get("Whom to call, and why", _text("text/html"), OF_A_CLIENT, *filters),
        "/clients/{corporation}": _get("One client", _text("text/html"), OF_A_CLIENT, CODE),
        "/clients/{corporation}/contacts": {
            **_get("The client with these contacts", _text("text/html"), OF_A_CLIENT, CODE),
            "post": _contact(),
        },
        "/clients.csv": _get("The whole list for a spreadsheet", _text("text/csv"), {}),
        "/report.pdf": _get("The report", _text("application/pdf"), {}),
        "/style.css": _get("The stylesheet of the pages", _text("text/css"), {}),
    }


def _contact() -> Schema:
    """The form on a client's page."""
    day = {"anyOf": [{"const": ""}, {"type": "string", "format": "date"}]}
    outcomes = {"description": f"one of {', '.join(contacts.OUTCOMES)}, or other words"}
    form = {
        "by": _words(contacts.LONGEST_NAME),
        "day": day | {"description": "from 2000 to today; today if left out"},
        "outcome": _words(contacts.LONGEST_OUTCOME) | outcomes,
        "note": {
            "type": "string",
            "pattern": r"^[^\u0000]*$",
            "maxLength": contacts.LONGEST_NOTE,
            "description": "a line break counts as one character, however it is sent",
        },
        "form": {
            "type": "string",
            "pattern": f"^{contacts.FORM.pattern}$",
            "description": "a new number for each contact; a form sent twice counts once",
        },
    }
    fields = _object(("day", "note"), **form) | {"additionalProperties": True}
    content = {"application/x-www-form-urlencoded": {"schema": fields}}
    errors = OF_A_CLIENT | {"413": OF_THE_BODY["413"], "415": "the body is not a form"}
    recorded = {"303": {"description": "the contact is recorded; the page shows it"}}
    responses = _responses({}, errors) | recorded
    del responses["200"]
    return {
        "summary": "Record what was done about a client",
        "parameters": [CODE],
        "requestBody": {"required": True, "content": content},
        "responses": responses,
    }


def _words(longest: int) -> Schema:
    """A text that is not blank."""
    return {"type": "string", "pattern": r"\S", "maxLength": longest}


def _prediction(settings: Settings) -> Schema:
    predictions = _list({"type": "integer", "enum": [0, 1]})
    lines = _list(_object(line=FROM_ONE, reason=TEXT), maxItems=csv_file.MOST_NAMED)
    which = "the first refused lines; answered for every dataset; the header is line 1"
    count = "the number of refused lines; answered for every dataset"
    refused = {
        "refused": lines | {"description": which},
        "refused_count": COUNT | {"description": count},
    }
    answers = {"release": RELEASE, "predictions": predictions, "risks": _list(SHARE), **refused}
    answer = _object(("risks", *refused), **answers)
    content = _json({"oneOf": [_of_path(settings), _of_clients(settings)]}) | _of_upload()
    return {
        "summary": "For each good row 1 if the client is expected to leave, else 0",
        "requestBody": {"required": True, "content": content},
        "responses": _responses(_json(answer), OF_THE_BODY | OF_THE_DATA),
    }


def _of_path(settings: Settings) -> Schema:
    folders = ", ".join(data_files.DataFiles(settings).folders)
    filepath = {
        "type": "string",
        "maxLength": data_files.LONGEST_PATH,
        "description": f"a .csv file below {folders}, for example testdata/testdata.csv",
    }
    return _object(("risks",), filepath=filepath, risks={"type": "boolean"})


def _of_clients(settings: Settings) -> Schema:
    kinds = {name: OF_KIND[settings.columns.kind(name)] for name in settings.feature_columns}
    code = {
        "type": "string",
        "pattern": r"^[^\n]*[^\s][^\n]*$",
        "maxLength": cell_rules.LONGEST_CLIENT,
    }
    client = {
        "type": "object",
        "properties": {settings.client_column: code} | kinds,
        "required": list(settings.feature_columns),
        "maxProperties": MOST_COLUMNS,
        "description": "further columns are ignored; null is a missing cell",
    }
    clients = _list(client, maxItems=MOST_ROWS)
    return _object(("risks",), clients=clients, risks={"type": "boolean"})


def _of_upload() -> Schema:
    file = {"type": "string", "contentMediaType": "text/csv", "format": "binary"}
    form = _object(("risks",), file=file, risks={"type": "string", "enum": ["true", "false"]})
    return {"multipart/form-data": {"schema": form}}
