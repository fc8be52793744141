"""Projects whose records are in a fresh database of each kind."""

from collections.abc import Iterator

import pytest

from risk.settings import Settings
from tests.conftest import configured
from tests.databases import SERVERS, Wire, fresh
from tests.records.sql import KINDS


@pytest.fixture(params=KINDS)
def recorded(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """A project whose records are in a fresh database of each kind."""
    if request.param == "sqlite":
        yield settings
        return
    with fresh(request.param) as url:
        yield configured(settings.workspace, database_url=url.render_as_string(False))


@pytest.fixture(params=SERVERS)
def wired(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[Settings, Wire]]:
    """A project whose records are on a server at the end of a wire."""
    with fresh(request.param) as url:
        wire = Wire(SERVERS[request.param][1])
        far = url.set(port=wire.port).render_as_string(False)
        yield configured(settings.workspace, database_url=far), wire
        wire.close()
