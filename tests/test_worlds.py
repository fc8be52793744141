"""The worlds in which decisions are tried out."""

import numpy as np
import pytest

from company import fabricate, worlds
from company.fabricate import Month

CLIENTS, SEED = 2_000, 3
HISTORIES = {world: worlds.history(world, CLIENTS, SEED) for world in worlds.WORLDS}


def same(one: Month, other: Month) -> bool:
    return one.rows.equals(other.rows) and bool(np.array_equal(one.risks, other.risks))


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_a_history_is_the_same_every_time_and_its_risks_come_true(world: str) -> None:
    months = HISTORIES[world]
    assert all(map(same, months[:4], worlds.history(world, CLIENTS, SEED, last=4)))
    risks = np.concatenate([month.risks for month in months])
    left = np.concatenate([month.rows["exited"] for month in months])
    for group in np.array_split(np.argsort(risks), 5):
        assert left[group].mean() == pytest.approx(risks[group].mean(), abs=0.02)


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_whoever_leaves_is_gone_and_somebody_else_joins(world: str) -> None:
    gone: set[str] = set()
    for month in HISTORIES[world]:
        assert len(month.rows) == len(month.risks) == CLIENTS
        assert not gone & {*month.rows["corporation"]}
        gone |= {*month.rows["corporation"][month.rows["exited"] == 1]}


@pytest.mark.parametrize("world", [name for name, world in worlds.WORLDS.items() if world.changes])
def test_a_world_is_quiet_until_it_changes_and_then_it_is_not(world: str) -> None:
    first = worlds.WORLDS[world].changes or 0
    quiet, other = HISTORIES["quiet"], HISTORIES[world]
    assert all(map(same, quiet[: first - 1], other[: first - 1]))
    assert not np.allclose(quiet[first - 1].risks, other[first - 1].risks)


def test_what_changes_is_the_reasons_or_how_many_leave() -> None:
    rate = {
        world: [month.rows["exited"].mean() for month in months]
        for world, months in HISTORIES.items()
    }
    assert np.mean(rate["base rate"][6:]) > np.mean(rate["quiet"][6:]) + 0.03
    assert max(rate["seasonal"]) > min(rate["seasonal"]) + 0.05
    truth = worlds.WORLDS["gradual"].truth
    assert [truth(4), truth(12)] == [worlds.BEFORE, worlds.AFTER]
    assert truth(8).size == pytest.approx((worlds.BEFORE.size + worlds.AFTER.size) / 2)


def test_strangers_are_no_clients_and_leave_for_the_reasons_before_the_change() -> None:
    strangers = worlds.strangers(CLIENTS, SEED)
    clients = {code for months in HISTORIES.values() for code in months[-1].rows["corporation"]}
    assert not clients & {*strangers["corporation"]}
    quiet = fabricate.periods(2, CLIENTS, SEED)[-1]["exited"].mean()
    assert strangers["exited"].mean() == pytest.approx(quiet, abs=0.03)
