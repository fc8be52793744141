"""One client: every term of its risk, its rows in the data, its contacts and the form for one."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from flask import Response, request

from risk import times
from risk.errors import RequestRefused
from risk.learning import ranking, reasons
from risk.learning.deployed import Deployed
from risk.learning.ranking import Ranked
from risk.records import contacts, queries
from risk.records.contacts import Wrong
from risk.reports import svg
from risk.settings import Columns
from risk.web import answers, client_list, security
from risk.web.pages import address, pages, part, service

LARGEST_FORM = 64 * 1024


class Reason(NamedTuple):
    """What one feature adds to the log-odds of the middle client, in numbers and in words."""

    name: str
    given: str
    taken: str
    usual: str
    part: float
    words: str
    is_against: bool = False  # where the client stands, at high or at low risk

    @property
    def factor(self) -> str:
        """By how much it multiplies the odds of leaving."""
        return reasons.times(self.part)


class Explained(NamedTuple):
    """The terms of a risk: the log-odds of the middle client and all parts give the client's.

    `in_order` has the values of the middle client in the order of the columns.
    """

    risk: float
    usual_risk: float
    log_odds: float
    usual_log_odds: float
    reasons: list[Reason]
    in_order: list[str]

    @property
    def factor(self) -> str:
        """By how much all of it multiplies the odds of leaving."""
        return reasons.times(sum(reason.part for reason in self.reasons))


class Period(NamedTuple):
    """One row of the data: the features in words, and what became of the client."""

    values: list[str]
    outcome: str


def explained(ranked: Ranked, corporation: str, columns: Columns) -> Explained | None:
    """All reasons of one client, the heaviest first; none if it is not among the ranked."""
    places = np.flatnonzero((ranked.clients[columns.client] == corporation).to_numpy(dtype=bool))
    if not len(places):
        return None
    place = int(places[0])
    parts, taken = ranked.terms.parts[place], ranked.terms.values[place]
    given = ranked.clients[list(columns.features)].to_numpy()[place]
    usual = ranked.average.log_odds
    against = reasons.against(parts[None, :], ranking.lean(ranked.risks[[place]]))[0]
    return Explained(
        float(ranked.risks[place]),
        _risk(usual),
        usual + float(parts.sum()),
        usual,
        [
            Reason(
                reasons.label(columns.features[at]),
                _shown(given[at]),
                reasons.about(taken[at]),
                reasons.about(ranked.average.values[at]),
                float(parts[at]),
                reasons.push(parts[at]),
                bool(against[at]),
            )
            for at in np.argsort(-np.abs(parts), kind="stable")
        ],
        [reasons.about(value) for value in ranked.average.values],
    )


def periods(dataset: pd.DataFrame, corporation: str, columns: Columns) -> list[Period]:
    """The rows of a client in the data, the oldest first."""
    own = dataset[(dataset[columns.client] == corporation).to_numpy(dtype=bool)]
    return [
        Period([_shown(value) for value in features], _outcome(outcome))
        for *features, outcome in own[[*columns.features, columns.target]].to_numpy()
    ]


def changes(
    dataset: pd.DataFrame, book: pd.DataFrame, corporation: str, columns: Columns
) -> list[str]:
    """How a client's newest row differs from its last row with other numbers.

    The data has a repeated row only once, so the book says which row is the newest.
    """
    names = list(columns.features)
    own = book[(book[columns.client] == corporation).to_numpy(dtype=bool)][names].to_numpy()
    rows = dataset[(dataset[columns.client] == corporation).to_numpy(dtype=bool)][names].to_numpy()
    others = [row for row in rows if not np.array_equal(row, own[-1:].ravel(), equal_nan=True)]
    if not len(own) or not others:
        return []
    return list(filter(None, map(_change, map(reasons.label, names), others[-1], own[-1])))


def _change(name: str, before: float, now: float) -> str:
    """How a number changed, in words; empty if both look the same."""
    then, today = _shown(before), _shown(now)
    if then == today:
        return ""
    if math.isnan(now) or math.isnan(before):
        return f"{name} was {then} and is {today}"
    return f"{name} {'fell' if now < before else 'rose'} from {then} to {today}"


def _shown(value: float) -> str:
    return "not known" if math.isnan(value) else reasons.shown(value)


def _outcome(value: float) -> str:
    if math.isnan(value):
        return "not known yet"
    return "left" if value == 1 else "stayed"


def _risk(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0  # else exp overflows


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
    """The client whose contacts these are, or whose code ends in /contacts."""
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
    """The page of a client, with a form that was refused as it was typed."""
    sources, settings, columns = service(), service().settings, service().settings.columns
    listed = part(client_list.current)
    own = client_list.client_of(listed.value, corporation) if listed.value else None
    dataset, book = part(sources.dataset), part(sources.book)
    rows = dataset.value is not None
    found = dataset._replace(value=periods(dataset.value, corporation, columns) if rows else None)
    if not own and not found.value and not sources.has_in_book(corporation):
        raise _unknown()
    release = part(sources.deployed.now)
    both = rows and book.value is not None
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
        changes=changes(dataset.value, book.value, corporation, columns) if both else [],
        periods=found,
        features=[reasons.label(name) for name in columns.features],
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


def _why(deployed: Deployed, corporation: str) -> Explained | None:
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
