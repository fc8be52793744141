"""How good the list is where the truth is known, and what list and report cost.

python -m benchmarks.list [clients ...]        10,000 and 1,000,000 unless numbers are given
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import reporting
from benchmarks.project import ROOT, project
from company import fabricate
from fullprocess import full_process
from risk import files
from risk.data import tables
from risk.records import list_file
from risk.settings import Settings

SIZES = (10_000, 1_000_000)
SEED = fabricate.SEED
MODEST = 10_000  # above, only time and memory are measured
LARGEST_REPORT = 1_000_000


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


def measure(clients: int) -> None:
    """Time and memory of one size, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        shipped = fabricate.shipped()["testdata/testdata.csv"]
        periods = [*fabricate.periods(2, clients, SEED), shipped]
        settings = Settings.load(project(Path(folder), periods))
        full_process(settings)
        made = settings.output_model_path
        print(f"{clients:,} clients")
        for step in (reporting.rank_clients, reporting.write_report):
            begin = time.perf_counter()
            path = step(settings)
            seconds, size = time.perf_counter() - begin, path.stat().st_size / 1e6
            print(f"  {step.__name__:14} {seconds:6.2f} s  {path.name} {size:.2f} MB")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"  peak memory of the process, with the whole pipeline: {peak:,.0f} MB")
        if (made / files.REPORT).stat().st_size > LARGEST_REPORT:
            sys.exit("the report is larger than 1 MB")
        if clients <= MODEST:
            value = worth(settings, clients, settings.capacity)
            print(f"  of the first {settings.capacity} clients called in the third period left")
            for who, share in value._asdict().items():
                print(f"    {who:10} {share:6.1%}  lift {share / value.at_random:.2f}")


def main() -> None:
    """Measure each size in its own process."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    if len(sizes) == 1:
        measure(sizes[0])
        return
    for size in sizes:
        subprocess.run([sys.executable, "-m", "benchmarks.list", str(size)], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
