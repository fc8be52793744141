"""Fabricate another company's table: other names and kinds, and a truth with curves and joints.

python -m company.subscribers FOLDER     subscribers.csv, test/subscribers.csv and config.json there

The same arguments make the same bytes. What makes a subscriber leave stands in `_log_odds`.
"""

import argparse
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from risk import files

TODAY = date(2026, 6, 30)
ROWS, TEST_ROWS, SEED = 40_000, 10_000, 3
MISSING_SHARE = 0.02
PLANS = ("basic", "family", "business", "student", "prepaid", "gold, discontinued")
PLAN_SHARES = (0.34, 0.25, 0.2, 0.12, 0.0897, 0.0003)
REGIONS = tuple(f"region {letter}" for letter in "ABCDEFGHIJKL")
CHANNELS = ("shop", "web", "phone", "partner \u201cNord\u201d")
KINDS = {
    "monthly_charge": "money",
    "balance": "signed",
    "discount": "percent",
    "plan": "category",
    "region": "category",
    "channel": "category",
    "contract_end": "date",
}
COLUMNS = {
    "client_column": "subscriber",
    "feature_columns": [
        *("tenure_months", "monthly_charge", "data_gb", "support_calls", "late_payments"),
        *("balance", "discount", "roaming_minutes", "plan", "region", "channel", "contract_end"),
    ],
    "target_column": "churned",
    "column_kinds": KINDS,
}

Numbers = npt.NDArray[np.float64]


def drawn(rows: int, seed: int) -> tuple[pd.DataFrame, Numbers]:
    """Subscribers as numbers and words, nothing missing yet, and how likely each is to leave."""
    random = np.random.default_rng([seed, rows])
    table = pd.DataFrame(
        {
            "subscriber": [f"S{seed}-{number:06d}" for number in range(rows)],
            "tenure_months": np.floor(random.gamma(1.6, 20, rows)),
            "monthly_charge": np.round(random.lognormal(3.6, 0.5, rows), 2),
            "data_gb": np.round(random.lognormal(2.3, 1.0, rows), 1),
            "support_calls": random.poisson(1.2, rows).astype("float64"),
            "late_payments": random.poisson(0.5, rows).astype("float64"),
            "balance": np.round(random.normal(20, 90, rows), 2),
            "discount": np.round(random.choice([0.0, 0.0, 5.0, 10.0, 25.0], rows), 1),
            "roaming_minutes": np.floor(random.lognormal(1.5, 1.5, rows)),
            "plan": random.choice(PLANS, rows, p=PLAN_SHARES),
            "region": random.choice(REGIONS, rows),
            "channel": random.choice(CHANNELS, rows, p=(0.4, 0.35, 0.2, 0.05)),
            "days": random.integers(0, 720, rows),
        }
    )
    return table, 1 / (1 + np.exp(-_log_odds(table)))


def _log_odds(table: pd.DataFrame) -> Numbers:
    """Curves: much and little data both hold; joints: calls count on some plans, debt if late."""
    plan, data = table["plan"], np.log(table["data_gb"] + 0.1)
    calls, tenure = table["support_calls"], table["tenure_months"]
    wants_help = plan.isin(["basic", "prepaid"]).to_numpy()
    ends_soon = (table["days"] < 60).to_numpy()
    log_odds = -3.6 + 0.9 * (np.abs(data - 2.3) - 1.0)
    log_odds += np.where(wants_help, 1.1, 0.05) * np.minimum(calls, 5)
    log_odds += np.where(table["balance"] < -40, 1.6 * np.minimum(table["late_payments"], 2), 0.0)
    log_odds += np.where(ends_soon & (tenure < 30), 2.4, np.where(ends_soon, 0.6, 0.0))
    log_odds += plan.map({"student": -0.9, "business": -0.5, "family": 0.1}).fillna(0.2)
    log_odds += np.where(table["channel"] == CHANNELS[2], 0.5, 0.0)
    log_odds += 0.5 * np.log(table["monthly_charge"] / 36) - 0.03 * table["discount"]
    return np.asarray(log_odds, dtype="float64")


def table(rows: int = ROWS, seed: int = SEED) -> tuple[pd.DataFrame, Numbers]:
    """The CSV file of some subscribers as text, and how likely each really was to leave."""
    numbers, risks = drawn(rows, seed)
    random = np.random.default_rng([seed, rows, 1])
    ends = [TODAY + timedelta(days=int(days)) for days in numbers.pop("days")]
    written = numbers.astype("str").assign(
        monthly_charge=numbers["monthly_charge"].map("\u20ac{:,.2f}".format),
        discount=numbers["discount"].map("{:g} %".format),
        contract_end=[day.isoformat() for day in ends],
    )
    for name in COLUMNS["feature_columns"]:
        written.loc[random.random(rows) < MISSING_SHARE, name] = ""
    left = random.random(rows) < risks
    return written.assign(churned=np.where(left, "yes", "no")), risks


def config() -> dict[str, Any]:
    """The config.json for these tables, in a folder of their own."""
    return {
        "input_folder_path": "data",
        "test_data_path": "test",
        "output_folder_path": "ingested",
        "output_model_path": "models",
        "prod_deployment_path": "deployed",
        **COLUMNS,
        "capacity": ROWS // 20,
    }


def main() -> None:
    """Write tables and config.json into the folder that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for place, rows, seed in (("data", ROWS, SEED), ("test", TEST_ROWS, SEED + 1)):
        (folder / place).mkdir(parents=True, exist_ok=True)
        content = table(rows, seed)[0].to_csv(index=False, lineterminator="\n").encode()
        files.write_bytes(folder / place / "subscribers.csv", content)
    files.write_json(folder / "config.json", config())
    print(f"{folder}/config.json fits the subscribers in {folder}/data")


if __name__ == "__main__":
    main()
