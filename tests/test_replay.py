"""A history once more: each policy decides after the fact what it decided in the runs."""

import pytest
import sqlalchemy as sa

from company import fabricate
from risk import files
from risk.data import intake, test_data
from risk.decisions import replay
from risk.records import store
from risk.records.sql_tables import runs, verdicts
from risk.settings import Settings
from tests.conftest import configured, decided, deliver, script

CLIENTS, SEED, CHANGE = 500, 5, 4


def lived(settings: Settings, months: int, *, filled_in: bool = False) -> list[tuple[str, ...]]:
    """The verdicts on record after months of deliveries, each with a run of its own."""
    for path in settings.input_folder_path.glob("*.csv"):
        path.unlink()
    for month in range(2, months + 1):
        made = fabricate.delivery(month, CLIENTS, SEED, changed_from=CHANGE)
        if filled_in:
            deliver(settings, f"dataset{month - 1}.csv", made.outcomes)
            deliver(settings, f"dataset{month}.csv", made.snapshot)
        else:
            deliver(settings, f"dataset{month}.csv", made.whole)
        decided(settings)
    query = sa.select(
        *(verdicts.c[name] for name in ("policy", "verdict", "found", "called", "sentence"))
    ).join_from(verdicts, runs)
    table = store.read(settings, query.order_by(runs.c.started_at, runs.c.id))[0]
    return list(table.itertuples(index=False, name=None))


def told(settings: Settings) -> list[tuple[object, ...]]:
    """The verdicts of a replay."""
    known = list(replay.history(intake.gather(settings), settings.columns))
    return [
        (month.policy, month.verdict.outcome, month.verdict.found, month.verdict.called)
        for month in replay.replayed(known, test_data.rows(settings), settings)
    ]


@pytest.mark.parametrize(
    ("policy", "filled_in"),
    [
        ("trusted", True),  # which replays both policies, as the others do
        pytest.param("specified", False, marks=pytest.mark.slow),
        pytest.param("specified", True, marks=pytest.mark.slow),
        pytest.param("trusted", False, marks=pytest.mark.slow),
    ],
)
def test_a_replay_decides_what_the_runs_decided(
    settings: Settings, policy: str, filled_in: bool
) -> None:
    settings = configured(settings.workspace, policy=policy, capacity=50)
    recorded = [row[:4] for row in lived(settings, 7, filled_in=filled_in)]
    replayed = told(settings)
    assert sorted(recorded) == sorted(replayed)
    assert {"no drift", "deployed"} <= {row[1] for row in replayed}


def test_files_that_came_at_once_are_replayed_one_by_one(settings: Settings) -> None:
    """And diagnostics.py prints every decision and the sum of each policy."""
    for path in settings.input_folder_path.glob("*.csv"):
        path.unlink()
    for month in range(2, 6):
        made = fabricate.delivery(month, CLIENTS, SEED, changed_from=CHANGE)
        deliver(settings, f"dataset{month}.csv", made.whole)
    assert [policy for policy, *_ in told(settings)] == 4 * ["specified", "trusted"]
    (settings.input_folder_path / "folder.csv").mkdir()  # which is passed over
    settings.output_folder_path.mkdir(exist_ok=True)
    (settings.output_folder_path / files.WEIGHED).write_text("damaged")
    before = sorted(settings.workspace.rglob("*"))
    said = script(settings, "diagnostics.py", "--replay").stdout
    assert sorted(settings.workspace.rglob("*")) == before
    assert said.count("dataset3.csv") == 2
    assert "specified: " in said.splitlines()[-2]
    assert said.splitlines()[-1].startswith("trusted: deployed ")
