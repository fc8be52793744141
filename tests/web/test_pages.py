"""The pages in the process of the tests: what they show, refuse, and never do."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from werkzeug.test import TestResponse

import reporting
import scoring
from app import create_app
from company import fabricate
from fullprocess import full_process
from risk import files, wording
from risk.data import tables
from risk.errors import ServiceDown
from risk.learning import ranking, reasons, releases
from risk.records import contacts, health, list_file, pending, queries, store
from risk.settings import Settings
from risk.web import client_list
from risk.web import pages as web_pages
from tests.conftest import (
    ROOT,
    aged,
    configured,
    decided,
    deliver,
    ended,
    put,
    script,
    small_project,
)
from tests.html import Page
from tests.serving import ask, gunicorn
from tests.test_app import NEVER_SAID, shared_files

CAPACITY = 60
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OWN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
ODD = (
    "<b>x</b>",
    "=1+1",
    "+1",
    "-1",
    "@A1",
    "'=1",
    "a/b",
    "/a",
    "a/",
    "a//b",
    "%",
    "%2e%2e",
    "a?b",
    "a#b",
    " a ",
    "a;b&c=d",
    '"q"',
    "{{7*7}}",
    "$x^{$",
    "..",
    ".",
    "../..",
    "\u202eabc",
    "\u200b",
    "\u00a0x",
    "\U0001f469\u200d\U0001f4bb",
    "x/contacts",
    "\\",
    "null",
)


def odd_rows() -> list[str]:
    return ['"{}",{},340,5,'.format(code.replace('"', '""'), 12) for code in ODD]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A company with odd clients after two runs, which no test changes."""
    settings = small_project(tmp_path_factory.mktemp("company"))
    settings = configured(settings.workspace, capacity=CAPACITY)
    put(settings, "<i>odd<i>.csv", odd_rows())
    decided(settings)
    period = fabricate.periods(3, clients=400, seed=1)[-1]
    deliver(settings, "dataset3.csv", period)
    full_process(settings)
    return settings


@pytest.fixture(scope="module")
def client(company: Settings) -> FlaskClient:
    return create_app(company).test_client()


@pytest.fixture(scope="module")
def busy(company: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same company, with managers who record contacts."""
    folder = tmp_path_factory.mktemp("busy") / "company"
    shutil.copytree(company.workspace, folder)
    return Settings.load(folder / "config.json")


@pytest.fixture(scope="module")
def manager(busy: Settings) -> FlaskClient:
    return create_app(busy).test_client()


@pytest.fixture(scope="module")
def uncontacted(busy: Settings) -> str:
    """A client of the busy company to whom nobody writes down a contact."""
    codes = listed(busy)["corporation"]
    return str(codes[~codes.isin(ODD)].iloc[0])


@pytest.fixture
def own(company: Settings, tmp_path: Path) -> Settings:
    """A copy of the company to spoil."""
    shutil.copytree(company.workspace, tmp_path / "own")
    return Settings.load(tmp_path / "own" / "config.json")


def page(client: FlaskClient, address: str, status: int = 200) -> Page:
    """A page, of which every part is looked at."""
    answer = client.get(address, headers=BROWSER)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "text/html"
    rest = re.sub(r"python \w+\.py|/clients/\w{4}\b", "", answer.text)
    assert not NEVER_SAID.search(rest), answer.text
    found = Page(answer.text)
    assert found.misfits == []
    return found


def form(**changes: str) -> dict[str, str]:
    fields = {"by": "Anna", "outcome": "reached", "note": "", "form": uuid.uuid4().hex}
    return fields | changes


def sent(client: FlaskClient, corporation: str, **changes: str) -> TestResponse:
    """A contact, sent as the form on the client's page does."""
    action = web_pages.contacts_address(corporation)
    return client.post(action, data=form(**changes), headers=OWN | BROWSER)


def listed(settings: Settings) -> pd.DataFrame:
    return list_file.read(settings.output_model_path / files.RANKING)


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
    assert "No client on the list is like that" in page(client, "/clients?q=nobody-at-all").text


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
    book = tables.read(company.output_folder_path / files.CLIENTS, company.columns)
    unknown = set(book.loc[book["exited"].isna(), "corporation"])
    is_open = table["corporation"].isin(unknown)
    assert 0 < is_open.sum() < len(table)
    assert (table["outcome"] == is_open.map({True: "open", False: "stayed"})).all()
    assert f"First the {is_open.sum()} whose outcome is open" in page(client, "/clients").text
    for place, stayed in ((is_open.idxmax(), False), (is_open.idxmin(), True)):
        address = web_pages.address(table["corporation"][place])
        assert ("By its newest row it stayed" in page(client, address).text) == stayed
    first = table.head(CAPACITY)
    risk = first.loc[first["outcome"] == "open", "risk"].sum()
    assert f"About {risk:.0f} of the " in page(client, "/").text


def test_everybody_is_given_the_same_order(client: FlaskClient, company: Settings) -> None:
    """Open outcomes first, by risk, then those that stayed, by risk, whoever asks in what way."""
    table = listed(company)
    told = zip(table["outcome"] != "open", -table["risk"], table["corporation"], strict=True)
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


def test_the_overview_does_not_send_two_to_one_client(own: Settings) -> None:
    table = listed(own)
    codes = table["corporation"].tolist()
    first, second = map(web_pages.visible, codes[:2])
    client = create_app(own).test_client()
    assert first in page(client, "/").inside("bdi")
    sent(client, codes[0])
    assert first not in page(client, "/").inside("bdi")
    assert second in page(client, "/").inside("bdi")


@pytest.mark.parametrize("band", ["high", "medium", "low"])
def test_a_band_can_be_chosen(client: FlaskClient, company: Settings, band: str) -> None:
    table = listed(company)
    wanted = table.loc[table["band"] == band, "corporation"].map(web_pages.visible).tolist()
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


# -- one client ------------------------------------------------------------------------------------


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
    for name in ("activity last month", "activity last year", "number of employees"):
        assert found.inside("th").count(name) == 2
    assert found.all("svg", role="img")
    (changed,) = [text for text in found.inside("p") if text.startswith("Since its row before:")]
    newest, before = rows.iloc[-1], rows.iloc[-2]
    for name in company.feature_columns:
        if newest[name] != before[name]:
            assert reasons.label(name) in changed
            assert f"to {reasons.shown(newest[name])}" in changed


def test_what_speaks_against_a_client_s_risk_is_marked_on_its_page(
    client: FlaskClient, company: Settings
) -> None:
    table = listed(company)
    is_marked = table["reasons"].str.contains(reasons.AGAINST)
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


# -- contacts --------------------------------------------------------------------------------------


def test_a_contact_is_recorded_and_everybody_sees_it(own: Settings) -> None:
    client = create_app(own).test_client()
    code = listed(own)["corporation"].iloc[0]
    answer = sent(client, code, by="Anna <b>", outcome="takes the client", note="1 < 2\n\n=x")
    address, _, place = answer.headers["Location"].partition("#")
    assert (answer.status_code, address) == (303, web_pages.address(code))
    found = page(client, address)
    assert found.all("li", id=place)
    assert "Anna <b>" in found.inside("bdi")
    assert "1 < 2\n\n=x" in found.inside("bdi")
    assert "Anna <b> , less than a minute ago , takes the client" in page(client, "/clients").text


@pytest.mark.parametrize("code", ODD)
def test_a_contact_of_an_odd_code_reaches_that_client(
    busy: Settings, manager: FlaskClient, code: str
) -> None:
    name = uuid.uuid4().hex[:8]
    assert sent(manager, code, by=name).status_code == 303
    assert name in page(manager, web_pages.address(code)).inside("bdi")
    assert name in [contact.by for contact in contacts.of_client(busy, code)]


@pytest.mark.parametrize("code", ODD)
def test_the_address_that_contacts_are_sent_to_shows_that_client(
    client: FlaskClient, code: str
) -> None:
    found = page(client, web_pages.contacts_address(code))
    assert found.inside("bdi")[0] == web_pages.visible(code)


def test_hiding_those_contacted_fills_the_list_up_to_capacity_again(own: Settings) -> None:
    client, table = create_app(own).test_client(), listed(own)
    first, second = table["corporation"].iloc[:2]
    sent(client, first)
    sent(client, second, day="2020-02-29")  # long ago
    codes = [page(client, f"/clients?hide=1&page={n}").codes for n in (1, 2)]
    hidden = list(chain(*codes))
    assert web_pages.visible(first) not in hidden
    assert web_pages.visible(second) in hidden
    wanted = table["corporation"].drop(0).iloc[:CAPACITY].map(web_pages.visible).tolist()
    assert [code for code in hidden if code != "Anna"] == wanted
    assert web_pages.visible(first) in page(client, "/clients").codes


FORGED: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:81"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": ""},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FORGED)
def test_a_forged_form_is_refused(
    busy: Settings, manager: FlaskClient, uncontacted: str, headers: dict[str, str]
) -> None:
    address = web_pages.contacts_address(uncontacted)
    answer = manager.post(address, data=form(), headers=headers)
    assert answer.status_code == 403
    assert contacts.of_client(busy, uncontacted) == []


@pytest.mark.parametrize("headers", [OWN, {"Origin": "http://localhost"}, {}])
def test_our_own_form_is_taken(manager: FlaskClient, headers: dict[str, str]) -> None:
    address = web_pages.contacts_address(ODD[0])
    assert manager.post(address, data=form(), headers=headers).status_code == 303


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"by": ""}, "who"),
        ({"by": " \u200b\n"}, "who"),
        ({"by": "x" * 81}, "who"),
        ({"outcome": "bought us " * 5}, "what came of it"),
        ({"outcome": ""}, "what came of it"),
        ({"note": "x" * 2001}, "note"),
        ({"note": "\0"}, "note"),
        ({"form": ""}, "number"),
        ({"form": "' OR 1=1"}, "number"),
        ({"day": "2999-01-01"}, "day"),
        ({"day": "1999-12-31"}, "day"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "20260101"}, "day"),
        ({"day": "yesterday"}, "day"),
        ({"by": "x" + " " * 80}, "who"),
        ({"outcome": " " * 40 + "x"}, "what came of it"),
        ({"note": "x" + " " * 2000}, "note"),
    ],
)
def test_a_form_that_is_wrong_comes_back_with_what_was_typed(
    busy: Settings, manager: FlaskClient, uncontacted: str, changes: dict[str, str], why: str
) -> None:
    answer = sent(manager, uncontacted, **{"note": "typed <before>", **changes})
    assert answer.status_code == 400
    found = Page(answer.text)
    assert why in found.text
    assert found.inside("title")[0].startswith("Not recorded")
    flagged = [t.attributes for t in found.tags if t.attributes.get("aria-invalid")]
    assert [field["name"] for field in flagged] == [name for name in changes if name != "form"]
    assert all(field["aria-describedby"] == "wrong" for field in flagged)
    if "note" not in changes:
        assert found.inside("textarea") == ["typed <before>"]
    address = web_pages.contacts_address(uncontacted)
    program = manager.post(address, data=form(**changes), headers=OWN)
    assert (program.status_code, program.json["error"]) == (400, "bad_contact")
    assert contacts.of_client(busy, uncontacted) == []


def test_a_form_that_was_sent_and_is_sent_again_with_other_words_is_not_lost(
    own: Settings,
) -> None:
    """Somebody went back, corrected the note and sent the same form once more."""
    client, code = create_app(own).test_client(), listed(own)["corporation"].iloc[0]
    number = uuid.uuid4().hex
    assert sent(client, code, form=number, note="first").status_code == 303
    assert sent(client, code, form=number, note="first").status_code == 303
    answer = sent(client, code, form=number, note="corrected")
    assert answer.status_code == 400
    found = Page(answer.text)
    assert "was recorded before" in found.text
    assert found.inside("textarea") == ["corrected"]
    (fresh,) = found.all("input", name="form")
    assert sent(client, code, form=fresh["value"], note="corrected").status_code == 303
    assert {each.note for each in contacts.of_client(own, code)} == {"first", "corrected"}


def test_a_note_as_long_as_allowed_fits_in_whatever_script(own: Settings) -> None:
    client, code = create_app(own).test_client(), listed(own)["corporation"].iloc[0]
    note = "\U0001f600" * 2000
    assert sent(client, code, note=note, by="\u00e9" * 80).status_code == 303
    assert contacts.of_client(own, code)[0].note == note


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"data": b"x" * 70_000, "content_type": "application/x-www-form-urlencoded"}, 413),
        ({"json": {}}, 415),
        ({"data": {"by": (io.BytesIO(b"x"), "x")}}, 415),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_refused(
    client: FlaskClient, company: Settings, request_: dict[str, Any], status: int
) -> None:
    address = web_pages.contacts_address(listed(company)["corporation"].iloc[0])
    assert client.post(address, headers=OWN, **request_).status_code == status


def test_a_form_that_says_something_twice_is_refused(own: Settings) -> None:
    client, code = create_app(own).test_client(), listed(own)["corporation"].iloc[0]
    twice = {**form(), "outcome": ["stays", "leaves"]}
    answer = client.post(web_pages.contacts_address(code), data=twice, headers=OWN)
    assert (answer.status_code, answer.json["error"]) == (400, "bad_request")
    assert contacts.of_client(own, code) == []


def test_nobody_contacts_a_client_who_is_not_there(client: FlaskClient) -> None:
    assert sent(client, "nobody").status_code == 404


# -- is everything well? ---------------------------------------------------------------------------


def minutes_ago(count: float) -> str:
    moment = pd.Timestamp.now("UTC") - pd.Timedelta(minutes=count)
    return moment.strftime(files.TIME)


WELL = "no new data: nothing new"
FULL = "failed with exit code 74: models/x: No space left on device"


def banner(settings: Settings) -> str:
    """The colour of the overview's answer, which stands there once."""
    found = page(create_app(settings).test_client(), "/")
    (own,) = [a["class"] for a in found.all("div") if a.get("class", "").startswith("banner")]
    return own.removeprefix("banner ")


@pytest.mark.parametrize(
    ("ending", "colour", "said"),
    [
        (("no drift: F1 0.7000", 1), "good", "Yes. The last run ended 1 minute ago"),
        ((WELL, 19), "good", "no new data: nothing new"),
        ((WELL, 21), "weak", "No. The last run ended 21 minutes ago"),
        (
            (FULL, 1, 74),
            "bad",
            "No. The last run, 1 minute ago, failed with exit code 74: models/x",
        ),
        (("crashed: ValueError: x", 1, 1), "bad", "crashed: ValueError: x."),
    ],
)
def test_the_overview_says_first_what_became_of_the_last_run(
    finished: Settings, ending: tuple[Any, ...], colour: str, said: str
) -> None:
    ended(finished, *ending)
    assert banner(finished) == colour
    found = page(create_app(finished).test_client(), "/").text
    assert said in found
    assert ("What to do:" in found) == (colour != "good")


def test_the_worst_of_many_troubles_is_the_headline_and_the_others_follow(
    finished: Settings,
) -> None:
    spoil_file(finished)
    decided(finished)
    ended(finished, WELL, 30)
    (finished.output_model_path / files.RANKING).unlink()
    found = page(create_app(finished).test_client(), "/").text
    places = [
        found.index(said)
        for said in (
            "No. 1 file was refused whole: <b>x<b>.csv: ",
            "Also not well",
            "There is no list of whom to call",
            "The last run ended 30 minutes ago",
        )
    ]
    assert places == sorted(places)


def spoil_file(settings: Settings) -> Path:
    """A file that is refused whole."""
    return put(settings, "<b>x<b>.csv", ["1,2"], header="not,ours")


def test_a_refused_file_is_a_trouble_until_it_is_mended_or_gone(finished: Settings) -> None:
    path = spoil_file(finished)
    decided(finished)
    ended(finished, WELL)
    assert banner(finished) == "bad"
    content = path.read_text()
    path.write_text(f"{content}3,4\n")  # it waits to be read again
    aged(path)
    assert banner(finished) == "good"
    decided(finished)
    assert banner(finished) == "bad"
    path.unlink()
    assert banner(finished) == "good"


def test_a_few_refused_lines_and_files_passed_over_are_remarks(finished: Settings) -> None:
    good = [f"A{n:03},{n},{n},{n}," for n in range(300)]
    put(finished, "lines.csv", [*good, "BBBB,x,1,1,"])
    (finished.input_folder_path / "link.csv").symlink_to("lines.csv")
    decided(finished)
    ended(finished, WELL)
    found = page(create_app(finished).test_client(), "/").text
    assert "Worth knowing 1 line was refused" in found
    assert "link.csv is passed over: it is not a regular file." in found
    put(finished, "lines.csv", [*good, *("BBBB,x,1,1," for _ in range(30))])
    decided(finished)
    ended(finished, WELL)
    found = page(create_app(finished).test_client(), "/").text
    assert "30 lines were refused" in found.partition("Worth knowing")[0]


def test_test_data_that_cannot_be_scored_on_are_a_trouble(finished: Settings) -> None:
    ended(finished, WELL)
    further = finished.test_data_path / "further.csv"
    further.write_text("<html>")
    found = page(create_app(finished).test_client(), "/").text
    assert "Left out of the test data: further.csv: it is an HTML or XML page" in found
    further.replace(finished.test_data_path / "testdata.csv")
    assert banner(finished) == "bad"


def test_answers_that_were_given_up_are_a_trouble_until_they_are_filed(finished: Settings) -> None:
    pending.give_up(finished, pending.ANSWERS, "the answers of the API are given up: it said no")
    ended(finished, WELL)
    assert banner(finished) == "weak"
    found = page(create_app(finished).test_client(), "/").text
    assert "The answers of the API are given up: it said no." in found
    pending.made(finished, pending.ANSWERS)
    assert banner(finished) == "good"


def test_runs_that_wait_to_be_recorded_are_a_trouble(finished: Settings) -> None:
    put(finished, "more.csv", ["AAAA,1,2,3,"])
    url = "postgresql://nobody@127.0.0.1:1/none"
    broken = configured(finished.workspace, database_url=url)
    with pytest.raises(ServiceDown):
        decided(broken)
    ended(finished, WELL)
    assert banner(finished) == "weak"
    assert "1 run waits to be recorded" in page(create_app(finished).test_client(), "/").text
    found = page(create_app(broken).test_client(), "/").text
    assert "No. The records cannot be read: " in found


def test_records_that_were_begun_anew_are_a_trouble_until_the_damaged_file_is_moved_away(
    finished: Settings,
) -> None:
    file = finished.output_folder_path / files.RECORDS
    file.write_bytes(b"garbage" * 999)
    pending.Run(finished).end("kept", "while it was damaged")
    first, second = (script(finished, "fullprocess.py") for _ in range(2))
    assert (first.returncode, second.returncode) == (69, 0)
    assert "a new history begins with the 0 contacts that could be read" in first.stderr
    assert "damaged" not in second.stderr
    (aside,) = file.parent.glob("*.damaged")
    assert banner(finished) == "weak"
    found = page(create_app(finished).test_client(), "/").text
    assert f"The records were damaged on {aside.name[11:21]} and begun anew; " in found
    assert f"0 contacts were carried over; the damaged file is ingesteddata/{aside.name}." in found
    aside.rename(finished.workspace / "damaged.db")
    assert banner(finished) == "good"


def test_a_run_under_way_is_no_trouble(finished: Settings) -> None:
    ended(finished, WELL)
    pending.Run(finished)
    record = finished.output_folder_path / files.INGESTION
    changed = json.loads(record.read_text()) | {"time": minutes_ago(0)}
    files.write_json(record, changed)  # it makes the list when it has trained
    assert banner(finished) == "good"


def test_a_list_that_is_older_than_the_data_is_a_trouble(finished: Settings) -> None:
    ended(finished, WELL)
    assert banner(finished) == "good"
    record = finished.output_folder_path / files.INGESTION
    files.write_json(record, json.loads(record.read_text()) | {"time": minutes_ago(0)})
    assert banner(finished) == "weak"
    assert "older than the data" in page(create_app(finished).test_client(), "/").text


def test_nothing_deployed_is_the_first_thing_to_say(settings: Settings) -> None:
    found = page(create_app(settings).test_client(), "/").text
    assert "No. Nothing is deployed yet. What to do: Run python fullprocess.py." in found


def test_a_weaker_model_is_said_to_be_as_long_as_it_is_in_use(own: Settings) -> None:
    ended(own, WELL)
    first, second = (
        {
            each.dataset: each.value
            for each in queries.overview(own).compared
            if each.release[0] == number
        }
        for number in "12"
    )
    worse = [name for name in first if second[name] < first[name]]
    assert worse
    found = page(create_app(own).test_client(), "/").text
    assert "Not quite. The model in use is weaker than the one before: F1 " in found
    for name in worse:
        assert f"{second[name]:.4f} against {first[name]:.4f} on the {name} data" in found
    for number in range(queries.LAST_RUNS + 1):  # however long ago it went out
        record_by_hand(own, number)
    assert "weaker than the one before" in page(create_app(own).test_client(), "/").text
    assert "no, drifted" not in page(create_app(own).test_client(), "/").text


def record_by_hand(settings: Settings, number: int) -> None:
    """Put a step by hand on record."""
    run = {"id": f"{number}", "started_at": minutes_ago(-1), "outcome": "trained", "reason": "x"}
    store.write(settings, store.Entry(run))


def test_the_overview_claims_nothing_of_contacts_it_cannot_read(own: Settings) -> None:
    broken = own._replace(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    found = page(create_app(broken).test_client(), "/").text
    assert "Who was contacted cannot be told" in found
    assert "contacted in the last 30 days" not in found


def test_a_book_of_which_everybody_was_contacted_says_so(tmp_path: Path) -> None:
    settings = small_project(tmp_path)
    put(settings, "dataset1.csv", [f"{'AB'[n % 2]}{n:03},{n % 7},9,5,{n % 2}" for n in range(9)])
    put(settings, "dataset2.csv", ["CCCC,1,2,3,"])
    decided(settings)
    client = create_app(settings).test_client()
    codes = listed(settings)["corporation"].tolist()
    assert codes[0] == "CCCC"  # of which no outcome is known
    for code in codes:
        assert code in page(client, "/").inside("bdi")
        sent(client, code)
    assert "was contacted in the last 30 days" in page(client, "/").text


def test_without_a_word_of_the_last_run_nothing_is_well(finished: Settings) -> None:
    record = finished.output_folder_path / files.LAST_RUN
    for content in (b"", b"garbage", b'{"fullprocess": {"time": "yesterday"}}'):
        record.write_bytes(content)
        assert banner(finished) == "bad"
    record.unlink()
    assert banner(finished) == "weak"
    assert "No run yet" in page(create_app(finished).test_client(), "/").text


def test_a_message_shows_no_folder_of_the_machine_and_no_markup(own: Settings) -> None:
    ended(own, "failed: /var/lib/risk/x.csv <b>bold</b>", code=74)
    answer = create_app(own).test_client().get("/").text
    assert "/var/lib" not in answer
    assert "<b>bold" not in answer
    assert "risk/x.csv <b>bold</b>" not in answer
    assert "x.csv <b>bold</b>" in Page(answer).text


def test_two_periods_of_the_cron_job_are_two_periods_of_the_cron_job() -> None:
    minutes = re.match(r"\*/(\d+) \* \* \* \* ", (ROOT / "cronjob.txt").read_text())
    assert minutes
    assert 60 * int(minutes[1]) == health.PERIOD_SECONDS


def test_the_overview_names_runs_scores_files_and_gaps(
    client: FlaskClient, company: Settings
) -> None:
    found = page(client, "/")
    assert "deployed" in found.inside("span")
    assert "F1 on the test data" in found.inside("dt")
    assert "<i>odd<i>.csv" in found.inside("bdi")
    assert "lastmonth_activity" in found.inside("bdi")
    assert "activity last month" in found.inside("bdi")  # what the model has learned
    run = queries.overview(company).runs[0]
    assert f"the model that was replaced had {run['arrived_score']:.4f}" in found.text
    release = json.loads((company.prod_deployment_path / "manifest.json").read_text())["release"]
    assert release in found.inside("p")


def test_the_overview_judges_the_release_that_is_deployed_now(own: Settings) -> None:
    client = create_app(own).test_client()
    runs = queries.overview(own).runs
    assert {run["outcome"] for run in runs} == {"deployed"}
    assert runs[0]["new_score"] < runs[0]["deployed_score"]
    found = page(client, "/")
    assert "no, drifted" not in found.text
    assert wording.DRIFTED in found.text
    assert runs[0]["reason"] in found.text
    assert script(own, "deployment.py", "--rollback").returncode == 0
    found = page(client, "/")
    assert "no, drifted" in found.text
    assert "The model in use has drifted: F1 " in found.text
    assert f"F1 on the newest data {scoring.score_deployed(own):.4f}" in found.text


def test_a_release_that_went_out_unscored_is_said_to_be(own: Settings) -> None:
    (own.output_folder_path / files.FINAL_DATA).unlink()
    ran = script(own, "deployment.py", "--rollback")
    assert (ran.returncode, "it is out, but not scored: " in ran.stderr) == (0, True)
    found = page(create_app(own).test_client(), "/").text
    assert "not known yet" in found
    assert "This release has not been scored yet" in found


# -- what is missing -------------------------------------------------------------------------------

PAGES = ("/", "/clients", "/clients?all=1&hide=1", "/clients.csv", "/report.pdf", "/ranking")


def test_pages_before_the_first_run_say_what_to_do(settings: Settings) -> None:
    client = create_app(settings).test_client()
    found = page(client, "/")
    assert "start python fullprocess.py" in found.text
    assert "run python reporting.py first" in found.text
    for address in PAGES[1:-1]:
        assert "run python reporting.py first" in page(client, address, 503).text
    answer = client.get("/ranking", headers=BROWSER)
    assert (answer.status_code, answer.json["error"]) == (503, "input_missing")
    assert page(client, "/clients/AAAA", 404)
    assert not (settings.output_folder_path / files.RECORDS).exists()


def test_pages_stand_without_the_records(own: Settings) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    settings = configured(own.workspace, database_url=url, capacity=CAPACITY)
    client = create_app(settings).test_client()
    assert "does not answer" in page(client, "/").text
    assert len(page(client, "/clients").codes) == client_list.PAGE
    assert "Contacts cannot be shown" in page(client, "/clients?hide=1").text
    code = listed(own)["corporation"].iloc[0]
    assert "does not answer" in page(client, web_pages.address(code)).text
    answer = sent(client, code)
    assert (answer.status_code, answer.mimetype) == (503, "text/html")


@pytest.mark.parametrize("name", [files.RANKING, files.CLIENTS, files.FINAL_DATA, files.INGESTION])
def test_pages_stand_beside_a_damaged_file(own: Settings, name: str) -> None:
    code = listed(own)["corporation"].iloc[0]
    folder = own.output_model_path if name == files.RANKING else own.output_folder_path
    (folder / name).write_bytes(b'\xff\xfe"{')
    client = create_app(own).test_client()
    page(client, "/")
    page(client, "/clients", 503 if name == files.RANKING else 200)
    page(client, web_pages.address(code))


def test_a_list_of_nobody_is_a_list(own: Settings) -> None:
    path = own.output_model_path / files.RANKING
    files.write_bytes(path, f"{','.join(list_file.COLUMNS)}\n".encode())
    client = create_app(own).test_client()
    for address in ("/", "/clients"):
        assert "every one in the data has left" in page(client, address).text
    answer = client.get("/ranking").json
    assert (answer["release"], answer["as_of"], answer["clients"]) == (None, None, [])
    assert client.get("/clients.csv").text == f"{','.join(list_file.COLUMNS)}\n"


def test_reading_writes_nothing(own: Settings) -> None:
    client, code = create_app(own).test_client(), listed(own)["corporation"].iloc[0]
    before = shared_files(own.workspace)
    for address in (*PAGES, web_pages.address(code), "/style.css", "/clients/nobody", "/nothing"):
        client.get(address)
    assert shared_files(own.workspace) == before
    (own.output_folder_path / files.RECORDS).unlink()
    for address in ("/", "/clients?hide=1", web_pages.address(code)):
        page(client, address)
    assert not (own.output_folder_path / files.RECORDS).exists()


# -- what every page is ----------------------------------------------------------------------------


def some_pages(settings: Settings, client: FlaskClient) -> Iterator[Page]:
    code = listed(settings)["corporation"].iloc[0]
    for address in ("/", "/clients", "/clients?q=a&hide=1&sort=code", web_pages.address(code)):
        yield page(client, address)
    yield page(client, "/nothing", 404)


def test_pages_are_sound(client: FlaskClient, company: Settings) -> None:
    for found in some_pages(company, client):
        ids = [tag.attributes["id"] for tag in found.tags if "id" in tag.attributes]
        assert len(ids) == len(set(ids))
        assert found.all("html", lang="en")
        assert found.all("meta", name="viewport")
        assert len(found.all("h1")) == 1
        assert found.inside("title")[0].endswith("Client risk")
        fields = [f for name in ("input", "select", "textarea") for f in found.all(name)]
        visible = {field["id"] for field in fields if field.get("type") != "hidden"}
        assert {label["for"] for label in found.all("label")} == visible
        assert len(found.all("caption")) == len(found.all("table"))
        assert all(cell.get("scope") for cell in found.all("th"))
        assert all(region["aria-labelledby"] in ids for region in found.all("section"))
        assert found.all("a", href="#content")
        assert "content" in ids


def test_pages_run_nothing_and_load_nothing_from_elsewhere(
    client: FlaskClient, company: Settings
) -> None:
    for found in some_pages(company, client):
        assert not found.all("script")
        for tag in found.tags:
            assert not [name for name in tag.attributes if name == "style" or name[:2] == "on"]
            for name in ("href", "src", "action"):
                assert re.match(r"/(?!/)|#|data:image/|$", tag.attributes.get(name, ""))


def test_every_link_of_the_site_answers(client: FlaskClient) -> None:
    seen, waiting, kinds = set(), ["/"], Counter[str]()
    while waiting:
        address = waiting.pop()
        seen.add(address)
        kind = re.sub(r"/clients/.*|=[^&]*", "", address)  # a page, or what a list is asked for
        kinds[kind] += 1
        if kinds[kind] > 12:
            continue
        answer = client.get(address, headers=BROWSER)
        assert answer.status_code == 200, address
        if answer.mimetype == "text/html":
            links = {link["href"].partition("#")[0] for link in Page(answer.text).all("a")}
            waiting += sorted(links - seen - set(waiting) - {""})
    assert {"/", "/clients", "/clients.csv", "/report.pdf"} <= seen


def test_headers_keep_pages_to_themselves(client: FlaskClient) -> None:
    headers = client.get("/", headers=BROWSER).headers
    assert headers.get_all("Content-Security-Policy") == [
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers


def test_the_stylesheet_is_kept_by_browsers_under_an_address_that_changes_with_it(
    client: FlaskClient,
) -> None:
    (link,) = page(client, "/").all("link", rel="stylesheet")
    answer = client.get(link["href"])
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    assert link["href"] == f"/style.css?v={files.sha256(answer.data)[:12]}"


def test_the_report_opens_in_the_browser(client: FlaskClient, company: Settings) -> None:
    answer = client.get("/report.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.data == (company.output_model_path / files.REPORT).read_bytes()


def test_errors_are_pages_for_browsers_and_json_for_programs(client: FlaskClient) -> None:
    assert page(client, "/nothing", 404).inside("h1") == ["No such page"]
    assert page(client, "/clients/nobody", 404).inside("h1") == ["No such client"]
    assert page(client, "/clients?page=x", 400).inside("h1") == ["This did not work"]
    assert client.get("/nothing").json["error"] == "not_found"
    assert client.get("/ranking?top=0", headers=BROWSER).json["error"] == "bad_request"
    answer = client.get("/", headers=BROWSER | {"Host": "evil.example"})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")


def test_the_server_loads_nothing_that_draws() -> None:
    code = (
        "import sys, wsgi; print(sorted({'matplotlib', 'seaborn', 'reportlab'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


# -- colours ---------------------------------------------------------------------------------------

STYLE = (ROOT / "risk/web/static/style.css").read_text()
PALETTES = {
    scheme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for scheme, block in zip(
        ("light", "dark"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL), strict=True
    )
}
TEXTS = [
    *((ink, back) for ink in ("ink", "soft", "accent") for back in ("page", "panel")),
    *(("ink", f"{band}-back") for band in ("high", "medium", "low", "plain")),
    *((band, f"{band}-back") for band in ("high", "medium", "low")),
    *((band, back) for band in ("high", "medium", "low") for back in ("page", "panel")),
    ("on-accent", "accent"),
    ("panel", "high"),
    ("panel", "medium"),
    ("panel", "low"),
]
SHAPES = [
    *((line, "panel") for line in ("first-line", "second-line", "focus", "soft", "high", "low")),
    ("focus", "page"),
]


def brightness(colour: str) -> float:
    """Relative luminance, as the guidelines define it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", PALETTES)
def test_text_and_shapes_stand_out_from_what_is_behind_them(scheme: str) -> None:
    palette = PALETTES[scheme]
    for pairs, least in ((TEXTS, 4.5), (SHAPES, 3.0)):
        for one, other in pairs:
            assert contrast(palette[one], palette[other]) >= least, (one, other)


def test_every_colour_of_the_stylesheet_is_one_of_the_palette() -> None:
    light, dark = PALETTES.values()
    assert light.keys() == dark.keys()
    rest = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", rest)) == {"#ffffff"}  # of the paper
    assert set(re.findall(r"var\(--([\w-]+)\)", rest)) <= light.keys()


def test_the_contrast_of_black_on_white_is_known() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_the_list_that_is_ranked_again_keeps_its_page(own: Settings) -> None:
    """What the pages remember of the book is given up with the book."""
    client, code = create_app(own).test_client(), listed(own)["corporation"].iloc[0]
    page(client, web_pages.address(code))
    put(own, "later.csv", [f"{code},999999,1,5,"])
    decided(own)
    reporting.rank_clients(own)
    assert "999,999" in page(client, web_pages.address(code)).text
