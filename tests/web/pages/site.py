"""The site of a small company as a browser meets it: its odd clients, its pages, its forms."""

import re
import uuid

import pandas as pd
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from risk import files
from risk.records import list_file
from risk.settings import Settings
from risk.web import pages as web_pages
from tests.html import Page
from tests.web.traps import NEVER_SAID

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


def odd_rows(activity: int = 12) -> list[str]:
    return ['"{}",{},340,5,'.format(code.replace('"', '""'), activity) for code in ODD]


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
