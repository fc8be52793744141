"""Whom to call: the ranked list, searched, cut at capacity, sorted and in pages; also as a CSV."""

import functools
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
import pandas as pd
from flask import Response, request
from werkzeug.datastructures import MultiDict

from risk import files, times
from risk.errors import RequestRefused
from risk.learning import ranking
from risk.learning.ranking import Basis
from risk.reasons import phrases
from risk.records import contacts, list_file, list_index
from risk.records.list_index import OpenList, Places
from risk.web import answers
from risk.web.pages import is_set, pages, part, service

PAGE = 50
MOST = LAST_PAGE = 1_000_000
LONGEST_SEARCH = 200
ROWS_AT_ONCE = 2_000
STARTS_A_FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")  # the last four are wide ones
NUMBERS: dict[str, type] = {"risk": float, "rank": int}
ORDERS = {
    "risk": "open first, by risk",
    "code": "client code",
    "risen": "risen most since the last list",
    "fallen": "fallen most since the last list",
}


@dataclass(frozen=True, eq=False)
class ClientList:
    """The list, in which a place is a position; most of what it says stays in the file."""

    file: OpenList
    basis: Basis | None
    table: pd.DataFrame

    @property
    def count(self) -> int:
        """How many clients it has."""
        return len(self.table)

    @functools.cached_property
    def at_risk(self) -> dict[str, int]:
        """How many clients of each band may still leave: as `ranking.counts`, not all of them."""
        return ranking.counts(self.table)

    @functools.cached_property
    def found_by_band(self) -> dict[str, int]:
        """How many clients the filter of each band finds, also those that stayed or are absent."""
        by_band = self.table["band"].value_counts()
        return {name: int(by_band.get(name, 0)) for name, _ in ranking.BANDS}


class Wish(NamedTuple):
    """The wanted clients of the list, by default those to call first."""

    text: str = ""
    band: str = ""
    order: str = "risk"
    is_whole: bool = False
    hides_contacted: bool = False
    page: int = 1


class Client(NamedTuple):
    """One client of the list."""

    corporation: str
    risk: float
    rank: int
    band: str
    reasons: list[str]
    outcome: str
    previous_rank: int | None
    at_stake: float | None = None

    @property
    def moved(self) -> str:
        """Where the client went since the previous list, in words."""
        return ranking.moved(self.rank, self.previous_rank)


def read(path: Path) -> ClientList:
    """The list that is in this file."""
    opened = list_file.opened(path)
    first = next(opened.rows([0]), None) if opened.table.num_rows else None
    return ClientList(
        opened,
        Basis(*(first[name] for name in list_file.BASIS)) if first else None,
        opened.table.drop_columns([list_index.CODE, list_index.BEGIN]).to_pandas(),
    )


def current() -> ClientList:
    """The list as it is now."""
    return service().content(service().settings.output_model_path / files.RANKING, read)


def matching(listed: ClientList, wish: Wish, contacted: Set[str]) -> Places:
    """The places of the clients that have the text, the band, and no recent contact."""
    chosen = np.ones(listed.count, dtype=bool)
    if wish.text:
        chosen &= listed.file.have_text(wish.text)
    if wish.band:
        chosen &= (listed.table["band"] == wish.band).to_numpy(dtype=bool)
    if wish.hides_contacted:
        chosen &= ~listed.file.are_among(contacted)
    return np.flatnonzero(chosen)


def to_call(listed: ClientList, wish: Wish, capacity: int, places: Places) -> Places:
    """As many of these places as can be called, in the wanted order.

    The cut at capacity comes after the filters, so that the next clients replace those left out.
    Clients that are not in the newest data are only found by a search, or in the whole list.
    """
    if not wish.is_whole and not wish.text:
        places = places[ranking.may_be_called(listed.table[ranking.OUTCOME].iloc[places])]
        places = places[:capacity]
    return _in_order(listed.table, wish.order, places)


def _in_order(table: pd.DataFrame, order: str, places: Places) -> Places:
    """These places, which are in the order of the list, in another one."""
    if order == "risk":
        return places
    some = table if len(places) == len(table) else table.iloc[places]
    if order == "code":
        keys = some[list_index.ALPHABETICAL].to_numpy()
    else:
        risen = (some["previous_rank"] - some["rank"]).to_numpy(dtype="float64")
        keys = -risen if order == "risen" else risen  # new clients have not moved and come last
    return places[np.argsort(keys, kind="stable")]


def clients_at(listed: ClientList, places: Sequence[int] | Places) -> list[Client]:
    """The clients at these places."""
    return [
        Client(
            row["corporation"],
            float(row["risk"]),
            int(row["rank"]),
            row["band"],
            row["reasons"].split(phrases.BETWEEN),
            row[ranking.OUTCOME],
            int(row["previous_rank"]) if row["previous_rank"] else None,
            float(row[ranking.AT_STAKE]) if ranking.AT_STAKE in row else None,
        )
        for row in listed.file.rows(places)
    ]


def client_of(listed: ClientList, corporation: str) -> Client | None:
    """The client with this code, none if the list does not have it."""
    place = listed.file.place(corporation)
    return None if place is None else clients_at(listed, [place])[0]


def show() -> Response:
    """The page of the list."""
    settings, listed, wish = service().settings, current(), _wish(request.args)
    by_value = settings.order == "value"
    hidden = part(contacts.recent, settings) if wish.hides_contacted else part(set)
    matches = matching(listed, wish, hidden.value or set())
    places = to_call(listed, wish, settings.capacity, matches)
    last = max(1, -(-len(places) // PAGE))
    wish = wish._replace(page=min(wish.page, last))
    first_on_page = (wish.page - 1) * PAGE
    on_page = clients_at(listed, places[first_on_page : first_on_page + PAGE])
    contacted = part(contacts.last, settings, [client.corporation for client in on_page])
    deployed = part(service().deployed.now).value
    return answers.page(
        "clients.html",
        wish=wish,
        linked=functools.partial(_address, wish),
        listed=listed,
        on_page=on_page,
        count=len(places),
        matches=len(matches),
        pages=last,
        first_on_page=first_on_page + 1,
        contacts=contacted.value or {},
        problem=hidden.problem or contacted.problem,
        capacity=settings.capacity,
        orders=ORDERS | ({"risk": "open first, by stake"} if by_value else {}),
        hidden_days=contacts.HIDDEN_DAYS,
        order=ranking.order(listed.table[ranking.OUTCOME], settings.order),
        stake=ranking.stake(listed.table, settings.capacity),
        beyond=wish.text if not len(places) and service().has_in_book(wish.text) else "",
        release=deployed.release if deployed else None,
    )


def _wish(query: "MultiDict[str, str]") -> Wish:
    """What the address asks of the list."""
    text, band = query.get("q", ""), query.get("band", "")
    order, page = query.get("sort", "risk"), query.get("page", "1")
    bands = dict(ranking.BANDS)
    if len(text) > LONGEST_SEARCH:
        raise _wrong(f"a search has at most {LONGEST_SEARCH} characters")
    if band and band not in bands:
        raise _wrong(f"band is one of {', '.join(bands)}")
    if order not in ORDERS:
        raise _wrong(f"sort is one of {', '.join(ORDERS)}")
    number = answers.count(page, "page", LAST_PAGE)
    return Wish(text, band, order, is_set(query, "all"), is_set(query, "hide"), number)


def _wrong(message: str) -> RequestRefused:
    return RequestRefused("bad_request", message)


def _address(wish: Wish, **changes: Any) -> str:
    """The address of the list with these changes; defaults are left out."""
    wanted = wish._replace(**{"page": 1, **changes})
    query = {
        "q": wanted.text,
        "band": wanted.band,
        "sort": wanted.order if wanted.order != "risk" else "",
        "all": "1" if wanted.is_whole else "",
        "hide": "1" if wanted.hides_contacted else "",
        "page": str(wanted.page) if wanted.page > 1 else "",
    }
    query = {name: value for name, value in query.items() if value}
    return f"/clients?{urlencode(query)}" if query else "/clients"


def answer(listed: ClientList, top: int | None, capacity: int) -> dict[str, Any]:
    """The first clients, the release and the data behind the list, as the API answers.

    Clients that are not in the newest data are among those to call only if so many are asked for.
    """
    places = np.arange(listed.count)
    if top is None:
        places = places[ranking.may_be_called(listed.table[ranking.OUTCOME])]
    first = [
        {name: NUMBERS.get(name, str)(row[name]) for name in list_file.LIST}
        for row in listed.file.rows(places[: top or capacity])
    ]
    basis = listed.basis
    return {
        "release": basis.release if basis else None,
        "deployed_at": basis.deployed_at or None if basis else None,
        "as_of": basis.as_of if basis else None,
        "age_seconds": times.seconds_since(basis.as_of) if basis else None,
        "clients": first,
    }


@pages.get("/clients.csv")
def spreadsheet() -> Response:
    """The whole list for a spreadsheet."""
    response = Response(_csv(current().file), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="clients.csv"'
    return response


def _csv(listed: OpenList) -> Iterator[str]:
    """The list as a CSV, in parts, that no spreadsheet takes for formulas."""
    yield f"{','.join(listed.names)}\n"
    for begin in range(0, listed.table.num_rows, ROWS_AT_ONCE):
        rows = list_file.parsed(listed.part(begin, begin + ROWS_AT_ONCE))
        for name in set(rows) - set(list_file.TYPES):
            rows[name] = rows[name].map(defused)
        yield rows.to_csv(index=False, header=False, lineterminator="\n")


def defused(cell: str) -> str:
    """A text that a spreadsheet shows as it is."""
    return f"'{cell}" if cell.startswith(STARTS_A_FORMULA) else cell
