"""What the report says, section by section; each stands though others cannot be made."""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk import charts, files, ledger, model, pdf, ranking, records, releases, summaries, tables
from risk.errors import ArtefactRefused, RiskError
from risk.pdf import Block, Facts, Grid, Heading, Picture, Words
from risk.releases import Release
from risk.settings import Settings

TITLE = "Clients about to leave"
TOP = 20
MOST_FILES = 25
MOST_REFUSED = 12
LAST_RUNS = 8
LONGEST_CODE = 40
REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"

log = logging.getLogger("risk.report")


def document(settings: Settings) -> bytes:
    """The whole report as a PDF."""
    made = f"{TITLE}, made {_moment(files.now())}"
    return pdf.document(TITLE, made, blocks(settings), charts.font_folder())


def blocks(settings: Settings) -> list[Block]:
    """Every section, or the reason why it is not there."""
    sections: tuple[tuple[Heading | None, Callable[[Settings], list[Block]]], ...] = (
        (None, _answer),
        (None, _decision),
        (Heading(f"The first {TOP} to call"), _first),
        (None, _reading),
        (Heading("How good the model is"), _quality),
        (Heading("The data"), _data),
        (Heading("Refused lines"), _refused),
        (Heading("The columns"), _columns),
        (Heading("How long the steps take"), _timings),
        (Heading("Is it getting worse?", on_new_page=True), _trends),
        (Heading("The last runs"), _runs),
        (Heading("What it is built on"), _dependencies),
    )
    made: list[Block] = []
    for heading, section in sections:
        made += [heading] if heading else []
        try:
            made += section(settings)
        except (RiskError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            log.warning("a section of the report is left out: %s", why)
            made.append(Words(f"This cannot be shown: {why}."))
    return made


def _answer(settings: Settings) -> list[Block]:
    """How many clients are at risk, as of when, and by which model."""
    path = settings.output_model_path / files.RANKING
    listed = ranking.read(path, ("risk", "band"))
    basis = ranking.basis_of(path)
    if basis is None:
        return [Words("There is no client to call: every one in the data has left.")]
    counts = listed["band"].value_counts()
    callable_ = min(settings.capacity, len(listed))
    leaving = float(listed["risk"].iloc[:callable_].sum())
    facts = [
        (f"{counts.get(name, 0):,}", f"clients at {name} risk, {_span(name)}")
        for name, _ in ranking.BANDS
    ]
    said = f"of the first {callable_:,} would leave, if the model is right and nobody calls"
    facts.insert(1, (f"{leaving:,.0f}", said))
    release = f"Ranked by release {basis.release}"
    if basis.deployed_at:
        release += f", deployed {_moment(basis.deployed_at)} ({_age(basis.deployed_at)} ago)"
    as_of = f"Data as of {_moment(basis.as_of)} ({_age(basis.as_of)} ago)"
    lines: list[Block] = [Words(f"{as_of}. {release}."), Facts(facts)]
    deployed = releases.current(settings.prod_deployment_path)
    if deployed and deployed.release != basis.release:
        lines.append(Words(f"Since then {deployed.title} was deployed; the list is older than it."))
    return lines


def _span(band: str) -> str:
    """The risks that a band holds, in words."""
    starts = dict(ranking.BANDS)
    above = min((start for start in starts.values() if start > starts[band]), default=1.0)
    if above == 1.0:
        return f"{100 * starts[band]:.0f}\u00a0% or more"
    return f"{100 * starts[band]:.0f} to {100 * above:.0f}\u00a0%"


def _decision(settings: Settings) -> list[Block]:
    """What the last run decided, and why."""
    last = records.last_runs(settings, 1)
    if last.empty:
        return [Words("No run is recorded yet.")]
    run = last.iloc[0]
    when = _moment(run["started_at"])
    return [Words(f"The last run, {when}, ended with {run['outcome']}: {run['reason']}.")]


class Listed(NamedTuple):
    """A client at the top of the list, as its file has it."""

    corporation: str
    risk: float
    rank: int
    reasons: str
    previous_rank: int | None


def _first(settings: Settings) -> list[Block]:
    """The clients at the top of the list with their reasons."""
    path = settings.output_model_path / files.RANKING
    top = ranking.read(path, Listed._fields, rows=TOP)
    if top.empty:
        return [Words("Nobody.")]
    is_first = bool(ranking.read(path, ("previous_rank",))["previous_rank"].isna().all())
    rows = [
        (
            f"{row.rank}",
            _short(row.corporation),
            f"{100 * row.risk:.0f}\u00a0%",
            "" if is_first else ranking.moved(row.rank, row.previous_rank),
            row.reasons,
        )
        for row in map(Listed._make, top.itertuples(index=False, name=None))
    ]
    return [Grid(("", "client", "risk", "moved", "why"), rows, (0.05, 0.12, 0.07, 0.1, 0.66), (2,))]


def _reading(_settings: Settings) -> list[Block]:
    return [
        Words(
            "Risk: the probability of leaving. Moved: places up or down since the last list. The "
            "average client is in the middle of what the model sees, with compressed numbers "
            'about the geometric mean, which no giant moves. "A lot": this value alone makes the '
            "odds of leaving at least four times as high, or as low, as the average client's.",
            is_remark=True,
        )
    ]


class Judged(NamedTuple):
    """The deployed model before clients of whom it is known whether they left."""

    release: Release
    model: model.Model
    known: pd.DataFrame
    left: charts.Flags
    risks: charts.Numbers
    expected: charts.Flags


def judged(settings: Settings) -> Judged:
    """The deployed model on the test data."""
    release, contents = releases.load(settings.prod_deployment_path)
    asked = model.loads(contents[files.MODEL], release.title, settings.columns)
    known = tables.labelled_rows(settings.test_data_path, settings.columns)
    left = known[settings.target_column].to_numpy() == 1
    risks = model.probability(asked, known, settings.columns)
    expected = model.predictions(asked, known, settings.columns) == 1
    return Judged(release, asked, known, left, risks, expected)


def confusion_matrix(found: Judged, settings: Settings) -> bytes:
    """The picture of what the deployed model found and missed on the test data."""
    f1 = model.f1(found.model, found.known, settings.columns)
    rows = f"{len(found.left):,} rows of test data"
    return charts.confusion_matrix(
        found.left, found.expected, f"{found.release.title} on {rows}: F1 {f1:.4f}"
    )


def _quality(settings: Settings) -> list[Block]:
    """F1 with its interval, what calling the list is worth, and two pictures of it."""
    found = judged(settings)
    share = ledger.capacity_share(settings)
    measured = model.quality(found.model, found.known, settings.columns, share)
    leavers = int(found.left.sum())
    interval = f"F1, 95 % sure between {measured['f1_low']:.2f} and {measured['f1_high']:.2f}"
    called = f"of the first {100 * share:.3g}\u00a0% on the list did leave"
    facts = [
        (f"{measured['f1']:.2f}", interval + summaries.provisional(leavers)),
        (f"{100 * measured['precision_at_capacity']:.0f}\u00a0%", called),
        (f"{measured.get('lift', 0):.1f}\u00d7", "as many leavers as by calling at random"),
        (f"{100 * measured['recall']:.0f}\u00a0%", "of the leavers were expected to leave"),
    ]
    rows = f"{len(found.left):,} rows of test data that no training sees, {leavers:,} of leavers."
    return [
        Words(f"{found.release.title.capitalize()}, on {rows}"),
        Facts(facts),
        Picture(charts.quality(found.left, found.risks, share)),
        Words(
            "Left: the share of the leavers that calling down the list reaches; "
            f"{settings.capacity:,} calls are {100 * share:.3g}\u00a0% of the book. "
            "Right: the clients in ten groups by risk; on the dotted line a group left as often "
            "as the model said.",
            is_remark=True,
        ),
        Picture(confusion_matrix(found, settings), 0.68),
    ]


def _data(settings: Settings) -> list[Block]:
    """The files that were read, the last to arrive first."""
    record = files.required_json(settings.output_folder_path / files.INGESTION, "ingestion.py")
    read = record["files"][::-1]
    rows = [
        (f["name"], *(f"{f[what]:,}" for what in ("rows", "accepted", "duplicates", "rejected")))
        for f in read[:MOST_FILES]
    ]
    head = ("file, the last to arrive first", "rows", "new", "seen before", "refused")
    made: list[Block] = [
        Words(f"{len(read):,} files of {record['input_folder']}/, read {_moment(record['time'])}."),
        Grid(head, rows, (0.52, 0.12, 0.12, 0.12, 0.12), (1, 2, 3, 4)),
    ]
    if len(read) > MOST_FILES:
        made.append(Words(f"And {len(read) - MOST_FILES:,} more files.", is_remark=True))
    return made


def _refused(settings: Settings) -> list[Block]:
    """Why lines were refused, and the first of them."""
    path = settings.output_folder_path / files.REJECTED
    try:
        refused = pd.read_csv(path, dtype="str", keep_default_na=False)
        reasons = refused["reason"].value_counts()
    except FileNotFoundError:
        return [Words("No data was read yet.")]
    except (KeyError, ValueError) as error:
        raise ArtefactRefused(
            f"{files.short(path)} is damaged ({error}); run python ingestion.py"
        ) from error
    if refused.empty:
        return [Words("None: every line could be used.")]
    counts = [(f"{count:,}", str(reason)) for reason, count in reasons.head(MOST_REFUSED).items()]
    lines = refused.head(MOST_REFUSED)[["file", "line", "reason", "text"]]
    rows = [tuple(text[:120] for text in row) for row in lines.itertuples(index=False)]
    rest = f", the first {len(rows)} of them below" if len(refused) > len(rows) else ""
    return [
        Words(f"{len(refused):,} refused; all are in {files.short(path)}{rest}."),
        Grid(("lines", "reason"), counts, (0.12, 0.88), (0,)),
        Grid(("file", "line", "reason", "text"), rows, (0.2, 0.08, 0.3, 0.42), (1,)),
    ]


def _columns(settings: Settings) -> list[Block]:
    """Statistics and missing cells of the dataset."""
    columns = settings.columns
    table = tables.read(settings.output_folder_path / files.FINAL_DATA, columns)
    missing = dict(zip(columns.all, summaries.missing_percent(table, columns), strict=True))
    rows = []
    for name in columns.all:
        numbers = [] if name == columns.client else summaries.numbers(table, name)
        cells = [_number(number) for number in numbers] or [""] * 4
        rows.append((name, *cells, f"{missing[name]:.2f} %"))
    head = ("column", "mean", "median", "std", "mode", "missing")
    return [
        Words(f"{len(table):,} rows after merging, repetitions left out."),
        Grid(head, rows, (0.35, 0.13, 0.13, 0.13, 0.13, 0.13), (1, 2, 3, 4, 5)),
    ]


def _number(value: float) -> str:
    if np.isnan(value):
        return "none"
    return f"{value:.4g}" if abs(value) < 1000 or abs(value) >= 1e12 else f"{value:,.0f}"


def _trends(settings: Settings) -> list[Block]:
    """The picture of all recorded runs."""
    return [Picture(charts.trends(records.trends(settings), head=""))]


def _runs(settings: Settings) -> list[Block]:
    """What the last runs decided, the newest first."""
    last = records.last_runs(settings, LAST_RUNS)
    if last.empty:
        return [Words("No run is recorded yet.")]
    rows = [
        (_moment(run["started_at"]), run["outcome"], run["reason"])
        for run in last.to_dict("records")
    ]
    return [Grid(("began", "outcome", "why"), rows, (0.27, 0.13, 0.6))]


def _timings(settings: Settings) -> list[Block]:
    """The seconds of each step, at last and usually."""
    seconds = records.trends(settings).seconds
    if seconds.empty:
        return [Words("No run is recorded yet.")]
    rows = [
        (str(step), f"{of_step.iloc[-1]:.2f}", f"{of_step.median():.2f}", f"{len(of_step):,}")
        for step, of_step in seconds.groupby("step", sort=False)["seconds"]
    ]
    head = ("step", "seconds at last", "median", "runs")
    return [Grid(head, rows, (0.34, 0.22, 0.22, 0.22), (1, 2, 3))]


def _dependencies(_settings: Settings) -> list[Block]:
    """What requirements.txt asks for beside what is installed."""
    asked = re.findall(r"^([\w.-]+)(?:\[.*?\])?==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    rows = [(name, wanted, _installed(name)) for name, wanted in asked]
    return [Grid(("package", "wanted", "installed"), rows, (0.34, 0.22, 0.22))]


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _short(code: str) -> str:
    return code if len(code) <= LONGEST_CODE else f"{code[: LONGEST_CODE - 1]}…"


def _parsed(text: str) -> datetime:
    return datetime.strptime(text, files.TIME).replace(tzinfo=UTC)


def _moment(text: str) -> str:
    """A moment of the records as people write it."""
    try:
        return f"{_parsed(text):%-d %B %Y, %H:%M}\u00a0UTC"
    except ValueError:
        return text


def _age(text: str) -> str:
    """How long ago a moment of the records was, in the largest unit that fits."""
    try:
        then = _parsed(text)
    except ValueError:
        return "an unknown time"
    minutes = max(0, int((datetime.now(UTC) - then).total_seconds() // 60))
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
