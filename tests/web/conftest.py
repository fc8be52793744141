"""What the tests of the API share."""

import pytest
from flask.testing import FlaskClient

from app import create_app
from risk.settings import Settings
from tests.web.traps import make_traps


@pytest.fixture(scope="module")
def client(served: Settings) -> FlaskClient:
    """A client of a deployed project with all that could be asked for wrongly in its folders."""
    make_traps(served)
    return create_app(served).test_client()
