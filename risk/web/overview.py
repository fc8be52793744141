"""Is everything well? The start page: the last runs, the model, the data, whom to call."""

from collections.abc import Iterator, Set
from typing import Any, NamedTuple

from flask import Response

from risk import times, wording
from risk.cli import PIPELINE
from risk.data import input_folder
from risk.decisions.policies import EVIDENCE
from risk.learning import ranking
from risk.learning.ranking import Basis
from risk.reasons import coefficients
from risk.records import contacts, decisions, endings, health, pending, queries, store
from risk.records.decisions import Calibration
from risk.records.endings import Ending
from risk.records.health import Trouble
from risk.reports import decision_words
from risk.settings import Settings
from risk.web import answers, client_list
from risk.web.client_list import ClientList, Wish
from risk.web.model_quality import Quality, quality_of, reliability
from risk.web.pages import Part, ingested, pages, part, service

FIRST_TO_CALL = 7
MOST_FILES = 8


class Pipeline(NamedTuple):
    """The state of the pipeline by its files, without the database."""

    settings: Settings
    ends: Part
    release: Part
    data: Part

    @property
    def endings(self) -> dict[str, Ending]:
        """How each step last ended."""
        return self.ends.value or {}

    @property
    def last_run(self) -> Ending | None:
        """How the last run of the whole pipeline ended."""
        return self.endings.get(PIPELINE)


def current_pipeline() -> Pipeline:
    """The pipeline as it is now."""
    settings, now = service().settings, service().deployed.now
    return Pipeline(
        settings,
        part(endings.read, settings.output_folder_path),
        part(lambda: now().release),
        part(ingested),
    )


def state_of_service() -> dict[str, Any]:
    """What /health answers."""
    pipeline = current_pipeline()
    release, run = pipeline.release.value, pipeline.last_run
    return {
        "release": release.release if release else None,
        "deployed_at": (release.time or None) if release else None,
        "last_run": endings.without_folders(run.message) if run else None,
        "last_run_age_seconds": times.seconds_since(run.time) if run else None,
        "last_run_exit_code": run.exit_code if run else None,
        "status": health.verdict(_judged_pipeline(pipeline)).status,
    }


@pages.get("/")
def start_page() -> Response:
    """Whether everything is well: the last runs, the model, the data."""
    pipeline, settings = current_pipeline(), service().settings
    past = part(queries.overview, settings)
    decided, in_use = part(decisions.overview, settings), _in_use(pipeline)
    by = decided.value if settings.drift_test == EVIDENCE else None
    quality = quality_of(past.value, pipeline.release.value, by) if past.value else None
    is_better = bool(decided.value and decided.value.has_proven_better)
    doubted = decided.value.doubted(in_use) if decided.value else None
    lately = part(contacts.recent, settings)
    contacted = lately.value or set()
    clients = part(lambda: to_call(client_list.current(), settings.capacity, contacted, doubted))
    judged = (
        *_judged_pipeline(pipeline),
        health.untrue(doubted),
        *_judged_files(pipeline, clients),
        *_judged_records(past, quality, is_better=is_better),
        *(health.begun_anew(*each) for each in store.set_aside(settings)),
    )
    return answers.page(
        "overview.html",
        verdict=health.verdict(judged),
        run=pipeline.last_run,
        release=pipeline.release,
        clients=clients,
        past=past,
        decided=decided,
        in_use=in_use,
        doubted=doubted,
        curve=reliability(decided.value.calibration) if decided.value else None,
        arrived=wording.arrived(past.value.runs) if past.value else "",
        learned=part(lambda: coefficients.of(service().deployed.now().model, settings.columns)),
        quality=quality,
        data=pipeline.data,
        most_files=MOST_FILES,
        capacity=settings.capacity,
        hidden_days=contacts.HIDDEN_DAYS,
        problem=lately.problem,
    )


def _in_use(pipeline: Pipeline) -> str:
    """The name of the release in use; empty without one."""
    return pipeline.release.value.release if pipeline.release.value else ""


def _judged_pipeline(pipeline: Pipeline) -> Iterator[Trouble | None]:
    """What is wrong with the last run, the model and the files: the status in /health."""
    run, data, folder = pipeline.last_run, pipeline.data.value, pipeline.settings.input_folder_path
    yield health.failed(run)
    yield health.late(run)
    yield health.unusable(pipeline.release.problem, is_missing=pipeline.release.is_missing)
    yield _unreadable("How the last runs ended", pipeline.ends, "The next run writes it again.")
    yield _unreadable("What was ingested", pipeline.data, "Run python ingestion.py.")
    whole = data.refused_whole if data else []
    there = [each for each in whole if input_folder.lies_there_still(folder, each)]
    yield health.refused_files(there, folder.name)


def _unreadable(what: str, source: Part, remedy: str) -> Trouble | None:
    return health.unreadable(what, "" if source.is_missing else source.problem, remedy)


def _judged_files(pipeline: Pipeline, clients: Part) -> Iterator[Trouble | None]:
    """What is wrong with the list, the input and unfinished runs."""
    settings = pipeline.settings
    waiting = part(pending.unrecorded, settings).value or []
    yield health.failed_by_hand(pipeline.endings)
    yield health.unrecorded(waiting)
    yield from map(health.not_retried, pending.failures(settings))
    yield _judged_test_data(settings)
    yield _unreadable("The list of whom to call", clients, health.MAKE_THE_LIST)
    if not any(map(health.is_under_way, waiting)):
        yield _judged_list(pipeline, clients)
    if data := pipeline.data.value:
        yield health.refused_lines(data.refused, data.rows, data.rejected)
        yield health.empty(data.empty)
    listing = part(input_folder.listing, settings.input_folder_path).value
    yield from (health.remark(f"{each}.") for each in (listing.passed_over if listing else ()))


def _judged_test_data(settings: Settings) -> Trouble | None:
    data = part(service().test_data.now)
    left_out = data.value.left_out if data.value else {}
    problem = data.problem or part(lambda: data.value.rows).problem
    return health.test_data(left_out, problem, settings.test_data_path.name)


def _judged_list(pipeline: Pipeline, clients: Part) -> Trouble | None:
    """What is wrong with the list, if no run is making a new one."""
    release, data = pipeline.release.value, pipeline.data.value
    if not release or not data:
        return None
    basis = clients.value.basis if clients.value else None
    if not basis:
        return health.unlisted() if clients.is_missing else None
    is_current = basis == ranking.basis_now(release, data.time)
    return health.stale(basis.release, release.release, is_current=is_current)


def _judged_records(
    past: Part, quality: Quality | None, *, is_better: bool
) -> Iterator[Trouble | None]:
    """What the database says is wrong with the model.

    One that was needed, by outcomes that the model before had not seen, is no weaker than that.
    """
    yield _unreadable("The records", past, "See that the database answers.")
    if quality:
        yield health.drifted(quality.drift) if quality.drift else None
        yield health.weaker({} if is_better else quality.rivals)


class ToCall(NamedTuple):
    """How many clients are at risk, and the first to call."""

    basis: Basis | None
    bands: dict[str, int]
    all: int
    expected: str
    words: str
    first: list[client_list.Client]

    @property
    def others(self) -> int:
        """How many clients are in no band here, though the list has them."""
        return self.all - sum(self.bands.values())


def to_call(
    listed: ClientList, capacity: int, contacted: Set[str], doubted: Calibration | None
) -> ToCall:
    """A summary of the list; those who were contacted are not among the first."""
    risks = listed.table["risk"].to_numpy()
    is_open = ranking.still_open(listed.table[ranking.OUTCOME])
    wish = Wish(hides_contacted=True)
    places = client_list.matching(listed, wish, contacted)
    places = client_list.to_call(listed, wish, FIRST_TO_CALL, places)
    expected = ranking.expected(risks[:capacity], is_open[:capacity])
    return ToCall(
        listed.basis,
        listed.at_risk,
        listed.count,
        *decision_words.promised(expected, risks[:capacity], is_open[:capacity], doubted),
        client_list.clients_at(listed, places),
    )
