"""Ingestion: what becomes of every line of every file, and what is written about it."""

import csv
import re
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import settings as limits
from hypothesis import strategies as some

import ingestion
from risk import files
from risk.errors import DataUnusable, InputMissing
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import HEADER, aged, configured, put, script
from tests.intake import (
    FEATURES,
    FRESH,
    OUR_OWN,
    SHUFFLED,
    WHOLE_MINUTES,
    WRITTEN,
    A,
    B,
    C,
    Contents,
    cells,
    clients,
    cut,
    ingested,
    lines,
    looked_at,
    output,
    place,
    record,
)

# -- what is written -------------------------------------------------------------------------------


def test_columns_are_written_in_configured_order_and_numbers_as_people_write_them(
    project: Settings,
) -> None:
    place(project, "odd.csv", lines("NA,3,x,2.5,A,78.0", "0.0,,y,1e3,null,-0", header=SHUFFLED))
    ingestion.merge_multiple_dataframe(project)
    final = "ZZZZ,5,5.0,5,1\nA,78,2.5,3,\nnull,0,1000.0,,0\n"
    assert output(project, files.FINAL_DATA).decode() == f"{HEADER}\n{final}"


def test_the_merged_table_is_what_finaldata_holds(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A, "null,,2.5,3,", A))
    merged = ingestion.merge_multiple_dataframe(project)
    written = tables.read(project.output_folder_path / files.FINAL_DATA, project.columns)
    pd.testing.assert_frame_equal(merged.reset_index(drop=True), written, check_exact=True)


def test_of_equal_rows_the_first_is_kept_across_files_and_the_others_are_counted(
    project: Settings,
) -> None:
    place(project, "dataset2.csv", lines(A, "ZZZZ,5.0,5,5,1", A, "X", B))
    place(project, "dataset3.csv", lines(B, C, C))
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", "AAAA", "BBBB", "CCCC"]
    counts = {
        name: [entry[key] for key in ("rows", "accepted", "rejected", "duplicates")]
        for name, entry in looked_at(project).items()
    }
    assert counts == {
        "dataset1.csv": [1, 1, 0, 0],
        "dataset2.csv": [5, 2, 1, 2],
        "dataset3.csv": [3, 1, 0, 2],
    }


def test_a_file_of_nothing_but_repetitions_is_among_the_ingested(project: Settings) -> None:
    place(project, "dataset2.csv", lines("ZZZZ,5,5,5,1"))
    ingestion.merge_multiple_dataframe(project)
    assert ingested(project) == ["dataset1.csv", "dataset2.csv"]


V1, V2 = "AAAA,1,1,1,0", "AAAA,2,2,2,0"
NEWEST = [
    pytest.param([[V1, V2]], V2, id="the last of two rows"),
    pytest.param([[V1, V2, V1]], V1, id="back to what it was: repeated, but newest"),
    pytest.param([[V1], [V2], [V1]], V1, id="back to what it was in a third file"),
    pytest.param([[V1, V2], [V1, "X"]], V1, id="a refused line is nobody's row"),
    pytest.param([[V2], [], [V1]], V1, id="a file without rows changes nothing"),
    pytest.param([[V1], ["AAAA,2,2,2,"]], "AAAA,2,2,2,", id="newest also where nothing is known"),
    pytest.param([[V1], [" AAAA,9,9,9,0", V2]], V2, id="a blank makes another client"),
]


@pytest.mark.parametrize(("periods", "newest"), NEWEST)
def test_the_book_holds_the_newest_row_of_each_client(
    project: Settings, periods: list[list[str]], newest: str
) -> None:
    for number, rows in enumerate(periods, 9):  # 9, 10, 11: natural order, not alphabetical
        place(project, f"dataset{number}.csv", lines(*rows))
    ingestion.merge_multiple_dataframe(project)
    book = cells(project, files.CLIENTS)
    assert book[0] == HEADER.split(",")
    assert [row for row in book if row[0] == "AAAA"] == [newest.split(",")]
    assert sorted(clients(project, files.CLIENTS)) == sorted(set(clients(project)))


def test_other_columns_are_a_matter_of_the_configuration(tmp_path: Path) -> None:
    settings = configured(
        tmp_path, client_column="id", feature_columns=["x, y"], target_column="100%"
    )
    put(settings, "d.csv", ["7,1.5,1", "007,,0"], 'id,"x, y",100%')
    merged = ingestion.merge_multiple_dataframe(settings)
    assert merged["id"].tolist() == ["7", "007"]
    assert cells(settings, files.CLIENTS)[0] == ["id", "x, y", "100%"]


def test_the_record_says_what_was_looked_at(project: Settings) -> None:
    content = lines(A, "X")
    path = place(project, "dataset2.csv", content)
    place(project, "dataset3.csv", b"")
    ingestion.merge_multiple_dataframe(project)
    written = record(project)
    assert written["id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", written["time"])
    assert written["input_folder"] == "sourcedata"
    assert [entry["name"] for entry in written["files"]] == [
        "dataset1.csv",
        "dataset2.csv",
        "dataset3.csv",
    ]
    entry = looked_at(project)["dataset2.csv"]
    assert entry["size"] == len(content)
    assert entry["mtime_ns"] == path.stat().st_mtime_ns
    assert entry["sha256"] == files.sha256(content)
    assert [entry[key] for key in ("rows", "accepted", "rejected", "duplicates")] == [2, 1, 1, 0]


def test_the_id_of_an_ingestion_follows_the_dataset_alone(project: Settings) -> None:
    ingestion.merge_multiple_dataframe(project)
    first = record(project)["id"]
    place(project, "dataset2.csv", lines("ZZZZ,5.0,5,5,1", "X"))
    ingestion.merge_multiple_dataframe(project)
    assert record(project)["id"] == first
    place(project, "dataset2.csv", lines(A))
    ingestion.merge_multiple_dataframe(project)
    assert record(project)["id"] != first


def test_the_same_folder_gives_the_same_bytes_once_and_again(
    project: Settings, contents: Contents
) -> None:
    place(project, "dataset10.csv", lines(A, "X", "null,1e-7,2.5,,", A))
    place(project, "dataset2.csv", lines(B, A))
    place(project, "page.csv", b"<html>")
    ingestion.merge_multiple_dataframe(project)
    before = contents(project.output_folder_path)
    ingestion.merge_multiple_dataframe(project)
    after = contents(project.output_folder_path)
    assert before.keys() == after.keys() == {*WRITTEN, *OUR_OWN}
    assert {name: after[name] for name in WRITTEN} == {name: before[name] for name in WRITTEN}


def test_a_copy_of_folder_and_record_gives_the_same_bytes(project: Settings) -> None:
    place(project, "dataset9.csv", lines(A))
    ingestion.merge_multiple_dataframe(project)
    place(project, "dataset0.csv", lines(B, A))
    ingestion.merge_multiple_dataframe(project)
    (project.workspace / "copy").mkdir()
    copied = configured(project.workspace / "copy")
    for folder in ("input_folder_path", "output_folder_path"):
        shutil.copytree(getattr(project, folder), getattr(copied, folder))
    for name in WRITTEN:
        (copied.output_folder_path / name).unlink()
    ingestion.merge_multiple_dataframe(copied)
    assert [output(copied, name) for name in WRITTEN] == [output(project, name) for name in WRITTEN]


@pytest.mark.parametrize("name", [*WRITTEN, *OUR_OWN])
def test_no_draft_and_no_old_row_is_left(project: Settings, name: str) -> None:
    place(project, "dataset2.csv", lines(A, "X"))
    ingestion.merge_multiple_dataframe(project)
    (project.input_folder_path / "dataset2.csv").unlink()
    ingestion.merge_multiple_dataframe(project)
    assert sorted(path.name for path in project.output_folder_path.iterdir()) == sorted(
        [*WRITTEN, *OUR_OWN]
    )
    assert b"AAAA" not in output(project, name)
    assert b"dataset2" not in output(project, name)


def test_refused_text_survives_whatever_it_is(project: Settings) -> None:
    odd = ["NA", "=1+1", '"', 'a""b', "'", "é😀", " x ", "null", "12", "a;b\tc", "\\n"]
    place(project, "odd.csv", lines(*odd))
    ingestion.merge_multiple_dataframe(project)
    assert [row[3] for row in cells(project, files.REJECTED)[1:]] == odd


# -- what is said ----------------------------------------------------------------------------------


def test_columns_that_are_ignored_are_named_once_a_file(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="risk")
    place(project, "odd.csv", lines(*[A + ",red,big"] * 5, header=HEADER + ",colour,shape"))
    ingestion.merge_multiple_dataframe(project)
    said = [entry.getMessage() for entry in caplog.records if "colour" in entry.getMessage()]
    assert said == ["sourcedata/odd.csv: ignored columns: colour, shape"]
    assert caplog.text.count("ignored columns") == 1


def test_a_source_that_disappeared_is_said_once_with_its_rows(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    path = place(project, "dataset2.csv", lines(A, B, C))
    ingestion.merge_multiple_dataframe(project)
    assert "gone" not in caplog.text
    path.unlink()
    ingestion.merge_multiple_dataframe(project)
    assert "dataset2.csv is gone, and its 3 rows with it" in caplog.text
    caplog.clear()
    ingestion.merge_multiple_dataframe(project)
    assert "gone" not in caplog.text


def test_refused_lines_are_said_in_one_line_per_file(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    place(project, "odd.csv", lines(A, "X", "Y"))
    ingestion.merge_multiple_dataframe(project)
    said = [entry.getMessage() for entry in caplog.records if "odd.csv" in entry.getMessage()]
    assert len(said) == 1
    assert "2 lines" in said[0]
    assert "line 3" in said[0]


# -- when nothing can be done ----------------------------------------------------------------------


USELESS = [
    pytest.param(lines("X", "Y,1"), ["2", "3"], id="every line refused"),
    pytest.param(b"<html>", [""], id="a page"),
    pytest.param(lines(A).replace(b",", b";"), [""], id="semicolons"),
]


@pytest.mark.parametrize(("content", "refused"), USELESS)
def test_no_usable_row_leaves_the_dataset_as_it_was_and_says_why(
    project: Settings, content: bytes, refused: list[str]
) -> None:
    ingestion.merge_multiple_dataframe(project)
    kept = [name for name in (*WRITTEN, files.INGESTION) if name != files.REJECTED]
    before = [output(project, name) for name in kept]
    place(project, "dataset1.csv", content)
    with pytest.raises(DataUnusable, match=r"rejected\.csv says why"):
        ingestion.merge_multiple_dataframe(project)
    assert [output(project, name) for name in kept] == before
    assert [row[:2] for row in cells(project, files.REJECTED)[1:]] == [
        ["dataset1.csv", line] for line in refused
    ]


@pytest.mark.parametrize(
    ("content", "age"),
    [
        pytest.param(lines(), WHOLE_MINUTES, id="a header alone"),
        pytest.param(cut(A, "BBBB,4"), FRESH, id="the only file waits"),
    ],
)
def test_an_error_never_points_to_a_list_of_reasons_that_is_empty(
    project: Settings, content: bytes, age: float
) -> None:
    place(project, "dataset1.csv", content, age)
    with pytest.raises(DataUnusable) as error:
        ingestion.merge_multiple_dataframe(project)
    says_why = len(cells(project, files.REJECTED)) > 1
    assert ("rejected.csv says why" in str(error.value)) is says_why


@pytest.mark.parametrize("kept", ["notes.txt", "data.csv.gz", "datacsv", ".hidden.csv", None])
def test_a_folder_without_csv_files_is_missing_input(project: Settings, kept: str | None) -> None:
    (project.input_folder_path / "dataset1.csv").unlink()
    if kept:
        place(project, kept, lines(A))
    with pytest.raises(InputMissing, match=r"no \.csv file in sourcedata/"):
        ingestion.merge_multiple_dataframe(project)
    assert not project.output_folder_path.exists()


def test_a_missing_folder_is_missing_input(project: Settings) -> None:
    shutil.rmtree(project.input_folder_path)
    with pytest.raises(InputMissing, match=r"^there is no folder sourcedata/$"):
        ingestion.merge_multiple_dataframe(project)


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        pytest.param(lines("X"), 65, "rejected.csv says why", id="no good row"),
        pytest.param(None, 66, "no .csv file in sourcedata/", id="no file"),
    ],
)
def test_the_script_ends_with_the_code_of_what_is_wrong(
    project: Settings, content: bytes | None, code: int, sentence: str
) -> None:
    path = place(project, "dataset1.csv", content or b"")
    if content is None:
        path.unlink()
    done = script(project, "ingestion.py")
    assert done.returncode == code
    assert sentence in done.stderr


# -- whatever the text and the numbers -------------------------------------------------------------


codes = some.text(
    some.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=200
).filter(str.strip)
amounts = some.floats(min_value=0, allow_nan=False, allow_infinity=False)


@example({"x" * 200: (5e-324, 1.7976931348623157e308, 0.1)})
@example(
    {"null": (2.0**53, 2.0**53 - 1, 2.0**63), "\ufeff": (1.0, 1e22, 1e-5), '"': (0.0, 0.3, 3.0)}
)
@given(some.dictionaries(codes, some.tuples(amounts, amounts, amounts), min_size=1, max_size=6))
@limits(max_examples=limits.default.max_examples // 4)  # each of them is a whole ingestion
def test_any_client_and_any_numbers_come_through_as_they_were(
    rows: dict[str, tuple[float, float, float]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = configured(Path(folder))
        settings.input_folder_path.mkdir()
        with (settings.input_folder_path / "any.csv").open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerows(
                [["corporation", *FEATURES], *([code, *n] for code, n in rows.items())]
            )
        aged(settings.input_folder_path / "any.csv")
        ingestion.merge_multiple_dataframe(settings)
        for name in (files.FINAL_DATA, files.CLIENTS):
            read = tables.read(settings.output_folder_path / name, settings.columns)
            assert read["corporation"].tolist() == list(rows)
            assert list(read[list(FEATURES)].itertuples(index=False, name=None)) == [*rows.values()]
            assert read["exited"].isna().all()
