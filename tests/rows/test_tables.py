"""Tables: what is read out of a cell and a file, and that what is written comes back as it was."""

import csv
import io
import math
import sys
import tempfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from risk.columns import Columns
from risk.errors import ArtefactRefused, InputMissing
from risk.judging import cell_rules, csv_file
from risk.judging.csv_file import Reading
from risk.judging.schema import FileRefused
from risk.rows import tables
from tests.conftest import HEADER

COLUMNS = Columns(
    "corporation", ("lastmonth_activity", "lastyear_activity", "number_of_employees"), "exited"
)
NAN = math.nan


def read(*lines: str, header: str = HEADER) -> Reading:
    """What becomes of these lines."""
    return csv_file.read_csv("\n".join([header, *lines, ""]).encode(), COLUMNS)


def table(clients: Sequence[str], *numbers: Sequence[float]) -> pd.DataFrame:
    """A table of ours with these clients and the same numbers, or further ones, in each column."""
    names = (*COLUMNS.features, COLUMNS.target)
    columns = numbers * len(names) if len(numbers) == 1 else numbers
    return tables.as_table(
        list(zip(clients, *columns, strict=True)), (COLUMNS.client, *names), COLUMNS
    )


# -- cells -----------------------------------------------------------------------------------------


NUMBERS = [
    ("78", 78.0, "a whole number"),
    ("78.0", 78.0, "the same with a decimal point"),
    ("1e3", 1000.0, "an exponent"),
    ("1E+3", 1000.0, "an exponent with a sign"),
    ("2.5e-3", 0.0025, "a negative exponent"),
    (".5", 0.5, "nothing before the point"),
    ("5.", 5.0, "nothing after the point"),
    ("+5", 5.0, "a plus sign"),
    ("-0", 0.0, "minus zero"),
    ("-0.0e5", 0.0, "minus zero, at length"),
    ("007", 7.0, "zeros in front"),
    (" \t5 ", 5.0, "blanks around it"),
    ("0.1", 0.1, "what no binary number is"),
    ("0.30000000000000004", 0.1 + 0.2, "every digit counts"),
    ("9007199254740993", 9007199254740992.0, "beyond whole numbers the nearest"),
    ("1.7976931348623157e308", 1.7976931348623157e308, "the largest"),
    ("5e-324", 5e-324, "the smallest"),
    ("1e-400", 0.0, "too small to tell from zero"),
    ("0" * 5000 + "1", 1.0, "very many digits"),
    *((name, NAN, "missing") for name in ("", " ", "NA", "N/A", "NaN", "nan", "null", "None")),
    ("inf", "not a number", "infinity"),
    ("-Infinity", "not a number", "infinity below"),
    ("1e400", "too large", "beyond numbers"),
    ("9" * 400, "too large", "beyond numbers, at length"),
    ("0x10", "not a number", "hexadecimal"),
    ("1_000", "not a number", "a program's thousands"),
    ('"1,000"', "not a number", "a person's thousands"),
    ("1 000", "not a number", "thousands with a blank"),
    ("-1", "below 0", "below zero"),
    ("-1e-300", "below 0", "hardly below zero"),
    ("\uff15", "not a number", "a full-width digit"),
    ("\u0665", "not a number", "an Arabic digit"),
    ("5\u00a0", "not a number", "a blank that is none of ours"),
    ("abc", "not a number", "a word"),
    ("NAN", "not a number", "missing in other letters"),
    ("none", "not a number", "missing in other letters"),
    ("--5", "not a number", "two signs"),
    ("1e", "not a number", "half an exponent"),
    ("1e5.5", "not a number", "a broken exponent"),
    (".", "not a number", "a point alone"),
    ("5%", "not a number", "a unit"),
    ("1/2", "not a number", "a fraction"),
    ("True", "not a number", "a truth value"),
]


@pytest.mark.parametrize(
    ("cell", "value"),
    [pytest.param(cell, value, id=f"{why}: {cell[:12]}") for cell, value, why in NUMBERS],
)
@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_number_is_a_plain_finite_decimal_from_0_up(
    cell: str, value: float | str, position: int
) -> None:
    fields = ["AAAA", "1", "2", "3", "0"]
    fields[position] = cell
    reading = read(",".join(fields))
    if isinstance(value, str):
        assert len(reading.table) == 0
        (refusal,) = reading.refusals
        assert refusal.reason.startswith(HEADER.split(",")[position])
        assert value in refusal.reason
        assert (refusal.line, refusal.text) == (2, ",".join(fields))
        return
    (found,) = reading.table[HEADER.split(",")[position]]
    assert found == value or (math.isnan(found) and math.isnan(value))
    assert math.copysign(1, found) == 1
    assert reading.refusals == []


OUTCOMES = [
    *((cell, 1.0) for cell in ("1", "1.0", "+1", "1e0", " 1 ", "01", "yes", "True", " TRUE")),
    *((cell, 0.0) for cell in ("0", "0.0", "-0", "0e5", "\t0", "000", "No", "false")),
    *((cell, NAN) for cell in ("", " ", "NA", "N/A", "NaN", "nan", "null", "None")),
    *((cell, None) for cell in ("2", "-1", "0.5", "y", "left", "1e400", "inf", "O", "?")),
]


@pytest.mark.parametrize(("cell", "value"), OUTCOMES)
def test_an_outcome_is_1_or_0_or_not_known(cell: str, value: float | None) -> None:
    reading = read(f"AAAA,1,2,3,{cell}")
    if value is None:
        (refusal,) = reading.refusals
        assert refusal.reason == "exited is neither 0 nor 1 nor empty"
    else:
        np.testing.assert_array_equal(reading.table["exited"].to_numpy(), [value])


CLIENTS = [
    *("null", "NULL", "NA", "N/A", "NaN", "nan", "None", "n/a", "-", "?"),
    *("0012", "12", "12.0", "1E10", "1e400", "inf", "-0", "0x10", "1_0", "True", "false"),
    *("<b>", "<script>alert(1)</script>", "=1+1", "+1", "@SUM(A1)", "#x", "%s", "{}", "\\n"),
    *(" AB", "AB ", "A  B", "\tAB", "\ufeffAB", "A\u00a0B", "A\u2028B", "A\x85B", "A\x0cB"),
    *("😀", "👩‍👩‍👧", "é", "e\u0301", "Ω", "株式", "x" * 200, "😀" * 200, "\x01", "\x7f"),
    *('"', '""', 'A"B', '"AB"', "A,B", ",", "A;B", "'", "A'B", "corporation"),
]


@pytest.mark.parametrize("client", CLIENTS, ids=[ascii(client)[:30] for client in CLIENTS])
def test_a_client_is_text_exactly_as_written(tmp_path: Path, client: str) -> None:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([client, 1, 2, 3, 0])
    reading = read(line.getvalue())
    assert reading.refusals == []
    assert reading.table["corporation"].tolist() == [client]
    tables.write(tmp_path / "t.csv", reading.table)
    assert tables.read(tmp_path / "t.csv", COLUMNS)["corporation"].tolist() == [client]


@pytest.mark.parametrize("client", ["", " ", "\t", "\u00a0", "\u2003", '""', '" "'])
def test_a_client_of_nothing_is_refused(client: str) -> None:
    reading = read(f"{client},1,2,3,0")
    assert [refusal.reason for refusal in reading.refusals] == ["corporation is empty"]


# -- files -----------------------------------------------------------------------------------------


def test_types_do_not_depend_on_what_the_cells_hold() -> None:
    for lines in ([], ["1,,,,"], ["AAAA,1,2,3,0"], ["AAAA,1.5,NA,3,1", "12,,,,"]):
        types = read(*lines).table.dtypes
        assert types["corporation"] == "str"
        assert set(types[1:]) == {np.dtype("float64")}


def test_without_the_outcome_column_every_outcome_is_unknown() -> None:
    reading = read("AAAA,1,2,3", "BBBB,4,5,6", header=HEADER.removesuffix(",exited"))
    assert tuple(reading.table.columns) == COLUMNS.all
    assert reading.table["exited"].isna().all()
    assert len(reading.table) == 2


def test_one_comma_too_many_in_every_row_shifts_nothing() -> None:
    reading = read(*(f"{number},{number},1,2,3,0" for number in range(100)))
    assert len(reading.table) == 0
    assert [refusal.line for refusal in reading.refusals] == list(range(2, 102))


def test_ignored_columns_are_named_in_their_order() -> None:
    header = "z," + HEADER.replace("exited", "a b,exited,é")
    reading = read("x,AAAA,1,2,3,y,0,w", header=header)
    assert reading.ignored_columns == ["z", "a b", "é"]
    assert reading.table.iloc[0].tolist() == ["AAAA", 1, 2, 3, 0]


@pytest.mark.parametrize("before", [0, 1, 30])
def test_a_quote_that_never_ends_costs_its_own_line_wherever_it_stands(before: int) -> None:
    good = [f"{number},1,2,3,0" for number in range(200)]
    reading = read(*good[:before], '"X,1,2,3,0', *good[before:])
    assert [refusal.line for refusal in reading.refusals] == [before + 2]
    assert reading.table["corporation"].tolist() == [str(number) for number in range(200)]


def test_a_quote_that_never_ends_in_every_line_costs_every_line() -> None:
    reading = read(*['"X,1,2,3,0', 'Y,1,2,3,"0'] * 50)
    assert [refusal.line for refusal in reading.refusals] == list(range(2, 102))


def test_a_record_of_many_lines_moves_the_line_numbers_of_what_follows() -> None:
    reading = read('A,1,2,3,0,"', "", "note", '"', "X", "B,1,2,3,0,", header=HEADER + ",notes")
    assert reading.table["corporation"].tolist() == ["A", "B"]
    assert [(refusal.line, refusal.text) for refusal in reading.refusals] == [(6, "X")]


def test_a_dataset_that_is_asked_about_takes_the_room_of_its_lines_and_numbers() -> None:
    """Else a worker that is asked about a million quoted rows needs half a gigabyte."""
    lines = [f'"C{number:05}",{number},{number + 1},{number + 2},0' for number in range(20_000)]
    content = "\n".join([HEADER, *lines]).encode()
    tracemalloc.start()
    try:
        found = csv_file.features(content, COLUMNS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.rows[[0, -1]].tolist() == [[0, 1, 2], [19_999, 20_000, 20_001]]
    assert peak < 2 * sum(map(sys.getsizeof, lines))


def test_other_columns_are_read_when_they_are_configured() -> None:
    columns = Columns("id", ("x, y", "100%"), "gone?")
    reading = csv_file.read_csv(b'100%,"x, y",gone?,id\n1,2,0,007\n', columns)
    assert reading.table.to_dict("list") == {"id": ["007"], "x, y": [2], "100%": [1], "gone?": [0]}


@pytest.mark.parametrize(
    ("words", "cells", "outcomes"),
    [
        (("Gone", "here"), ["gone", "HERE", "1", "no", "0e3", "NA"], [1, 0, 1, 0, 0, NAN]),
        (("no", "yes"), ["No", "YES", ""], [1, 0, NAN]),
        (("0", "1"), ["0", "1", "0.0", "+1.0", "null"], [1, 0, 1, 0, NAN]),
        (("2", "3.50"), ["2.0", "3.5", "2e0", "yes", "0"], [1, 0, 1, 1, 0]),
        (("2", "2.0"), ["2", "2.0"], [1, 0]),
    ],
)
def test_outcomes_in_words_of_the_company(
    words: tuple[str, str], cells: list[str], outcomes: list[float]
) -> None:
    columns = COLUMNS._replace(outcome_words=words)
    content = "\n".join([HEADER, *(f"A,1,2,3,{cell}" for cell in cells)]).encode()
    reading = csv_file.read_csv(content, columns)
    np.testing.assert_array_equal(reading.table["exited"].to_numpy(), outcomes)


PERIODS = [
    (["1", "1.0", " +1e0", "01"], "1"),
    (["2.5", "2.50", "25e-1"], "2.5"),
    (["-0", "0.0"], "0"),
    (["20260131", "2.0260131e7"], "20260131"),
    (["2026-01-31", "2026-01-31 "], "2026-01-31"),
]


@pytest.mark.parametrize(("cells", "text"), PERIODS)
def test_a_period_has_one_spelling(cells: list[str], text: str) -> None:
    columns = COLUMNS._replace(period="month")
    content = "\n".join([f"{HEADER},month", *(f"A,1,2,3,0,{cell}" for cell in cells)]).encode()
    assert csv_file.read_csv(content, columns).table["month"].tolist() == [text] * len(cells)


def test_each_file_has_the_form_of_its_own_first_period() -> None:
    columns = COLUMNS._replace(period="month")
    for cell in ("2026-01-31", "7", "2026-01-31"):
        assert not csv_file.read_csv(f"{HEADER},month\nA,1,2,3,0,{cell}".encode(), columns).refusals


@pytest.mark.parametrize(
    "cell", ["12%", "12 %", "12\u00a0%", "12\u202f%", "\u00a012\u00a0%\u00a0", "12\u00a0", "12 \t%"]
)
def test_blanks_that_do_not_break_a_line_are_blanks_in_a_percentage_too(cell: str) -> None:
    assert cell_rules.percent(cell, "discount") == 12


@pytest.mark.parametrize("cell", ["%", "\u00a0%", "12%%", "1\u00a02%"])
def test_blanks_do_not_make_a_percentage(cell: str) -> None:
    with pytest.raises(cell_rules.LineRefused, match="discount is not a number"):
        cell_rules.percent(cell, "discount")


# -- written and read again ------------------------------------------------------------------------


def test_whole_numbers_are_written_without_a_point_and_missing_cells_empty(tmp_path: Path) -> None:
    tables.write(tmp_path / "t.csv", table(["A", "NA"], [78, NAN], [2.5, 3], [NAN, NAN], [1, NAN]))
    assert (tmp_path / "t.csv").read_text() == f"{HEADER}\nA,78,2.5,,1\nNA,,3.0,,\n"


def test_a_table_without_rows_comes_back_without_rows(tmp_path: Path) -> None:
    tables.write(tmp_path / "t.csv", tables.merged([], COLUMNS))
    back = tables.read(tmp_path / "t.csv", COLUMNS)
    assert len(back) == 0
    pd.testing.assert_frame_equal(back, tables.merged([], COLUMNS), check_index_type=False)


def test_a_table_that_is_missing_names_the_step_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"t\.csv is missing; run python ingestion\.py first"):
        tables.read(tmp_path / "t.csv", COLUMNS)


DAMAGED = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\n\n", id="blank lines"),
    pytest.param(b"\x00\xff", id="bytes"),
    pytest.param(f"{HEADER}\nGr\xf6\xdfe,1,2,3,0\n".encode("latin-1"), id="latin-1"),
    pytest.param(f"{HEADER}\nAAAA,many,2,3,0\n".encode(), id="a word for a number"),
    pytest.param(f"{HEADER}\nAAAA,1,2,3,0\nAAAA,1,2,3,0,9\n".encode(), id="a field too many"),
    pytest.param(b"corporation,exited\nAAAA,1\n", id="fewer columns"),
    pytest.param(HEADER.replace("exited", "left").encode() + b"\nA,1,2,3,0\n", id="other columns"),
    pytest.param(b"exited," + HEADER.removesuffix(",exited").encode() + b"\n", id="other order"),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_table_that_ingestion_never_wrote_is_refused_with_the_cure(content: bytes) -> None:
    with pytest.raises(ArtefactRefused, match=r"^data/t\.csv .*run python ingestion\.py"):
        tables.parse(content, "data/t.csv", COLUMNS)


# -- the share of refused lines --------------------------------------------------------------------


GOOD, BAD = "AAAA,1,2,3,0", "AAAA,x,2,3,0"
SHARES = [
    pytest.param([GOOD] * 9 + [BAD], 0.1, "", id="as many as the share"),
    pytest.param([GOOD] * 8 + [BAD], 0.1, "1 of 9 lines", id="one more than the share"),
    pytest.param([GOOD] * 71 + [BAD] * 29, 0.29, "", id="29 of 100, where 0.29 * 100 is less"),
    pytest.param([GOOD] * 7 + [BAD] * 3, 0.3, "", id="3 of 10"),
    pytest.param([GOOD] * 999 + [BAD], 0, "1 of 1000 lines", id="none may be refused"),
    pytest.param([GOOD], 0, "", id="none may be, and none is"),
    pytest.param([BAD] * 3, 1, "", id="all may be refused"),
    pytest.param([BAD] * 3, 0.99, "3 of 3 lines", id="nearly all may be refused"),
    pytest.param([GOOD] * 9 + ["", " "] + [BAD], 0.1, "", id="blank lines do not count"),
    pytest.param([GOOD] * 8 + ["", " "] + [BAD], 0.1, "1 of 9 lines", id="nor do they help"),
    pytest.param([], 0, "", id="no line at all"),
]


@pytest.mark.parametrize(("lines", "most", "says"), SHARES)
def test_a_greater_share_of_refused_lines_refuses_the_file(
    lines: list[str], most: float, says: str
) -> None:
    reading = read(*lines)
    if not says:
        csv_file.judge_share(reading, most)
        return
    with pytest.raises(FileRefused, match=f"^{says} are refused.* the first is line [0-9]+: last"):
        csv_file.judge_share(reading, most)


def test_a_row_of_many_lines_counts_as_many_be_it_good_or_refused() -> None:
    good, bad = 'AAAA,1,2,3,0,"one\ntwo"', 'AAAA,x,2,3,0,"one\ntwo"'
    reading = read(*[good] * 9, bad, header=f"{HEADER},notes")
    assert (len(reading.table), len(reading.refusals), reading.lines) == (9, 2, 20)


# -- whatever is in the file -----------------------------------------------------------------------


PIECES = (
    *(",", ",,,,", "\n", "\n\n", "\r", "\r\n", '"', '""', '",', ',"', " ", "\t", "A", "AAAA,"),
    *("1", "0", "NA", "-1", "1e400", "AAAA,1,2,3,0\n", '"AAAA","1",2,3,0\n', ",1,2,3,0", "<", "\0"),
    *("\ufeff", "\x85", "\u2028", "\x1c", "é", "😀", HEADER, f"{HEADER}\n", "exited", ",x"),
)
pieces = some.lists(some.sampled_from(PIECES), max_size=30).map("".join)
rows_below_a_header = pieces.map(lambda text: f"{HEADER}\n{text}".encode())
rows_with_notes = pieces.map(lambda text: f"{HEADER},notes\n{text}".encode())
any_bytes = (
    some.binary(max_size=200)
    | pieces.map(str.encode)
    | rows_below_a_header
    | rows_with_notes
    | some.binary(max_size=60).map(lambda tail: f"{HEADER}\n".encode() + tail)
)


@example(f'{HEADER}\n"{"x" * 140_000}",1,2,3,0\nAAAA,1,2,3,0'.encode())
@example(f'{HEADER},notes\nAAAA,1,2,3,0,"\n\n"\nBBBB,"\n'.encode())
@example((HEADER + "\n" + '"\n' * 200).encode())
@given(any_bytes)
def test_any_bytes_are_refused_whole_or_every_line_of_them_is_accounted_for(content: bytes) -> None:
    try:
        reading = csv_file.read_csv(content, COLUMNS)
    except FileRefused as refusal:
        assert str(refusal)
        return
    text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.removesuffix("\n").split("\n")
    refused = [refusal.line or 0 for refusal in reading.refusals]
    assert refused == sorted(set(refused))
    for line, reason, shown in reading.refusals:
        assert line is not None
        assert line > 1
        assert shown == lines[line - 1][:10_000]
        assert reason
    blank = sum(not line.strip() for at, line in enumerate(lines, 1) if at not in set(refused))
    accounted = 1 + len(reading.table) + len(refused) + blank
    if '"' in text:  # a record may have several lines, blank ones among them
        assert 1 + len(reading.table) + len(refused) <= len(lines)
    else:
        assert accounted == len(lines)
    assert reading.table["corporation"].str.strip().astype(bool).all()
    numbers = reading.table[list(COLUMNS.features)].to_numpy()
    assert (np.isnan(numbers) | ((numbers >= 0) & np.isfinite(numbers))).all()
    assert set(reading.table["exited"].dropna()) <= {0, 1}


@example([2.0**53, 2.0**53 - 1, 2.0**63, 2.0**64])
@example([0.1, 1 / 3, 1e22, 1e23, 5e-324, 1.7976931348623157e308])
@given(some.lists(some.floats(min_value=0, allow_infinity=False), min_size=1, max_size=20))
def test_any_float_that_data_can_hold_comes_back_exactly(numbers: list[float]) -> None:
    assert_comes_back(numbers)


@example([-1e300])
@given(some.lists(some.floats(), min_size=1, max_size=20))
def test_any_float_at_all_comes_back_exactly(numbers: list[float]) -> None:
    assert_comes_back(numbers)


def assert_comes_back(numbers: list[float]) -> None:
    """Write these numbers into every column and read them again."""
    made = table([f"{at}" for at in range(len(numbers))], numbers)
    with tempfile.TemporaryDirectory() as folder:
        tables.write(Path(folder) / "t.csv", made)
        back = tables.read(Path(folder) / "t.csv", COLUMNS)
    pd.testing.assert_frame_equal(back, made, check_exact=True)


def test_a_missing_word_that_is_an_outcome_is_one_in_that_column() -> None:
    columns = Columns("c", ("x",), "y", missing_words=("0", "-"))
    reading = csv_file.read_csv(b"c,x,y\na,0,0\nb,-,-\nc,5,1\n", columns)
    np.testing.assert_array_equal(reading.table["x"].to_numpy(), [NAN, NAN, 5])
    np.testing.assert_array_equal(reading.table["y"].to_numpy(), [0, NAN, 1])


def test_merged_texts_are_one_piece() -> None:
    parts = [table(["a", "b"], [1, 2]), table(["null"], [3]), table([], [])]
    whole = tables.merged(parts, COLUMNS)
    pd.testing.assert_frame_equal(whole, table(["a", "b", "null"], [1, 2, 3]))
    assert isinstance(pa.array(whole["corporation"]), pa.Array)
