"""From which rows a release has learned."""

import numpy as np
import pandas as pd
import pytest

from risk.data.input_folder import Seen
from risk.dataset.outcomes import Labelled
from risk.decisions import windows
from risk.learning.releases import Release

PERIOD, ARRIVAL = np.array([0, 0, 1, 3, 3, 4, 4]), np.array([1, 3, 1, 1, 2, 2, 3])
LABELLED = Labelled(pd.DataFrame({"exited": np.zeros(len(PERIOD))}), PERIOD, ARRIVAL)


def release(periods: int | None, arrival: int, trained: int) -> Release:
    """A release that knew the outcomes up to an arrival, its model those up to another."""
    about = {"periods": periods, "arrival": arrival, "trained": trained}
    return Release("1", 1, "", 0.5, "", Seen(), {}, {}, **about)


@pytest.mark.parametrize(
    ("periods", "arrival", "trained", "rows"),
    [
        pytest.param(None, 2, 2, [0, 2, 3, 4, 5], id="all that was known"),
        pytest.param(None, 3, 1, [0, 2, 3], id="its level was corrected since"),
        pytest.param(1, 2, 2, [5], id="the newest period that was known then"),
        pytest.param(2, 2, 2, [3, 4, 5], id="the two newest, with a gap before them"),
        pytest.param(9, 2, 2, [0, 2, 3, 4, 5], id="more than there are"),
        pytest.param(2, 0, 0, [], id="nothing is known of it"),
    ],
)
def test_a_release_has_learned_from_the_newest_periods_that_it_knew(
    periods: int | None, arrival: int, trained: int, rows: list[int]
) -> None:
    learned = windows.learned_by(release(periods, arrival, trained), LABELLED)
    assert np.flatnonzero(learned).tolist() == rows
