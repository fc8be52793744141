"""The page of one run: what was decided and why, and what the other policies would have done."""

from typing import NamedTuple

from flask import Response

from risk import shapes
from risk.errors import RequestRefused
from risk.records import decisions, queries
from risk.records.queries import RunScore
from risk.web import answers
from risk.web.pages import pages, part, service

COMPARED = {  # the scores that the gates looked at
    "deployed_score": "F1 of the model in use on the test data, when it went out",
    "new_score": "F1 of the model in use on the newest data",
    "arrived_score": "F1 of the model in use on the files that arrived",
    "trained_score": "F1 of the new model on the test data",
}


class Measured(NamedTuple):
    """The recorded metrics as a table: a column for each model and dataset, a row per metric."""

    head: list[tuple[str, str]]
    rows: list[tuple[str, list[float | None]]]


@pages.get("/runs/<run>")
def one_run(run: str) -> Response:
    """The page of one recorded run."""
    settings = service().settings
    found = queries.of_run(settings, run) if shapes.text(run) else None
    if found is None:
        raise RequestRefused("no_such_run", "no recorded run has this name", 404)
    verdicts = part(decisions.verdicts_of, settings, [run])
    return answers.page(
        "run.html",
        found=found,
        run=found.row,
        compared=[(words, found.row[name]) for name, words in COMPARED.items()],
        measured=measured(found.scores),
        verdicts=verdicts,
        policies=(verdicts.value or {}).get(run, []),
    )


def measured(scores: list[RunScore]) -> Measured:
    """The scores of a run side by side."""
    head = list(dict.fromkeys((each.release or "", each.dataset) for each in scores))
    values = {(each.release or "", each.dataset, each.metric): each.value for each in scores}
    metrics = dict.fromkeys(each.metric for each in scores)
    return Measured(
        head, [(name, [values.get((*column, name)) for column in head]) for name in metrics]
    )
