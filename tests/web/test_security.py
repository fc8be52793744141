"""Who is answered: hosts, origins, machines, tokens."""

import pytest
from flask.testing import FlaskClient

from app import create_app
from risk.settings import Settings
from risk.web import security
from tests.web.traps import told


@pytest.mark.parametrize(
    ("method", "path", "headers", "refusal"),
    [
        ("GET", "/nothing", {}, (404, "not_found")),
        ("GET", "/prediction", {}, (405, "method_not_allowed")),
        ("POST", "/scoring", {}, (405, "method_not_allowed")),
        ("OPTIONS", "/scoring", {}, (405, "method_not_allowed")),
        ("TRACE", "/scoring", {}, (405, "method_not_allowed")),
        ("GET", "/scoring/", {}, (404, "not_found")),
        ("GET", "/static/x", {}, (404, "not_found")),
        ("GET", "/../etc/passwd", {}, (404, "not_found")),
        ("GET", "/health", {"Host": "evil.example"}, (400, "host_refused")),
        ("GET", "/health", {"Host": ""}, (400, "host_refused")),
        ("GET", "/health", {"Host": "localhost.evil.example"}, (400, "host_refused")),
        ("GET", "/health", {"Host": "localhost:8000@evil"}, (400, "host_refused")),
        ("GET", "/health", {"Host": "127.0.0.1, evil"}, (400, "host_refused")),
        ("GET", "/health", {"Host": "[::1"}, (400, "host_refused")),
        ("GET", "/nothing", {"Host": "evil.example"}, (400, "host_refused")),
        ("GET", "/health", {"Origin": "http://evil.example"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "null"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "http://localhost:1"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "http://[::1"}, (403, "origin_refused")),
        ("POST", "/prediction", {"Origin": "file://localhost"}, (403, "origin_refused")),
    ],
)
def test_who_asks_wrongly_is_refused(
    client: FlaskClient, method: str, path: str, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert told(client.open(path, method=method, headers=headers)) == refusal


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:8000"},
        {"Host": "LOCALHOST"},
        {"Host": "[::1]:80"},
        {"Host": "risk.example:1"},
        {"Host": "localhost:5", "Origin": "http://localhost:5"},
    ],
)
def test_who_asks_rightly_is_answered(served: Settings, headers: dict[str, str]) -> None:
    app = create_app(served._replace(allowed_hosts=("risk.example",)))
    answer = app.test_client().get("/health", headers=headers)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert app.secret_key is None


@pytest.mark.parametrize("address", ["10.0.0.7", "::ffff:10.0.0.7", "fe80::1%eth0", "nonsense"])
def test_another_machine_is_refused_without_a_token(client: FlaskClient, address: str) -> None:
    answer = client.get("/health", environ_overrides={"REMOTE_ADDR": address})
    assert told(answer) == (403, "not_local")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_needs_no_token(client: FlaskClient, address: str) -> None:
    assert client.get("/health", environ_overrides={"REMOTE_ADDR": address}).status_code == 200


@pytest.fixture
def guarded(served: Settings, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A client of an API that asks for a token."""
    monkeypatch.setenv("RISK_API_TOKEN", "open-sesame")
    return create_app(served).test_client()


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "open-sesame",
        "Bearer",
        "Bearer open-sesam",
        "Bearer open-sesame2",
        "Bearer \xff\u20ac".encode().decode("latin-1"),
        "Basic open-sesame",
        "Basic !!!",
        "Basic eDpvcGVu",
        "Digest open-sesame",
    ],
)
def test_a_missing_or_wrong_token_is_refused(guarded: FlaskClient, sent: str) -> None:
    for path in ("/scoring", "/openapi.json", "/nothing"):
        answer = guarded.get(path, headers={"Authorization": sent} if sent else {})
        assert told(answer) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert guarded.get("/health").status_code == 200


def test_the_right_token_opens_as_bearer_and_as_password(guarded: FlaskClient) -> None:
    far = {"REMOTE_ADDR": "10.0.0.7"}
    for sent in ("Bearer open-sesame", "bearer  open-sesame", "Basic bWU6b3Blbi1zZXNhbWU="):
        headers = {"Authorization": sent}
        assert guarded.get("/scoring", headers=headers, environ_overrides=far).status_code == 200


@pytest.mark.parametrize(
    ("address", "is_near"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("no.such.host.invalid", False),
        ("x" * 300, False),
    ],
)
def test_only_loopback_counts_as_near(address: str, is_near: bool) -> None:
    assert security.is_loopback(address) is is_near
