"""What all pages share: what they answer from, parts that may fail, words for the templates."""

import functools
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import pandas as pd
from flask import Blueprint, Response, current_app
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.routing import BaseConverter

from risk import files, times, wording
from risk.cache import Remembered, state
from risk.data import test_data
from risk.dataset import final_data
from risk.errors import InputMissing, RequestRefused, RiskError
from risk.learning import ranking
from risk.learning.deployed import Deployed, watched
from risk.reasons import phrases
from risk.reasons.attribution import Average
from risk.records import endings
from risk.reports import decision_words, ingestion_record
from risk.reports.ingestion_record import Ingested
from risk.rows import client_rows, memory, statistics, tables
from risk.rows.statistics import Look
from risk.settings import Settings
from risk.web import answers
from risk.web.data_files import DataFiles

STYLE = Path(__file__).parent / "static/style.css"
YES = ("", "1")
LONG_AGO = 60 * 86_400  # seconds: a day says more than "63 days ago"
CHANGED_BY_BROWSERS = (".", "..")  # which they never send as they are
Value = TypeVar("Value")

pages = Blueprint("pages", __name__, template_folder="templates")
log = logging.getLogger("risk.pages")


class AnyCode(BaseConverter):
    """A client's code as a part of a path: any text, slashes too."""

    regex = ".+"
    part_isolating = False


@pages.record_once
def _know_codes(state: Any) -> None:
    state.app.url_map.converters["code"] = AnyCode


class Service:
    """What routes and pages answer from; a file is read when it is needed and has changed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.deployed = watched(settings.prod_deployment_path, settings.columns)
        self.test_data = test_data.watched(settings)
        self.data_files = DataFiles(settings)
        self._contents: dict[Path, Remembered[Any]] = {}
        self._lock = threading.Lock()
        self._middle: tuple[object, Average] | None = None

    def content(self, path: Path, read: Callable[[Path], Value]) -> Value:
        """What is in this file now; each file has one reader."""
        known = Remembered(
            functools.partial(_read_in_little_memory, read, path), functools.partial(state, path)
        )
        content: Value = self._contents.setdefault(path, known).now()
        return content

    def rows_of(self, corporation: str) -> pd.DataFrame:
        """A client's rows in the data."""
        dataset = self.settings.output_folder_path / files.FINAL_DATA
        return client_rows.of_client(dataset, corporation, self.settings.columns)

    def newest_row_of(self, corporation: str) -> pd.DataFrame:
        """A client's row in the book, none if it is not there."""
        book = self.settings.output_folder_path / files.CLIENTS
        return client_rows.of_client(book, corporation, self.settings.columns)

    def has_in_book(self, corporation: str) -> bool:
        """Whether the book has a client with this code; no if it cannot be read."""
        own = part(self.newest_row_of, corporation).value
        return own is not None and len(own) > 0

    def look(self) -> Look:
        """What the data look like."""

        def read(_path: Path) -> Look:
            return statistics.look(final_data.read(self.settings).table, self.settings.columns)

        return self.content(self.settings.output_folder_path / files.FINAL_DATA, read)

    def middle(self, deployed: Deployed) -> Average:
        """The middle client of the list, kept until the model or the book is another one."""
        folder, columns = self.settings.output_folder_path, self.settings.columns
        with self._lock:
            basis = deployed, state(folder / files.CLIENTS)
            if not self._middle or self._middle[0] != basis:
                book = tables.read_book(folder, columns)
                ranked = ranking.ranked(deployed.model, book, columns, self.settings.order)
                self._middle = basis, ranked.average
                del book, ranked
                memory.give_back()
            return self._middle[1]


def _read_in_little_memory(read: Callable[[Path], Value], path: Path) -> Value:
    value = read(path)
    memory.give_back()
    return value


def service() -> Service:
    """The service of the current request."""
    current: Service = current_app.extensions["risk"]
    return current


def ingested() -> Ingested:
    """What the last ingestion read and refused."""
    record = service().settings.output_folder_path / files.INGESTION
    return service().content(record, ingestion_record.ingested)


class Part(NamedTuple):
    """A part of a page, or the sentence that says why it is not there."""

    value: Any
    problem: str
    is_missing: bool = False  # not made yet, which is nobody's fault


def part(make: Callable[..., object], *arguments: object) -> Part:
    """What `make` returns; if that fails, the rest of the page is shown without it."""
    try:
        return Part(make(*arguments), "")
    except RiskError as error:
        is_missing = isinstance(error, InputMissing)
        if not is_missing:
            log.warning("a part of a page is left out: %s", error)
        return Part(None, answers.public_sentence(error), is_missing)
    except OSError as error:
        log.error("a part of a page is left out: %s", error)
        return Part(None, "reading failed here; the server's log says why")


def is_set(query: "MultiDict[str, str]", name: str) -> bool:
    """Whether a flag of an address is set."""
    value = query.get(name, "")
    if value not in YES:
        raise RequestRefused("bad_request", f"{name} is 1, or left out")
    return value == "1"


@functools.cache
def _style() -> tuple[bytes, str]:
    """The stylesheet and its address, which changes with it."""
    content = STYLE.read_bytes()
    return content, f"/style.css?v={files.sha256(content)[:12]}"


@pages.get("/style.css")
def style() -> Response:
    """The one stylesheet."""
    response = Response(_style()[0], mimetype="text/css")
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@pages.get("/report.pdf")
def report() -> Response:
    """The report as it was last made."""
    path = service().settings.output_model_path / files.REPORT
    response = Response(files.read_bytes(path, "reporting.py"), mimetype="application/pdf")
    response.headers["Content-Disposition"] = 'inline; filename="report.pdf"'
    return response


@pages.app_context_processor
def _words() -> dict[str, object]:
    """Functions and words for the templates."""
    return {
        "style": _style()[1],
        "address": address,
        "contacts_address": contacts_address,
        "run_address": run_address,
        "visible": visible,
        "ago": ago,
        "exact": exact,
        "written": times.written,
        "score": score,
        "percent": ranking.percent,
        "span": ranking.span,
        "times": phrases.times,
        "colours": wording.COLOURS,
        "meant": wording.meant,
        "decisions": decision_words,
        "at_stake": wording.at_stake,
        "without_folders": endings.without_folders,
        "bands": [name for name, _ in ranking.BANDS],
    }


def address(corporation: str) -> str:
    """Where a client's page is."""
    if corporation in CHANGED_BY_BROWSERS:
        return f"/clients?{urlencode({'client': corporation})}"
    return f"/clients/{quote(corporation, safe='')}"


def run_address(run: str) -> str:
    """Where a run's page is."""
    return f"/runs/{quote(run, safe='')}"


def contacts_address(corporation: str) -> str:
    """Where a client's contacts are sent to; an encoded slash keeps browsers off codes of dots."""
    slash = "%2F" if corporation in CHANGED_BY_BROWSERS else "/"
    return f"/clients/{quote(corporation, safe='')}{slash}contacts"


def visible(code: str) -> str:
    """A code with its invisible characters written out."""
    if code.isprintable():
        return code
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in code)


def ago(moment: str) -> Markup:
    """How long ago a moment was, or its day if it is long ago; the exact time as a tooltip."""
    element = Markup('<time datetime="{}" title="{}">{}</time>')
    is_long_ago = (times.seconds_since(moment) or 0) >= LONG_AGO
    words = times.day(moment) if is_long_ago else f"{times.age(moment)} ago"
    return element.format(moment, times.written(moment), words)


def exact(moment: str) -> Markup:
    """A moment for those who look it up in a log."""
    return Markup('<time datetime="{}">{}</time>').format(moment, times.written(moment))


def score(value: float | None) -> str:
    """A score as logs and reports have it."""
    return "" if value is None else f"{value:.4f}"
