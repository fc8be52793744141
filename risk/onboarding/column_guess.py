"""What the columns of a table that nobody has described yet are, and why."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from risk.columns import NUMBER
from risk.onboarding.cells import column_of, words_for_missing
from risk.onboarding.features import kinds_among, suggestions
from risk.onboarding.outcome import as_outcome, target_among, words_for_unknown
from risk.onboarding.row_key import client_among


class Guess(NamedTuple):
    """Keys of config.json, why each has its value, and which of them somebody must look at."""

    keys: dict[str, Any]
    reasons: list[str]
    warnings: list[str]


def guessed(table: Mapping[str, Sequence[str]]) -> Guess:
    """The keys that fit a table of texts: a row is a client, or a client at one time."""
    told = words_for_missing(table)
    target, words, why_target, is_named = target_among(
        [as_outcome(name, cells, told) for name, cells in table.items()]
    )
    told |= words_for_unknown(target)
    columns = [column_of(name, table[name], told) for name in table if name != target.name]
    client, period, why_client = client_among(columns)
    features = [column for column in columns if column not in (client, period)]
    kinds, why_kinds = kinds_among(features, target)
    optional = {
        "column_kinds": {name: kind for name, kind in kinds.items() if kind != NUMBER},
        "period_column": period.name if period else None,
        "outcome_words": words,
        "missing_words": list(told),
    }
    keys = {
        "client_column": client.name,
        "target_column": target.name,
        "feature_columns": list(kinds),
        **{key: value for key, value in optional.items() if value},
    }
    why_told = [f"'missing_words' has {word!r}: it stands {where}" for word, where in told.items()]
    reasons = [why_target, *why_client, *why_kinds, *why_told, *suggestions(features, kinds)]
    return Guess(keys, reasons, [] if is_named else [_doubt(target.name)])


def _doubt(target: str) -> str:
    return (
        f"no column's name speaks of leaving, so {target!r} as the target is NO MORE THAN A "
        "GUESS; if another column tells who left, name it as 'target_column'"
    )
