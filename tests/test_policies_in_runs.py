"""Policies in whole runs: what goes out, what the others would have done, and what disturbs it."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

import deployment
import scoring
from company import fabricate
from fullprocess import decide_and_act
from risk import files
from risk.errors import DataUnusable
from risk.learning import deployed, releases
from risk.records import store
from risk.records.sql_tables import calibration, reliability, runs, shifts, verdicts
from risk.settings import Settings
from tests.conftest import configured, copied, decided, deliver, script
from tests.decisions.test_policies import for_other_reasons, more_leave

CLIENTS = 1_200
MONTHS = fabricate.periods(4, CLIENTS, seed=4)


@pytest.fixture(scope="module")
def of_trusted(before_all_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the trusted policy that has learned from two months, to be copied."""
    return begun(copied(before_all_runs, tmp_path_factory.mktemp("begun")), policy="trusted")


@pytest.fixture(scope="module")
def of_specified(before_all_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the specified policy."""
    return begun(copied(before_all_runs, tmp_path_factory.mktemp("begun")))


@pytest.fixture
def trusted(of_trusted: Path, tmp_path: Path) -> Settings:
    """A project of the trusted policy that has learned from two months."""
    return copied(of_trusted, tmp_path)


@pytest.fixture
def specified(of_specified: Path, tmp_path: Path) -> Settings:
    """The same of the specified policy."""
    return copied(of_specified, tmp_path)


def begun(settings: Settings, **keys: object) -> Path:
    settings = configured(settings.workspace, capacity=60, **keys)
    (settings.input_folder_path / "dataset1.csv").unlink()
    deliver(settings, "dataset1.csv", MONTHS[0])
    deliver(settings, "dataset2.csv", MONTHS[1])
    assert decided(settings) == "deployed"
    return settings.workspace


def recorded(settings: Settings, table: sa.Table) -> list[dict[str, Any]]:
    """The rows of the last run in a table of the records."""
    last = sa.select(runs.c.id).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(1)
    query = sa.select(table).where(table.c.run == last.scalar_subquery())
    return store.read(settings, query)[0].to_dict("records")


def in_folder(settings: Settings, policy: str) -> bool:
    """Whether this policy has a model of its own."""
    return (settings.output_folder_path / files.POLICIES / policy / files.MANIFEST).exists()


def test_where_only_the_level_changed_the_model_in_use_is_corrected(trusted: Settings) -> None:
    before = deployed.load(trusted.prod_deployment_path, trusted.columns)
    deliver(trusted, "dataset3.csv", more_leave(MONTHS[2]))
    assert decided(trusted) == "recalibrated"
    after = deployed.load(trusted.prod_deployment_path, trusted.columns)
    assert after.release.number == before.release.number + 1
    assert after.release.score == scoring.score_model(trusted)
    weights = [each.model[-1].coef_.tolist() for each in (before, after)]
    assert weights[0] == weights[1]
    assert after.model[-1].intercept_[0] > before.model[-1].intercept_[0]
    assert decided(trusted) == "no new data"
    deliver(trusted, "dataset4.csv", more_leave(MONTHS[3]))
    assert decided(trusted) == "no drift"


def test_every_run_says_what_each_policy_decides_and_keeps_its_model(specified: Settings) -> None:
    deliver(specified, "dataset3.csv", for_other_reasons(MONTHS[2]))
    assert decided(specified) == "deployed"
    told = {row["policy"]: row for row in recorded(specified, verdicts)}
    assert list(told) == ["specified", "trusted"]
    assert all(row["verdict"] == "deployed" for row in told.values())
    assert len({row["called"] for row in told.values()}) == 1
    assert all(0 < row["found"] < row["called"] for row in told.values())
    assert pd.isna(told["specified"]["p"])
    assert told["trusted"]["p"] < 0.05
    assert in_folder(specified, "trusted")  # which has learned from other rows
    quiet = releases.current(specified.output_folder_path / files.POLICIES / "trusted")
    assert quiet is not None
    assert quiet.periods == 1 or quiet.periods is None


def test_whether_the_risks_came_true_is_on_record(specified: Settings) -> None:
    deliver(specified, "dataset3.csv", more_leave(MONTHS[2]))
    before = releases.current(specified.prod_deployment_path)
    decided(specified)
    (row,) = recorded(specified, calibration)
    assert before
    assert row["release"] == before.release
    assert len(MONTHS[2]) - 3 <= row["rows"] <= len(MONTHS[2])  # a few tell nothing new
    assert row["leavers"] > row["expected_high"] > row["expected"] > row["expected_low"] > 0
    groups = recorded(specified, reliability)
    assert sum(group["rows"] for group in groups) == row["rows"]
    assert [group["place"] for group in groups] == list(range(1, 11))


def test_a_policy_that_is_chosen_goes_on_from_what_is_deployed(specified: Settings) -> None:
    deliver(specified, "dataset3.csv", for_other_reasons(MONTHS[2]))
    decided(specified)
    now_trusted = configured(specified.workspace, capacity=60, policy="trusted")
    deliver(now_trusted, "dataset4.csv", for_other_reasons(MONTHS[3]))
    before = releases.current(now_trusted.prod_deployment_path)
    decided(now_trusted)
    assert not in_folder(now_trusted, "trusted")
    after = releases.current(now_trusted.prod_deployment_path)
    assert before
    assert after
    assert in_folder(now_trusted, "specified") == (after.number > before.number)


@pytest.mark.parametrize("damage", [b"", b"no json", b'{"release": 1}'])
def test_a_damaged_model_of_another_policy_stops_no_run(
    specified: Settings, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(specified, "dataset3.csv", for_other_reasons(MONTHS[2]))
    decided(specified)
    folder = specified.output_folder_path / files.POLICIES / "trusted"
    (folder / files.MANIFEST).write_bytes(damage)
    deliver(specified, "dataset4.csv", MONTHS[3])
    with caplog.at_level(logging.WARNING):
        assert decided(specified) in ("deployed", "no drift")
    assert "what trusted would decide is not known" in caplog.text
    assert not folder.exists()
    assert [row["policy"] for row in recorded(specified, verdicts)] == ["specified"]


def test_a_release_that_is_brought_back_is_judged_by_what_comes_later(trusted: Settings) -> None:
    deliver(trusted, "dataset3.csv", for_other_reasons(MONTHS[2]))
    assert decided(trusted) == "deployed"
    deployment.roll_back(trusted)
    deliver(trusted, "more.csv", pd.DataFrame([MONTHS[3].iloc[0]]).assign(exited=float("nan")))
    assert decided(trusted) == "no drift"
    deliver(trusted, "dataset4.csv", for_other_reasons(MONTHS[3]))
    assert decided(trusted) == "deployed"


def test_check_says_what_the_run_then_does(trusted: Settings) -> None:
    """Also of outcomes that were weighed before, which are not weighed again."""
    deliver(trusted, "dataset3.csv", MONTHS[2])
    assert decided(trusted) == "no drift"
    deliver(trusted, "dataset4.csv", for_other_reasons(MONTHS[3]))
    checked = script(trusted, "fullprocess.py", "--check").stdout
    said = decide_and_act(trusted, force=False).decision
    assert checked.partition(": ")[0] == f"a run would end with {said.outcome}"
    assert said.reason.partition("; ")[2][:200] in checked


def test_what_changed_in_the_data_is_on_record_and_decides_nothing(specified: Settings) -> None:
    quiet = {row["column"]: row["sentence"] for row in recorded(specified, shifts)}
    assert list(quiet) == list(specified.feature_columns)
    fewer = MONTHS[2].assign(
        exited=float("nan"), lastmonth_activity=(MONTHS[2]["lastmonth_activity"] / 3).round()
    )
    deliver(specified, "dataset3.csv", fewer)
    assert decided(specified) in ("no drift", "kept")  # as the rule falls on the same outcomes
    told = {row["column"]: row for row in recorded(specified, shifts)}
    assert told["lastmonth_activity"]["sentence"].startswith("activity last month fell by ")
    assert told["lastmonth_activity"]["psi"] > told["lastmonth_activity"]["psi_bound"]
    assert told["number_of_employees"]["sentence"] == quiet["number_of_employees"] == ""


def test_a_run_that_failed_has_judged_nothing(
    trusted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(trusted, "dataset3.csv", for_other_reasons(MONTHS[2]))
    shutil.rmtree(trusted.output_model_path)
    trusted.output_model_path.write_text("no folder, so no model can be kept")
    with pytest.raises(OSError, match="models"):
        decided(trusted)
    trusted.output_model_path.unlink()
    assert decided(trusted) == "deployed"


@pytest.mark.parametrize("lost", ["ingestion.json", "everything"])
def test_outcomes_that_come_after_a_loss_are_new_all_the_same(trusted: Settings, lost: str) -> None:
    if lost == "everything":
        shutil.rmtree(trusted.output_folder_path)
    else:
        (trusted.output_folder_path / lost).unlink()
    deliver(trusted, "dataset3.csv", for_other_reasons(MONTHS[2]))
    assert decided(trusted) == "deployed"


def test_a_file_that_was_refused_first_brings_new_outcomes(trusted: Settings) -> None:
    odd = for_other_reasons(MONTHS[2]).astype({"corporation": "str"})
    odd.loc[::3, "corporation"] = ""  # each third line has no client
    strict = configured(trusted.workspace, capacity=60, policy="trusted", refused_share=0.1)
    deliver(strict, "dataset3.csv", odd)
    assert decided(strict) in ("no new data", "no drift")
    deliver(strict, "dataset4.csv", MONTHS[3].assign(exited=float("nan")))
    decided(strict)
    mild = configured(trusted.workspace, capacity=60, policy="trusted", refused_share=0.9)
    assert decided(mild) == "deployed"


@pytest.mark.parametrize("policy", ["specified", "trusted"])
def test_a_first_delivery_without_outcomes_teaches_nothing(settings: Settings, policy: str) -> None:
    settings = configured(settings.workspace, policy=policy)
    deliver(settings, "dataset1.csv", MONTHS[0].assign(exited=float("nan")))
    with pytest.raises(DataUnusable, match="both needed to learn from"):
        decided(settings)
    assert script(settings, "diagnostics.py", "--replay").returncode == 0


@pytest.mark.parametrize("name", [files.MODEL_RECORD, files.WEIGHED])
def test_a_damaged_note_of_others_keeps_no_new_data_out(trusted: Settings, name: str) -> None:
    folders = trusted.output_model_path, trusted.output_folder_path
    next(each / name for each in folders if (each / name).exists()).write_text("damaged")
    deliver(trusted, "dataset3.csv", for_other_reasons(MONTHS[2]))
    assert decided(trusted) == "deployed"


def test_a_forced_run_says_where_its_model_is_weaker_though_challengers_decide(
    trusted: Settings,
) -> None:
    deliver(trusted, "dataset3.csv", for_other_reasons(MONTHS[2]))
    reason = decide_and_act(trusted, force=True).decision.reason
    assert "but it is weaker than the release before on the test data" in reason


def test_of_a_model_that_won_the_test_data_of_the_old_world_say_nothing(trusted: Settings) -> None:
    deliver(trusted, "dataset3.csv", for_other_reasons(MONTHS[2]))
    decision = decide_and_act(trusted, force=False).decision
    assert (decision.outcome, "weaker" in decision.reason) == ("deployed", False)
