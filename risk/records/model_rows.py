"""What a run found out about models, as rows of the records."""

from collections.abc import Mapping

import pandas as pd

from risk.columns import Columns
from risk.decisions.gates import DATASETS
from risk.decisions.policies import Verdict
from risk.learning import calibration, shift
from risk.learning.evaluation import Evaluation
from risk.learning.shift import Flags
from risk.reasons import phrases
from risk.records.pending import Row


def of_scores(release: str | None, on: Mapping[str, Evaluation], share: float) -> list[Row]:
    """The quality of a model on the test data and the newest data, one row per metric.

    This share of the clients can be called.
    """
    rows = []
    for dataset, evaluation in on.items():
        if dataset in DATASETS:
            about = {
                "release": release,
                "dataset": dataset,
                "rows": evaluation.rows,
                "leavers": evaluation.leavers,
            }
            measured = evaluation.quality(share)
            rows += [about | {"metric": name, "value": value} for name, value in measured.items()]
    return rows


def of_verdicts(verdicts: Mapping[str, Verdict]) -> list[Row]:
    """What each policy decides, and on what evidence."""
    return [
        {
            **{"policy": policy, "verdict": verdict.outcome, "sentence": verdict.reason},
            **{"p": verdict.p, "effect": verdict.effect, "rows": verdict.rows},
            **{"found": verdict.found, "called": verdict.called},
        }
        for policy, verdict in verdicts.items()
    ]


def of_calibration(release: str, new: Evaluation) -> tuple[Row, list[Row]]:
    """Whether a model's risks come true on new outcomes: in one row, and a row for each group."""
    curve, in_all = calibration.reliability(new.risks, new.left), calibration.expected(new.risks)
    row: Row = {
        **{"release": release, "rows": new.rows, "leavers": new.leavers},
        **{"expected": in_all.leavers, "expected_low": in_all.low, "expected_high": in_all.high},
        **{"error": curve.error, "error_low": curve.low, "error_high": curve.high},
        "by_chance": curve.by_chance,
    }
    groups: list[Row] = [
        {
            **{"place": place, "rows": group.clients, "risk": group.predicted},
            **{"left": group.observed, "left_low": group.low, "left_high": group.high},
        }
        for place, group in enumerate(curve.groups, 1)
    ]
    return row, groups


def of_shifts(
    known: pd.DataFrame, learned: Flags, newest: pd.DataFrame, columns: Columns
) -> list[Row]:
    """How far each column moved between the learned ones of known rows and the newest snapshot."""
    return [
        {
            **{"column": each.column, "sentence": shift.words(each, phrases.label(each.column))},
            **{"psi": each.psi, "psi_bound": each.psi_bound},
            **{"ks": each.ks, "ks_bound": each.ks_bound},
        }
        for each in shift.shifts(known, learned, newest, columns)
    ]
