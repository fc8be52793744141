"""What is answered while releases are deployed: whole ones, in their order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from risk import files
from risk.data.input_folder import Seen
from risk.learning import publishing
from risk.models import estimator
from risk.settings import Settings
from tests.serving import Answer, ask, gunicorn
from tests.web.test_server import QUESTION


class Watched(NamedTuple):
    """What one client was answered during the deployments."""

    answers: int
    not_answered: int
    mixed: int
    went_back: int


def release_of(number: int, settings: Settings) -> dict[str, bytes]:
    """A release whose model answers with its number: it is how far off the border all rows are."""
    rows = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    steps = [("fill", SimpleImputer(keep_empty_features=True)), ("fit", LogisticRegression())]
    fitted = Pipeline(steps).fit(pd.DataFrame(rows, columns=list(settings.feature_columns)), [0, 1])
    fitted[-1].coef_[:] = 0.0
    fitted[-1].intercept_[:] = number / 1000 - 3
    return {
        files.MODEL: estimator.dumps(fitted),
        files.SCORE: b"0.5\n",
        files.INGESTED_FILES: b"['dataset1.csv']\n",
    }


def deploy_number(number: int, settings: Settings) -> None:
    """Publish the release of this number."""
    contents = release_of(number, settings)
    published = publishing.publish(
        settings.prod_deployment_path,
        contents,
        score=0.5,
        input_folder="sourcedata",
        seen=Seen(),
        libraries={},
        rows=2,
    )
    assert published.number == number


def watch(port: int, over: threading.Event) -> Watched:
    """Ask until it is over, and look at every answer."""
    answers = not_answered = mixed = went_back = newest = 0
    while not (over.is_set() and answers):
        answer: Answer = ask(port, "POST", "/prediction", QUESTION)
        answers += 1
        if answer.status != 200:
            not_answered += 1
            continue
        number = int(answer.value["release"].partition("-")[0])
        risk = answer.value["risks"][0]
        mixed += round((np.log(risk / (1 - risk)) + 3) * 1000) != number
        went_back += number < newest
        newest = max(newest, number)
    return Watched(answers, not_answered, mixed, went_back)


def deployed_while_asked(settings: Settings, deployments: int) -> list[Watched]:
    deploy_number(1, settings)
    over = threading.Event()
    with gunicorn(settings) as port, ThreadPoolExecutor(4) as pool:
        try:
            watching = [pool.submit(watch, port, over) for _ in range(4)]
            for number in range(2, deployments + 2):
                deploy_number(number, settings)
        finally:
            over.set()
        seen = [one.result() for one in watching]
        last = ask(port, "POST", "/prediction", QUESTION).value["release"]
        assert last.startswith(f"{deployments + 1}-")
    print(f"\n{deployments} deployments:", *seen, sep="\n  ")
    return seen


def test_deployments_under_way_never_show(settings: Settings) -> None:
    for seen in deployed_while_asked(settings, 8):
        assert seen.answers > 0
        assert seen[1:] == (0, 0, 0)


@pytest.mark.slow
def test_five_hundred_deployments_under_way_never_show(settings: Settings) -> None:
    for seen in deployed_while_asked(settings, 500):
        assert seen.answers > 0
        assert seen[1:] == (0, 0, 0)
