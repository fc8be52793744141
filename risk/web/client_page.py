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
from risk.learning.ranking import Ranked
from risk.reasons import attribution, phrases
from risk.reasons.attribution import Average
from risk.records import contacts, queries
from risk.records.contacts import Wrong
from risk.reports import svg
from risk.web import answers, client_list, security
from risk.web.client_list import ClientList
from risk.web.pages import Part, address, ingested, pages, part, service, visible

LARGEST_FORM = 64 * 1024

Flags: TypeAlias = npt.NDArray[np.bool_]


class Period(NamedTuple):
    """One row of the data: the features in words, and what became of the client."""

    values: list[str]
    outcome: str


def periods(rows: pd.DataFrame, columns: Columns) -> list[Period]:
    """A client's rows in the data in words, the oldest first."""
    kinds = list(map(columns.kind, columns.features))
    return [
        Period(list(map(_cell, features, kinds)), _outcome(outcome))
        for *features, outcome in rows[[*columns.features, columns.target]].to_numpy(dtype=object)
    ]


def _cell(value: float | str, kind: str) -> str:
    """A cell in words, text with its invisible characters written out."""
    return visible(value) if isinstance(value, str) else phrases.cell(value, kind)


def changes(rows: pd.DataFrame, newest_row: pd.DataFrame, columns: Columns) -> list[str]:
    """How a client's newest row differs from its last row with other numbers.

    The data has a repeated row only once, so the book says which row is the newest. Dates are left
    out: their days are counted from another day in each period.
    """
    names = [name for name in columns.features if columns.kind(name) != DATE]
    newest, others = (table[names].to_numpy(dtype=object) for table in (newest_row[-1:], rows))
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
    if not (listed and listed.file.place(corporation) is not None) and not service().has_in_book(
        corporation
    ):
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
    data, newest = (part(rows, corporation) for rows in (sources.rows_of, sources.newest_row_of))
    has_data, has_newest = data.value is not None, newest.value is not None
    rows = periods(data.value, columns) if has_data else None
    if not own and not rows and not (has_newest and len(newest.value)):
        raise _unknown()
    release = part(sources.deployed.now)
    past = part(queries.of_client, settings, corporation)
    return answers.page(
        "client.html",
        400 if wrong else 200,
        code=corporation,
        own=own,
        basis=listed.value.basis if listed.value else None,
        all=listed.value.count if listed.value else 0,
        listed=listed,
        release=release.value.release if release.value else None,
        why=_why(release, newest, listed.value),
        changes=changes(data.value, newest.value, columns) if has_data and has_newest else [],
        periods=data._replace(value=rows),
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


def _why(release: Part, newest: Part, listed: ClientList | None) -> Part:
    """The reasons by the deployed model and the book, or what is wrong with them."""
    problems = [each for each in (release, newest) if each.value is None]
    return problems[0] if problems else part(_explained, release.value, newest.value, listed)


def _explained(
    deployed: Deployed, own: pd.DataFrame, listed: ClientList | None
) -> Explanation | None:
    """The reasons by the deployed model and the client's newest row; none if it has left."""
    columns = service().settings.columns
    ranked = own[(own[columns.target] != 1).to_numpy(dtype=bool)]
    if ranked.empty:
        return None
    model, middle = deployed.model, _middle(deployed, listed)
    risks = ranking.risks_of(model, ranked, columns)
    terms = attribution.terms(model, ranked, columns, middle)
    alone = Ranked(ranked, risks, terms, middle, np.empty(0, dtype=object))
    return explained(alone, ranked[columns.client].iloc[0], columns)


def _middle(deployed: Deployed, listed: ClientList | None) -> Average:
    """The middle client: what the list knows of it, if model and book are still those."""
    data = part(ingested).value
    is_current = data and listed and listed.basis == ranking.basis_now(deployed.release, data.time)
    known = listed.file.middle if listed and is_current else None
    return known or service().middle(deployed)


def _chart(past: list[queries.Position]) -> svg.Chart | None:
    """A client's risk over the lists."""
    names = [times.brief(each.started_at) for each in past]
    points = [
        (at, each.risk, f"{ranking.percent(each.risk)}, rank {each.rank:,}, {names[at]} UTC")
        for at, each in enumerate(past)
    ]
    return svg.chart({"risk": points}, names, whole=True)
