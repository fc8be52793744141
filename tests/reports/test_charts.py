"""The figures: what they make of any history."""

import pandas as pd
import pytest

from risk.records.queries import Trends
from risk.reports import trends_chart

SECONDS = [0, 59, 3_000, 200_000, 6e6, 1e9]
BETWEEN = [1, 150, 10_000, 100_000, 3e6, 9e7]


@pytest.mark.parametrize(
    "seconds", [*SECONDS, *(pytest.param(each, marks=pytest.mark.slow) for each in BETWEEN)]
)
def test_a_history_of_any_length_has_its_dates(seconds: float) -> None:
    ends = pd.to_datetime([1.7e9, 1.7e9 + seconds], unit="s", utc=True)
    moments = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in ends]
    nothing = pd.DataFrame({"started_at": []})
    history = Trends(
        scores=nothing.assign(dataset=[], metric=[], value=[], rows=[], leavers=[]),
        missing=pd.DataFrame({"started_at": moments, "column": "exited", "missing_percent": 1.0}),
        seconds=nothing.assign(step=[], seconds=[]),
        deployments=pd.DataFrame(columns=["release", "number", "deployed_at", "score", "rows"]),
    )
    assert trends_chart.draw(history).startswith(b"\x89PNG")
