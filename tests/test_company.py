"""The company: the CSV files that ship, and the truth that makes them."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ingestion
from company import fabricate, subscribers
from risk import columns, files
from risk.learning import evaluation
from risk.models import estimator
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import FOLDERS, HEADER, ROOT, configured

SHIPPED = fabricate.shipped()
FIRST, MONTH = SHIPPED["sourcedata/dataset3.csv"], SHIPPED["sourcedata/dataset4.csv"]
SECOND, SNAPSHOT = MONTH[MONTH["exited"].notna()], MONTH[MONTH["exited"].isna()]
GIVEN = ("practicedata", "sourcedata", "testdata")
FEATURES = HEADER.split(",")[1:-1]


# -- the files that ship -------------------------------------------------------------------------


def test_the_given_folders_hold_the_fabricated_files_and_no_others() -> None:
    there = {f"{folder}/{path.name}" for folder in GIVEN for path in (ROOT / folder).glob("*.csv")}
    assert there == SHIPPED.keys()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_file_is_what_is_fabricated_to_the_byte(tmp_path: Path, name: str) -> None:
    tables.write(tmp_path / "made.csv", SHIPPED[name])
    assert (tmp_path / "made.csv").read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.parametrize("folder", GIVEN)
def test_every_line_of_a_shipped_folder_goes_in(
    tmp_path: Path, folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = configured(
        tmp_path, **FOLDERS | {"input_folder_path": folder, "test_data_path": "t"}
    )
    shutil.copytree(ROOT / folder, settings.input_folder_path)
    merged = ingestion.merge_multiple_dataframe(settings)
    assert (settings.output_folder_path / files.REJECTED).read_text() == "file,line,reason,text\n"
    rows = pd.concat(table for name, table in SHIPPED.items() if name.startswith(folder))
    known = rows.dropna(subset="exited")
    completed = rows[rows["exited"].isna()].merge(known, on=list(HEADER.split(",")[:-1]))
    assert len(merged) == len(rows.drop_duplicates()) - len(completed)
    assert set(merged["corporation"]) == set(rows["corporation"])
    assert caplog.text == ""


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_file_holds_each_client_once_a_period_under_a_code_of_four_signs(
    name: str,
) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert lines[0] == HEADER
    for ends in ("01", ","):  # rows with an outcome are of one period, those without of the next
        codes = [line.split(",")[0] for line in lines[1:] if line[-1] in ends]
        assert len(set(codes)) == len(codes)
        assert all(len(code) == 4 for code in codes)


@pytest.mark.parametrize("name", SHIPPED)
def test_missing_cells_of_a_shipped_file_are_few_and_empty(name: str) -> None:
    rows = [line.split(",")[1:-1] for line in (ROOT / name).read_text().splitlines()[1:]]
    cells = [cell for row in rows for cell in row]
    assert all(cell.isdecimal() for cell in cells if cell)
    assert 0 < cells.count("") < 0.01 * len(cells)


def test_the_company_has_ten_thousand_clients() -> None:
    assert len({*FIRST["corporation"], *MONTH["corporation"]}) == 10_000


def test_nobody_comes_back_after_leaving() -> None:
    left = FIRST[FIRST["exited"] == 1]["corporation"]
    assert len(left) > 1000
    assert not set(left) & set(SECOND["corporation"])
    assert set(FIRST["corporation"]) - set(left) <= set(SECOND["corporation"])
    gone = SECOND[SECOND["exited"] == 1]["corporation"]
    assert not set(gone) & set(SNAPSHOT["corporation"])


def test_the_test_clients_are_strangers_to_the_source_files() -> None:
    strangers = set(SHIPPED["testdata/testdata.csv"]["corporation"])
    assert len(strangers) == 2000
    assert not strangers & {*FIRST["corporation"], *MONTH["corporation"]}


def test_the_newest_file_has_the_outcomes_of_one_period_and_the_snapshot_of_the_next() -> None:
    unknown = {name: int(table["exited"].isna().sum()) for name, table in SHIPPED.items()}
    assert {name: count for name, count in unknown.items() if count} == {
        "sourcedata/dataset4.csv": len(SNAPSHOT)
    }
    stayed = SECOND[SECOND["exited"] == 0]["corporation"]
    assert set(stayed) <= set(SNAPSHOT["corporation"])
    assert len(SNAPSHOT) == len(stayed) + int(fabricate.CLIENTS * fabricate.JOINING_SHARE)


def test_the_practice_files_overlap_in_identical_rows() -> None:
    one, two = (
        set((ROOT / f"practicedata/{name}.csv").read_text().splitlines()[1:])
        for name in ("dataset1", "dataset2")
    )
    assert len(one & two) > 50
    assert one - two
    assert two - one
    shared = {line.split(",")[0] for line in one} & {line.split(",")[0] for line in two}
    assert len(shared) == len(one & two)


# -- the truth that makes them -------------------------------------------------------------------


def test_the_same_arguments_make_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one.csv", "two.csv"):
        arguments = ["3", str(tmp_path / name), "--drift", "--clients", "300", "--seed", "5"]
        subprocess.run(
            [sys.executable, "-m", "company.fabricate", *arguments],
            cwd=ROOT,
            timeout=120,
            check=True,
        )
        written.append((tmp_path / name).read_bytes())
    tables.write(tmp_path / "three.csv", fabricate.delivery(3, 300, 5, changed_from=2).whole)
    assert written == [(tmp_path / "three.csv").read_bytes()] * 2


def test_a_delivery_completes_the_snapshot_of_the_month_before() -> None:
    before, now = (fabricate.delivery(month, 300, 5) for month in (3, 4))
    assert before.snapshot["exited"].isna().all()
    assert now.outcomes.assign(exited=np.nan).equals(before.snapshot)
    assert set(now.outcomes["exited"]) == {0, 1}
    assert not set(now.outcomes.query("exited == 1")["corporation"]) & set(
        now.snapshot["corporation"]
    )


def test_what_makes_clients_leave_changes_the_outcomes_and_no_snapshot_before() -> None:
    calm, changed = (fabricate.delivery(4, 300, 5, changed_from) for changed_from in (None, 3))
    assert calm.outcomes.drop(columns="exited").equals(changed.outcomes.drop(columns="exited"))
    assert not calm.outcomes.equals(changed.outcomes)


@pytest.mark.parametrize(
    ("there", "month", "name"),
    [
        (("dataset3.csv", "dataset4.csv"), 4, "dataset5.csv"),
        (("dataset9.csv", "dataset10.csv", "other.csv"), 10, "dataset11.csv"),
        ((), 1, "dataset2.csv"),
    ],
)
def test_the_next_month_follows_the_last_file(
    tmp_path: Path, there: tuple[str, ...], month: int, name: str
) -> None:
    for file in there:
        (tmp_path / file).touch()
    assert fabricate.next_delivery(tmp_path) == (month, tmp_path / name)


# -- another company -----------------------------------------------------------------------------


def test_the_subscribers_are_the_same_every_time_and_their_risks_come_true() -> None:
    table, risks = subscribers.table(20_000, seed=1)
    assert table.equals(subscribers.table(20_000, seed=1)[0])
    left = (table["churned"] == "yes").to_numpy()
    for group in np.array_split(np.argsort(risks), 5):
        assert left[group].mean() == pytest.approx(risks[group].mean(), abs=0.02)


def test_the_subscribers_have_columns_of_every_kind() -> None:
    names = [*table_of_subscribers().columns]
    assert names == [
        subscribers.COLUMNS["client_column"],
        *subscribers.COLUMNS["feature_columns"],
        subscribers.COLUMNS["target_column"],
    ]
    assert {*subscribers.KINDS.values()} == {*columns.KINDS} - {columns.NUMBER}


def table_of_subscribers() -> pd.DataFrame:
    return subscribers.table(100, seed=1)[0]


@pytest.mark.parametrize(
    ("last", "clients", "seed", "drift"),
    [
        pytest.param(3, 300, 6, False, id="another seed"),
        pytest.param(3, 301, 5, False, id="another number"),
        pytest.param(3, 300, 5, True, id="drift"),
        pytest.param(4, 300, 5, False, id="another period"),
    ],
)
def test_other_arguments_make_other_rows(last: int, clients: int, seed: int, drift: bool) -> None:
    usual = fabricate.periods(3, 300, 5)[-1]
    assert not usual.equals(fabricate.periods(last, clients, seed, drift)[-1])


@pytest.mark.parametrize("more", [101, 1000, 20_000])
def test_the_first_clients_are_the_same_however_many_are_asked_for(more: int) -> None:
    few, many = (fabricate.periods(1, clients=count, seed=3)[0] for count in (100, more))
    many = many[: len(few)]
    assert few["corporation"].tolist() == many["corporation"].tolist()
    sizes = pd.DataFrame(
        {"few": few["number_of_employees"], "many": many["number_of_employees"]}
    ).dropna()
    assert len(sizes) > 80
    assert sizes["few"].tolist() == sizes["many"].tolist()
    ratio = few["lastyear_activity"] / many["lastyear_activity"]
    assert np.log(ratio.dropna()).std() < 0.3  # the level is the same, only chance differs


def test_earlier_periods_do_not_depend_on_how_many_are_made_nor_on_drift() -> None:
    two, four = (fabricate.periods(last, clients=300, seed=5) for last in (2, 4))
    drifted = fabricate.periods(4, clients=300, seed=5, drift=True)
    assert all(one.equals(other) for one, other in zip(two, four, strict=False))
    assert [one.equals(other) for one, other in zip(four, drifted, strict=True)] == [
        *[True] * 3,
        False,
    ]


def test_clients_join_and_leave_from_period_to_period() -> None:
    made = fabricate.periods(4, clients=1000, seed=5)
    for before, after in itertools.pairwise(made):
        left = set(before[before["exited"] == 1]["corporation"])
        assert not left & set(after["corporation"])
        assert len(set(after["corporation"]) - set(before["corporation"])) == 60
        assert len(after) == len(before) - len(left) + 60


def test_codes_that_look_like_no_code_are_among_the_first() -> None:
    assert set(fabricate.ODD_CODES) <= set(fabricate.periods(1, 100, 3)[0]["corporation"])


@pytest.mark.parametrize("seed", [1, 2, fabricate.SEED])
def test_a_model_fails_on_a_period_in_which_clients_changed(seed: int) -> None:
    shipped = Settings.load(ROOT / "config.json").columns
    *learned, calm = fabricate.periods(3, clients=3000, seed=seed)
    drifted = fabricate.periods(3, clients=3000, seed=seed, drift=True)[-1]
    fitted = estimator.fit(pd.concat(learned), shipped, "log")
    usual = evaluation.f1(fitted, calm, shipped)
    assert evaluation.f1(fitted, drifted, shipped) < 0.5 * usual
    assert usual > 0.6
    assert abs(evaluation.f1(fitted, learned[-1], shipped) - usual) < 0.1


def test_cooling_makes_clients_leave_until_drift_sets_in() -> None:
    calm, drifted = (
        fabricate.periods(3, clients=5000, seed=9, drift=drift)[-1].dropna()
        for drift in (False, True)
    )
    for rows, cooling_counts in ((calm, True), (drifted, False)):
        cooled = rows["lastmonth_activity"] < rows["lastyear_activity"] / 12 / 3
        large = rows["number_of_employees"] > 100
        gap = rows[cooled]["exited"].mean() - rows[~cooled]["exited"].mean()
        slope = rows[large]["exited"].mean() - rows[~large]["exited"].mean()
        assert bool(gap > 0.5) is cooling_counts
        assert bool(slope < 0) is cooling_counts
