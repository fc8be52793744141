"""Ingestion: what becomes of every line of every file, and what is written about it."""

import ast
import csv
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import settings as limits
from hypothesis import strategies as some

import ingestion
from risk import files
from risk.data import tables
from risk.errors import DataUnusable, InputMissing
from risk.settings import Settings
from tests.conftest import HEADER, aged, configured, put, script

WRITTEN = (files.FINAL_DATA, files.CLIENTS, files.REJECTED, files.INGESTED_FILES)
FEATURES = ("lastmonth_activity", "lastyear_activity", "number_of_employees")
WHOLE_MINUTES, FRESH = 120, 10
Contents = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """A project with one small file of one client, ZZZZ, in which any share may be refused."""
    settings = configured(tmp_path, refused_share=1)
    put(settings, "dataset1.csv", ["ZZZZ,5,5,5,1"])
    return settings


def place(settings: Settings, name: str, content: str | bytes, age: float = WHOLE_MINUTES) -> Path:
    """Put these very bytes into the input folder as if written so many seconds ago."""
    folder = settings.input_folder_path
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return aged(path, age)


def output(settings: Settings, name: str) -> bytes:
    """A file that ingestion wrote."""
    return (settings.output_folder_path / name).read_bytes()


def cells(settings: Settings, name: str) -> list[list[str]]:
    """A CSV that ingestion wrote, cell by cell, by a reader that is not ours."""
    return list(csv.reader(output(settings, name).decode().split("\n")[:-1]))


def clients(settings: Settings, name: str = files.FINAL_DATA) -> list[str]:
    """The client of every row."""
    return [row[0] for row in cells(settings, name)[1:]]


def record(settings: Settings) -> dict[str, Any]:
    """What ingestion.json holds."""
    value: dict[str, Any] = json.loads(output(settings, files.INGESTION))
    return value


def looked_at(settings: Settings) -> dict[str, dict[str, Any]]:
    """The files of ingestion.json, by name."""
    return {entry["name"]: entry for entry in record(settings)["files"]}


def ingested(settings: Settings) -> list[str]:
    """What ingestedfiles.txt lists."""
    names: list[str] = ast.literal_eval(output(settings, files.INGESTED_FILES).decode())
    return names


# -- what becomes of every line ------------------------------------------------------------------


class Fate(NamedTuple):
    """A file, and what becomes of it: who goes in and which lines not, or why nothing does."""

    content: bytes
    clients: tuple[str, ...] = ()
    refused: Mapping[int, str] = {}
    whole: str | None = None
    waits: bool = False
    passed_over: str | None = None
    name: str = "odd.csv"
    age: float = WHOLE_MINUTES


def lines(*rows: str, header: str = HEADER) -> bytes:
    """A file of these lines, each with its end."""
    return "".join(f"{row}\n" for row in (header, *rows)).encode()


def cut(*rows: str) -> bytes:
    """A file of these lines, the last one without its end."""
    return lines(*rows)[:-1]


A, B, C = "AAAA,1,2,3,0", "BBBB,4,5,6,1", "CCCC,7,8,9,0"
QUOTES, NUMBER, OUTCOME = "quotes", "is not a number", "neither 0 nor 1 nor empty"
LARGE, NEGATIVE, EMPTY, COLUMN = "too large", "below 0", "is empty", "header has no column"
NOTES = HEADER + ",notes"
SHUFFLED = "exited,number_of_employees,notes,lastyear_activity,corporation,lastmonth_activity"
FATES = {
    # as many fields as the header has
    "a field too few costs its line": Fate(
        lines(A, "X,1,2,3", B), ("AAAA", "BBBB"), {3: "4 fields"}),
    "a field too many costs its line": Fate(
        lines(A, A + ",", B), ("AAAA", "BBBB"), {3: "6 fields"}),
    "a comma too many in every row costs every row": Fate(
        lines(A + ",", B + ",", C + ","), (), dict.fromkeys((2, 3, 4), "6 fields")),
    "a comma too many in every row and the header is a nameless column": Fate(
        lines(A + ",", B + ",", header=HEADER + ","), ("AAAA", "BBBB")),
    "a decimal comma is a field too many": Fate(
        lines("X,1,5,2,3,0", A), ("AAAA",), {2: "6 fields"}),
    "a line of semicolons is one field": Fate(lines("X;1;2;3;0", A), ("AAAA",), {2: "1 fields"}),
    "a line of text is one field": Fate(lines(A, "total: 1"), ("AAAA",), {3: "1 fields"}),
    "only commas are a row without client": Fate(lines(",,,,", A), ("AAAA",), {2: EMPTY}),
    "the header again is no row": Fate(lines(A, HEADER, B), ("AAAA", "BBBB"), {3: NUMBER}),
    # blank lines
    "blank lines are skipped and counted": Fate(
        lines("", A, "  ", "\t", "X", B), ("AAAA", "BBBB"), {6: "1 fields"}),
    "blank lines before the header are counted": Fate(
        b"\n \n" + lines("X", A), ("AAAA",), {4: "1 fields"}),
    "blank lines at the end are nothing": Fate(lines(A) + b"\n\n  \n", ("AAAA",)),
    # clients
    "a client that is empty is none": Fate(lines(",1,2,3,0", A), ("AAAA",), {2: EMPTY}),
    "a client of blanks is none": Fate(lines("  \t,1,2,3,0", A), ("AAAA",), {2: EMPTY}),
    "a client of quoted nothing is none": Fate(lines('"",1,2,3,0', A), ("AAAA",), {2: EMPTY}),
    "a client with a line break costs its lines": Fate(
        lines('"X', 'Y",1,2,3,0', A), ("AAAA",), {2: "line break", 3: "line break"}),
    "a client of 200 characters is the longest": Fate(
        lines("é" * 200 + ",1,2,3,0", "é" * 201 + ",1,2,3,0"), ("é" * 200,), {3: "longer"}),
    "the names of missing numbers are clients": Fate(
        lines(*(f"{name},1,2,3,0" for name in ("NA", "N/A", "NaN", "nan", "null", "None"))),
        ("NA", "N/A", "NaN", "nan", "null", "None")),
    "clients that look like numbers are text": Fate(
        lines(*(f"{name},1,2,3,0" for name in ("0012", "12", "12.0", "1E10", "inf", "-0", "1_0"))),
        ("0012", "12", "12.0", "1E10", "inf", "-0", "1_0")),
    "clients that look like truth values are text": Fate(
        lines("True,1,2,3,0", "FALSE,1,2,3,1"), ("True", "FALSE")),
    "clients that look like a program are text": Fate(
        lines("<b>,1,2,3,0", "=1+1,1,2,3,0", "@x,1,2,3,0", "#x,1,2,3,0"),
        ("<b>", "=1+1", "@x", "#x")),
    "clients of pictures and accents are text": Fate(
        lines("😀👍,1,2,3,0", "Ünï,1,2,3,0", "e\u0301,1,2,3,0"), ("😀👍", "Ünï", "e\u0301")),
    "blanks around a client are part of it": Fate(
        lines(" AB,1,2,3,0", "AB ,1,2,3,0", "AB,1,2,3,0"), (" AB", "AB ", "AB")),
    "signs that end lines elsewhere do not end ours": Fate(
        lines("A\x0bB,1,2,3,0", "A\x85B,1,2,3,0", "A\u2028B,1,2,3,0"),
        ("A\x0bB", "A\x85B", "A\u2028B")),
    # numbers
    "infinity is no number": Fate(
        lines("X,inf,2,3,0", "X,1,-inf,3,0", "X,1,2,Infinity,0", A), ("AAAA",),
        dict.fromkeys((2, 3, 4), NUMBER)),
    "1e400 is beyond numbers": Fate(lines("X,1e400,2,3,0", A), ("AAAA",), {2: LARGE}),
    "numbers of programs are none": Fate(
        lines("X,0x10,2,3,0", "X,1_000,2,3,0", "X,1j,2,3,0", "X,True,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "numbers of people are none": Fate(
        lines('X,"1,000",2,3,0', "X,1 000,2,3,0", "X,5 %,2,3,0", "X,€5,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "other digits than ours are none": Fate(
        lines("X,\uff11\uff12,2,3,0", "X,\u0661,2,3,0", "X,1,\u00b2,3,0"), (),
        dict.fromkeys((2, 3, 4), NUMBER)),
    "half a number is none": Fate(
        lines("X,.,2,3,0", "X,1e,2,3,0", "X,e5,2,3,0", "X,1.2.3,2,3,0", "X,+,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5, 6), NUMBER)),
    "words are no numbers": Fate(
        lines("X,abc,2,3,0", "X,1,-,3,0", "X,1,2,missing,0", "X,na,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "a number below zero is impossible": Fate(
        lines("X,-1,2,3,0", "X,1,-1e-300,3,0", A), ("AAAA",), dict.fromkeys((2, 3), NEGATIVE)),
    "minus zero is zero, so both are one row": Fate(lines("X,-0,2,3,0", "X,0,2,3,-0"), ("X",)),
    "plain decimals are numbers": Fate(
        lines("X,1e3,.5,5.,0", "Y,+5,1E+2,2.5e-3,0", "Z,000,1e-400,0.0,0"), ("X", "Y", "Z")),
    "blanks around a number do not count": Fate(lines("X, 1 ,\t2,3 , 0 "), ("X",)),
    "every name of a missing number is one": Fate(
        lines("U,,NA,N/A,0", "V,NaN,nan,null,0", "W,None,  ,1,0"), ("U", "V", "W")),
    # outcomes
    "0 and 1 may be written as decimals": Fate(
        lines("U,1,2,3,1.0", "V,1,2,3,0.0", "W,1,2,3,1e0", "X,1,2,3,+1"), ("U", "V", "W", "X")),
    "an outcome not known yet is fine": Fate(
        lines("U,1,2,3,", "V,1,2,3,NA", "W,1,2,3,None"), ("U", "V", "W")),
    "other outcomes are none": Fate(
        lines(*(f"X,1,2,3,{cell}" for cell in ("2", "-1", "0.5", "yes", "True", "1e400", "inf"))),
        (), dict.fromkeys(range(2, 9), OUTCOME)),
    "without the outcome column nothing is known": Fate(
        lines("U,1,2,3", "V,1,2,3,0", header=HEADER.removesuffix(",exited")), ("U",),
        {3: "5 fields"}),
    # quotes
    "quoted fields are fields": Fate(lines('"U","1","2","3","0"', '"V",1,"",3,""'), ("U", "V")),
    "commas and quotes in quotes are part of the client": Fate(
        lines('"U,V",1,2,3,0', '"U""V""",1,2,3,0'), ("U,V", 'U"V"')),
    "a quote within a field is a sign like any other": Fate(
        lines('U"V,1,2,3,0', '5",1,2,3,0'), ('U"V', '5"')),
    "a quote that never ends costs its own line": Fate(
        lines(A, '"X,1,2,3,0', B, C), ("AAAA", "BBBB", "CCCC"), {3: QUOTES}),
    "a quote that never ends in the last line costs that line": Fate(
        lines(A, 'X,1,2,3,"0'), ("AAAA",), {3: QUOTES}),
    "a quote that never ends before quoted lines costs its own line": Fate(
        lines('"X,1,2,3,0', '"U","1","2","3","0"', '"V",1,2,3,0'), ("U", "V"), {2: QUOTES}),
    "a quote that a later line only seems to end costs its own line": Fate(
        lines('X,1,"2,3,0', B, 'CCCC",7,8,9,0'), ("BBBB", 'CCCC"'), {2: "fields"}),
    "two quotes that never end cost two lines": Fate(
        lines(A, '"X,1,2,3,0', B, '"Y,1,2,3,0', C), ("AAAA", "BBBB", "CCCC"),
        {3: QUOTES, 5: QUOTES}),
    "a quote that never ends in a column we ignore costs its line": Fate(
        lines(A + ',"so', B + ",x", C + ',"y"', header=NOTES), ("BBBB", "CCCC"), {2: QUOTES}),
    "text after a closing quote costs its line": Fate(
        lines('"X"y,1,2,3,0', A), ("AAAA",), {2: QUOTES}),
    "a column we ignore may hold line breaks": Fate(
        lines(A + ',"one', "", 'two, ""three"""', B + ",x", "X", header=NOTES),
        ("AAAA", "BBBB"), {6: "1 fields"}),
    "a bad row of many lines is refused with all of them": Fate(
        lines(A + ",x", 'X,bad,2,3,0,"one', 'two"', B + ",x", header=NOTES),
        ("AAAA", "BBBB"), {3: NUMBER, 4: NUMBER}),
    # columns
    "columns are found by name in any order": Fate(
        lines("0,3,x,2,U,1", "1,3,x,2,,1", header=SHUFFLED), ("U",), {3: EMPTY}),
    "blanks around the names of columns do not count": Fate(
        lines(A, header=HEADER.replace(",", " ,\t")), ("AAAA",)),
    "quoted names of columns are names": Fate(
        lines(A, header='"' + HEADER.replace(",", '","') + '"'), ("AAAA",)),
    "a name of two lines moves all by one line": Fate(
        lines(A + ",x", "X", header=HEADER + ',"no\ntes"'), ("AAAA",), {4: "1 fields"}),
    "a doubled column that we ignore is ignored": Fate(
        lines(A + ",x,y", header=NOTES + ",notes"), ("AAAA",)),
    # ways to write a file
    "a byte order mark is no part of the header": Fate(b"\xef\xbb\xbf" + lines(A), ("AAAA",)),
    "lines may end in CRLF": Fate(
        lines(A, "X", B).replace(b"\n", b"\r\n"), ("AAAA", "BBBB"), {3: "1 fields"}),
    "lines may end in CR": Fate(
        lines(A, "X", B).replace(b"\n", b"\r"), ("AAAA", "BBBB"), {3: "1 fields"}),
    "lines may end in different ways": Fate(
        lines(A, "X", B).replace(b"\n", b"\r\n", 1).replace(b"X\n", b"X\r"), ("AAAA", "BBBB"),
        {3: "1 fields"}),
    "the last line may lack its end": Fate(cut(A, B), ("AAAA", "BBBB")),
    "a header alone is a file of no rows": Fate(lines()),
    "the ending may be .CSV": Fate(lines(A), ("AAAA",), name="odd.CSV"),
    "the ending may be .Csv": Fate(lines(A), ("AAAA",), name="odd.copy.Csv"),
    "a name may hold blanks, quotes and other letters": Fate(
        lines(A), ("AAAA",), name="é 'x\",.csv"),
    "rows that are equal after reading are one": Fate(
        lines("U,78,2,3,0", "U,78.0,2e0,+3,0.0", '"U"," 78",2.,3,0', "U,79,2,3,0"), ("U", "U")),
    "rows that are equal where cells are missing are one": Fate(
        lines("U,,NA,3,", "U,null,nan,3,None", "U,,NA,3,0"), ("U", "U")),
    # files refused whole
    "nothing at all": Fate(b"", whole="it is empty"),
    "a byte order mark alone": Fate(b"\xef\xbb\xbf", whole="it is empty"),
    "blank lines alone": Fate(b"\n  \r\n\t\n", whole="it is empty"),
    "no header": Fate(f"{A}\n{B}\n".encode(), whole=COLUMN),
    "a required column missing": Fate(
        lines(A).replace(b"lastyear_", b"last_year_"), whole="no column 'lastyear_activity'"),
    "the client column missing": Fate(
        lines(A).replace(b"corporation", b"client"), whole="no column 'corporation'"),
    "columns are told apart by case": Fate(lines(A, header=HEADER.upper()), whole=COLUMN),
    "a feature doubled": Fate(
        lines(A + ",9", header=HEADER + ",number_of_employees"),
        whole="'number_of_employees' .*2 times"),
    "the client doubled": Fate(
        lines(A + ",9", header=HEADER + ",corporation"), whole="'corporation' .*2 times"),
    "the outcome doubled": Fate(
        lines(A + ",1", header=HEADER + ", exited"), whole="'exited' .*2 times"),
    "semicolons between the fields": Fate(lines(A, B).replace(b",", b";"), whole=COLUMN),
    "tabs between the fields": Fate(lines(A, B).replace(b",", b"\t"), whole=COLUMN),
    "latin-1": Fate(lines("Größe,1,2,3,0").decode().encode("latin-1"), whole="not UTF-8"),
    "UTF-16 is full of NUL bytes": Fate(lines(A).decode().encode("utf-16"), whole="NUL bytes"),
    "UTF-16 without a NUL byte": Fate("甲乙丙丁".encode("utf-16"), whole="not UTF-8"),
    "a NUL byte in one cell": Fate(lines("AA\0A,1,2,3,0", B), whole="NUL bytes"),
    "a NUL byte at the end": Fate(lines(A) + b"\0" * 512, whole="NUL bytes"),
    "a page instead of data": Fate(
        b"\n <!DOCTYPE html>\n<html><body>404, not found</body></html>\n", whole="HTML"),
    "a page after a byte order mark": Fate(b"\xef\xbb\xbf<html></html>", whole="HTML"),
    "JSON": Fate(b'[{"corporation": "AAAA"}]\n', whole=COLUMN),
    "an archive": Fate(b"PK\x03\x04\x14\x00\x06\x00", whole="NUL bytes"),
    "a header of 100,000 columns": Fate(
        lines(A, header=HEADER + ",x" * 99_995), whole="more than 1000 columns"),
    "a header of 100,000 quoted columns": Fate(
        lines(A, header=HEADER + ',"x"' * 99_995), whole="more than 1000 columns"),
    "a header whose quotes do not match": Fate(lines(A, header='"' + HEADER), whole=COLUMN),
    # files that are still being written
    "a fresh file cut within its last line waits": Fate(cut(A, "BBBB,4,5"), waits=True, age=FRESH),
    "a fresh file cut within its last number waits": Fate(
        cut(A, "BBBB,4,5,6e"), waits=True, age=FRESH),
    "a fresh file cut before its last outcome waits": Fate(
        cut(A, "BBBB,4,5,6,"), waits=True, age=FRESH),
    "a fresh file cut at a blank before its last outcome waits": Fate(
        cut(A, "BBBB,4,5,6, "), waits=True, age=FRESH),
    "a fresh file cut within a quoted cell waits": Fate(
        cut(A, 'BBBB,4,5,6,"'), waits=True, age=FRESH),
    "a fresh file whose first row is cut waits": Fate(cut("BBBB"), waits=True, age=FRESH),
    "a file of tomorrow's clock that is cut waits": Fate(cut(A, "BBBB"), waits=True, age=-30),
    "half a minute is fresh": Fate(cut(A, "BBBB,4,5"), waits=True, age=30),
    "a cut file of two minutes goes in without the cut line": Fate(
        cut(A, "BBBB,4,5"), ("AAAA",), {3: "3 fields"}),
    "a file of two minutes that ends in an empty cell goes in": Fate(
        cut(A, "BBBB,4,5,6,"), ("AAAA", "BBBB")),
    "a fresh file whose last line is complete but has no end waits": Fate(
        cut(A, B), waits=True, age=FRESH),
    "a fresh file cut within its last number waits, too, where that is one": Fate(
        cut(A, "BBBB,4,5,6,1."), waits=True, age=FRESH),
    "a fresh file whose lines end in CR goes in": Fate(
        lines(A, B).replace(b"\n", b"\r"), ("AAAA", "BBBB"), age=FRESH),
    "a fresh file with an end after its bad line goes in": Fate(
        lines(A, "BBBB,4,5"), ("AAAA",), {3: "3 fields"}, age=FRESH),
    "a fresh file with an end after its empty cell goes in": Fate(
        lines(A, "BBBB,4,5,6,"), ("AAAA", "BBBB"), age=FRESH),
    # files that are passed over for their name
    "a name that begins with a dot is hidden": Fate(lines(A), name=".odd.csv", passed_over="dot"),
    "a name of two lines": Fate(lines(A), name="o\ndd.csv", passed_over="control characters"),
    "a name that rings a bell": Fate(
        lines(A), name="o\x07dd.csv", passed_over="control characters"),
    "a name that is not UTF-8": Fate(
        lines(A), name=os.fsdecode(b"o\xff.csv"), passed_over="not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("fate", FATES.values(), ids=FATES.keys())
def test_every_line_goes_in_or_is_refused_with_its_reason(
    project: Settings, fate: Fate, caplog: pytest.LogCaptureFixture
) -> None:
    place(project, fate.name, fate.content, fate.age)
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", *fate.clients]
    header, *rejected = cells(project, files.REJECTED)
    assert header == ["file", "line", "reason", "text"]
    assert {file for file, *_ in rejected} <= {fate.name}
    expected: list[tuple[str, str, str]] = [("", fate.whole, "")] if fate.whole else []
    physical = re.split("\r\n|\r|\n", fate.content.decode("utf-8-sig", "replace"))
    expected += [(str(at), reason, physical[at - 1]) for at, reason in fate.refused.items()]
    assert [(line, text) for _, line, _, text in rejected] == [
        (at, text) for at, _, text in expected
    ]
    for (_, _, reason, _), (_, word, _) in zip(rejected, expected, strict=True):
        assert reason
        assert re.search(word, reason)
    assert ingested(project) == ["dataset1.csv", *[fate.name] * bool(fate.clients)]
    is_out = fate.waits or fate.passed_over is not None
    assert (fate.name in looked_at(project)) is not is_out
    assert (f"{fate.name} waits for the next run" in caplog.text) is fate.waits
    sentences = re.findall("is passed over: (.*)", caplog.text)
    assert len(sentences) == (fate.passed_over is not None)
    assert all(fate.passed_over in sentence for sentence in sentences if fate.passed_over)


def test_the_table_of_fates_is_not_cut_short() -> None:
    kinds = [
        (fate.whole is not None, fate.waits, fate.passed_over is not None, bool(fate.refused))
        for fate in FATES.values()
    ]
    assert len(kinds) >= 45
    assert len(set(kinds)) == 5


@pytest.mark.parametrize(
    "fate", [fate for fate in FATES.values() if fate.whole], ids=lambda fate: fate.whole
)
def test_a_file_refused_whole_is_tried_again_when_it_changes(project: Settings, fate: Fate) -> None:
    path = place(project, fate.name, fate.content)
    ingestion.merge_multiple_dataframe(project)
    entry = looked_at(project)[fate.name]
    assert (entry["rows"], entry["accepted"], entry["size"]) == (0, 0, len(fate.content))
    place(project, path.name, lines(A))
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", "AAAA"]
    assert cells(project, files.REJECTED)[1:] == []


def test_a_file_that_waited_goes_in_when_it_is_whole(project: Settings) -> None:
    place(project, "upload.csv", cut(A, "BBBB,4"), age=FRESH)
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ"]
    place(project, "upload.csv", lines(A, B), age=FRESH)
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", "AAAA", "BBBB"]


# -- what is written -----------------------------------------------------------------------------


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
    assert before.keys() == after.keys() == {*WRITTEN, files.INGESTION}
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


@pytest.mark.parametrize("name", [*WRITTEN, files.INGESTION])
def test_no_draft_and_no_old_row_is_left(project: Settings, name: str) -> None:
    place(project, "dataset2.csv", lines(A, "X"))
    ingestion.merge_multiple_dataframe(project)
    (project.input_folder_path / "dataset2.csv").unlink()
    ingestion.merge_multiple_dataframe(project)
    assert sorted(path.name for path in project.output_folder_path.iterdir()) == sorted(
        [*WRITTEN, files.INGESTION]
    )
    assert b"AAAA" not in output(project, name)
    assert b"dataset2" not in output(project, name)


def test_refused_text_survives_whatever_it_is(project: Settings) -> None:
    odd = ["NA", "=1+1", '"', 'a""b', "'", "é😀", " x ", "null", "12", "a;b\tc", "\\n"]
    place(project, "odd.csv", lines(*odd))
    ingestion.merge_multiple_dataframe(project)
    assert [row[3] for row in cells(project, files.REJECTED)[1:]] == odd


# -- files that are refused whole ----------------------------------------------------------------

MEGABYTE = 1024 * 1024
TOO_MANY = (
    "sourcedata/odd.csv is refused: 1 of 3 lines are refused, more than the share of 0.3 that "
    "refused_share allows; the first is line 4: lastmonth_activity is not a number"
)


def limited(settings: Settings, **limits: float) -> Settings:
    """The same project with these limits."""
    return configured(settings.workspace, **limits)


def test_a_file_with_too_many_refused_lines_is_refused_whole_until_the_share_is_raised(
    project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    place(project, "odd.csv", lines(A, "", "X,abc,2,3,0", B))
    ingestion.merge_multiple_dataframe(limited(project, refused_share=0.3))
    assert TOO_MANY in caplog.messages
    assert clients(project) == ["ZZZZ"]
    reason = TOO_MANY.removeprefix("sourcedata/odd.csv is refused: ")
    assert cells(project, files.REJECTED)[1:] == [["odd.csv", "", reason, ""]]
    assert looked_at(project)["odd.csv"]["reason"] == reason
    assert ingested(project) == ["dataset1.csv"]
    ingestion.merge_multiple_dataframe(limited(project, refused_share=0.4))
    assert clients(project) == ["ZZZZ", "AAAA", "BBBB"]
    assert looked_at(project)["odd.csv"]["reason"] is None
    assert [row[1] for row in cells(project, files.REJECTED)[1:]] == ["4"]


def test_a_file_that_is_still_being_written_waits_whatever_its_share(project: Settings) -> None:
    place(project, "odd.csv", cut(A, "BBBB,4,5"), age=FRESH)
    ingestion.merge_multiple_dataframe(limited(project, refused_share=0))
    assert "odd.csv" not in looked_at(project)


def test_a_file_too_large_is_refused_without_being_read(project: Settings) -> None:
    os.truncate(place(project, "large.csv", lines(A)), 5 * 1024 * MEGABYTE)
    place(project, "odd.csv", lines(B))
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", "BBBB"]
    reason = "it has 5,368,709,120 bytes, more than the 1024 MB that largest_file_mb allows"
    assert cells(project, files.REJECTED)[1:] == [["large.csv", "", reason, ""]]
    assert looked_at(project)["large.csv"]["sha256"] == ""


def test_a_file_of_the_largest_size_goes_in(project: Settings) -> None:
    place(project, "odd.csv", lines(A).ljust(MEGABYTE, b"\n"))
    place(project, "over.csv", lines(B).ljust(MEGABYTE + 1, b"\n"))
    ingestion.merge_multiple_dataframe(limited(project, largest_file_mb=1))
    assert clients(project) == ["ZZZZ", "AAAA"]


def test_with_nothing_but_a_file_refused_whole_nothing_can_be_done(project: Settings) -> None:
    place(project, "dataset1.csv", lines(A, "X"))
    with pytest.raises(DataUnusable, match=r"rejected\.csv says why"):
        ingestion.merge_multiple_dataframe(limited(project, refused_share=0.49))
    assert [row[:2] for row in cells(project, files.REJECTED)[1:]] == [["dataset1.csv", ""]]


# -- what is said --------------------------------------------------------------------------------


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


# -- when nothing can be done --------------------------------------------------------------------

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


# -- whatever the text and the numbers -----------------------------------------------------------

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
