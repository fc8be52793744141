"""Fabricate input files of any size within seconds, for measurements.

The same arguments make the same bytes. Every row has its client's next month, and clients leave
for the reasons in `company.fabricate`; a part of each file repeats rows of the file before.
"""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from company import fabricate
from risk import files

COLUMNS = (
    "corporation",
    "lastmonth_activity",
    "lastyear_activity",
    "number_of_employees",
    "exited",
)
CODE = 6  # characters
BAD = b"ABCD12,many,340,56,0\n"

Numbers = npt.NDArray[np.float64]


def rows(first: int, count: int, clients: int, seed: int, wrong: float = 0.0) -> pa.Table:
    """So many rows of the history from the first one on, a share of them with a wrong outcome."""
    random = np.random.default_rng([seed, first, count])
    places = np.arange(first, first + count) % clients
    size, level = (
        np.random.default_rng([seed, which]).standard_normal(clients) for which in (1, 2)
    )
    size, level = 1.3 * size[places], (np.log(150) + 0.65 * size + 1.2 * level)[places]
    cooling = 0.35 * random.standard_normal(count)
    cooling += np.where(random.random(count) < 0.2, 1.3, 0.0)
    truth = fabricate.LATER_PERIODS
    log_odds = truth.base + truth.cooling * cooling + truth.size * size
    left = random.random(count) < 1 / (1 + np.exp(-log_odds))
    left ^= random.random(count) < wrong
    year = 12 * np.exp(level + 0.1 * random.standard_normal(count))
    features = [np.exp(level - cooling), year, np.maximum(1, 60 * np.exp(size))]
    missing = [random.random(count) < fabricate.MISSING_SHARE for _ in features]
    cells = [
        pa.array(np.round(values, digits), mask=is_missing)
        for values, digits, is_missing in zip(features, (2, 0, 0), missing, strict=True)
    ]
    return pa.table(dict(zip(COLUMNS, [codes(places), *cells, left.astype(np.int8)], strict=True)))


def codes(numbers: npt.NDArray[np.int64]) -> pa.StringArray:
    """A code for each number of a client."""
    digits = (
        numbers[:, None]
        // len(fabricate.ALPHABET) ** np.arange(CODE)[::-1]
        % len(fabricate.ALPHABET)
    )
    signs = np.frombuffer(fabricate.ALPHABET.encode(), dtype=np.uint8)[digits]
    begins = np.arange(0, CODE * len(numbers) + 1, CODE, dtype=np.int64)
    array = pa.LargeStringArray.from_buffers(
        len(numbers), pa.py_buffer(begins), pa.py_buffer(signs.tobytes())
    )
    return array.cast(pa.string())


def write(
    folder: Path,
    count: int,
    clients: int,
    parts: int,
    *,
    seed: int = 1,
    repeated: float = 0.1,
    bad: int = 0,
) -> list[Path]:
    """So many rows in so many files, a share of each repeated from the one before.

    The last file has some bad lines among its rows.
    """
    each, written = count // parts, []
    again = int(each * repeated)
    for number in range(parts):
        table = rows(number * each, each, clients, seed)
        if number and again:
            before = rows((number - 1) * each, each, clients, seed)[again : 2 * again]
            table = pa.concat_tables([before, table[again:]])
        path = folder / f"history{number + 1}.csv"
        save(path, table, bad if number == parts - 1 else 0)
        written.append(path)
    return written


def save(path: Path, table: pa.Table, bad: int = 0) -> None:
    """Write a table as our CSV files are written, with so many bad lines spread over it."""
    with files.replacing(path) as file:
        file.write(f"{','.join(table.column_names)}\n".encode())
        options = csv.WriteOptions(include_header=False, quoting_style="none")
        ends = np.linspace(0, table.num_rows, bad + 2).astype(int)
        for place, (begin, end) in enumerate(itertools.pairwise(ends)):
            file.write(BAD if place else b"")
            csv.write_csv(table[begin:end], file, options)
