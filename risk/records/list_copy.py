"""The copy of a list that the records take in: of each client its code, risk, rank and release."""

from pathlib import Path

import pandas as pd

from risk import files
from risk.errors import ArtefactRefused

TYPES = {"corporation": "str", "risk": "float64", "rank": "int64", "release": "category"}
COLUMNS = tuple(TYPES)


class CopyDamaged(ArtefactRefused):
    """What was kept of a list cannot be read."""


def read(path: Path) -> pd.DataFrame | None:
    """What was kept of a list, if there is a file: in the order of the clients' codes.

    A database whose index grows from one end to the other, not here and there, takes half the time.
    """
    if not path.exists():
        return None
    try:
        table = pd.read_csv(path, usecols=list(COLUMNS), dtype=TYPES, keep_default_na=False)
        if not table["risk"].between(0, 1).all():
            raise ValueError("a risk is none")
        return table.sort_values("corporation", ignore_index=True)
    except (ValueError, IsADirectoryError) as error:
        raise CopyDamaged(
            f"{files.short(path)} is damaged ({error}); the run is recorded without it"
        ) from error
