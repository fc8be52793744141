"""Where the API listens: not openly without a token, and not on a port that is taken."""

import os
import socket
import sys

import pytest

from risk.settings import Settings
from tests import warm
from tests.conftest import ROOT
from tests.serving import GUNICORN, answering, ask, deaf_port, environment, gunicorn, gunicorn_with

REFUSED = "can be reached by other machines, so a token is needed"


@pytest.mark.parametrize(
    ("arguments", "further"),
    [
        ((), {"RISK_BIND": "0.0.0.0:0"}),
        ((), {"RISK_BIND": "[::]:0"}),
        (("--bind", "0.0.0.0:0"), {}),
        (("-b", ":0"), {}),
        (("-b", "127.0.0.1:0", "-b", "0.0.0.0:0"), {}),
        (("--bind", "0.0.0.0:0", "--preload"), {}),
        (("--bind", "0.0.0.0:0", "--reuse-port"), {}),
        ((), {"GUNICORN_CMD_ARGS": "--bind=0.0.0.0:0"}),
        (("--bind", "0.0.0.0:0"), {"RISK_API_TOKEN": "  "}),
        (("--bind", "0.0.0.0:0"), {"RISK_API_TOKEN": "two words"}),
    ],
)
def test_an_open_address_without_a_token_is_refused(
    settings: Settings, arguments: tuple[str, ...], further: dict[str, str]
) -> None:
    ended = warm.run(gunicorn_with(environment(settings, **further), *arguments))
    assert ended.returncode == 78, ended.stderr
    assert REFUSED in ended.stderr or "RISK_API_TOKEN must be" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_configuration_that_cannot_be_followed_is_said_once(settings: Settings) -> None:
    (settings.workspace / "config.json").write_text("{}")
    ended = warm.run(gunicorn_with(environment(settings, RISK_BIND="127.0.0.1:0")))
    assert ended.returncode == 78, ended.stderr
    assert ended.stderr.count("input_folder_path") == 1
    assert "Traceback" not in ended.stderr


def test_another_configuration_of_gunicorn_does_not_open_it_either(settings: Settings) -> None:
    known = environment(settings, HOME=str(settings.workspace))
    ended = warm.run(gunicorn_with(known, "-c", os.devnull, "--bind", "0.0.0.0:0"))
    assert ended.returncode not in (0, None)
    assert REFUSED in ended.stderr


@pytest.mark.parametrize("program", ["gunicorn", str(ROOT / "app.py")], ids=["gunicorn", "app.py"])
def test_a_port_that_is_taken_is_said_once_with_its_exit_code(
    settings: Settings, program: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        server = gunicorn_with(environment(settings, RISK_BIND=taken))
        arguments = server.arguments if program == "gunicorn" else []
        ended = warm.run(server._replace(name=program, arguments=arguments))
    wrong = [line for line in ended.stderr.splitlines() if " INFO " not in line]
    assert (ended.returncode, len(wrong)) == (71, 1), ended.stderr
    assert f"failed with exit code 71: cannot listen on {taken}: Address already in use" in wrong[0]


def test_a_socket_that_was_handed_over_is_served_though_its_port_is_taken(
    settings: Settings,
) -> None:
    """As systemd does, and gunicorn itself when it replaces its program."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        served = [*GUNICORN, "wsgi:app", "--workers", "1"]
        given = [sys.executable, "-c", HANDED_OVER, str(opened.fileno()), *served]
        os.set_inheritable(opened.fileno(), True)
        known = environment(settings, RISK_BIND=f"127.0.0.1:{port}")
        with answering(given, known, settings, pass_fds=[opened.fileno()]) as answers:
            assert answers == port


HANDED_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_with_a_token_it_may_be_open_but_not_where_the_environment_says(
    settings: Settings,
) -> None:
    open_ = {"RISK_BIND": "0.0.0.0:0", "RISK_API_TOKEN": "sesame"}
    with deaf_port() as other, gunicorn(settings, PORT=str(other), **open_) as port:
        with pytest.raises(ConnectionRefusedError):
            ask(other, "GET", "/health")
        assert ask(port, "GET", "/openapi.json").status == 401
        bearer = {"Authorization": "Bearer sesame"}
        assert ask(port, "GET", "/openapi.json", headers=bearer).status == 200


@pytest.mark.parametrize("bind", ["0.0.0.0:0", "nonsense"])
def test_the_script_refuses_the_same(settings: Settings, bind: str) -> None:
    ended = warm.run(warm.Program(str(ROOT / "app.py"), [], environment(settings, RISK_BIND=bind)))
    assert ended.returncode == 78
    assert ended.stderr.startswith("error: failed with exit code 78: ")
    assert len(ended.stderr.splitlines()) == 1
