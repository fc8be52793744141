"""The columns in the report: numbers of those that hold numbers, words of those that hold words."""

import ingestion
from risk.reports import data_sections
from risk.reports.pdf import Grid
from risk.reports.report_data import Findings
from risk.settings import Settings
from tests.conftest import configured, put

HEADER = "corporation,staff,plan,city,since,revenue,month,exited"
LINES = [
    "AAAA,1,basic,,2026-01-31,10,1,0",
    "BBBB,2,basic,,2026-01-01,20,1,1",
    f"CCCC,,<b>{'x' * 100}</b>,,,30,2,",
    "DDDD,6,,,2026-01-31,,2,0",
]


def grids(settings: Settings) -> list[Grid]:
    """The tables of the section, for data with a column of each part and of most kinds."""
    settings = configured(
        settings.workspace,
        feature_columns=["staff", "plan", "city", "since"],
        column_kinds={"plan": "category", "city": "category", "since": "date"},
        **{"value_column": "revenue", "period_column": "month"},
    )
    put(settings, "dataset1.csv", LINES, HEADER)
    ingestion.merge_multiple_dataframe(settings)
    return [block for block in data_sections.columns(Findings(settings)) if isinstance(block, Grid)]


def test_only_columns_with_numbers_have_statistics(settings: Settings) -> None:
    rows = {row[0]: row[1:] for row in grids(settings)[0].rows}
    assert list(rows) == [*HEADER.split(",")[:5], "exited", "month", "revenue"]
    assert rows["staff"] == ("3", "2", "2.646", "1", "25.00 %")
    assert rows["since"] == ("10", "0", "17.32", "0", "25.00 %")
    assert rows["revenue"] == ("20", "20", "10", "10", "25.00 %")
    assert rows["plan"] == ("", "", "", "", "25.00 %")
    assert rows["city"] == ("", "", "", "", "100.00 %")
    assert rows["month"] == rows["corporation"] == ("", "", "", "", "0.00 %")


def test_the_most_frequent_word_of_each_category_is_told(settings: Settings) -> None:
    _, words = grids(settings)
    assert [tuple(row) for row in words.rows] == [("plan", "basic", "50.0 %")]


def test_numbers_alone_have_no_table_of_words(settings: Settings) -> None:
    ingestion.merge_multiple_dataframe(settings)
    blocks = data_sections.columns(Findings(settings))
    assert sum(isinstance(block, Grid) for block in blocks) == 1
