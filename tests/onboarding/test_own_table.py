"""From a table that nobody has described to the list, in the two commands of the README."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from company import subscribers
from risk import files
from risk.settings import Settings
from tests import warm
from tests.conftest import ROOT, Run, aged

ROWS = 1_200


def bank(random: np.random.Generator) -> pd.DataFrame:
    """Numbers only, under names of a bank, with a counter that nothing follows from."""
    balance = np.round(random.lognormal(8, 2, ROWS), 2)
    odds = 0.8 * (np.log(balance) < 7) - 2.0
    return pd.DataFrame(
        {
            "RowNumber": np.arange(1, ROWS + 1),
            "CustomerId": random.permutation(ROWS) + 15_000_000,
            "CreditScore": random.integers(300, 850, ROWS),
            "Balance": balance,
            "IsActiveMember": random.integers(0, 2, ROWS),
            "Exited": (random.random(ROWS) < 1 / (1 + np.exp(-3 * odds))).astype(int),
        }
    )


def staff(random: np.random.Generator) -> pd.DataFrame:
    """A staff's attrition in Yes and No, with words, a constant, and gaps of several kinds."""
    income = random.lognormal(8, 0.4, ROWS).round().astype(int).astype("str")
    income[random.random(ROWS) < 0.05] = "-"
    over_time = random.choice(["Yes", "No"], ROWS, p=[0.3, 0.7])
    leaves = random.random(ROWS) < np.where(over_time == "Yes", 0.4, 0.1)
    return pd.DataFrame(
        {
            "Attrition": np.where(leaves, "Yes", "No"),
            "Over18": "Y",
            "EmployeeNumber": [f"E{place:05}" for place in range(ROWS)],
            "JobRole": random.choice(["Sales, abroad", "Research", "None", ""], ROWS),
            "MonthlyIncome": income,
            "OverTime": over_time,
            "Started": [f"20{year:02}-0{year % 9 + 1}-15" for year in random.integers(1, 25, ROWS)],
        }
    )


def months(random: np.random.Generator) -> pd.DataFrame:
    """Three snapshots of the same accounts, the newest one without outcomes."""
    count = ROWS // 3
    calls = random.poisson(2, ROWS)
    left = np.where(random.random(ROWS) < 0.05 + 0.15 * (calls > 3), "closed", "open")
    return pd.DataFrame(
        {
            "account": [f"A{place % count:04}" for place in range(ROWS)],
            "as_of": [f"2026-0{place // count + 1}-28" for place in range(ROWS)],
            "calls": calls,
            "saldo": np.round(random.normal(0, 500, ROWS), 2),
            "state": np.where(np.arange(ROWS) < 2 * count, left, ""),
        }
    )


def ran(folder: Path, name: str, *arguments: str) -> Run:
    """What a script does that somebody starts in this folder."""
    known = {key: value for key, value in os.environ.items() if key != "RISK_CONFIG"}
    return warm.run(warm.Program(str(ROOT / name), [*arguments], known, str(folder)))


def own_folder(tmp_path: Path, table: pd.DataFrame) -> Path:
    (tmp_path / "data").mkdir()
    table.to_csv(tmp_path / "data/own.csv", index=False)
    aged(tmp_path / "data/own.csv")
    return tmp_path


def guessed(folder: Path) -> tuple[dict[str, object], str]:
    """The configuration that the first command prints, kept as own.json, and what else it says."""
    told = ran(folder, "diagnostics.py", "--columns", "data/own.csv")
    assert told.returncode == 0, told.stderr
    (folder / "own.json").write_text(told.stdout)
    Settings.load(folder / "own.json")
    keys: dict[str, object] = json.loads(told.stdout)
    return keys, told.stderr


Table = Callable[[np.random.Generator], pd.DataFrame]
TABLES: list[tuple[Table, dict[str, object]]] = [
    (bank, {
        "client_column": "CustomerId", "target_column": "Exited",
        "feature_columns": ["CreditScore", "Balance", "IsActiveMember"],
    }),
    (staff, {
        "client_column": "EmployeeNumber", "target_column": "Attrition",
        "feature_columns": ["JobRole", "MonthlyIncome", "OverTime", "Started"],
        "column_kinds": {"JobRole": "category", "OverTime": "category", "Started": "date"},
        "missing_words": ["-"],
    }),
    (months, {
        "client_column": "account", "target_column": "state", "period_column": "as_of",
        "feature_columns": ["calls", "saldo"], "column_kinds": {"saldo": "signed"},
        "outcome_words": ["closed", "open"],
    }),
]  # fmt: skip
FOLDERS = {
    "input_folder_path": "data",
    "output_folder_path": "own_data",
    "test_data_path": "data",
    "output_model_path": "own_models",
    "prod_deployment_path": "own_deployed",
}


@pytest.mark.parametrize(("table", "keys"), TABLES)
def test_a_configuration_is_guessed_and_each_guess_has_its_reason(
    tmp_path: Path, table: Table, keys: dict[str, object]
) -> None:
    made = table(np.random.default_rng(1))
    told, said = guessed(own_folder(tmp_path, made))
    assert told == FOLDERS | keys
    assert [name for name in made if repr(name) not in said] == []
    assert "warning: there is no test data in test/" in said
    assert "THE SCORE IS TOO GOOD" in said
    assert not (tmp_path / "own_data").exists()


def listed(folder: Path) -> pd.DataFrame:
    """The list that the second command makes."""
    done = ran(folder, "fullprocess.py", "--config", "own.json", "--quiet")
    assert done.returncode == 0, done.stderr
    (ranking,) = folder.glob(f"*_models/{files.RANKING}")
    return pd.read_csv(ranking, dtype="str", keep_default_na=False)


def test_a_table_of_numbers_becomes_a_list_in_two_commands(tmp_path: Path) -> None:
    table = bank(np.random.default_rng(1))
    folder = own_folder(tmp_path, table)
    guessed(folder)
    assert len(listed(folder)) == int((table["Exited"] == 0).sum())


@pytest.mark.parametrize("table", [pytest.param(staff, marks=pytest.mark.slow), months])
def test_a_table_of_any_kind_becomes_a_list_in_two_commands(tmp_path: Path, table: Table) -> None:
    made = table(np.random.default_rng(1))
    folder = own_folder(tmp_path, made)
    keys, _ = guessed(folder)
    left = made[keys["target_column"]].isin(["Yes", "closed"])
    remains = made[~left] if table is staff else made[made["as_of"] == "2026-03-28"]
    assert {*remains[keys["client_column"]]} <= {*listed(folder)["corporation"]}


def test_test_data_beside_the_folder_are_found(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, subscribers.table(800, seed=1)[0])
    (folder / "test").mkdir()
    subscribers.table(200, seed=2)[0].to_csv(folder / "test/held out.csv", index=False)
    keys, said = guessed(folder)
    assert keys == FOLDERS | {"test_data_path": "test"} | subscribers.COLUMNS
    assert "warning" not in said
    (folder / "test/held out.csv").write_text("subscriber,churned\n")
    keys, said = guessed(folder)
    assert keys["test_data_path"] == "data"
    assert "THE SCORE IS TOO GOOD" in said


def test_a_folder_that_is_called_test_is_not_its_own_test_data(tmp_path: Path) -> None:
    table = subscribers.table(800, seed=1)[0]
    (tmp_path / "test").mkdir()
    table.to_csv(tmp_path / "test/own.csv", index=False)
    told = ran(tmp_path, "diagnostics.py", "--columns", "test/own.csv")
    assert json.loads(told.stdout)["test_data_path"] == "test"
    assert "warning: there is no test data in testdata/" in told.stderr
    assert "THE SCORE IS TOO GOOD" in told.stderr
    (tmp_path / "testdata").mkdir()
    table.to_csv(tmp_path / "testdata/own.csv", index=False)
    told = ran(tmp_path, "diagnostics.py", "--columns", "test/own.csv")
    assert json.loads(told.stdout)["test_data_path"] == "testdata"
    assert "TOO GOOD" not in told.stderr


def test_a_target_that_is_only_guessed_is_a_warning(tmp_path: Path) -> None:
    table = subscribers.table(800, seed=1)[0].rename(columns={"churned": "flag"})
    _, said = guessed(own_folder(tmp_path, table))
    assert "warning: no column's name speaks of leaving, so 'flag' as the target is NO MORE" in said


@pytest.mark.parametrize(
    ("file", "code", "said"),
    [
        ("own.csv", 65, "in a folder below this one"),
        ("../own.csv", 65, "in a folder below this one"),
        ("data/own.txt", 65, "in a folder below this one"),
        ("data/none.csv", 66, "there is no file data/none.csv"),
        ("data/page.csv", 65, "data/page.csv cannot be read as CSV: it is an HTML or XML page"),
    ],
)
def test_a_file_that_cannot_be_looked_at_is_refused_without_a_word_on_stdout(
    tmp_path: Path, file: str, code: int, said: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/page.csv").write_text("<html>")
    told = ran(tmp_path, "diagnostics.py", "--columns", file)
    assert (told.returncode, told.stdout) == (code, "")
    assert said in told.stderr
