"""A company whose pages are read, and copies of it to change."""

import shutil
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from company import fabricate
from fullprocess import full_process
from risk.settings import Settings
from tests.conftest import configured, decided, deliver, put, small_project
from tests.web.pages.site import CAPACITY, ODD, listed, odd_rows


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A company with odd clients after two runs, which no test changes."""
    settings = small_project(tmp_path_factory.mktemp("company"))
    settings = configured(settings.workspace, capacity=CAPACITY)
    put(settings, "<i>odd<i>.csv", odd_rows())
    decided(settings)
    period = fabricate.periods(3, clients=400, seed=1)[-1]
    deliver(settings, "dataset3.csv", period)
    put(settings, "more <i>odd<i>.csv", odd_rows(13))
    full_process(settings)
    return settings


@pytest.fixture(scope="session")
def client(company: Settings) -> FlaskClient:
    return create_app(company).test_client()


@pytest.fixture(scope="module")
def busy(company: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same company, with managers who record contacts."""
    folder = tmp_path_factory.mktemp("busy") / "company"
    shutil.copytree(company.workspace, folder)
    return Settings.load(folder / "config.json")


@pytest.fixture(scope="module")
def manager(busy: Settings) -> FlaskClient:
    return create_app(busy).test_client()


@pytest.fixture(scope="module")
def uncontacted(busy: Settings) -> str:
    """A client of the busy company to whom nobody writes down a contact."""
    codes = listed(busy)["corporation"]
    return str(codes[~codes.isin(ODD)].iloc[0])


@pytest.fixture
def own(company: Settings, tmp_path: Path) -> Settings:
    """A copy of the company to spoil."""
    shutil.copytree(company.workspace, tmp_path / "own")
    return Settings.load(tmp_path / "own" / "config.json")
