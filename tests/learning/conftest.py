"""A folder for releases."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where nothing was deployed yet."""
    return tmp_path / "production_deployment"
