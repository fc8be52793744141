"""Runs put on record by hand: what policies decided, whether risks came true, what changed."""

from typing import Any

from risk.records import store
from risk.records.pending import Row
from risk.records.store import Entry
from risk.settings import Settings

NAMES = ("policy", "verdict", "p", "effect", "rows", "sentence", "found", "called")


def verdict(policy: str, word: str, found: int = 0, called: int = 0, **more: Any) -> Row:
    usual = {"policy": policy, "verdict": word, "p": None, "effect": None, "rows": 900}
    usual |= {"sentence": f"{policy} says {word}", "found": found, "called": called}
    return usual | more


def calibration(
    release: str, left: int, expected: float = 308, **more: Any
) -> dict[str, list[Row]]:
    """A model whose ten groups of 100 clients left as often as the whole, with its interval."""
    usual = {"release": release, "rows": 1000, "leavers": left, "expected": expected}
    usual |= {"expected_low": expected - 28, "expected_high": expected + 28}
    usual |= {"error": 0.02, "error_low": 0.01, "error_high": 0.03, "by_chance": 0.015}
    groups = [
        {"place": place, "rows": 100, "risk": 0.05 * place, "left": 0.05 * place * left / expected}
        | {"left_low": 0.03 * place, "left_high": 0.07 * place}
        for place in range(1, 11)
    ]
    return {"calibration": [usual | more], "reliability": groups}


def shift(column: str, sentence: str = "", psi: float = 0.001) -> Row:
    of_column = {"column": column, "sentence": sentence, "psi": psi, "psi_bound": 0.012}
    return of_column | {"ks": 0.02, "ks_bound": 0.031}


def record(
    settings: Settings,
    number: int,
    outcome: str,
    verdicts: list[Row],
    release: str | None = None,
    **rows: list[Row],
) -> str:
    """Record a run of the year 2030, later than all real ones, and return its name."""
    moment = f"2030-01-01T{number // 60:02}:{number % 60:02}:00Z"
    facts: Row = {"id": f"run-{number}", "started_at": moment, "finished_at": moment}
    facts |= {"outcome": outcome, "reason": f"reason {number}", "release": release}
    store.write(settings, Entry(facts, {"verdicts": verdicts, **rows}))
    return str(facts["id"])
