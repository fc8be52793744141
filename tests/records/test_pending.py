"""What the file of a run under way holds when the run ends before its end."""

import pytest

from risk.records import pending
from risk.records.pending import Run
from risk.settings import Settings

TIMING = {"step": "ingestion", "seconds": 1.0}


def test_what_was_found_before_a_release_may_be_out_outlives_the_run(settings: Settings) -> None:
    run = Run(settings, pending.OWED)
    run.add("timings", [TIMING])
    run.may_publish()
    (left,) = pending.waiting(settings)
    assert (left.rows, left.owes) == ({"timings": [TIMING]}, list(pending.OWED))


def test_what_was_found_before_a_crash_outlives_the_run(settings: Settings) -> None:
    with pytest.raises(KeyboardInterrupt), Run(settings, pending.OWED) as run:
        run.add("timings", [TIMING])
        raise KeyboardInterrupt
    (left,) = pending.waiting(settings)
    assert left.rows == {"timings": [TIMING]}
    assert "outcome" not in left.facts
