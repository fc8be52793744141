"""One deploying run reads, unpickles, asks and parses once what it needs, counted as it happens."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sklearn.pipeline import Pipeline

from company import fabricate
from fullprocess import full_process
from risk.data import intake, test_data
from risk.learning import choice
from risk.models import pickles
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import configured, deliver

COUNTED = {
    pickles.load.__code__: "unpicklings",
    tables.parse.__code__: "parses of the merged data or the book",
    test_data.read.__code__: "readings of the test data",
    intake.gather.__code__: "ingestions",
    choice.learn.__code__: "trainings",
}


PIPELINE = sys.modules[Pipeline.__module__].__file__


def _is_asked(code: Any) -> bool:
    """Whether this is the code in which a model, which is a pipeline, answers."""
    return code.co_filename == PIPELINE and code.co_name in (
        "predict",
        "predict_proba",
    )


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """What is called meanwhile, in whatever thread of this process."""
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, called: object) -> None:
        if event == "call":
            if name := COUNTED.get(frame.f_code):
                counts[name] += 1
            elif _is_asked(frame.f_code):
                counts["questions to a model"] += 1
        elif event == "c_call" and called is os.fsync:
            counts["fsyncs"] += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        yield counts
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def test_a_deploying_run_does_nothing_twice(finished: Settings) -> None:
    """The API, which the run serves itself when no other answers, counts as well."""
    settings = configured(finished.workspace, api_url="http://127.0.0.1:9")
    deliver(settings, "dataset2.csv", fabricate.periods(3, clients=400, seed=1, drift=True)[-1])
    with counting() as counts:
        assert full_process(settings) == "deployed"
    assert counts["ingestions"] == 1
    assert counts["trainings"] == 2, "of the window of each of two policies"
    assert counts["unpicklings"] <= 4, "the old model, the new ones of two policies, the API's"
    # the folds find the best threshold, of the new model and of what another policy would deploy,
    # which also asks the evidence once
    assert counts["questions to a model"] <= 8 + 2 * 2 * choice.FOLDS + 1
    assert counts["parses of the merged data or the book"] <= 2, "both by the API, for itself"
    assert counts["readings of the test data"] <= 3, "the run, the API, the choice of what it asks"
    # two for each published file, few for the run itself, 21 for the model of another policy
    assert counts["fsyncs"] <= 99
