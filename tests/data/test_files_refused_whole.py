"""Files of which nothing goes in, until they or the limits change."""

import os

import pytest

import ingestion
from risk import files
from risk.errors import DataUnusable
from risk.settings import Settings
from tests.conftest import configured
from tests.intake import FRESH, A, B, cells, clients, cut, ingested, lines, looked_at, place

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
