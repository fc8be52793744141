"""The list that the client managers work from: its order, its bands, its file."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk import files, model, reasons
from risk.errors import ArtefactRefused, InputMissing
from risk.model import Model
from risk.settings import Columns

BANDS = (("high", 0.5), ("medium", 0.2), ("low", 0.0))  # from this risk on
LIST = ("corporation", "risk", "rank", "band", "reasons")
MOVED = ("previous_risk", "previous_rank")
BASIS = ("release", "deployed_at", "as_of")
COLUMNS = (*LIST, *MOVED, *BASIS)
KEPT = ("corporation", "risk", "rank", "release")
TYPES = {"risk": "float64", "rank": "int64", "previous_risk": "float64", "previous_rank": "Int64"}
ROWS_AT_ONCE = 50_000

Row = dict[str, Any]


class Basis(NamedTuple):
    """What a list rests on: the release that ranked, its deployment, the moment of the data."""

    release: str
    deployed_at: str
    as_of: str


def bands(risks: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """The word for each risk."""
    names = np.array([name for name, _ in reversed(BANDS)], dtype=object)
    found: npt.NDArray[np.object_] = names[
        np.searchsorted([start for _, start in reversed(BANDS)], risks, side="right") - 1
    ]
    return found


def to_rank(book: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The clients that have not left, those of unknown outcome among them."""
    return book[book[columns.target] != 1]


def in_order(asked: Model, clients: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The clients with their risk, the highest first, ties by code."""
    risks = model.probability(asked, clients, columns)
    # numbers so large that they cancel out to nothing leave the model without an opinion
    known = clients.assign(risk=np.nan_to_num(risks, nan=0.5)).sort_values(columns.client)
    places = np.argsort(-known["risk"].to_numpy(), kind="stable")
    return known.iloc[places].reset_index(drop=True)


def write(
    path: Path,
    kept_in: Path | None,
    asked: Model,
    book: pd.DataFrame,
    columns: Columns,
    basis: Basis,
) -> int:
    """Replace the list by that of these clients; keep codes, risks and ranks beside if asked to.

    The copy is in place before the list is, so a list that is there was kept.
    """
    clients = in_order(asked, to_rank(book, columns), columns)
    middle = model.average(asked, clients, columns)
    terms = model.terms(asked, clients, columns, middle)
    given = clients[list(columns.features)].to_numpy()
    names = [reasons.label(name) for name in columns.features]
    earlier = _earlier(path, basis)
    with contextlib.ExitStack() as held:
        drafts = [(held.enter_context(files.replacing(path)), COLUMNS)]
        if kept_in:
            drafts.append((held.enter_context(files.replacing(kept_in)), KEPT))
        for begin in range(0, max(1, len(clients)), ROWS_AT_ONCE):
            part = slice(begin, begin + ROWS_AT_ONCE)
            some = model.Terms(terms.parts[part], terms.values[part])
            texts = reasons.told(some, given[part], middle, names)
            table = _rows(clients[part], columns.client, begin, texts, earlier, basis)
            for draft, wanted in drafts:
                table.to_csv(
                    draft, columns=wanted, header=begin == 0, index=False, lineterminator="\n"
                )
    return len(clients)


def _rows(
    clients: pd.DataFrame,
    client: str,
    begin: int,
    texts: reasons.Texts,
    earlier: pd.DataFrame,
    basis: Basis,
) -> pd.DataFrame:
    """A part of the list as its file has it."""
    codes, risks = clients[client].array, clients["risk"].to_numpy()
    table = pd.DataFrame({"corporation": codes, "risk": risks})
    table["rank"] = np.arange(begin + 1, begin + len(clients) + 1)
    table["band"] = bands(risks)
    table["reasons"] = texts
    before = earlier.reindex(codes)
    for name in MOVED:
        table[name] = before[name].array
    return table.assign(**basis._asdict())


def _earlier(path: Path, basis: Basis) -> pd.DataFrame:
    """Risk and rank by client in the previous list: the file that is about to be replaced.

    It is what the managers had in their hands, and it is there when the database is not. A list
    that is made again from the same data with the same release keeps what it was compared with.
    """
    nothing = pd.DataFrame({name: pd.Series(dtype=TYPES[name]) for name in MOVED})
    try:
        same = basis_of(path) == basis
        numbers = list(MOVED) if same else ["risk", "rank"]
        table = read(path, ("corporation", *numbers))
    except (InputMissing, ArtefactRefused):
        return nothing
    table = table.drop_duplicates("corporation").set_index("corporation")
    return table.set_axis(list(MOVED), axis="columns").astype({"previous_rank": "Int64"})


def basis_of(path: Path) -> Basis | None:
    """What the list rests on, none if it is empty."""
    first = read(path, BASIS, rows=1)
    return None if first.empty else Basis(*first.iloc[0])


def read(path: Path, wanted: tuple[str, ...] = COLUMNS, rows: int | None = None) -> pd.DataFrame:
    """The list, or some of its columns and its first rows; codes as they are."""
    try:
        table = pd.read_csv(path, nrows=rows, **_as_written(wanted))
    except FileNotFoundError:
        raise InputMissing(f"{files.short(path)} is missing; run python reporting.py first") from None
    except ValueError as error:
        raise ArtefactRefused(
            f"{files.short(path)} is damaged ({error}); run python reporting.py"
        ) from error
    return table[list(wanted)]


def kept(path: Path) -> Iterator[list[Row]]:
    """What was kept of a list beside it, in parts of bounded size; nothing if nothing was."""
    if not path.exists():
        return
    with pd.read_csv(path, chunksize=ROWS_AT_ONCE, **_as_written(KEPT)) as parts:
        for part in parts:
            yield part.to_dict("records")


def _as_written(wanted: tuple[str, ...]) -> Row:
    """How pandas has to read: every cell is text and never missing, but for the numbers."""
    return {
        "usecols": list(wanted),
        "dtype": {name: TYPES.get(name, "str") for name in wanted},
        "keep_default_na": False,
        "na_values": {name: [""] for name in MOVED if name in wanted},
    }


def moved(rank: int, previous: int | None) -> str:
    """Where a client went since the previous list, in words."""
    if previous is None or pd.isna(previous):
        return "new"
    if rank == previous:
        return "same"
    return f"up {previous - rank:,}" if rank < previous else f"down {rank - previous:,}"
