"""What the managers did about a client: who, when, what came of it."""

import re
import unicodedata
import uuid
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from risk import files
from risk.errors import RequestRefused
from risk.records import store
from risk.records.sql_tables import contacts
from risk.settings import Settings

OUTCOMES = {
    "takes the client": "I take this client and will call",
    "reached": "reached, nothing decided",
    "not reached": "not reached",
    "stays": "reached, the client stays",
    "leaves": "reached, the client leaves",
}
LONGEST_NAME = 80
LONGEST_NOTE = 2_000
HIDDEN_DAYS = 30
MOST_SHOWN = 100
EARLIEST = date(2000, 1, 1)
FORM = re.compile(r"[A-Za-z0-9-]{8,36}")
LONGEST_OUTCOME = 40
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIELDS = ("by", "day", "outcome", "note", "form")


class Contact(NamedTuple):
    """One contact, as its row has it."""

    corporation: str
    contacted_at: str
    by: str
    outcome: str
    note: str
    form: str


class Wrong(RequestRefused):
    """A form that cannot be accepted, and the field that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("bad_contact", message)
        self.field = field


def number() -> str:
    """The number of a new form, which identifies it when it is sent twice."""
    return uuid.uuid4().hex


def today() -> str:
    """The day that a new form proposes."""
    return datetime.now(UTC).date().isoformat()


def of_form(corporation: str, fields: Mapping[str, str]) -> Contact:
    """The contact in a form, or what is wrong with the form."""
    values = {name: fields.get(name, "") for name in FIELDS}
    if not FORM.fullmatch(values["form"]):
        raise Wrong("form", "the form has no number; open the client's page again")
    by = _one_line(values["by"])
    if not by or len(values["by"]) > LONGEST_NAME:
        raise Wrong("by", f"say who contacted the client, in at most {LONGEST_NAME} characters")
    outcome = _one_line(values["outcome"])
    if not outcome or len(values["outcome"]) > LONGEST_OUTCOME:
        raise Wrong("outcome", f"say what came of it: {', '.join(OUTCOMES)}, or a few other words")
    note = values["note"].replace("\r\n", "\n")
    if len(note) > LONGEST_NOTE or "\0" in note:
        raise Wrong("note", f"a note is text of at most {LONGEST_NOTE:,} characters")
    when = _moment(values["day"])
    return Contact(corporation, when, by, outcome, note.strip(), values["form"])


def _one_line(text: str) -> str:
    """A text without line breaks and invisible characters."""
    characters = (sign if unicodedata.category(sign)[0] != "C" else " " for sign in text)
    return " ".join("".join(characters).split())


def _moment(day: str) -> str:
    """The moment of a contact on this day: now for today or no day, else noon."""
    if day in ("", today()):
        return files.now()
    try:
        chosen = date.fromisoformat(day) if DAY.fullmatch(day) else None
    except ValueError:
        chosen = None
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)  # in time zones ahead of UTC
    if chosen is None or not EARLIEST <= chosen <= tomorrow:
        raise Wrong("day", "say a day such as 2026-03-31, today or an earlier one")
    return min(f"{chosen}T12:00:00Z", files.now())


def record(settings: Settings, contact: Contact) -> None:
    """Keep a contact; a form that is sent again counts once, and is refused if it was changed.

    Otherwise people who go back and correct a note would believe that the correction was kept.
    """
    store.add_once(settings, contacts, contact._asdict())
    same = sa.select(contacts).where(contacts.c.form == contact.form)
    if any(_said(kept) != _said(contact) for kept in _selected(settings, same)):
        raise Wrong("form", "this form was recorded before and said other things; record again")


def _said(contact: Contact) -> tuple[str, ...]:
    """What a contact says, without the time of day."""
    return (contact.corporation, contact.contacted_at[:10], *contact[2:5])


def of_client(settings: Settings, corporation: str) -> list[Contact]:
    """The contacts of a client, the last first."""
    newest = contacts.c.contacted_at.desc(), contacts.c.form
    query = sa.select(contacts).where(contacts.c.corporation == corporation)
    return [
        contact
        for contact in _selected(settings, query.order_by(*newest).limit(MOST_SHOWN))
        if contact.corporation
        == corporation  # some databases ignore trailing spaces when they compare
    ]


def last(settings: Settings, corporations: Iterable[str]) -> dict[str, Contact]:
    """The last contact of each of these clients that has one."""
    query = sa.select(contacts).where(contacts.c.corporation.in_(list(corporations)))
    oldest = contacts.c.contacted_at, contacts.c.form.desc()
    return {
        contact.corporation: contact for contact in _selected(settings, query.order_by(*oldest))
    }


def recent(settings: Settings) -> Set[str]:
    """The clients that were contacted or taken lately."""
    since = (datetime.now(UTC) - timedelta(days=HIDDEN_DAYS)).strftime(files.TIME)
    code = contacts.c.corporation
    query = sa.select(code).where(contacts.c.contacted_at >= since).distinct()
    return set(store.read(settings, query, of=contacts)[0]["corporation"])


def _selected(settings: Settings, query: sa.Select[tuple[str, ...]]) -> list[Contact]:
    rows = store.read(settings, query, of=contacts)[0][list(Contact._fields)]
    return [Contact(*row) for row in rows.itertuples(index=False, name=None)]
