"""When each outcome came: known again whatever the files do, and lost for no row."""

import numpy as np
import pandas as pd
import pytest

import ingestion
from company import fabricate
from risk import files
from risk.data import intake
from risk.dataset import outcomes
from risk.dataset.outcomes import Labelled
from risk.errors import ArtefactRefused
from risk.settings import Settings
from tests.conftest import deliver


@pytest.fixture
def empty(settings: Settings) -> Settings:
    """A project whose input folder is empty."""
    for path in settings.input_folder_path.iterdir():
        path.unlink()
    return settings


MONTHS = fabricate.periods(4, clients=60, seed=3)
OPEN = [rows.assign(exited=np.nan) for rows in MONTHS]


def taken(settings: Settings, **tables: pd.DataFrame) -> Labelled:
    """What is known of outcomes after these files came."""
    for name, table in tables.items():
        deliver(settings, f"{name}.csv", table)
    return ingestion.store(intake.gather(settings), settings).labelled


def arrivals(known: Labelled) -> dict[int, int]:
    """How many outcomes came with each arrival."""
    numbers, counts = np.unique(known.arrival, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def test_outcomes_on_time_come_with_the_next_file(empty: Settings) -> None:
    taken(empty, file1=MONTHS[0])
    taken(empty, file2=pd.concat([MONTHS[1], OPEN[2]]))
    known = taken(empty, file3=pd.concat([MONTHS[2], OPEN[3]]))
    sizes = [len(rows) for rows in MONTHS[:3]]
    assert arrivals(known) == {1: sizes[0], 2: sizes[1], 3: sizes[2]}
    assert np.bincount(known.period).tolist() == sizes  # the newest labelled file is the last


def test_only_the_rows_filled_in_are_new_in_a_file_that_is_filled_in_bit_by_bit(
    empty: Settings,
) -> None:
    half = MONTHS[1].assign(exited=MONTHS[1]["exited"].where(MONTHS[1].index % 2 == 0))
    taken(empty, file1=MONTHS[0], file2=half)
    known = taken(empty, file2=MONTHS[1])
    later = MONTHS[1].index % 2 == 1
    assert arrivals(known) == {1: len(MONTHS[0]) + int((~later).sum()), 2: int(later.sum())}
    came_last = known.since(1).table["corporation"]
    assert set(came_last) == set(MONTHS[1]["corporation"][later])


def test_an_ingestion_of_the_same_files_is_no_arrival(empty: Settings) -> None:
    first = taken(empty, file1=MONTHS[0])
    again = taken(empty)
    assert arrivals(again) == arrivals(first) == {1: len(MONTHS[0])}


def test_a_file_that_vanishes_takes_its_rows_and_leaves_the_others_their_arrival(
    empty: Settings,
) -> None:
    taken(empty, file1=MONTHS[0])
    taken(empty, file2=MONTHS[1])
    (empty.input_folder_path / "file1.csv").unlink()
    assert arrivals(taken(empty)) == {2: len(MONTHS[1])}


def test_an_outcome_that_is_contradicted_came_with_the_later_file(empty: Settings) -> None:
    taken(empty, file1=MONTHS[0], file2=OPEN[1])
    corrected = MONTHS[0].assign(exited=1 - MONTHS[0]["exited"])[:1]
    known = taken(empty, file3=pd.concat([corrected, MONTHS[0][1:]]))
    assert known.since(1).table["corporation"].tolist() == [MONTHS[0]["corporation"][0]]


@pytest.mark.parametrize(
    "content", [None, b"", b"x\nno such rows", b"x\n" + 16 * b"\xff", b"x\n" + 16 * b"\x7f"]
)
def test_what_is_lost_is_told_from_the_files(empty: Settings, content: bytes | None) -> None:
    taken(empty, file1=MONTHS[0])
    before = taken(empty, file2=MONTHS[1])
    path = empty.output_folder_path / files.OUTCOMES
    path.unlink() if content is None else path.write_bytes(content)
    again = taken(empty)
    assert again.arrival.tolist() == before.arrival.tolist()


def test_what_belongs_to_other_data_is_refused(empty: Settings) -> None:
    taken(empty, file1=MONTHS[0])
    path = empty.output_folder_path / files.OUTCOMES
    with pytest.raises(ArtefactRefused, match="belongs to other data"):
        outcomes.read(path, "another id")


def test_rows_of_which_nothing_is_known_count_as_one_period(empty: Settings) -> None:
    known = outcomes.labelled(empty.output_folder_path, "any", MONTHS[0], empty.columns)
    assert (len(known.table), set(known.period), set(known.arrival)) == (len(MONTHS[0]), {0}, {1})
