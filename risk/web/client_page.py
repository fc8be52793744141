"""The page of one client: its reasons, its rows in the data, its contacts and the form for one."""

import math
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from flask import Response, request

from risk import times
from risk.columns import CATEGORY, DATE, Columns
from risk.errors import RequestRefused
from risk.learning import ranking
from risk.learning.deployed import Deployed
from risk.learning.explanation import Explanation, explained
from risk.reasons import phrases
from risk.records import contacts, queries
from risk.records.contacts import Wrong
from risk.reports import svg
from risk.web import answers, client_list, security
from risk.web.pages import address, pages, part, service, visible

LARGEST_FORM = 64 * 1024

Flags: TypeAlias = npt.NDArray[np.bool_]


class Period(NamedTuple):
    """One row of the data: the features in words, and what became of the client."""

    values: list[str]
    outcome: str


def periods(dataset: pd.DataFrame, corporation: str, columns: Columns) -> list[Period]:
    """The rows of a client in the data, the oldest first."""
    own = dataset[(dataset[columns.client] == corporation).to_numpy(dtype=bool)]
    kinds = list(map(columns.kind, columns.features))
    return [
        Period(list(map(_cell, features, kinds)), _outcome(outcome))
        for *features, outcome in own[[*columns.features, columns.target]].to_numpy(dtype=object)
    ]


def _cell(value: float | str, kind: str) -> str:
    """A cell in words, text with its invisible characters written out."""
    return visible(value) if isinstance(value, str) else phrases.cell(value, kind)


def changes(
    dataset: pd.DataFrame, book: pd.DataFrame, corporation: str, columns: Columns
) -> list[str]:
    """How a client's newest row differs from its last row with other numbers.

    The data has a repeated row only once, so the book says which row is the newest. Dates are left
    out: their days are counted from another day in each period.
    """
    names = [name for name in columns.features if columns.kind(name) != DATE]
    own, rows = (
        table.loc[(table[columns.client] == corporation).to_numpy(dtype=bool), names]
        for table in (book, dataset)
    )
    newest, others = own.to_numpy(dtype=object)[-1:], rows.to_numpy(dtype=object)
    if not len(newest) or not len(others := others[~_equal(others, newest[0])]):
        return []
    kinds = map(columns.kind, names)
    return list(filter(None, map(_change, names, kinds, others[-1], newest[0])))


def _equal(rows: npt.NDArray[np.object_], newest: npt.NDArray[np.object_]) -> Flags:
    """Which rows have the same cells, missing ones among them."""
    same: Flags = ((rows == newest) | (pd.isna(rows) & pd.isna(newest))).all(axis=1)
    return same


def _change(column: str, kind: str, before: float | str, now: float | str) -> str:
    """How a cell changed, in words; empty if both look the same."""
    name, then, today = phrases.label(column), _cell(before, kind), _cell(now, kind)
    if then == today:
        return ""
    if kind == CATEGORY or pd.isna(now) or pd.isna(before):
        return f"{name} was {then} and is {today}"
    return f"{name} {'fell' if float(now) < float(before) else 'rose'} from {then} to {today}"


def _outcome(value: float) -> str:
    if math.isnan(value):
        return "not known yet"
    return "left" if value == 1 else "stayed"


@pages.get("/clients")
def clients() -> Response:
    """The list, or the page of a client whose code browsers cannot send in a path."""
    if "client" in request.args:
        return _show(request.args["client"])
    return client_list.show()


@pages.get("/clients/<code:corporation>")
def client(corporation: str) -> Response:
    """The page of one client."""
    return _show(corporation)


@pages.get("/clients/<code:corporation>/contacts")
def client_of_contacts(corporation: str) -> Response:
    """The client with these contacts, or one whose code ends in /contacts."""
    try:
        return _show(f"{corporation}/contacts")
    except RequestRefused:
        return _show(corporation)


@pages.post("/clients/<code:corporation>/contacts")
def add_contact(corporation: str) -> Response:
    """Record a contact that a manager enters."""
    security.refuse_forged()
    if request.mimetype != "application/x-www-form-urlencoded":
        raise RequestRefused("unsupported_media_type", "the body must be a form", 415)
    request.max_content_length = LARGEST_FORM
    fields = request.form
    if any(len(values) > 1 for values in fields.listvalues()):
        raise RequestRefused("bad_request", "the form has a field twice")
    listed = part(client_list.current).value
    if not (listed and corporation in listed.places) and not service().has_in_book(corporation):
        raise _unknown()
    try:
        contact = contacts.of_form(corporation, fields)
        contacts.record(service().settings, contact)
    except Wrong as refusal:
        if answers.wants_page():
            return _show(corporation, fields, refusal)
        raise
    location = f"{address(corporation)}#contact-{contact.form}"
    return Response(status=303, headers={"Location": location})


def _unknown() -> RequestRefused:
    return RequestRefused("no_such_client", "no client has this code", 404)


def _show(
    corporation: str, typed: Mapping[str, str] | None = None, wrong: Wrong | None = None
) -> Response:
    """The page of a client; a refused form keeps what was typed."""
    sources, settings, columns = service(), service().settings, service().settings.columns
    listed = part(client_list.current)
    own = client_list.client_of(listed.value, corporation) if listed.value else None
    dataset, book = part(sources.dataset), part(sources.book)
    has_data = dataset.value is not None
    rows = periods(dataset.value, corporation, columns) if has_data else None
    if not own and not rows and not sources.has_in_book(corporation):
        raise _unknown()
    release = part(sources.deployed.now)
    has_both = has_data and book.value is not None
    past = part(queries.of_client, settings, corporation)
    return answers.page(
        "client.html",
        400 if wrong else 200,
        code=corporation,
        own=own,
        basis=listed.value.basis if listed.value else None,
        all=len(listed.value.folded) if listed.value else 0,
        listed=listed,
        release=release.value.release if release.value else None,
        why=part(_why, release.value, corporation) if release.value else release,
        changes=changes(dataset.value, book.value.rows, corporation, columns) if has_both else [],
        periods=dataset._replace(value=rows),
        features=[phrases.label(name) for name in columns.features],
        past=past,
        chart=_chart(past.value or []),
        contacts=part(contacts.of_client, settings, corporation),
        outcomes=contacts.OUTCOMES,
        longest=(contacts.LONGEST_NAME, contacts.LONGEST_NOTE),
        today=contacts.today(),
        form=contacts.number(),
        typed=typed or {},
        wrong=wrong,
    )


def _why(deployed: Deployed, corporation: str) -> Explanation | None:
    """The reasons by the deployed model and the book as they are now."""
    ranked = service().ranked(deployed, service().book())
    return explained(ranked, corporation, service().settings.columns)


def _chart(past: list[queries.Position]) -> svg.Chart | None:
    """A client's risk over the lists."""
    names = [times.brief(each.started_at) for each in past]
    points = [
        (at, each.risk, f"{ranking.percent(each.risk)}, rank {each.rank:,}, {names[at]} UTC")
        for at, each in enumerate(past)
    ]
    return svg.chart({"risk": points}, names, whole=True)
