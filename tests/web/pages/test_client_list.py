"""The list of clients: as a page, for programs, as a spreadsheet."""

import csv
import io
import re
import shutil
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from app import create_app
from risk import files
from risk.learning import ranking
from risk.records import list_file, queries
from risk.rows import tables
from risk.settings import Settings
from risk.web import client_list
from risk.web import pages as web_pages
from tests.conftest import configured
from tests.web.pages.site import CAPACITY, listed, page

# -- the list --------------------------------------------------------------------------------------


def test_the_list_is_cut_at_capacity_and_says_so(client: FlaskClient, company: Settings) -> None:
    codes, number, address = [], 1, "/clients"
    while True:
        found = page(client, f"{address}?page={number}")
        codes += found.inside("bdi")
        if not found.all("a", rel="next"):
            break
        number += 1
    assert codes == listed(company)["corporation"].map(web_pages.visible).tolist()[:CAPACITY]
    assert number == 2
    assert f"{CAPACITY} of {len(listed(company))} clients" in found.text


def test_a_filter_says_how_many_it_leaves(client: FlaskClient, company: Settings) -> None:
    low = (listed(company)["band"] == "low").sum()
    assert CAPACITY < low < len(listed(company))
    found = page(client, "/clients?band=low").text
    assert f"{CAPACITY} of {low} such clients ({len(listed(company))} in all)" in found
    whole = page(client, "/clients?band=low&all=1").text
    assert f"{low} of {len(listed(company))} clients" in whole


def test_all_clients_can_be_paged_through(client: FlaskClient, company: Settings) -> None:
    everybody = listed(company)["corporation"].map(web_pages.visible).tolist()
    pages = -(-len(everybody) // client_list.PAGE)
    found = [page(client, f"/clients?all=1&page={n + 1}").inside("bdi") for n in range(pages)]
    assert list(chain(*found)) == everybody
    assert page(client, f"/clients?all=1&page={pages + 9}").inside("bdi") == found[-1]


def test_a_search_goes_through_the_whole_list_whatever_the_case(
    client: FlaskClient, company: Settings
) -> None:
    last = listed(company)["corporation"].iloc[-1]
    assert last.swapcase() != last
    assert page(client, f"/clients?q={last.swapcase()}").inside("bdi")[1:] == [last]
    assert page(client, "/clients?q=%3CB%3E").inside("bdi") == ["<B>", "<b>x</b>"]
    assert "No client on the list matches" in page(client, "/clients?q=nobody-at-all").text


def test_a_search_for_a_client_that_has_left_leads_to_its_page(own: Settings) -> None:
    book = tables.read(own.output_folder_path / files.CLIENTS, own.columns)
    gone = book.loc[book["exited"] == 1, "corporation"].iloc[0]
    client = create_app(own).test_client()
    found = page(client, f"/clients?q={quote(gone)}")
    assert f"but {gone} is in the data: it has left" in found.text
    assert f"/clients/{gone}" in [link["href"] for link in found.all("a")]
    assert "This client has left" in page(client, f"/clients/{gone}").text


def test_the_list_tells_who_stayed_from_those_whose_outcome_is_open(
    client: FlaskClient, company: Settings
) -> None:
    table = listed(company)
    book, newest = tables.read_book(company.output_folder_path, company.columns)
    in_newest = set(book["corporation"][-newest:])
    unknown = set(book.loc[book["exited"].isna(), "corporation"]) & in_newest
    is_open = table["corporation"].isin(unknown)
    assert 0 < is_open.sum() < len(table)
    words = is_open.map({True: "open", False: "stayed"})
    words[~table["corporation"].isin(in_newest)] = "not in the newest data"
    assert (table["outcome"] == words).all()
    assert f"First the {is_open.sum()} whose outcome is open" in page(client, "/clients").text
    notes = {
        "open": "",
        "stayed": "By its newest row it stayed",
        ranking.ABSENT: "have no row of it",
    }
    for place, word in words.drop_duplicates().items():
        text = page(client, web_pages.address(table["corporation"][place])).text
        assert [note for note in notes.values() if note and note in text] == [
            *filter(None, [notes[word]])
        ]
    first = table.head(CAPACITY)
    risk = first.loc[first["outcome"] == "open", "risk"].sum()
    assert f"About {risk:.0f} of the " in page(client, "/").text


def test_nobody_is_to_be_called_of_whom_the_newest_data_do_not_tell(
    company: Settings, tmp_path: Path
) -> None:
    shutil.copytree(company.workspace, tmp_path / "company")
    settings = Settings.load(tmp_path / "company" / "config.json")
    settings = configured(settings.workspace, capacity=1_000)
    absent = set(listed(settings).query("outcome == 'not in the newest data'")["corporation"])
    assert absent
    client = create_app(settings).test_client()
    first = {each["corporation"] for each in client.get("/ranking").json["clients"]}
    assert first
    assert not first & absent
    shown = {
        code for at in range(1, 8) for code in page(client, f"/clients?page={at}").inside("bdi")
    }
    assert not {web_pages.visible(code) for code in absent} & shown


def test_everybody_is_given_the_same_order(client: FlaskClient, company: Settings) -> None:
    """Open outcomes first, by risk, then those that stayed, by risk, whoever asks in what way."""
    table = listed(company)
    groups = table["outcome"].astype("str").map(ranking.MARKS.index)
    told = zip(groups, -table["risk"], table["corporation"], strict=True)
    places = list(told)
    assert places == sorted(places)
    assert not table["risk"].is_monotonic_decreasing
    codes = table["corporation"].tolist()
    ranked = client.get("/ranking?top=1000000").json["clients"]
    assert [each["corporation"] for each in ranked] == codes
    assert [each["rank"] for each in ranked] == list(range(1, len(codes) + 1))
    rows = csv.DictReader(io.StringIO(client.get("/clients.csv").text))
    assert [client_list.defused(code) for code in codes] == [row["corporation"] for row in rows]
    names = list(map(web_pages.visible, codes))
    assert page(client, "/clients?all=1").inside("bdi") == names[: client_list.PAGE]
    assert page(client, "/").all("a", href=web_pages.address(codes[0]))
    assert queries.of_client(company, codes[0])[-1].rank == 1
    report = PdfReader(company.output_model_path / files.REPORT).pages[0].extract_text()
    assert re.search(rf"\n1\n *{re.escape(codes[0].strip())} *\n", report)


@pytest.mark.parametrize("band", ["high", "medium", "low"])
def test_a_band_can_be_chosen(client: FlaskClient, company: Settings, band: str) -> None:
    table = listed(company)
    may_be_called = table["outcome"] != ranking.ABSENT
    wanted = table.loc[may_be_called & (table["band"] == band), "corporation"]
    wanted = wanted.map(web_pages.visible).tolist()
    found = page(client, f"/clients?band={band}").inside("bdi")
    assert found == wanted[: min(CAPACITY, client_list.PAGE)]


def test_the_list_can_be_sorted(client: FlaskClient, company: Settings) -> None:
    table = listed(company).head(CAPACITY)
    by_code = sorted(table["corporation"])
    found = page(client, "/clients?sort=code").inside("bdi")
    assert found == [web_pages.visible(code) for code in by_code[: client_list.PAGE]]
    risen = table.assign(by=table["rank"] - table["previous_rank"]).sort_values("by", kind="stable")
    wanted = risen["corporation"].map(web_pages.visible).tolist()
    assert page(client, "/clients?sort=risen").inside("bdi") == wanted[: client_list.PAGE]


def test_reasons_and_moves_stand_beside_each_name(client: FlaskClient, company: Settings) -> None:
    found = page(client, "/clients")
    for row in listed(company).head(3).itertuples():
        assert all(reason in found.text for reason in row.reasons.split("; "))
        assert ranking.moved(row.rank, row.previous_rank) in found.text


@pytest.mark.parametrize(
    "asked",
    ["band=huge", "sort=reasons", "all=yes", "hide=2", "page=0", "page=x", "q=" + "x" * 201],
)
def test_what_cannot_be_asked_of_the_list_is_refused_in_words(
    client: FlaskClient, asked: str
) -> None:
    assert page(client, f"/clients?{asked}", 400).all("a", href="/clients")
    assert client.get(f"/clients?{asked}").json["error"] == "bad_request"


def test_a_new_list_takes_the_place_of_the_old_one_at_once(own: Settings) -> None:
    client = create_app(own).test_client()
    assert page(client, "/clients").codes
    path = own.output_model_path / files.RANKING
    lines = path.read_text().splitlines(keepends=True)
    files.write_bytes(path, "".join(lines[:2]).encode())
    assert len(page(client, "/clients").codes) == 1
    assert len(client.get("/ranking").json["clients"]) == 1


# -- the ranking for programs ----------------------------------------------------------------------


def test_the_ranking_has_capacity_clients_or_as_many_as_asked(
    client: FlaskClient, company: Settings
) -> None:
    table = listed(company)
    answer = client.get("/ranking").json
    first = table.iloc[0]
    assert (answer["release"], answer["as_of"]) == (first["release"], first["as_of"])
    assert answer["age_seconds"] >= 0
    wanted = table[list(list_file.LIST)].to_dict("records")
    assert answer["clients"] == wanted[:CAPACITY]
    assert client.get("/ranking?top=1").json["clients"] == wanted[:1]
    assert client.get("/ranking?top=1000000").json["clients"] == wanted


@pytest.mark.parametrize("top", ["0", "-1", "1.5", "x", "", "1000001", "\u0663", "9" * 400])
def test_a_top_that_is_no_number_of_clients_is_refused(client: FlaskClient, top: str) -> None:
    answer = client.get("/ranking", query_string={"top": top})
    assert (answer.status_code, answer.json["error"]) == (400, "bad_request")


# -- the spreadsheet -------------------------------------------------------------------------------


def test_the_spreadsheet_is_the_whole_list_with_its_formulas_defused(
    client: FlaskClient, company: Settings
) -> None:
    answer = client.get("/clients.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text)))
    with (company.output_model_path / files.RANKING).open(newline="") as file:
        plain = list(csv.reader(file))
    assert [[cell.removeprefix("'") for cell in row] for row in rows] == [
        [cell.removeprefix("'") for cell in row] for row in plain
    ]
    changed = {new for row, old in zip(rows, plain, strict=True) for new in set(row) - set(old)}
    assert changed == {"'=1+1", "'+1", "'-1", "'@A1"}


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1", "'=1"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=1", "a=1"),
        ("'=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
    ],
)
def test_only_what_starts_like_a_formula_is_defused(cell: str, written: str) -> None:
    assert client_list.defused(cell) == written
