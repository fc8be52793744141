"""The page of one client: its rows, its risk and reasons, codes of every kind."""

import math
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from flask.testing import FlaskClient

import reporting
from app import create_app
from risk import files
from risk.columns import Columns
from risk.learning import deployed, explanation, ranking, releases
from risk.reasons import phrases
from risk.records import list_file
from risk.reports import svg
from risk.rows import tables
from risk.settings import Settings
from risk.web import client_page
from risk.web import pages as web_pages
from risk.web.pages import Service
from tests.conftest import configured, decided, put
from tests.html import Page
from tests.serving import ask, gunicorn
from tests.web.pages.site import ODD, listed, page


def ranked(settings: Settings) -> tuple[ranking.Ranked, deployed.Deployed]:
    now = deployed.load(settings.prod_deployment_path, settings.columns)
    book = tables.read_book(settings.output_folder_path, settings.columns)
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
            (told,) = (
                told
                for told in row.reasons.split("; ")
                if told.removeprefix(phrases.AGAINST).startswith(
                    (f"{reason.name} {reason.given}", reason.given)
                )
            )
            assert told.endswith(reason.words)
            assert told.startswith(phrases.AGAINST) == reason.is_against


def test_a_missing_value_is_said_and_so_is_what_it_was_taken_as(finished: Settings) -> None:
    found, _ = ranked(finished)
    given = found.clients[list(finished.feature_columns)].to_numpy()
    place, column = np.argwhere(np.isnan(given))[0]
    code = found.clients["corporation"][place]
    shown = explanation.explained(found, code, finished.columns)
    name = phrases.label(finished.feature_columns[column])
    (reason,) = (each for each in shown.reasons if each.name == name) if shown else ()
    assert reason.given == "not known"
    assert reason.taken == phrases.about(found.average.fills[column])


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
    dataset = pd.DataFrame(own, columns=list(columns.all))
    book = pd.DataFrame([("AAAA", *newest, math.nan)], columns=list(columns.all))
    assert client_page.changes(dataset, book, columns) == said
    assert client_page.changes(dataset[:0], book[:0], columns) == []


KINDS = Columns(
    "name",
    ("plan", "contract_end", "discount"),
    "left",
    kinds=(("plan", "category"), ("contract_end", "date"), ("discount", "percent")),
)


@pytest.mark.parametrize(
    ("before", "newest", "said"),
    [
        (("basic", 9, 5), ("premium", 9, 5), ["plan was basic and is premium"]),
        (("basic", 9, 5), (math.nan, 9, 5), ["plan was basic and is not known"]),
        ((math.nan, 9, 5), ("a; b", 9, 5), ["plan was not known and is a; b"]),
        ((math.nan, 9, math.nan), (math.nan, 9, math.nan), []),
        (
            *(("basic", 1, 5), ("basic", 30, 12)),
            [
                "discount rose from 5\u00a0% to 12\u00a0%",
            ],
        ),
    ],
)
def test_what_changed_is_told_of_words_too_and_not_of_days(
    before: tuple[object, ...], newest: tuple[object, ...], said: list[str]
) -> None:
    rows = [("AAAA", *before, math.nan), ("AAAA", *newest, math.nan)]
    dataset = pd.DataFrame(rows, columns=list(KINDS.all)).astype({"plan": "str"})
    assert client_page.changes(dataset, dataset[1:], KINDS) == said


def test_the_rows_of_a_client_show_words_as_they_are_written_and_dates_as_days() -> None:
    rows = [("AAAA", "a; \u202eb", 95.0, 12.5, 1.0), ("AAAA", math.nan, math.nan, math.nan, 0.0)]
    dataset = pd.DataFrame(rows, columns=list(KINDS.all)).astype({"plan": "str"})
    assert client_page.periods(dataset, KINDS) == [
        (["a; \\u202eb", "95 days before the newest", "12.5\u00a0%"], "left"),
        (["not known"] * 3, "stayed"),
    ]


def test_nobody_is_explained_who_is_not_ranked(finished: Settings) -> None:
    assert explanation.explained(ranked(finished)[0], "nobody", finished.columns) is None


def test_the_middle_client_is_found_once_for_a_release_and_a_book(own: Settings) -> None:
    found, now = ranked(own)
    company = Service(own)
    first = company.middle(now)
    assert first[:3] == found.average[:3]
    assert company.middle(now) is first
    assert company.middle(ranked(own)[1]) is not first
    second = company.middle(now)
    book = own.output_folder_path / files.CLIENTS
    files.write_bytes(book, book.read_bytes())
    assert company.middle(now) is not second


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
    assert phrases.times(part) == words


def test_columns_of_another_company_have_their_own_names(finished: Settings) -> None:
    other = configured(finished.workspace, feature_columns=["lastmonth_activity"])
    data = tables.read(finished.output_folder_path / files.FINAL_DATA, finished.columns)
    code = data["corporation"].iloc[0]
    (period, *_) = client_page.periods(data[data["corporation"] == code], other.columns)
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
    lowest, highest = chart.ticks[0].at, chart.ticks[-1].at
    assert all(highest - 0.1 <= mark.y <= lowest + 0.1 for mark in line.marks)
    assert all(chart.left <= mark.x <= chart.right for mark in line.marks)
    assert 0 < highest < lowest < chart.height
    assert 2 <= len(chart.ticks) <= 8
    assert len({tick.text for tick in chart.ticks}) == len(chart.ticks)


def test_a_chart_of_nothing_is_none() -> None:
    assert svg.chart({"risk": []}, [], whole=True) is None


@pytest.mark.parametrize("code", ODD)
def test_every_odd_code_is_found_linked_and_shown_as_text(client: FlaskClient, code: str) -> None:
    found = page(client, f"/clients?all=1&q={quote(code, safe='')}")
    links = {link["href"] for link in found.all("a")}
    assert web_pages.address(code) in links
    own = page(client, web_pages.address(code))
    assert own.inside("bdi")[0] == web_pages.visible(code)
    assert web_pages.visible(code).strip()
    assert "rank" in own.text
    action = f"{web_pages.contacts_address(code)}#record"
    assert own.all("form", method="post", action=action)


def test_every_percent_encoded_code_is_a_page_of_a_real_server(company: Settings) -> None:
    """Dots and slashes too: what a browser would fold, another client sends as it is."""
    with gunicorn(company) as port:
        for code in ODD:
            dots = code.replace(".", "%2e") if "%" not in code else None
            for path in {quote(code, safe=""), quote(dots, safe="%") if dots else ""} - {""}:
                answer = ask(port, "GET", f"/clients/{path}")
                assert answer.status == 200, path
                name = web_pages.visible(code)
                assert Page(answer.body.decode()).inside("bdi")[0] == name, path


def test_a_client_shows_its_rows_beside_the_middle_client_and_all_its_reasons(
    client: FlaskClient, company: Settings
) -> None:
    data = tables.read(company.output_folder_path / files.FINAL_DATA, company.columns)
    on_list = data[data["corporation"].isin(listed(company)["corporation"])]
    code = on_list["corporation"].value_counts().index[0]
    rows = data[data["corporation"] == code]
    found = page(client, web_pages.address(code))
    assert len(rows) > 1
    assert found.inside("th").count("newest") == 1
    assert found.inside("th").count("middle client") == 1
    for name in ("activity last year", "number of employees"):
        assert found.inside("th").count(name) == 2
    assert found.inside("th").count("activity last month") in (1, 2)
    assert found.all("svg", role="img")
    (changed,) = [text for text in found.inside("p") if text.startswith("Since its row before:")]
    newest, before = rows.iloc[-1], rows.iloc[-2]
    for name in company.feature_columns:
        if newest[name] != before[name]:
            assert phrases.label(name) in changed
            assert f"to {phrases.number(newest[name])}" in changed


def test_what_speaks_against_a_client_s_risk_is_marked_on_its_page(
    client: FlaskClient, company: Settings
) -> None:
    table = listed(company)
    is_marked = table["reasons"].str.contains(phrases.AGAINST)
    assert is_marked.any()
    found = page(client, web_pages.address(table.loc[is_marked, "corporation"].iloc[0]))
    assert "speaks against it" in found.inside("span")


def test_a_client_that_left_has_a_page_without_a_risk(
    client: FlaskClient, company: Settings
) -> None:
    book = tables.read(company.output_folder_path / files.CLIENTS, company.columns)
    left = book.loc[book["exited"] == 1, "corporation"].iloc[0]
    assert "This client has left" in page(client, web_pages.address(left)).text


@pytest.mark.parametrize(
    "address", ["/clients/nobody", "/clients/A%00", "/clients/%ff", "/clients?client="]
)
def test_an_unknown_client_is_no_page(client: FlaskClient, address: str) -> None:
    assert "no client has this code" in page(client, address, 404).text.lower()
    answer = client.get(address)
    assert (answer.status_code, answer.json["error"]) == (404, "no_such_client")


def test_a_list_by_another_release_is_said_everywhere(own: Settings) -> None:
    first = page(create_app(own).test_client(), "/clients")
    assert "older than it" not in first.text
    decided(own, force=True)
    path = own.output_model_path / files.RANKING
    table = pd.read_csv(path, dtype="str", keep_default_na=False).assign(release="1-older")
    files.write_bytes(path, table.to_csv(index=False).encode())
    client = create_app(own).test_client()
    assert "older than it" in page(client, "/clients").text
    in_use = releases.current(own.prod_deployment_path)
    assert in_use
    assert f"was ranked by release 1-older, not {in_use.release}" in page(client, "/").text
    code = web_pages.address(table["corporation"][0])
    assert "ranked by release 1-older" in page(client, code).text


def test_the_list_that_is_ranked_again_keeps_its_page(own: Settings) -> None:
    """What the pages remember of the book is given up with the book."""
    client, code = create_app(own).test_client(), listed(own)["corporation"].iloc[0]
    page(client, web_pages.address(code))
    put(own, "later.csv", [f"{code},999999,1,5,"])
    decided(own)
    reporting.rank_clients(own)
    assert "999,999" in page(client, web_pages.address(code)).text
