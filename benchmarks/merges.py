"""The bare merge of CSV files, which judges nothing: python merges.py LIBRARY OUTPUT FILE...

Reads the files, puts them together, drops rows that repeat an earlier one, and writes a CSV. It
runs in an environment of its own, and each process loads one library.
"""

import sys

NUMBERS = ("lastmonth_activity", "lastyear_activity", "number_of_employees", "exited")


def by_pandas(output: str, files: list[str]) -> None:
    """Read, concatenate, drop duplicates, write."""
    import pandas as pd

    table = pd.concat(map(pd.read_csv, files), ignore_index=True)
    table.drop_duplicates().to_csv(output, index=False)


def by_polars(output: str, files: list[str]) -> None:
    """The same; what is no number is read as missing."""
    import polars as pl

    kinds = dict.fromkeys(NUMBERS, pl.Float64)
    tables = [pl.read_csv(file, schema_overrides=kinds, ignore_errors=True) for file in files]
    pl.concat(tables).unique(keep="first", maintain_order=True).write_csv(output)


def by_duckdb(output: str, files: list[str]) -> None:
    """The same in SQL; lines that do not fit are left out."""
    import duckdb

    types = dict.fromkeys(NUMBERS, "DOUBLE")
    read = f"read_csv({files!r}, header = true, types = {types!r}, ignore_errors = true)"
    names = ", ".join(("corporation", *NUMBERS))
    numbered = f"select *, row_number() over () as place from {read}"
    merged = f"select {names} from ({numbered}) group by {names} order by min(place)"
    duckdb.sql(f"copy ({merged}) to {output!r} (header)")


if __name__ == "__main__":
    {"pandas": by_pandas, "polars": by_polars, "duckdb": by_duckdb}[sys.argv[1]](
        sys.argv[2], sys.argv[3:]
    )
