"""A risk taken apart, what is kept in memory, and lines over time."""

import math

import numpy as np
import pandas as pd
import pytest

from risk import files
from risk.data import tables
from risk.learning import deployed, explanation, ranking, reasons
from risk.records import list_file
from risk.reports import svg
from risk.settings import Columns, Settings
from risk.web import client_page
from risk.web.pages import Service
from tests.conftest import configured


def ranked(settings: Settings) -> tuple[ranking.Ranked, deployed.Deployed]:
    now = deployed.load(settings.prod_deployment_path, settings.columns)
    book = tables.read(settings.output_folder_path / files.CLIENTS, settings.columns)
    return ranking.ranked(now.model, book, settings.columns), now


def test_the_terms_on_a_client_s_page_add_up_to_its_risk(finished: Settings) -> None:
    found, _ = ranked(finished)
    listed = list_file.read(finished.output_model_path / files.RANKING)
    for row in listed.itertuples():
        shown = explanation.explained(found, row.corporation, finished.columns)
        assert shown
        usual = math.log(shown.usual_risk / (1 - shown.usual_risk))
        total = usual + sum(reason.part for reason in shown.reasons)
        assert 1 / (1 + math.exp(-total)) == pytest.approx(row.risk, abs=1e-9)
        assert shown.risk == row.risk
        for reason in shown.reasons[:2]:
            (told,) = (told for told in row.reasons.split("; ") if f"{reason.name} " in told)
            assert told.endswith(reason.words)
            assert told.startswith(reasons.AGAINST) == reason.is_against


def test_a_missing_value_is_said_and_so_is_what_it_was_taken_as(finished: Settings) -> None:
    found, _ = ranked(finished)
    given = found.clients[list(finished.feature_columns)].to_numpy()
    place, column = np.argwhere(np.isnan(given))[0]
    code = found.clients["corporation"][place]
    shown = explanation.explained(found, code, finished.columns)
    name = reasons.label(finished.feature_columns[column])
    (reason,) = (each for each in shown.reasons if each.name == name) if shown else ()
    assert reason.given == "not known"
    assert reason.taken == reasons.about(found.terms.values[place, column])


@pytest.mark.parametrize(
    ("rows", "newest", "said"),
    [
        ([(2029, 5), (381, 5)], (381, 5), ["activity last month fell from 2,029 to 381"]),
        (
            [(10, 5), (20, 4)],
            (20, 4),
            ["activity last month rose from 10 to 20", "number of employees fell from 5 to 4"],
        ),
        ([(10, 5)], (10, 5), []),
        ([(10, 5), (20, 5)], (10, 5), ["activity last month fell from 20 to 10"]),
        ([(10, 5), (20, 5), (20, 5)], (20, 5), ["activity last month rose from 10 to 20"]),
        ([(10, 5), (math.nan, 5)], (math.nan, 5), ["activity last month was 10 and is not known"]),
        ([(math.nan, 5), (7, 5)], (7, 5), ["activity last month was not known and is 7"]),
        ([(math.nan, 5), (math.nan, 5)], (math.nan, 5), []),
        ([(0.12341, 5), (0.12342, 5)], (0.12342, 5), []),
        ([], (10, 5), []),
    ],
)
def test_what_changed_since_a_client_s_row_before_is_told(
    rows: list[tuple[float, float]], newest: tuple[float, float], said: list[str]
) -> None:
    columns = Columns("corporation", ("lastmonth_activity", "number_of_employees"), "exited")
    own = [("AAAA", *row, math.nan) for row in rows]
    dataset = pd.DataFrame([("BBBB", 1, 1, 0), *own], columns=list(columns.all))
    book = pd.DataFrame([("AAAA", *newest, math.nan)], columns=list(columns.all))
    assert client_page.changes(dataset, book, "AAAA", columns) == said
    assert client_page.changes(dataset, book, "CCCC", columns) == []


def test_nobody_is_explained_who_is_not_ranked(finished: Settings) -> None:
    assert explanation.explained(ranked(finished)[0], "nobody", finished.columns) is None


def test_the_company_is_ranked_once_for_a_release_and_a_book(finished: Settings) -> None:
    _, now = ranked(finished)
    book = tables.read(finished.output_folder_path / files.CLIENTS, finished.columns)
    company = Service(finished)
    first = company.ranked(now, book)
    assert company.ranked(now, book) is first
    assert company.ranked(now, book.copy()) is not first


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (0.0, "\u00d7 1"),
        (math.log(2), "\u00d7 2"),
        (math.log(0.2), "\u00d7 0.2"),
        (math.log(1234), "\u00d7 1,234"),
        (math.log(31_636_946), "\u00d7 32 million"),
        (30.0, "more than millionfold"),
        (-math.inf, "less than a millionth"),
    ],
)
def test_a_term_is_told_as_a_factor_of_the_odds(part: float, words: str) -> None:
    assert reasons.times(part) == words


def test_columns_of_another_company_have_their_own_names(finished: Settings) -> None:
    other = configured(finished.workspace, feature_columns=["lastmonth_activity"])
    data = tables.read(finished.output_folder_path / files.FINAL_DATA, finished.columns)
    code = data["corporation"].iloc[0]
    (period, *_) = client_page.periods(data, code, other.columns)
    assert len(period.values) == 1


@pytest.mark.parametrize(
    "values",
    [
        [0.0],
        [1.0],
        [0.0, 1.0],
        [0.5, 0.5, 0.5],
        [0.61, 0.62],
        [0.999999, 1.0],
        [0.0, 1e-9],
        [0.33, 0.87, 0.1],
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_every_point_of_a_chart_is_inside_of_it(values: list[float], whole: bool) -> None:
    points = [(at, value, f"{value}") for at, value in enumerate(values)]
    chart = svg.chart({"risk": points, "none": []}, ["now"] * len(values), whole=whole)
    assert chart
    (line,) = chart.lines
    lowest, highest = chart.ticks[0].y, chart.ticks[-1].y
    assert all(highest - 0.1 <= mark.y <= lowest + 0.1 for mark in line.marks)
    assert all(chart.left <= mark.x <= chart.right for mark in line.marks)
    assert 0 < highest < lowest < chart.height
    assert 2 <= len(chart.ticks) <= 8
    assert len({tick.text for tick in chart.ticks}) == len(chart.ticks)


def test_a_chart_of_nothing_is_none() -> None:
    assert svg.chart({"risk": []}, [], whole=True) is None
