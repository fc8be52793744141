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
from company import fabricate
from risk import files
from risk.data import tables
from risk.learning import estimator, evaluation
from risk.settings import Settings
from tests.conftest import FOLDERS, HEADER, ROOT, configured

SHIPPED = fabricate.shipped()
FIRST, SECOND = SHIPPED["sourcedata/dataset3.csv"], SHIPPED["sourcedata/dataset4.csv"]
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
    assert len(merged) == len(rows.drop_duplicates())
    assert set(merged["corporation"]) == set(rows["corporation"])
    assert caplog.text == ""


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_file_holds_each_client_once_under_a_code_of_four_signs(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert lines[0] == HEADER
    codes = [line.split(",")[0] for line in lines[1:]]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 4 for code in codes)


@pytest.mark.parametrize("name", SHIPPED)
def test_missing_cells_of_a_shipped_file_are_few_and_empty(name: str) -> None:
    rows = [line.split(",")[1:-1] for line in (ROOT / name).read_text().splitlines()[1:]]
    cells = [cell for row in rows for cell in row]
    assert all(cell.isdecimal() for cell in cells if cell)
    assert 0 < cells.count("") < 0.01 * len(cells)


def test_the_company_has_ten_thousand_clients() -> None:
    assert len({*FIRST["corporation"], *SECOND["corporation"]}) == 10_000


def test_nobody_comes_back_after_leaving() -> None:
    left = FIRST[FIRST["exited"] == 1]["corporation"]
    assert len(left) > 1000
    assert not set(left) & set(SECOND["corporation"])
    assert set(FIRST["corporation"]) - set(left) <= set(SECOND["corporation"])


def test_the_test_clients_are_strangers_to_the_source_files() -> None:
    strangers = set(SHIPPED["testdata/testdata.csv"]["corporation"])
    assert len(strangers) == 2000
    assert not strangers & {*FIRST["corporation"], *SECOND["corporation"]}


def test_only_the_newest_period_has_outcomes_that_are_not_known_yet() -> None:
    unknown = {name: int(table["exited"].isna().sum()) for name, table in SHIPPED.items()}
    assert [name for name, count in unknown.items() if count] == ["sourcedata/dataset4.csv"]
    assert 0.1 < unknown["sourcedata/dataset4.csv"] / len(SECOND) < 0.2
    assert set(SECOND["exited"].dropna()) == {0, 1}


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
    tables.write(tmp_path / "three.csv", fabricate.periods(3, 300, 5, drift=True)[-1])
    assert written == [(tmp_path / "three.csv").read_bytes()] * 2


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
    columns = Settings.load(ROOT / "config.json").columns
    *learned, calm = fabricate.periods(3, clients=3000, seed=seed)
    drifted = fabricate.periods(3, clients=3000, seed=seed, drift=True)[-1]
    fitted = estimator.fit(pd.concat(learned), columns, "log")
    usual = evaluation.f1(fitted, calm, columns)
    assert evaluation.f1(fitted, drifted, columns) < 0.5 * usual
    assert usual > 0.6
    assert abs(evaluation.f1(fitted, learned[-1], columns) - usual) < 0.1


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
