"""The ranked list as the pages show it: searched, cut at capacity, sorted, in pages."""

import csv
import io
from collections.abc import Iterator, Set
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk import times
from risk.learning import ranking, reasons
from risk.learning.ranking import Basis, Row
from risk.records import list_file

PAGE = 50
MOST = 1_000_000
ROWS_AT_ONCE = 2_000
STARTS_A_FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")  # the last four are wide ones
ORDERS = {
    "risk": "open first, by risk",
    "code": "client code",
    "risen": "risen most since the last list",
    "fallen": "fallen most since the last list",
}

Places = npt.NDArray[np.int64]


class Listing(NamedTuple):
    """The list, and what finds clients in it fast."""

    basis: Basis | None
    table: pd.DataFrame
    places: dict[str, int]
    folded: list[str]
    keys: dict[str, npt.NDArray[np.float64]]


class Wish(NamedTuple):
    """What of the list is wanted: no text, no band and no page mean the first to call."""

    text: str = ""
    band: str = ""
    order: str = "risk"
    is_whole: bool = False
    hides_contacted: bool = False
    page: int = 1


class Listed(NamedTuple):
    """One client of the list."""

    corporation: str
    risk: float
    rank: int
    band: str
    reasons: list[str]
    outcome: str
    previous_rank: int | None

    @property
    def moved(self) -> str:
        """Where the client went since the previous list, in words."""
        return ranking.moved(self.rank, self.previous_rank)


def read(path: Path) -> Listing:
    """The list that is in this file."""
    table = list_file.read(path)
    codes = table["corporation"].tolist()
    risen = table["previous_rank"].astype("float64").to_numpy() - table["rank"].to_numpy()
    alphabetical = np.empty(len(codes))
    alphabetical[np.argsort(np.array(codes, dtype=object), kind="stable")] = np.arange(len(codes))
    return Listing(
        Basis(*table.loc[0, list(list_file.BASIS)]) if codes else None,
        table,
        {code: place for place, code in enumerate(codes)},
        [code.casefold() for code in codes],
        {
            "risk": np.arange(len(codes), dtype="float64"),
            "code": alphabetical,
            "risen": -risen,  # new clients have not moved and come last
            "fallen": risen,
        },
    )


def selected(listing: Listing, wish: Wish, capacity: int, contacted: Set[str]) -> Places:
    """The places of the clients that are wanted, in the order that is wanted."""
    return first(listing, wish, capacity, matching(listing, wish, contacted))


def matching(listing: Listing, wish: Wish, contacted: Set[str]) -> Places:
    """The places of all clients that are like that."""
    chosen = np.ones(len(listing.folded), dtype=bool)
    if wish.text:
        needle = wish.text.casefold()
        chosen &= np.fromiter((needle in code for code in listing.folded), dtype=bool)
    if wish.band:
        chosen &= (listing.table["band"] == wish.band).to_numpy(dtype=bool)
    if wish.hides_contacted:
        known = [listing.places[code] for code in contacted if code in listing.places]
        chosen[known] = False
    places: Places = np.flatnonzero(chosen)
    return places


def first(listing: Listing, wish: Wish, capacity: int, places: Places) -> Places:
    """Those among them that can be called, in the order that is wanted.

    The cut at capacity comes after the filters, so what they leave out is filled up again; a
    search goes through the whole list.
    """
    if not wish.is_whole and not wish.text:
        places = places[:capacity]
    return places[np.argsort(listing.keys[wish.order][places], kind="stable")]


def pages(places: Places) -> int:
    """On how many pages these clients stand; nobody stands on one, too."""
    return max(1, -(-len(places) // PAGE))


def page(listing: Listing, places: Places, number: int) -> list[Listed]:
    """The clients on one page."""
    return rows(listing, places[(number - 1) * PAGE : number * PAGE])


def rows(listing: Listing, places: Places) -> list[Listed]:
    """The clients at these places."""
    wanted = listing.table[list(Listed._fields)].iloc[places].itertuples(index=False, name=None)
    return [
        Listed(
            *(code, float(risk), int(rank), band, why.split(reasons.BETWEEN), outcome),
            None if pd.isna(before) else int(before),
        )
        for code, risk, rank, band, why, outcome, before in wanted
    ]


def of(listing: Listing, corporation: str) -> Listed | None:
    """One client, none if the list does not have it."""
    place = listing.places.get(corporation)
    return None if place is None else rows(listing, np.array([place]))[0]


def answer(listing: Listing, top: int) -> Row:
    """The clients at the top, what the list rests on and how old that is, as the API says it."""
    first = listing.table[list(list_file.LIST)].head(top).to_dict("records")
    basis = listing.basis
    return {
        "release": basis.release if basis else None,
        "deployed_at": basis.deployed_at or None if basis else None,
        "as_of": basis.as_of if basis else None,
        "age_seconds": times.seconds_since(basis.as_of) if basis else None,
        "clients": [{str(name): cell for name, cell in row.items()} for row in first],
    }


def counts(listing: Listing) -> dict[str, int]:
    """How many clients each band has."""
    found = listing.table["band"].value_counts()
    return {name: int(found.get(name, 0)) for name, _ in ranking.BANDS}


def spreadsheet(listing: Listing) -> Iterator[str]:
    """The whole list as a CSV that no spreadsheet takes for formulas."""
    yield _lines([list_file.COLUMNS])
    numbers = set(list_file.TYPES)
    for begin in range(0, len(listing.folded), ROWS_AT_ONCE):
        part = listing.table.iloc[begin : begin + ROWS_AT_ONCE]
        columns = [
            _numbers(part[name]) if name in numbers else map(defused, part[name].tolist())
            for name in list_file.COLUMNS
        ]
        yield _lines(zip(*columns, strict=True))


def _numbers(column: "pd.Series[float]") -> list[str]:
    missing = column.isna()
    return ["" if no else repr(cell) for cell, no in zip(column.tolist(), missing, strict=True)]


def defused(cell: str) -> str:
    """A text that a spreadsheet shows and never runs."""
    return f"'{cell}" if cell.startswith(STARTS_A_FORMULA) else cell


def _lines(records: "Iterator[tuple[str, ...]] | list[tuple[str, ...]]") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(records)
    return text.getvalue()
