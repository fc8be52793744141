"""The test data: every row with an outcome of every file that can be used."""

from pathlib import Path
from typing import Any

import pytest

from risk.data import test_data
from risk.errors import DataUnusable, InputMissing
from risk.settings import Settings
from tests.conftest import HEADER


def held_out(folder: Path, **limits: Any) -> Settings:
    """Settings whose test data lie in this folder."""
    return Settings(*[folder] * 6, **{"refused_share": 1.0, **limits})


def test_test_data_are_the_rows_with_an_outcome_of_every_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "b10.csv").write_text(f"{HEADER}\nAAAA,1,2,3,0\nBBBB,1,2,3,\nX\n")
    (tmp_path / "b9.CSV").write_text(f"{HEADER}\nCCCC,1,2,3,1\nCCCC,1,2,3,1\n")
    (tmp_path / "page.csv").write_text("<html>")
    (tmp_path / "notes.txt").write_text("no data")
    rows = test_data.rows(held_out(tmp_path))
    assert rows["corporation"].tolist() == ["CCCC", "CCCC", "AAAA"]
    assert "page.csv is left out: it is an HTML" in caplog.text
    assert "b10.csv: 1 lines are left out, the first is line 4" in caplog.text


def test_days_are_told_from_the_newest_of_each_file(tmp_path: Path) -> None:
    """An open row has a date, too; a period and a value need not be there."""
    header = HEADER.replace("lastmonth_activity", "since")
    lines = ["AAAA,2026-01-31,2,few,0", "BBBB,2026-01-01,2,,1", "CCCC,2026-03-02,2,few,"]
    (tmp_path / "a.csv").write_text("\n".join([header, *lines]) + "\n")
    (tmp_path / "b.csv").write_text(f"{header}\nDDDD,2020-02-29,2,many,1\nEEEE,,1,many,0\n")
    settings = held_out(
        tmp_path,
        feature_columns=("since", "lastyear_activity", "number_of_employees"),
        column_kinds=(("since", "date"), ("number_of_employees", "category")),
        period_column="month",
        value_column="revenue",
    )
    rows = test_data.rows(settings)
    assert rows["corporation"].tolist() == ["AAAA", "BBBB", "DDDD", "EEEE"]
    assert rows["since"].fillna(-1).tolist() == [30, 60, 0, -1]
    assert rows["number_of_employees"].fillna("").tolist() == ["few", "", "many", "many"]


def test_test_data_without_an_outcome_score_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(f"{HEADER}\nAAAA,1,2,3,\n")
    with pytest.raises(DataUnusable, match=r"no row in .* has an outcome"):
        test_data.rows(held_out(tmp_path))


@pytest.mark.parametrize("content", [None, b"", b"<html>"], ids=["no file", "empty", "a page"])
def test_without_a_usable_file_there_are_no_test_data(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "b.csv").write_bytes(content)
    with pytest.raises(InputMissing, match=r"no usable \.csv file"):
        test_data.rows(held_out(tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            f"{HEADER}\nAAAA,1,2,3,0\nX\n".encode(), "1 of 2 lines", id="too many refused"
        ),
        pytest.param(b"\n" * (1024 * 1024 + 1), "1,048,577 bytes", id="too large"),
        pytest.param(b"", "it is empty", id="empty"),
    ],
)
def test_test_data_that_are_refused_whole_are_left_out_and_looked_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, reason: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    (tmp_path / "good.csv").write_text(f"{HEADER}\nBBBB,1,2,3,1\n")
    watched = test_data.watched(held_out(tmp_path, refused_share=0.49, largest_file_mb=1))
    for _ in range(2):
        assert watched.now().rows["corporation"].tolist() == ["BBBB"]
    assert caplog.text.count("bad.csv is left out") == 1
    assert reason in caplog.text
