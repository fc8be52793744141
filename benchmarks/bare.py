"""The core of a step with nothing around it, as one would type it: python bare.py WORK FILE...

What our steps add to it is judging, records, reasons, and files that survive a power cut.
"""

import sys

import numpy as np
import pandas as pd

FEATURES = ["lastmonth_activity", "lastyear_activity", "number_of_employees"]


def fit(table: pd.DataFrame) -> None:
    """Fit liblinear on the logarithms, the median in place of what is missing."""
    from sklearn.linear_model import LogisticRegression

    numbers = table[FEATURES].fillna(table[FEATURES].median())
    LogisticRegression(solver="liblinear").fit(np.log1p(numbers), table["exited"])


def summarize(table: pd.DataFrame) -> None:
    """Mean, median, standard deviation and mode of each column, and what is missing."""
    for name in [*FEATURES, "exited"]:
        cells = table[name].dropna()
        print(cells.mean(), cells.median(), cells.std(), cells.mode().iloc[0])
    print(table.isna().mean())


def predict(book: str, model: str, output: str) -> None:
    """Ask the model about every client, and write codes and risks in their order."""
    import pickle

    with open(model, "rb") as file:  # noqa: PTH123 - as one would type it
        known = pickle.load(file)
    table = pd.read_csv(book, keep_default_na=False, na_values={name: [""] for name in FEATURES})
    table["risk"] = known.predict_proba(table[FEATURES])[:, 1]
    ranked = table.sort_values("risk", ascending=False)
    ranked[["corporation", "risk"]].to_csv(output, index=False)


if __name__ == "__main__":
    work, *arguments = sys.argv[1:]
    if work == "fit":
        fit(pd.read_csv(*arguments).dropna(subset=["exited"]))
    elif work == "summarize":
        summarize(pd.read_csv(*arguments))
    else:
        predict(*arguments)
