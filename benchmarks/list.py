"""How good the list is where the truth is known: python -m benchmarks.list [CLIENTS]

Ranks the clients of a third period before any of its outcomes is known, and says how many of those
to call leave then, beside the best possible list and one by chance. 10,000 clients unless given.
"""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.project import project
from company import fabricate
from fullprocess import full_process
from risk import files
from risk.records import list_file
from risk.rows import tables
from risk.settings import Settings

CLIENTS = 10_000
SEED = fabricate.SEED


class Worth(NamedTuple):
    """The share that left among those called: by the list, by the best possible, by chance."""

    listed: float
    best: float
    at_random: float


def worth(settings: Settings, clients: int, capacity: int) -> Worth:
    """What calling is worth in a third period, ranked before any of its outcomes is known."""
    third = fabricate.periods(3, clients, SEED)[-1]
    unknown = third.assign(exited=np.nan)
    tables.write(settings.input_folder_path / "dataset3.csv", unknown)
    full_process(settings)
    codes = list_file.read(settings.output_model_path / files.RANKING, ("corporation",))[
        "corporation"
    ]
    left = third.set_index("corporation")["exited"]
    codes = codes[codes.isin(left.index)]
    truth = fabricate.true_risks(3, clients, SEED)[left.index].sort_values(ascending=False)
    listed, best = left[codes[:capacity]].mean(), left[truth.index[:capacity]].mean()
    return Worth(float(listed), float(best), float(left.mean()))


def main() -> None:
    """Rank and print."""
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else CLIENTS
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        shipped = fabricate.shipped()["testdata/testdata.csv"]
        periods = [*fabricate.periods(2, clients, SEED), shipped]
        settings = Settings.load(project(Path(folder), periods))
        full_process(settings)
        value = worth(settings, clients, settings.capacity)
    print(f"of the first {settings.capacity} clients called in the third period left")
    for who, share in value._asdict().items():
        print(f"  {who:10} {share:6.1%}  lift {share / value.at_random:.2f}")


if __name__ == "__main__":
    main()
