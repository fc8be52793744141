"""When a list is made, and when one is owed: after every run past the first gate, once."""

from typing import Any

import pytest

import deployment
import ingestion
import reporting
from company import fabricate
from fullprocess import full_process
from risk import files
from risk.errors import InputMissing, RiskError, ServiceDown
from risk.records import pending, store
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import decided, deliver, put, settle_what_is_shown
from tests.reasons.book import read


def recorded(settings: Settings) -> list[tuple[Any, ...]]:
    """The lists in the records: how many clients in each, by run."""
    with store.engine(settings).connect() as connection:
        query = "SELECT run, release, count(*), min(rank), max(rank) FROM risks GROUP BY run"
        return [tuple(row) for row in connection.exec_driver_sql(f"{query} ORDER BY run")]


def another_period(settings: Settings, number: int) -> None:
    period = fabricate.periods(number, clients=400, seed=1)[-1]
    deliver(settings, f"dataset{number}.csv", period)


def test_every_run_past_the_first_gate_makes_the_list_anew(finished: Settings) -> None:
    settings = finished
    first = read(settings)
    another_period(settings, 2)
    assert decided(settings) in {"no drift", "deployed"}
    second = read(settings)
    assert second["as_of"].iloc[0] >= first["as_of"].iloc[0]
    current = tables.read(settings.output_folder_path / files.CLIENTS, settings.columns)
    here = current[current["exited"] != 1]["corporation"]
    assert sorted(second["corporation"]) == sorted(here)
    assert second["previous_rank"].notna().any()
    counts = [row[2:] for row in recorded(settings)]
    assert counts == [(len(first), 1, len(first)), (len(second), 1, len(second))]


def test_the_recorded_risks_are_those_of_the_list(settings: Settings) -> None:
    put(settings, "odd.csv", ["null,1,2,3,0", "0012,1,2,3,", '"a""b",1,2,3,0', "😀,1,2,3,0"])
    decided(settings)
    listed = read(settings)[["corporation", "risk", "rank"]]
    with store.engine(settings).connect() as connection:
        stored = connection.exec_driver_sql(
            "SELECT corporation, risk, rank FROM risks ORDER BY rank"
        )
        assert [tuple(row) for row in stored] == list(listed.itertuples(index=False, name=None))


def test_unknown_outcomes_are_ranked_and_nothing_is_retrained(finished: Settings) -> None:
    settings = finished
    for path in settings.input_folder_path.iterdir():
        path.unlink()
    put(settings, "new.csv", [f"C{n:03},{n},{n * 9},7," for n in range(50)])
    assert decided(settings) == "no drift"
    assert len(read(settings)) == 50


def test_after_a_rollback_the_moves_are_those_since_the_list_before_it(finished: Settings) -> None:
    settings = finished
    put(settings, "dataset1.csv", [f"A{n:03},{n},5,{9 - n},{n % 2}" for n in range(9)])
    assert decided(settings, force=True) == "deployed"
    before = read(settings).set_index("corporation")
    deployment.roll_back(settings)
    reporting.rank_clients(settings)
    after = read(settings).set_index("corporation")
    assert after["release"].iloc[0].startswith("3-")
    assert after["previous_rank"].tolist() == before["rank"][after.index].tolist()
    assert after["previous_risk"].tolist() == before["risk"][after.index].tolist()
    assert (after["risk"] != after["previous_risk"]).any()


def test_a_run_that_died_before_its_list_has_it_made_by_the_next_once(finished: Settings) -> None:
    settings = finished
    another_period(settings, 2)
    died = pending.Run(settings, [pending.LIST])
    ingestion.merge_multiple_dataframe(settings)
    (settings.input_folder_path / "dataset2.csv").unlink()
    before = read(settings)
    assert full_process(settings) == "no new data"
    after = read(settings)
    assert len(after) > len(before)
    assert recorded(settings)[-1][0] == died.facts["id"]
    assert full_process(settings) == "no new data"
    assert len(recorded(settings)) == 2
    assert pending.waiting(settings) == []


def test_a_list_that_cannot_be_written_is_made_by_the_next_run(finished: Settings) -> None:
    settings = finished
    another_period(settings, 2)
    ranking_ = settings.output_model_path / files.RANKING
    ranking_.unlink()
    ranking_.mkdir()
    with pytest.raises(OSError, match="directory"):
        decided(settings)
    assert len(recorded(settings)) == 1
    ranking_.rmdir()
    settle_what_is_shown(settings)
    assert full_process(settings) == "no new data"
    assert [row[2] for row in recorded(settings)][-1] == len(read(settings))
    assert full_process(settings) == "no new data"
    assert len(recorded(settings)) == 2


def test_an_owed_list_that_cannot_be_made_keeps_no_new_data_out(finished: Settings) -> None:
    pending.Run(finished, [pending.LIST])  # and died
    book = finished.output_folder_path / files.CLIENTS
    book.write_text("damaged")
    (finished.output_model_path / files.RANKING).unlink()
    with pytest.raises(RiskError, match=files.CLIENTS):
        full_process(finished)
    another_period(finished, 2)
    assert full_process(finished) in ("deployed", "no drift")
    assert len(read(finished))
    assert full_process(finished) == "no new data"


def test_lists_wait_while_the_records_cannot_be_written(finished: Settings) -> None:
    settings = finished
    path = settings.output_folder_path / files.RECORDS
    for sidecar in ("", "-wal", "-shm"):
        path.with_name(path.name + sidecar).unlink(missing_ok=True)
    path.mkdir()
    sizes = []
    for number in (2, 3):
        another_period(settings, number)
        with pytest.raises(ServiceDown):
            decided(settings)
        sizes.append(len(read(settings)))
    path.rmdir()
    assert full_process(settings) == "no new data"
    assert [row[2] for row in recorded(settings)] == sizes
    assert list((settings.output_folder_path / files.PENDING).iterdir()) == []


def test_a_first_run_that_died_owes_no_list(settings: Settings) -> None:
    pending.Run(settings)
    assert decided(settings) == "deployed"
    assert len(recorded(settings)) == 1


def test_an_idle_run_after_all_that_loads_nothing_heavy(finished: Settings) -> None:
    settings = finished
    before = (settings.output_model_path / files.RANKING).stat().st_mtime_ns
    assert full_process(settings) == "no new data"
    assert (settings.output_model_path / files.RANKING).stat().st_mtime_ns == before


def test_a_list_without_a_release_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(InputMissing, match="nothing is deployed yet"):
        reporting.rank_clients(settings)
