"""The pages for people: is everything well, whom to call, one client, what was done about it."""

import functools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import MultiDict
from werkzeug.routing import BaseConverter

from risk import files, times, wording
from risk.cache import Remembered
from risk.data import input_folder, tables, test_data
from risk.errors import InputMissing, RequestRefused, RiskError
from risk.learning import coefficients, ranking, reasons
from risk.learning.deployed import Deployed, Watched
from risk.records import contacts, health, pending, queries, store
from risk.records.contacts import Wrong
from risk.records.health import Ending, Trouble
from risk.reports import svg
from risk.settings import Settings
from risk.web import answers, client_list, client_page, links, overview, security
from risk.web.client_list import Listing, Wish
from risk.web.client_page import Company, Explained
from risk.web.overview import Ingested, Quality

LARGEST_FORM = 64 * 1024
LONGEST_SEARCH = 200
LAST_PAGE = 1_000_000
STYLE = Path(__file__).parent / "static/style.css"
YES = ("", "1")

pages = Blueprint("pages", __name__, template_folder="templates")
log = logging.getLogger("risk.pages")


class AnyCode(BaseConverter):
    """A client's code as a part of a path: any text, slashes too."""

    regex = ".+"
    part_isolating = False


@pages.record_once
def _know_codes(state: Any) -> None:
    state.app.url_map.converters["code"] = AnyCode


class Sources(NamedTuple):
    """What the pages are made of; files are read when they are first needed."""

    settings: Settings
    deployed: Watched
    listed: "Remembered[Listing]"
    book: "Remembered[Any]"
    dataset: "Remembered[Any]"
    ingested: "Remembered[Ingested]"
    company: Company
    test_data: test_data.Watched


def sources(settings: Settings, deployed: Watched) -> Sources:
    """The sources of a project."""
    read = functools.partial(tables.read, columns=settings.columns)
    return Sources(
        settings,
        deployed,
        Remembered(settings.output_model_path / files.RANKING, client_list.read),
        Remembered(settings.output_folder_path / files.CLIENTS, read),
        Remembered(settings.output_folder_path / files.FINAL_DATA, read),
        Remembered(settings.output_folder_path / files.INGESTION, overview.ingested),
        Company(settings.columns),
        test_data.Watched(settings),
    )


def _sources() -> Sources:
    found: Sources = current_app.extensions["pages"]
    return found


def listed() -> Listing:
    """The list as it is now."""
    return _sources().listed.now()


class Part(NamedTuple):
    """A part of a page, or the sentence that says why it is not there."""

    value: Any
    problem: str
    is_missing: bool = False  # not made yet, which is nobody's fault


def _part(make: Callable[[], object]) -> Part:
    """A part that the others do without."""
    try:
        return Part(make(), "")
    except RiskError as error:
        is_missing = isinstance(error, InputMissing)
        if not is_missing:
            log.warning("a part of a page is left out: %s", error)
        return Part(None, answers.told(error), is_missing)
    except OSError as error:
        log.error("a part of a page is left out: %s", error)
        return Part(None, "reading failed here; the server's log says why")


@functools.cache
def _style() -> tuple[bytes, str]:
    """The stylesheet and its address, which changes with it."""
    content = STYLE.read_bytes()
    return content, f"/style.css?v={files.sha256(content)[:12]}"


@pages.app_context_processor
def _words() -> dict[str, object]:
    return {
        "style": _style()[1],
        "address": links.address,
        "contacts_address": links.contacts_address,
        "visible": links.visible,
        "ago": links.ago,
        "exact": links.exact,
        "score": links.score,
        "percent": ranking.percent,
        "span": ranking.span,
        "colours": wording.COLOURS,
        "meant": wording.meant,
        "shown_line": health.shown,
        "bands": [name for name, _ in ranking.BANDS],
    }


@pages.get("/style.css")
def style() -> Response:
    """The one stylesheet."""
    made = Response(_style()[0], mimetype="text/css")
    made.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return made


# Is everything well?


class Pipeline(NamedTuple):
    """What files tell of the pipeline; no database is asked."""

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
        return health.last_run(self.endings)

    def judged(self, folder: Path) -> Iterator[Trouble | None]:
        """What of it is not as it should be: the last run, the model, the files."""
        run, data = self.last_run, self.data.value
        yield health.failed(run)
        yield health.late(run)
        yield health.unusable(self.release.problem, is_missing=self.release.is_missing)
        yield _unreadable("How the last runs ended", self.ends, "The next run notes it anew.")
        yield _unreadable("What was ingested", self.data, "Run python ingestion.py.")
        still = functools.partial(input_folder.lies_there_still, folder)
        whole = [each for each in data.refused_whole if still(each)] if data else []
        yield health.refused_files(whole, folder.name)


def _unreadable(what: str, part: Part, remedy: str) -> Trouble | None:
    return health.unreadable(what, "" if part.is_missing else part.problem, remedy)


def pipeline() -> Pipeline:
    """The pipeline as it is now."""
    found = _sources()
    return Pipeline(
        _part(lambda: health.endings(found.settings.output_folder_path)),
        _part(lambda: found.deployed.now().release),
        _part(found.ingested.now),
    )


def state_of_service() -> dict[str, Any]:
    """The same in a few words for programs."""
    known, settings = pipeline(), _sources().settings
    release, run = known.release.value, known.last_run
    return {
        "release": release.release if release else None,
        "deployed_at": (release.time or None) if release else None,
        "last_run": health.shown(run.message) if run else None,
        "last_run_age_seconds": times.seconds_since(run.time) if run else None,
        "last_run_exit_code": run.exit_code if run else None,
        "status": health.verdict(known.judged(settings.input_folder_path)).status,
    }


@pages.get("/")
def start_page() -> Response:
    """Whether everything is well: the last runs, the model, the data."""
    found = _sources()
    settings, known = found.settings, pipeline()
    past = _part(lambda: queries.overview(settings))
    quality = overview.quality(past.value, known.release.value) if past.value else None
    lately = _part(lambda: contacts.recent(settings))
    clients = _part(
        lambda: overview.to_call(found.listed.now(), settings.capacity, lately.value or set())
    )
    judged = (
        *known.judged(settings.input_folder_path),
        *_judged_by_files(settings, known, clients),
        *_judged_by_records(past, quality),
        *(health.begun_anew(*each) for each in store.set_aside(settings)),
    )
    return answers.page(
        "overview.html",
        verdict=health.verdict(judged),
        run=known.last_run,
        release=known.release,
        clients=clients,
        past=past,
        arrived=wording.arrived(past.value.runs) if past.value else "",
        learned=_part(lambda: coefficients.of(found.deployed.now().model, settings.columns)),
        quality=quality,
        data=known.data,
        capacity=settings.capacity,
        hidden_days=contacts.HIDDEN_DAYS,
        problem=lately.problem,
    )


def _judged_by_files(
    settings: Settings, known: Pipeline, clients: Part
) -> Iterator[Trouble | None]:
    """What is wrong with the list, with the input, with what runs left undone."""
    waiting = _part(lambda: pending.unrecorded(settings)).value or []
    yield health.failed_by_hand(known.endings)
    yield health.unrecorded(waiting)
    yield from map(health.given_up, pending.given_up(settings))
    yield _judged_test_data(settings)
    yield _unreadable("The list of whom to call", clients, health.MAKE_THE_LIST)
    if not any(map(health.is_under_way, waiting)):
        yield _judged_list(known, clients)
    if data := known.data.value:
        yield health.refused_lines(data.refused, data.rows, data.rejected)
        yield health.empty(data.empty)
    passed_over = _part(lambda: input_folder.listing(settings.input_folder_path).passed_over)
    yield from (health.remark(f"{sentence}.") for sentence in passed_over.value or ())


def _judged_test_data(settings: Settings) -> Trouble | None:
    there = _part(_sources().test_data.now)
    left_out = there.value.left_out if there.value else {}
    problem = there.problem or _part(lambda: there.value.rows).problem
    return health.test_data(left_out, problem, settings.test_data_path.name)


def _judged_list(known: Pipeline, clients: Part) -> Trouble | None:
    """What is wrong with the list as long as no run makes it anew."""
    release, data = known.release.value, known.data.value
    if not release or not data:
        return None
    basis = clients.value.basis if clients.value else None
    if not basis:
        return health.unlisted() if clients.is_missing else None
    is_current = basis == ranking.basis_now(release, data.time)
    return health.stale(basis.release, release.release, is_current=is_current)


def _judged_by_records(past: Part, quality: Quality | None) -> Iterator[Trouble | None]:
    """What is wrong with the model by what only the database knows."""
    yield _unreadable("The records", past, "See that the database answers.")
    if quality:
        yield health.drifted(quality.drift) if quality.drift else None
        yield health.weaker(quality.rivals)


# Whom to call


@pages.get("/clients")
def clients() -> Response:
    """The list, or the page of a client whose code no browser sends as a path."""
    if "client" in request.args:
        return _client_page(request.args["client"])
    found = _sources()
    wish = _wish(request.args)
    settings, listed = found.settings, found.listed.now()
    hidden = _part(lambda: contacts.recent(settings) if wish.hides_contacted else set())
    like_that = client_list.matching(listed, wish, hidden.value or set())
    places = client_list.first(listed, wish, settings.capacity, like_that)
    last = client_list.pages(places)
    wish = wish._replace(page=min(wish.page, last))
    rows = client_list.page(listed, places, wish.page)
    known = _part(lambda: contacts.last(settings, [each.corporation for each in rows]))
    return answers.page(
        "clients.html",
        wish=wish,
        linked=functools.partial(links.linked, wish),
        listed=listed,
        shown=rows,
        count=len(places),
        like_that=len(like_that),
        pages=last,
        first_on_page=(wish.page - 1) * client_list.PAGE + 1,
        contacts=known.value or {},
        problem=hidden.problem or known.problem,
        capacity=settings.capacity,
        orders=client_list.ORDERS,
        hidden_days=contacts.HIDDEN_DAYS,
        counts=client_list.counts(listed),
        order=ranking.order(ranking.still_open(listed.table)),
        beyond=wish.text if not len(places) and _is_in_book(found, wish.text) else "",
        release=_part(lambda: found.deployed.now().release).value,
    )


def _wish(asked: "MultiDict[str, str]") -> Wish:
    """What the address asks of the list."""
    text, band = asked.get("q", ""), asked.get("band", "")
    order, page = asked.get("sort", "risk"), asked.get("page", "1")
    if len(text) > LONGEST_SEARCH:
        raise _wrong(f"a search has at most {LONGEST_SEARCH} characters")
    if band and band not in dict(ranking.BANDS):
        raise _wrong(f"band is one of {', '.join(dict(ranking.BANDS))}")
    if order not in client_list.ORDERS:
        raise _wrong(f"sort is one of {', '.join(client_list.ORDERS)}")
    number = answers.count(page, "page", LAST_PAGE)
    return Wish(text, band, order, is_set(asked, "all"), is_set(asked, "hide"), number)


def is_set(asked: "MultiDict[str, str]", name: str) -> bool:
    """Whether a flag of an address is set."""
    value = asked.get(name, "")
    if value not in YES:
        raise _wrong(f"{name} is 1, or left out")
    return value == "1"


def _wrong(message: str) -> RequestRefused:
    return RequestRefused("bad_request", message)


@pages.get("/clients.csv")
def spreadsheet() -> Response:
    """The whole list for a spreadsheet."""
    listed = _sources().listed.now()
    made = Response(client_list.spreadsheet(listed), mimetype="text/csv")
    made.headers["Content-Disposition"] = 'attachment; filename="clients.csv"'
    return made


@pages.get("/report.pdf")
def report() -> Response:
    """The report as it was last made."""
    path = _sources().settings.output_model_path / files.REPORT
    made = Response(files.read_bytes(path, "reporting.py"), mimetype="application/pdf")
    made.headers["Content-Disposition"] = 'inline; filename="report.pdf"'
    return made


# One client


@pages.get("/clients/<code:corporation>")
def client(corporation: str) -> Response:
    """One client: its risk, all reasons, its rows in the data, what was done about it."""
    return _client_page(corporation)


@pages.get("/clients/<code:corporation>/contacts")
def client_of_contacts(corporation: str) -> Response:
    """The client whose contacts these are, or whose code ends like this address."""
    try:
        return _client_page(f"{corporation}/contacts")
    except RequestRefused:
        return _client_page(corporation)


def _client_page(
    corporation: str,
    typed: "MultiDict[str, str] | dict[str, str] | None" = None,
    wrong: Wrong | None = None,
) -> Response:
    found = _sources()
    settings = found.settings
    listed = _part(found.listed.now)
    own = client_list.of(listed.value, corporation) if listed.value else None
    periods = _part(lambda: client_page.periods(found.dataset.now(), corporation, settings.columns))
    if not own and not periods.value and not _is_in_book(found, corporation):
        raise RequestRefused("no_such_client", "no client has this code", 404)
    release = _part(found.deployed.now)
    why = _part(lambda: _explained(found, release, corporation))
    changed = _part(
        lambda: client_page.changes(
            found.dataset.now(), found.book.now(), corporation, settings.columns
        )
    )
    past = _part(lambda: queries.of_client(settings, corporation))
    return answers.page(
        "client.html",
        400 if wrong else 200,
        code=corporation,
        own=own,
        basis=listed.value.basis if listed.value else None,
        all=len(listed.value.folded) if listed.value else 0,
        listed=listed,
        release=release.value.release if release.value else None,
        why=why,
        changes=changed.value or [],
        periods=periods,
        features=[reasons.label(name) for name in settings.feature_columns],
        past=past,
        chart=_risks(past.value or []),
        contacts=_part(lambda: contacts.of_client(settings, corporation)),
        outcomes=contacts.OUTCOMES,
        longest=(contacts.LONGEST_NAME, contacts.LONGEST_NOTE),
        today=contacts.today(),
        form=contacts.number(),
        typed=typed or {},
        wrong=wrong,
    )


def _is_in_book(found: Sources, corporation: str) -> bool:
    book = _part(found.book.now).value
    column = found.settings.client_column
    return book is not None and bool((book[column] == corporation).any())


def _explained(found: Sources, release: Part, corporation: str) -> Explained | None:
    """The reasons by the deployed model and the book as they are now."""
    deployed: Deployed | None = release.value
    if deployed is None:
        raise InputMissing(release.problem)
    ranked = found.company.ranked(deployed, found.book.now())
    return client_page.explained(ranked, corporation, found.settings.columns)


def _risks(past: list[queries.Listed]) -> svg.Chart | None:
    """A client's risk over the lists."""
    names = [times.brief(each.started_at) for each in past]
    points = [
        (at, each.risk, f"{ranking.percent(each.risk)}, rank {each.rank:,}, {names[at]} UTC")
        for at, each in enumerate(past)
    ]
    return svg.chart({"risk": points}, names, whole=True)


# What was done about it


@pages.post("/clients/<code:corporation>/contacts")
def add_contact(corporation: str) -> Response:
    """Record a contact that a manager tells of."""
    security.refuse_forged()
    if request.mimetype != "application/x-www-form-urlencoded":
        raise RequestRefused("unsupported_media_type", "the body must be a form", 415)
    request.max_content_length = LARGEST_FORM
    fields = request.form
    if any(len(values) > 1 for values in fields.listvalues()):
        raise _wrong("the form says something twice")
    _refuse_unknown(corporation)
    try:
        contact = contacts.of_form(corporation, fields)
        contacts.record(_sources().settings, contact)
    except Wrong as refusal:
        if answers.wants_page():
            return _client_page(corporation, fields, refusal)
        raise
    there = f"{links.address(corporation)}#contact-{contact.form}"
    return Response(status=303, headers={"Location": there})


def _refuse_unknown(corporation: str) -> None:
    """Nobody contacts a client who is neither on the list nor in the book."""
    found = _sources()
    listed = _part(found.listed.now).value
    if listed and corporation in listed.places:
        return
    if not _is_in_book(found, corporation):
        raise RequestRefused("no_such_client", "no client has this code", 404)
