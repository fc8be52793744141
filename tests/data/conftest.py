"""Projects that are fed by a table."""

from collections.abc import Iterator

import pytest

from risk.settings import Settings
from tests.data.source_tables import _fed_by
from tests.databases import SERVERS, fresh


@pytest.fixture(params=("sqlite", *SERVERS))
def url(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{settings.workspace / 'input.db'}"
        return
    with fresh(request.param) as address:
        yield address.render_as_string(False)


@pytest.fixture
def fed(url: str, settings: Settings) -> Settings:
    """A project fed by a table `clients_of` in a fresh database of each kind."""
    return _fed_by(settings, url)


@pytest.fixture
def fed_by_file(settings: Settings) -> Settings:
    """A project fed by a table `clients_of` in a SQLite file."""
    return _fed_by(settings, f"sqlite:///{settings.workspace / 'input.db'}")
