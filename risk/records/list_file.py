"""The ranked list as a file: riskranking.csv, written together with the copy for the records."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from risk import files
from risk.columns import Columns
from risk.errors import ArtefactRefused, InputMissing
from risk.learning import ranking
from risk.models import estimator
from risk.reasons import sentences
from risk.records import list_copy, list_index
from risk.records.list_index import OpenList
from risk.rows import csv_lines

LIST = ("corporation", "risk", "rank", "band", "reasons")
MOVED = ("previous_risk", "previous_rank")
BASIS = ("release", "deployed_at", "as_of")
COLUMNS = (*LIST, ranking.OUTCOME, *MOVED, *BASIS)
WORTH = (ranking.VALUE, ranking.AT_STAKE)  # at the end, if there is a value_column
TYPES = {"risk": "float64", "rank": "int64", "previous_risk": "float64", "previous_rank": "Int64"}
TYPES |= dict.fromkeys(WORTH, "float64")
REPEATED = ("band", ranking.OUTCOME, *BASIS)  # few different words, each held in memory once
ROWS_AT_ONCE = 50_000


def write(
    path: Path,
    ranked: ranking.Ranked,
    columns: Columns,
    basis: ranking.Basis,
    kept_in: Path | None = None,
) -> None:
    """Replace the list, and write codes, risks and ranks into `kept_in` for the records.

    That file is in place before the list is, so every list that can be seen can be recorded.
    """
    earlier = _earlier(path, basis)
    with contextlib.ExitStack() as held:
        names = [*COLUMNS, *(WORTH if columns.value else ())]
        drafts = [(held.enter_context(files.replacing(path)), names)]
        if kept_in:
            drafts.append((held.enter_context(files.replacing(kept_in)), list(list_copy.COLUMNS)))
        for draft, wanted in drafts:
            draft.write(f"{','.join(wanted)}\n".encode())
        for begin in range(0, len(ranked.risks), ROWS_AT_ONCE):
            table = _rows(ranked, slice(begin, begin + ROWS_AT_ONCE), columns)
            before = earlier.reindex(table["corporation"])
            for name in MOVED:
                table[name] = before[name].array
            cells = {str(name): csv_lines.cells(table[name]) for name in table}
            for name, text in basis._asdict().items():
                cells[name] = csv_lines.repeated(text, len(table))
            for draft, wanted in drafts:
                draft.write(csv_lines.lines([cells[name] for name in wanted]))
        drafts[0][0].flush()
        list_index.keep(files.draft_of(path), path, ranked.average)


def _rows(ranked: ranking.Ranked, part: slice, columns: Columns) -> pd.DataFrame:
    """A part of the list in its own columns."""
    clients, risks = ranked.clients[part], ranked.risks[part]
    terms, middle = ranked.terms.rows(part), ranked.average
    return pd.DataFrame(
        {
            "corporation": clients[columns.client].array,
            "risk": risks,
            "rank": np.arange(part.start + 1, part.start + len(clients) + 1),
            "band": ranking.bands(risks),
            "reasons": sentences.in_words(terms, clients, middle, columns, ranking.lean(risks)),
            ranking.OUTCOME: ranked.marks[part],
            **_worth(clients, risks, columns),
        }
    )


def _worth(clients: pd.DataFrame, risks: estimator.Numbers, columns: Columns) -> dict[str, Any]:
    """What each client is worth and what is at stake, if the data tell it."""
    if not columns.value:
        return {}
    stake = ranking.at_stake(risks, clients, columns).round(2)
    return {ranking.VALUE: clients[columns.value].array, ranking.AT_STAKE: stake}


def _earlier(path: Path, basis: ranking.Basis) -> pd.DataFrame:
    """Risk and rank by client in the previous list: the file that is about to be replaced.

    The managers have worked with that file, and it is there when the database is not. A list that
    is made again from the same data with the same release is compared with the same one as before.
    """
    nothing = pd.DataFrame({name: pd.Series(dtype=TYPES[name]) for name in MOVED})
    try:
        same = basis_of(path) == basis
        numbers = list(MOVED) if same else ["risk", "rank"]
        table = read(path, ("corporation", *numbers))
    except (InputMissing, ArtefactRefused):
        return nothing
    table = table.set_index("corporation")
    if not table.index.is_unique:
        table = table[~table.index.duplicated()]
    return table.set_axis(list(MOVED), axis="columns").astype({"previous_rank": "Int64"})


def has_worth(path: Path) -> bool:
    """Whether the list says what its clients are worth."""
    try:
        with path.open("rb") as lines:
            return lines.readline().rstrip().endswith(f",{','.join(WORTH)}".encode())
    except FileNotFoundError:
        return False


def basis_of(path: Path) -> ranking.Basis | None:
    """Release and data that the list was made from; None if it is empty."""
    first = read(path, BASIS, rows=1)
    return None if first.empty else ranking.Basis(*first.iloc[0])


def read(
    path: Path, wanted: tuple[str, ...] | None = None, rows: int | None = None
) -> pd.DataFrame:
    """The list, or some of its columns and its first rows."""
    wanted = wanted or (*COLUMNS, *(WORTH if has_worth(path) else ()))
    with _refusals(path):
        return _table(path, wanted, rows)


def _table(
    source: Path | IO[bytes], wanted: tuple[str, ...], rows: int | None = None
) -> pd.DataFrame:
    with pd.read_csv(source, iterator=True, **_as_written(wanted)) as reader:
        table = reader.read(rows)
    return table[list(wanted)]


def parsed(content: bytes) -> pd.DataFrame:
    """A part of the list, as it is read as a whole."""
    names = content.partition(b"\n")[0].decode().split(",")
    wanted = tuple(name for name in (*COLUMNS, *WORTH) if name in names)
    return _table(io.BytesIO(content), wanted)


def opened(path: Path) -> OpenList:
    """The list, most of which stays in the file."""
    with _refusals(path):
        found = OpenList(path)
        if missing := [name for name in COLUMNS if name not in found.names]:
            raise ValueError(f"it has no {missing[0]}")
        return found


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Say what is wrong with a list that cannot be read, and what to do."""
    try:
        yield
    except FileNotFoundError:
        raise InputMissing(
            f"{files.short(path)} is missing; run python reporting.py first"
        ) from None
    except ValueError as error:
        raise ArtefactRefused(
            f"{files.short(path)} is damaged ({error}); run python reporting.py"
        ) from error


def _as_written(wanted: tuple[str, ...]) -> ranking.Row:
    """The options for pandas: every cell is text and never missing, except for the numbers."""
    return {
        "usecols": list(wanted),
        "dtype": {
            name: "category" if name in REPEATED else TYPES.get(name, "str") for name in wanted
        },
        "keep_default_na": False,
        "na_values": {name: [""] for name in (*MOVED, *WORTH) if name in wanted},
    }
