"""New rows are added to what is known of the earlier ones, and nothing tells it from a whole merge.

Whatever cannot be added to is merged anew, and the log says why.
"""

import contextlib
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

import diagnostics
import ingestion
import scoring
import training
from company import crowd
from risk import files
from risk.columns import CATEGORY, Columns
from risk.dataset import final_data, growth, merge, row_store
from risk.dataset.merge import Merged
from risk.dataset.row_store import Kept, Part
from risk.errors import ArtefactRefused
from risk.rows import equal_rows, long_files, streams, tables
from risk.rows.long_files import Unusable
from risk.settings import Settings
from tests.calls import calls_of
from tests.conftest import configured
from tests.intake import WRITTEN, A, B, C, clients, lines, output, place, record

NAMES = ("client", "one", "two", "left")
OUTCOMES: dict[str, list[float]] = {
    "known": [0.0, 1.0],
    "open": [np.nan],
    "any": [0.0, 1.0, np.nan, np.nan],
}
Row = tuple[str | float, ...]
File = list[Row]


class Merging(NamedTuple):
    """Files that are merged, and what is known of them."""

    files: list[File]
    merged: Merged
    kept: Kept


def table_of(some_files: list[File], columns: Columns) -> pd.DataFrame:
    """All rows of files."""
    return tables.as_table([row for file in some_files for row in file], NAMES, columns)


def in_files(some_files: list[File]) -> list[tuple[str, int]]:
    """The files as a merge wants them."""
    return [(f"file{number}.csv", len(file)) for number, file in enumerate(some_files)]


def some_file(random: Random, pool: list[Row], columns: Columns) -> File:
    """A file of new rows, of rows that were there before, of months that overlap."""
    style = random.choice(["known", "open", "any", "again", "two months"])
    numbers, rows = random.choice([2, 5, 1000]), []

    def cell(name: str) -> str | float:
        whole = random.randint(0, numbers)
        return "xyz"[whole % 3] if name in columns.categories else float(whole)

    for _ in range(random.choice([1, 2, 4, 8, 12])):
        if style == "again" and pool and random.random() < 0.8:
            *others, outcome = random.choice(pool)
            again = outcome if random.random() < 0.8 else random.choice(OUTCOMES["any"])
            rows.append((*others, again))
            continue
        row = (random.choice("ABCDEFGH"), cell("one"), cell("two"))
        if style == "two months" and random.random() < 0.5:
            rows.append((*row, 0.0))
            row = (row[0], cell("one"), row[2])
        rows.append((*row, random.choice(OUTCOMES.get(style, OUTCOMES["any"]))))
    return rows


def merging(
    old: Merging | None, new: list[File], columns: Columns, *, in_parts: bool = False
) -> Merging:
    """All files merged anew, their rows kept in one part or several."""
    together = [*(old.files if old else []), *new]
    table = table_of(together, columns)
    merged = merge.merged(table, in_files(together), columns)
    begin = old.kept.count if old and in_parts else 0
    parts = old.kept.parts if old and begin else []
    part = Part(
        streams.arrow(table.iloc[begin:]),
        row_store.REFUSALS.empty_table(),
        equal_rows.in_order(merged.marks[begin:].copy()),
    )
    return Merging(together, merged, Kept([*parts, part], columns))


def added(old: Merging, new: list[File], columns: Columns) -> growth.Grown:
    """New files added to those that are merged."""
    known = old.merged
    assert known.standing
    before = growth.Before(old.kept, in_files(old.files), known.standing, known.book)
    of_new = in_files([*old.files, *new])[len(old.files) :]
    return growth.grown(before, table_of(new, columns), of_new, columns)


def assert_same(old: Merged, grown: growth.Grown, whole: Merged, columns: Columns) -> None:
    """What was there and what was added is what a whole merge makes."""
    assert whole.standing
    table = tables.merged([old.table, grown.table], columns)
    pd.testing.assert_frame_equal(table, whole.table, check_exact=True)
    pd.testing.assert_frame_equal(grown.book, whole.book, check_exact=True)
    assert grown.newest == whole.newest
    assert [*old.repetitions, *grown.repetitions] == whole.repetitions
    np.testing.assert_array_equal(np.concatenate([old.told, grown.told]), whole.told)
    np.testing.assert_array_equal(np.concatenate([old.row, grown.row]), whole.row)
    for own, wanted in zip(grown.standing, whole.standing, strict=True):
        for one, other in zip(own, wanted, strict=True):
            np.testing.assert_array_equal(one, other)


@given(random=some.randoms(use_true_random=False), words=some.booleans())
def test_what_is_added_is_what_a_whole_merge_makes(random: Random, words: bool) -> None:
    kinds = (("two", CATEGORY),) if words else ()
    columns = Columns("client", ("one", "two"), "left", kinds)
    old: Merging | None = None
    for _ in range(6):
        pool = [row for file in old.files for row in file] if old else []
        new = [some_file(random, pool, columns) for _ in range(random.choice([1, 1, 1, 2]))]
        now = merging(old, new, columns, in_parts=random.random() < 0.7)
        if old:
            with contextlib.suppress(Unusable):
                assert_same(old.merged, added(old, new, columns), now.merged, columns)
        old = now


ADDED = [
    ("other clients", [("B", 1.0, 1.0, 0.0)]),
    ("the next month of a client", [("A", 2.0, 1.0, np.nan)]),
    ("old rows once more", [("A", 1.0, 1.0, 0.0), ("B", 3.0, 3.0, 1.0)]),
    ("the same numbers, and it left in the end", [("A", 1.0, 1.0, 1.0), ("C", 7.0, 7.0, 0.0)]),
    ("nothing", []),
    ("rows from before their last ones", [("D", 1.0, 1.0, np.nan), ("E", 1.0, 1.0, np.nan)]),
]
BEFORE: list[File] = [
    [("A", 1.0, 1.0, 0.0), ("B", 3.0, 3.0, 1.0)],
    [("D", 1.0, 1.0, np.nan), ("E", 1.0, 1.0, np.nan)],
    [("D", 2.0, 2.0, np.nan), ("E", 2.0, 2.0, np.nan)],
]


@pytest.mark.parametrize("rows", [each[1] for each in ADDED], ids=[each[0] for each in ADDED])
def test_usual_arrivals_are_added(rows: File) -> None:
    columns = Columns("client", ("one", "two"), "left")
    old = merging(None, BEFORE, columns)
    new = [rows] if rows else []
    whole = merge.merged(
        table_of([*old.files, *new], columns), in_files([*old.files, *new]), columns
    )
    assert_same(old.merged, added(old, new, columns), whole, columns)


# -- whole ingestions ----------------------------------------------------------------------------


LOOKS_AT_ALL = (merge.merged, row_store.Kept.rows.func)  # type: ignore[attr-defined]


def looks_at_all(project: Settings) -> bool:
    """Whether an ingestion looks at the rows of all files."""
    ingest = partial(ingestion.merge_multiple_dataframe, project)
    return bool(calls_of(ingest, *LOOKS_AT_ALL))


def test_a_new_file_is_merged_without_a_look_at_the_earlier_rows(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A, B))
    assert looks_at_all(project)
    csv = output(project, files.FINAL_DATA)
    place(project, "dataset3.csv", lines(C, A))
    assert not looks_at_all(project)
    assert output(project, files.FINAL_DATA) == csv + f"{C}\n".encode()
    assert not looks_at_all(project)


def test_whole_numbers_are_written_as_the_column_is(project: Settings) -> None:
    place(project, "dataset2.csv", lines("AAAA,1.5,2,3,0"))
    ingestion.merge_multiple_dataframe(project)
    place(project, "dataset3.csv", lines(C))
    assert not looks_at_all(project)
    assert output(project, files.FINAL_DATA).endswith(b"CCCC,7.0,8,9,0\n")


def test_nothing_is_written_anew_where_nothing_came(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A, B))
    ingestion.merge_multiple_dataframe(project)
    names = (files.FINAL_DATA, files.DATASET, files.OUTCOMES, files.ROWS)
    before = [long_files.stamp(project.output_folder_path / name) for name in names]
    place(project, "page.csv", b"<html>")
    ingestion.merge_multiple_dataframe(project)
    assert [long_files.stamp(project.output_folder_path / name) for name in names] == before


def appended_to(project: Settings) -> None:
    """A row that somebody has added by hand."""
    with (project.output_folder_path / files.FINAL_DATA).open("ab") as handle:
        handle.write(b"ZZZZ,1,2,3,0\n")


def damaged(project: Settings) -> None:
    """Outcomes of which one came with another arrival."""
    path = project.output_folder_path / files.OUTCOMES
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def without_columns(project: Settings) -> None:
    """No columns."""
    (project.output_folder_path / files.DATASET).unlink()


def linked(project: Settings) -> None:
    """A second name for the rows that are kept."""
    path = project.output_folder_path / files.ROWS
    os.link(path, path.with_name("link"))


def elsewhere(project: Settings) -> None:
    """A link to the columns, which somebody has moved to another place."""
    path = project.output_folder_path / files.DATASET
    moved = path.rename(project.workspace / "moved")
    path.symlink_to(moved)
    known = record(project)
    known["dataset"]["stamps"][files.DATASET] = long_files.stamp(path)
    files.write_json(project.output_folder_path / files.INGESTION, known)


def believed(project: Settings) -> None:
    """Half of what is known of the clients, with a record that knows no better."""
    path, known = project.output_folder_path / files.STANDING, record(project)
    path.write_bytes(path.read_bytes()[:100])
    known["dataset"]["stamps"][files.STANDING] = long_files.stamp(path)
    files.write_json(project.output_folder_path / files.INGESTION, known)


def of_an_older_version(project: Settings) -> None:
    """A record of a version that kept nothing of the dataset."""
    path = project.output_folder_path / files.INGESTION
    known = record(project)
    del known["dataset"]
    files.write_json(path, known)


def nothing(_: Settings) -> None:
    """Nothing."""


WHYS: dict[str, tuple[Callable[[Settings], None], str, str]] = {
    "a row by hand": (appended_to, C, final_data.CHANGED),
    "an outcome that came at another time": (damaged, C, final_data.CHANGED),
    "no columns": (without_columns, C, final_data.CHANGED),
    "rows that somebody else has": (linked, C, "what is kept of them cannot be added to"),
    "columns elsewhere": (elsewhere, C, "what is kept of them cannot be added to"),
    "clients cut off": (believed, C, "what is known of the clients cannot be read"),
    "an older version": (of_an_older_version, C, "nothing is known of how they were merged last"),
    "fractions": (nothing, "CCCC,7.5,8,9,0", "whole numbers have fractions now"),
    "an outcome": (nothing, "OPEN,1,1,1,1", "outcomes came of rows that were there before"),
}


@pytest.mark.parametrize(("change", "row", "why"), WHYS.values(), ids=WHYS)
def test_what_cannot_be_added_to_is_merged_anew_and_the_log_says_why(
    project: Settings,
    change: Callable[[Settings], None],
    row: str,
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place(project, "dataset2.csv", lines(A, B, "OPEN,1,1,1,"))
    ingestion.merge_multiple_dataframe(project)
    change(project)
    place(project, "dataset3.csv", lines(row))
    caplog.clear()
    with caplog.at_level(logging.INFO):
        ingestion.merge_multiple_dataframe(project)
    assert f"all rows are merged anew: {why}" in caplog.messages
    grown = [output(project, name) for name in WRITTEN]
    (project.output_folder_path / files.ROWS).unlink()
    ingestion.merge_multiple_dataframe(project)
    assert [output(project, name) for name in WRITTEN] == grown


CHANGING = {
    "periods": ({"period_column": "month"}, "AAAA,{0},2,3,0,2024-0{0}-01"),
    "dates": ({"column_kinds": {"number_of_employees": "date"}}, "AAAA,{0},2,2024-01-0{0},0,x"),
}


@pytest.mark.parametrize(("keys", "row"), CHANGING.values(), ids=CHANGING)
def test_where_earlier_rows_change_with_later_ones_all_are_merged_anew(
    tmp_path: Path, keys: dict[str, Any], row: str, caplog: pytest.LogCaptureFixture
) -> None:
    project = configured(tmp_path, **keys)
    header = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited,month"
    for number in (2, 3):
        place(project, f"dataset{number}.csv", lines(row.format(number), header=header))
        with caplog.at_level(logging.INFO):
            ingestion.merge_multiple_dataframe(project)
    why = "all rows are merged anew: with other rows their periods or days change"
    assert caplog.messages.count(why) == 1


@pytest.mark.slow
def test_a_long_dataset_grows_to_the_byte_as_it_is_made_anew(project: Settings) -> None:
    blocks = []
    for number in range(3):
        rows = crowd.rows(number * 400_000, 400_000, 50_000, 1)
        crowd.save(project.input_folder_path / f"dataset{number + 2}.csv", rows)
        ingestion.merge_multiple_dataframe(project)
        blocks.append(len(record(project)["dataset"]["blocks"]))
    assert blocks[0] < blocks[-1]
    assert record(project)["id"] == final_data.named(output(project, files.FINAL_DATA))
    grown = [record(project)["id"], *(output(project, name) for name in WRITTEN)]
    table = final_data.read(project).table
    (project.output_folder_path / files.DATASET).unlink()
    pd.testing.assert_frame_equal(table, final_data.read(project).table)
    (project.output_folder_path / files.ROWS).unlink()
    ingestion.merge_multiple_dataframe(project)
    assert [record(project)["id"], *(output(project, name) for name in WRITTEN)] == grown


# -- readers -------------------------------------------------------------------------------------


def parsed(step: Callable[[Settings], Any], project: Settings) -> int:
    """How often a step parses a CSV of ours."""
    return len(calls_of(partial(step, project), tables.parse))


READERS = (
    training.train_model,
    scoring.score_deployed,
    diagnostics.dataframe_summary,
    diagnostics.missing_data,
)


@pytest.mark.parametrize("step", READERS, ids=[step.__name__ for step in READERS])
def test_steps_read_columns_unless_somebody_has_changed_the_csv(
    finished: Settings, step: Callable[[Settings], Any]
) -> None:
    ingestion.merge_multiple_dataframe(finished)  # as a copy of the project has other stamps
    assert parsed(step, finished) == 0
    path = finished.output_folder_path / files.FINAL_DATA
    path.write_bytes(path.read_bytes() + b"ZZZZ,1,2,3,0\n")
    assert parsed(step, finished) == 1
    assert final_data.read(finished).table["corporation"].iloc[-1] == "ZZZZ"


def test_a_run_that_died_leaves_whole_rows_behind(
    project: Settings,
) -> None:
    place(project, "dataset2.csv", lines(A, B))
    ingestion.merge_multiple_dataframe(project)
    place(project, "dataset3.csv", lines(C))
    before = output(project, files.INGESTION)
    ingestion.merge_multiple_dataframe(project)
    wanted = [output(project, name) for name in WRITTEN]
    (project.output_folder_path / files.INGESTION).write_bytes(before)  # it had come so far
    assert list(final_data.read(project).table["corporation"]) == clients(project)
    ingestion.merge_multiple_dataframe(project)
    assert [output(project, name) for name in WRITTEN] == wanted
    assert list(final_data.read(project).table["corporation"]) == clients(project)


def test_data_of_other_columns_are_refused_as_ever(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A, B))
    ingestion.merge_multiple_dataframe(project)
    other = project._replace(feature_columns=project.feature_columns[:-1])
    with pytest.raises(ArtefactRefused, match="other columns"):
        final_data.read(other)


@pytest.mark.parametrize("name", [files.FINAL_DATA, files.OUTCOMES])
def test_what_was_changed_while_rows_were_merged_is_not_added_to(
    project: Settings, name: str
) -> None:
    place(project, "dataset2.csv", lines(A, B))
    ingestion.merge_multiple_dataframe(project)
    place(project, "dataset3.csv", lines(C))
    taken = ingestion.intake.gather(project)
    path = project.output_folder_path / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtefactRefused, match="changed meanwhile"):
        ingestion.store(taken, project)
    ingestion.merge_multiple_dataframe(project)
    assert {"AAAA", "BBBB", "CCCC"} <= set(clients(project))
    assert list(final_data.read(project).table["corporation"]) == clients(project)


def test_what_is_no_file_of_ours_is_made_anew(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A, B))
    for name in (files.FINAL_DATA, files.DATASET, files.STANDING):
        ingestion.merge_multiple_dataframe(project)
        path = project.output_folder_path / name
        path.unlink()
        path.symlink_to(path)
        place(project, f"{name}.csv", lines(C))
        ingestion.merge_multiple_dataframe(project)
        assert not path.is_symlink()


def test_a_record_that_counts_other_rows_is_not_believed(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A, B))
    ingestion.merge_multiple_dataframe(project)
    known = record(project)
    known["dataset"]["parts"] *= 2
    files.write_json(project.output_folder_path / files.INGESTION, known)
    assert list(final_data.read(project).table["corporation"]) == clients(project)
    place(project, "dataset3.csv", lines(C))
    ingestion.merge_multiple_dataframe(project)
    assert list(final_data.read(project).table["corporation"]) == clients(project)
