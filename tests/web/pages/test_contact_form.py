"""The form that records a contact: what it takes, refuses and shows again."""

import io
import uuid
from itertools import chain
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from risk.records import contacts
from risk.settings import Settings
from risk.web import pages as web_pages
from tests.html import Page
from tests.web.pages.site import CAPACITY, ODD, OWN, form, listed, page, sent


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
