"""Addresses of databases: passwords that show nowhere, wrong ones, missing drivers."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from risk import files
from risk.errors import ConfigWrong
from risk.records import store
from risk.settings import Settings
from tests.conftest import ROOT, configured, script
from tests.databases import fresh


@pytest.fixture
def guarded() -> Iterator[sa.URL]:
    """A database for a user with a password, which the URL does not name."""
    with fresh("mariadb") as url:
        user = f"risk_{url.database}"[:30]
        with sa.create_engine(url).begin() as connection:
            connection.execute(sa.text(f"CREATE USER '{user}' IDENTIFIED BY 'hush-hush'"))
            connection.execute(sa.text(f"GRANT ALL ON {url.database}.* TO '{user}'"))
        yield url.set(username=user)
        with sa.create_engine(url).begin() as connection:
            connection.execute(sa.text(f"DROP USER '{user}'"))


@pytest.mark.parametrize(("password", "exit_code"), [("hush-hush", 0), ("hush-wrong", 69)])
def test_a_password_comes_from_the_environment_and_shows_nowhere(
    settings: Settings, guarded: sa.URL, password: str, exit_code: int
) -> None:
    settings = configured(settings.workspace, database_url=guarded.render_as_string(False))
    run = script(settings, "ingestion.py", RISK_DATABASE_PASSWORD=password)
    assert run.returncode == exit_code
    log = (settings.output_folder_path / files.LOG).read_text()
    assert "hush" not in run.stderr + run.stdout + log


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://x", "must be a URL that begins with sqlite"),
        ("postgresql://user:hush-hush@host:port/x", "must be a URL that begins with sqlite"),
        ("postgresql://user:hush-hush@host:99999/x", "names a file, or a host and a database"),
        ("sqlite://", "names a file, or a host and a database"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(settings: Settings, url: str, said: str) -> None:
    with pytest.raises(ConfigWrong, match=said) as refusal:
        store.engine(configured(settings.workspace, database_url=url))
    assert "hush-hush" not in str(refusal.value)


@pytest.mark.parametrize("key", ["database_url", "input_database_url"])
@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mariadb"])
def test_a_missing_driver_is_said_before_anything_is_done(
    settings: Settings, kind: str, key: str
) -> None:
    further = {"input_table": "t"} if key.startswith("input") else {}
    with contextlib.suppress(ConfigWrong):
        configured(settings.workspace, **{key: f"{kind}://u:hush@127.0.0.1/x"}, **further)
    without_packages = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[0] = 'training'"
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"{without_packages}; from risk import cli; cli.run(print)"],
        env={"RISK_CONFIG": str(settings.workspace / "config.json")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 78
    assert f"{key!r} needs the driver" in run.stderr
    assert "requirements-databases.txt" in run.stderr
    assert "hush" not in run.stderr
