"""What becomes of odd and malformed CSV files, line by line."""

import ast
import io
import os
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as some

import ingestion
from risk import files, schema, tables
from risk.errors import DataUnusable, InputMissing
from risk.settings import Columns, Settings
from tests.conftest import HEADER, configured, put

COLUMNS = Columns(
    "corporation", ("lastmonth_activity", "lastyear_activity", "number_of_employees"), "exited"
)
GOOD = "GOOD,1,2,3,0"
WIDE = HEADER.replace(",number", ",notes,number")


class Fate(NamedTuple):
    """What a file holds below its header, who goes in, and which physical lines are refused."""

    lines: list[str]
    clients: list[str]
    refused: list[int]
    header: str = HEADER


def fate(reason: str, *fields: object) -> object:
    return pytest.param(Fate(*fields), id=reason)  # type: ignore[arg-type]


LINES = [
    fate("one field too few", ["AAAA,1,2,0", GOOD], ["GOOD"], [2]),
    fate("one field too many", ["AAAA,1,2,3,0,", GOOD], ["GOOD"], [2]),
    fate("one comma too many everywhere", [GOOD + ",", "B,1,2,3,1,"], [], [2, 3]),
    fate("one comma too many in the header too", [GOOD + ","], ["GOOD"], [], HEADER + ","),
    fate("semicolons in one line", ["A;1;2;3;0", GOOD], ["GOOD"], [2]),
    fate("an empty client", [",1,2,3,0", GOOD], ["GOOD"], [2]),
    fate("a blank client", ["  ,1,2,3,0", GOOD], ["GOOD"], [2]),
    fate("only commas", [",,,,", GOOD], ["GOOD"], [2]),
    fate("blank lines are no lines", ["", GOOD, "   ", "B,1,2,3,0"], ["GOOD", "B"], []),
    fate("a negative number", ["A,-1,2,3,0", GOOD], ["GOOD"], [2]),
    fate("minus zero is zero", ["A,-0,2,3,0"], ["A"], []),
    fate("a word for a number", ["A,many,2,3,0", GOOD], ["GOOD"], [2]),
    fate("infinity", ["A,inf,2,3,0", "B,Infinity,2,3,0", GOOD], ["GOOD"], [2, 3]),
    fate("too large for a number", ["A,1e400,2,3,0", GOOD], ["GOOD"], [2]),
    fate("hexadecimal", ["A,0x10,2,3,0", GOOD], ["GOOD"], [2]),
    fate("an underscore in a number", ["A,1_000,2,3,0", GOOD], ["GOOD"], [2]),
    fate("a thousands comma in quotes", ['A,"1,000",2,3,0', GOOD], ["GOOD"], [2]),
    fate("full-width digits", ["A,\uff11\uff12,2,3,0", GOOD], ["GOOD"], [2]),
    fate("a currency sign", ["A,$5,2,3,0", GOOD], ["GOOD"], [2]),
    fate("a date", ["A,2026-01-01,2,3,0", GOOD], ["GOOD"], [2]),
    fate("exponents, bare points, plus signs", ["A,1e3,.5,5.,0", "B,+7,2E2,1.5e-3,1"],
         ["A", "B"], []),
    fate("blanks around a number", ["A, 1 ,2\t,3,0"], ["A"], []),
    fate("every name of a missing cell", ["A,,NA,N/A,0", "B,NaN,nan,null,0", "C,None,1,1,0"],
         ["A", "B", "C"], []),
    fate("another name is not missing", ["A,missing,2,3,0", "B,-,2,3,0"], [], [2, 3]),
    fate("outcomes as 1.0 and 0.0", ["A,1,2,3,1.0", "B,1,2,3,0.0"], ["A", "B"], []),
    fate("an outcome not known yet", ["A,1,2,3,", "B,1,2,3,NA"], ["A", "B"], []),
    fate("outcomes that are none", ["A,1,2,3,2", "B,1,2,3,yes", "C,1,2,3,0.5", "D,1,2,3,-1"],
         [], [2, 3, 4, 5]),
    fate("codes that look like no code", ["null,1,2,3,0", "NA,1,2,3,0", "0012,1,2,3,0",
         "1E10,1,2,3,0", "True,1,2,3,0", "NaN,1,2,3,0", "None,1,2,3,0"],
         ["null", "NA", "0012", "1E10", "True", "NaN", "None"], []),
    fate("codes with markup, formulas, pictures", ["<b>,1,2,3,0", "=1+1,1,2,3,0", "😀é,1,2,3,0"],
         ["<b>", "=1+1", "😀é"], []),
    fate("blanks in a code stay", [" AB,1,2,3,0", "AB ,1,2,3,0"], [" AB", "AB "], []),
    fate("quoted fields", ['"AAAA","1","2","3","0"'], ["AAAA"], []),
    fate("a comma and a quote in a code", ['"A,""B",1,2,3,0'], ['A,"B'], []),
    fate("a quote within a field", ['A"B,1,2,3,0'], ['A"B'], []),
    fate("a quote that never ends costs its line", [GOOD, '"A,1,2,3,0', "B,1,2,3,0"],
         ["GOOD", "B"], [3]),
    fate("a quote that never ends before a quoted line",
         ['A,"1,2,3,0', '"B","1","2","3","0"', GOOD], ["B", "GOOD"], [2]),
    fate("text after a quoted field", ['"A"x,1,2,3,0', GOOD], ["GOOD"], [2]),
    fate("a line break in a column that is ignored", ['A,1,2,"two', 'lines",3,0', "B,1,2,x,3,0"],
         ["A", "B"], [], WIDE),
    fate("a line break in a code", ['"A', 'B",1,2,3,0', GOOD], ["GOOD"], [2, 3]),
    fate("a code of 201 characters", [f"{'A' * 201},1,2,3,0", GOOD], ["GOOD"], [2]),
    fate("the header again", [GOOD, HEADER], ["GOOD"], [3]),
    fate("78 and 78.0 are one row", ["A,78,2,3,0", "A,78.0,2,3,0.0"], ["A"], []),
    fate("columns in another order", ["0,3,2,1,A"], ["A"], [],
         "exited,number_of_employees,lastyear_activity,lastmonth_activity,corporation"),
    fate("blanks around column names", [GOOD], ["GOOD"], [], HEADER.replace(",", " , ")),
    fate("quoted column names", [GOOD], ["GOOD"], [],
         ",".join(f'"{name}"' for name in HEADER.split(","))),
    fate("no outcome column: all unknown", ["A,1,2,3"], ["A"], [], HEADER.removesuffix(",exited")),
    fate("a further column twice is ignored", ["A,1,2,3,0,x,x"], ["A"], [], HEADER + ",x,x"),
]  # fmt: skip


@pytest.mark.parametrize("fate", LINES)
def test_every_line_is_judged_by_itself(settings: Settings, fate: Fate) -> None:
    put(settings, "dataset1.csv", ["ZZZZ,5,5,5,1"])
    put(settings, "odd.csv", fate.lines, fate.header)
    merged = ingestion.merge_multiple_dataframe(settings)
    assert merged["corporation"].tolist() == ["ZZZZ", *fate.clients]
    written = tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns)
    pd.testing.assert_frame_equal(written, merged.reset_index(drop=True))
    rejected = pd.read_csv(settings.output_folder_path / files.REJECTED, keep_default_na=False)
    assert list(rejected.columns) == ["file", "line", "reason", "text"]
    assert rejected["line"].tolist() == fate.refused
    lines = [fate.header, *fate.lines]
    assert rejected["text"].tolist() == [lines[number - 1] for number in fate.refused]
    assert all(rejected["reason"])


WHOLE = HEADER + "\n" + GOOD + "\n"
FILES = [
    (b"", "it is empty"),
    (b"\n \n\n", "it is empty"),
    (b"AAAA,1,2,3,0\nBBBB,1,2,3,0\n", "the header has no column"),
    (WHOLE.replace("lastyear_activity", "last_year").encode(), "no column 'lastyear_activity'"),
    (WHOLE.replace("exited", "corporation").encode(), "'corporation' stands there 2 times"),
    (WHOLE.replace("\n", ",exited\n", 1).encode(), "'exited' stands there 2 times"),
    (WHOLE.replace(",", ";").encode(), "the header has no column"),
    (WHOLE.replace(",", "\t").encode(), "the header has no column"),
    (WHOLE.replace("GOOD", "Größe").encode("latin-1"), "it is not UTF-8"),
    (WHOLE.encode("utf-16"), "it holds NUL bytes"),
    (WHOLE.replace("GOOD", "GO\0D").encode(), "it holds NUL bytes"),
    (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML or XML page"),
    (b"\x89PNG\r\n\x1a\n\xff", "it is not UTF-8"),
    (b"PK\x03\x04\x00\x00", "it holds NUL bytes"),
    ((HEADER + ",x" * 100_000 + "\n").encode(), "100005 columns"),
    (b'"corporation\n', "the header has no column"),
    (b"{}\n", "the header has no column"),
]


@pytest.mark.parametrize(("content", "reason"), FILES)
def test_a_file_that_cannot_be_used_is_refused_whole_and_the_others_go_in(
    settings: Settings, content: bytes, reason: str
) -> None:
    path = settings.input_folder_path / "odd.csv"
    path.write_bytes(content)
    assert len(ingestion.merge_multiple_dataframe(settings)) == 300
    rejected = pd.read_csv(settings.output_folder_path / files.REJECTED)
    assert rejected["file"].tolist() == ["odd.csv"]
    assert rejected["line"].isna().all()
    assert reason in rejected["reason"][0]
    assert names(settings) == ["dataset1.csv"]
    looked_at = files.required_json(settings.output_folder_path / files.INGESTION, "")["files"]
    assert [entry["name"] for entry in looked_at] == ["dataset1.csv", "odd.csv"]
    path.write_text(WHOLE)
    assert len(ingestion.merge_multiple_dataframe(settings)) == 301


def names(settings: Settings) -> list[str]:
    """What ingestedfiles.txt lists."""
    found: list[str] = ast.literal_eval(
        (settings.output_folder_path / files.INGESTED_FILES).read_text()
    )
    return found


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"\xef\xbb\xbf" + WHOLE.encode(), 1),
        (WHOLE.replace("\n", "\r\n").encode(), 1),
        (WHOLE.replace("\n", "\r").encode(), 1),
        (WHOLE.removesuffix("\n").encode(), 1),
        ((HEADER + "\n").encode(), 0),
        (b"\n\n" + WHOLE.encode(), 1),
    ],
    ids=["byte order mark", "CRLF", "CR", "no final newline", "header only", "blank first lines"],
)
def test_other_ways_to_write_the_same_are_fine(
    settings: Settings, content: bytes, rows: int
) -> None:
    (settings.input_folder_path / "ODD.CSV").write_bytes(content)
    assert len(ingestion.merge_multiple_dataframe(settings)) == 300 + rows
    assert ("ODD.CSV" in names(settings)) == bool(rows)


CUT = HEADER + "\n" + GOOD + "\n"


@pytest.mark.parametrize(
    ("content", "age", "fate"),
    [
        (CUT + "B,1,2", 0, "waits"),
        (CUT + "B,1,2,3,", 0, "waits"),
        (CUT + "B,1,2", 120, "refused line"),
        (CUT + "B,1,2,3,1", 0, "goes in"),
        (CUT + "B,1,2\n", 0, "refused line"),
        (CUT + "B,1,2", -30, "waits"),
    ],
)
def test_a_file_whose_last_line_looks_cut_off_waits_for_a_minute(
    settings: Settings, content: str, age: int, fate: str
) -> None:
    path = settings.input_folder_path / "upload.csv"
    path.write_text(content)
    os.utime(path, (time.time() - age, time.time() - age))
    rows = len(ingestion.merge_multiple_dataframe(settings)) - 300
    assert rows == {"waits": 0, "refused line": 1, "goes in": 2}[fate]
    record = (settings.output_folder_path / files.INGESTION).read_text()
    assert ("upload.csv" in record) == (fate != "waits")
    rejected = (settings.output_folder_path / files.REJECTED).read_text()
    assert ("upload.csv" in rejected) == (fate == "refused line")


def test_what_is_no_regular_file_is_passed_over_in_words(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    folder = settings.input_folder_path
    os.mkfifo(folder / "fifo.csv")
    (folder / "folder.csv").mkdir()
    (folder / "link.csv").symlink_to(folder / "dataset1.csv")
    (folder / ".hidden.csv").write_text(WHOLE)
    (folder / "two\nlines.csv").write_text(WHOLE)
    Path(os.fsdecode(bytes(folder) + b"/\xff.csv")).write_text(WHOLE)
    (folder / "notes.txt").write_text("no data")
    assert len(ingestion.merge_multiple_dataframe(settings)) == 300
    for name in ("fifo.csv", "folder.csv", "link.csv", ".hidden.csv", "lines.csv", "xff.csv"):
        assert name.removeprefix("xff") in caplog.text
    assert names(settings) == ["dataset1.csv"]


def arrive(settings: Settings, *names_: str) -> None:
    for name in names_:
        put(settings, name, [f"{name[:-4]},1,2,3,0"])
    ingestion.merge_multiple_dataframe(settings)


def test_the_order_of_arrival_is_kept(settings: Settings) -> None:
    arrive(settings, "d10.csv", "d9.csv")
    assert names(settings) == ["d9.csv", "d10.csv", "dataset1.csv"]
    arrive(settings, "d2.csv", "d1.csv")
    assert names(settings) == ["d9.csv", "d10.csv", "dataset1.csv", "d1.csv", "d2.csv"]
    put(settings, "d9.csv", ["changed,1,2,3,0"])
    (settings.input_folder_path / "d10.csv").touch()
    ingestion.merge_multiple_dataframe(settings)
    assert names(settings) == ["d10.csv", "dataset1.csv", "d1.csv", "d2.csv", "d9.csv"]
    (settings.output_folder_path / files.INGESTION).unlink()
    ingestion.merge_multiple_dataframe(settings)
    assert names(settings) == ["d1.csv", "d2.csv", "d9.csv", "d10.csv", "dataset1.csv"]


def test_the_book_has_the_newest_row_of_each_client(settings: Settings) -> None:
    put(settings, "dataset1.csv", ["A,1,1,1,0", "B,1,1,1,0"])
    put(settings, "dataset2.csv", ["A,2,2,2,0"])
    put(settings, "dataset10.csv", ["A,1,1,1,0", "C,,,,"])
    ingestion.merge_multiple_dataframe(settings)
    book = tables.read(settings.output_folder_path / files.CLIENTS, settings.columns)
    newest = dict(zip(book["corporation"], book["lastmonth_activity"], strict=True))
    assert (newest["A"], newest["B"]) == (1, 1)
    assert pd.isna(newest["C"])
    merged = tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns)
    assert merged["corporation"].tolist() == ["A", "B", "A", "C"]


def test_the_same_folder_and_record_give_the_same_bytes(settings: Settings) -> None:
    written = (files.FINAL_DATA, files.CLIENTS, files.REJECTED, files.INGESTED_FILES)
    put(settings, "dataset2.csv", ["A,1,2,3,0", "broken"])
    once, twice = [], []
    for seen in (once, twice):
        ingestion.merge_multiple_dataframe(settings)
        seen += [(settings.output_folder_path / name).read_bytes() for name in written]
    assert once == twice


def test_a_source_that_disappeared_is_said_with_its_rows(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    put(settings, "dataset2.csv", ["A,1,2,3,0"])
    ingestion.merge_multiple_dataframe(settings)
    (settings.input_folder_path / "dataset1.csv").unlink()
    ingestion.merge_multiple_dataframe(settings)
    assert "dataset1.csv is gone, and its 300 rows with it" in caplog.text


def test_ignored_columns_are_named_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="risk")
    put(settings, "dataset2.csv", ["A,1,2,3,0,x"] * 3, HEADER + ",colour")
    ingestion.merge_multiple_dataframe(settings)
    assert caplog.text.count("colour") == 1


def test_other_columns_are_a_matter_of_the_configuration(settings: Settings) -> None:
    (settings.input_folder_path / "dataset1.csv").unlink()
    settings = configured(
        settings.workspace, client_column="id", feature_columns=["x, y"], target_column="100%"
    )
    put(settings, "d.csv", ["7,1.5,1", "007,,0"], 'id,"x, y",100%')
    merged = ingestion.merge_multiple_dataframe(settings)
    assert merged["id"].tolist() == ["7", "007"]
    book = tables.read(settings.output_folder_path / files.CLIENTS, settings.columns)
    assert list(book.columns) == ["id", "x, y", "100%"]


def test_no_usable_row_leaves_the_dataset_as_it_was(settings: Settings) -> None:
    ingestion.merge_multiple_dataframe(settings)
    before = (settings.output_folder_path / files.FINAL_DATA).read_bytes()
    put(settings, "dataset1.csv", ["broken"])
    with pytest.raises(DataUnusable, match=r"rejected\.csv says why"):
        ingestion.merge_multiple_dataframe(settings)
    assert (settings.output_folder_path / files.FINAL_DATA).read_bytes() == before
    assert "broken" in (settings.output_folder_path / files.REJECTED).read_text()


def test_an_empty_folder_is_said(settings: Settings) -> None:
    (settings.input_folder_path / "dataset1.csv").unlink()
    with pytest.raises(InputMissing, match=r"no \.csv file in sourcedata/"):
        ingestion.merge_multiple_dataframe(settings)


codes = some.text(min_size=1, max_size=20).filter(
    lambda text: text.strip() and not set(text) & {"\0", "\n", "\r"}
)
numbers = some.floats(min_value=0, allow_infinity=False, allow_nan=False) | some.none()


@limits(max_examples=60, deadline=None)
@given(some.lists(some.tuples(codes, numbers, numbers, numbers), min_size=1, max_size=8))
def test_any_code_and_any_number_survive_the_way_through_the_files(
    rows: list[tuple[str, float | None, float | None, float | None]],
) -> None:
    lines = [
        ",".join(['"' + code.replace('"', '""') + '"', *("" if n is None else repr(n) for n in ns)])
        for code, *ns in rows
    ]
    content = "\n".join([HEADER.removesuffix(",exited"), *lines, ""]).encode()
    reading = tables.read_csv(content, COLUMNS)
    assert reading.refusals == []
    assert reading.table["corporation"].tolist() == [code for code, *_ in rows]
    handle = io.BytesIO()
    tables.plain(reading.table).to_csv(handle, index=False, lineterminator="\n")
    again = tables.parse(handle.getvalue(), "finaldata.csv", COLUMNS)
    pd.testing.assert_frame_equal(again, reading.table, check_exact=True)


odd_bytes = some.binary(max_size=300)
odd_text = some.text(max_size=300).map(lambda text: f"{HEADER}\n{text}".encode(errors="replace"))


@limits(max_examples=200, deadline=None)
@given(odd_bytes | odd_text)
def test_any_bytes_at_all_are_refused_or_read_never_more(content: bytes) -> None:
    try:
        reading = tables.read_csv(content, COLUMNS)
    except schema.FileRefused:
        return
    most = content.count(b"\n") + content.count(b"\r") + 1
    assert len(reading.table) + len(reading.refusals) <= most
