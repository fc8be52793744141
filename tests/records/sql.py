"""What the databases of the records hold, asked and changed past our own code."""

from typing import Any

import pytest
import sqlalchemy as sa

import ingestion
from company import fabricate
from risk.records import recording, store
from risk.settings import Settings
from tests.conftest import deliver
from tests.databases import SERVERS, Wire

KINDS = ("sqlite", *SERVERS)
ON_SERVERS = pytest.mark.parametrize(
    "recorded",
    ["sqlite", *(pytest.param(kind, marks=pytest.mark.slow) for kind in SERVERS)],
    indirect=True,
)


def rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    """What the database itself answers."""
    with store.engine(settings).connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(query)).mappings()]


def execute(settings: Settings, *statements: str) -> None:
    """Do what another program may do in the same database."""
    settings.output_folder_path.mkdir(exist_ok=True)
    with store.engine(settings).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def directly(settings: Settings, wire: Wire) -> Settings:
    """The same records, past the wire."""
    url = sa.make_url(settings.database_url or "").set(port=wire.target)
    return settings._replace(database_url=url.render_as_string(False))


def another_period(settings: Settings, number: int = 2, *, drift: bool = True) -> None:
    period = fabricate.periods(number, clients=400, seed=1, drift=drift)[-1]
    deliver(settings, f"dataset{number}.csv", period)


def ingest(settings: Settings) -> None:
    """Ingest by hand, which is recorded and takes a tenth of a whole run."""
    recording.step_on_record(ingestion.merge_multiple_dataframe, recording.ingestion_facts)(
        settings
    )
