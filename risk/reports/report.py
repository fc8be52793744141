"""What the report says, section by section; each stands though others cannot be made."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk import files, packages, times, wording
from risk.data import statistics, tables
from risk.errors import ArtefactRefused, RiskError
from risk.learning import coefficients, ranking, reasons, releases
from risk.learning.evaluation import Evaluation
from risk.records import list_file, recording, store
from risk.reports import charts, pdf
from risk.reports.pdf import Block, Cell, Facts, Grid, Heading, Picture, Words
from risk.reports.report_data import Findings
from risk.settings import BESIDE_THE_SCRIPTS

TITLE = "Clients about to leave"
TOP = 20
MOST_FILES = 25
COUNTS = ("rows", "accepted", "duplicates")
MOST_REFUSED = 12
LONGEST_CODE = 40
FOUR_AND_SOME = 8
LONGEST_LINE = 120
HOW_TO_READ = (
    "Risk: the probability of leaving. Moved: places up or down since the last list. "
    "The middle client: the one in the middle of what the model sees. "
    '"A lot": this alone makes the odds of leaving at least four times as high, or as low.'
)
OF_ESCAPES = " A \\ with u or U and digits is a sign that this font cannot print."
REQUIREMENTS = BESIDE_THE_SCRIPTS.parent / "requirements.txt"

log = logging.getLogger("risk.report")


def document(findings: Findings) -> bytes:
    """The whole report as a PDF."""
    made = f"{TITLE}, made {times.written(files.now())}"
    return pdf.document(TITLE, made, blocks(findings), charts.font_folder())


def blocks(findings: Findings) -> list[Block]:
    """Every section, or the reason why it is not there."""
    sections: tuple[tuple[Heading | None, Callable[[Findings], list[Block]]], ...] = (
        (None, _answer),
        (None, _decision),
        (Heading(f"The first {TOP} to call"), _first),
        (Heading("How good the model is"), _quality),
        (Heading("What the model has learned"), _coefficients),
        (Heading("The data"), _data),
        (Heading("Refused lines"), _refused),
        (Heading("The columns"), _columns),
        (Heading("Is it getting worse?", on_new_page=True), _trends),
        (Heading("The last runs"), _runs),
        (Heading("How long the steps take"), _timings),
        (Heading("What it is built on"), _dependencies),
    )
    made: list[Block] = []
    for heading, section in sections:
        made += [heading] if heading else []
        try:
            made += section(findings)
        except (RiskError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            log.warning("a section of the report is left out: %s", why)
            made.append(Words(f"This cannot be shown: {why}."))
    return made


def _answer(findings: Findings) -> list[Block]:
    """How many clients are at risk, as of when, and by which model."""
    settings = findings.settings
    listed, called = findings.listed, settings.capacity
    risks = listed["risk"].to_numpy()
    basis = list_file.basis_of(settings.output_model_path / files.RANKING)
    if basis is None:
        return [Words("There is no client to call: every one in the data has left.")]
    bands = ranking.bands(risks)
    facts = [
        (f"{(bands == name).sum():,}", f"clients at {name} risk, {ranking.span(name)}")
        for name, _ in ranking.BANDS
    ]
    leaving, words = ranking.expected(risks[:called], ranking.still_open(listed[:called]))
    facts.append((f"{leaving:,}", words))
    release = f"Ranked by release {basis.release}"
    if basis.deployed_at:
        release += f", deployed {_moment(basis.deployed_at)}"
    as_of = f"Data as of {_moment(basis.as_of)}"
    lines: list[Block] = [Words(f"{as_of}. {release}."), Facts(facts)]
    deployed = releases.current(settings.prod_deployment_path)
    if deployed and deployed.release != basis.release:
        lines.append(Words(f"Since then {deployed.title} was deployed; the list is older than it."))
    return lines


def _moment(moment: str) -> str:
    return f"{times.written(moment)} ({times.age(moment)} ago)"


def _decision(findings: Findings) -> list[Block]:
    """What the last run decided, and why; steps by hand decide nothing, unless there is no more."""
    last = findings.history.last_runs
    if last.empty:
        return [Words("No run is recorded yet.")]
    runs = tables.as_rows(last)
    decided = [run for run in runs if run["outcome"] not in wording.DECIDE_NOTHING]
    run = [*decided, *runs][0]
    when = times.written(run["started_at"])
    exactly = f"{run['outcome']}: {run['reason']}"
    return [
        Words(f"The last run, {when}: {wording.meant(run)}"),
        Words(f"In the words of the log: {exactly}.", is_remark=True),
    ]


class Listed(NamedTuple):
    """A client at the top of the list, as its file has it."""

    corporation: str
    risk: float
    rank: int
    reasons: str
    previous_rank: int | None


def _first(findings: Findings) -> list[Block]:
    """The clients at the top of the list with their reasons."""
    path = findings.settings.output_model_path / files.RANKING
    top = list_file.read(path, Listed._fields, rows=TOP)
    if top.empty:
        return [Words("Nobody.")]
    listed = list(map(Listed._make, top.itertuples(index=False, name=None)))
    columns: list[tuple[str, float, Sequence[Cell]]] = [
        ("", 0.04, [f"{row.rank}" for row in listed]),
        ("client", _wide_enough(listed), [_short(row.corporation) for row in listed]),
        ("risk", 0.08, [ranking.percent(row.risk) for row in listed]),
        ("moved", 0.1, [ranking.moved(row.rank, row.previous_rank) for row in listed]),
        ("why", 0.0, [reasons.heaviest(row.reasons) for row in listed]),
    ]
    if findings.listed["previous_rank"].isna().all():
        del columns[3]
    heads, widths, cells = zip(*columns, strict=True)
    rows = list(zip(*cells, strict=True))
    pdf.know(charts.font_folder())
    escaped = any(pdf.printable(row.corporation) != row.corporation for row in listed)
    return [
        Words(ranking.order(ranking.still_open(findings.listed)), is_remark=True),
        Grid(heads, rows, (*widths[:-1], 1 - sum(widths)), (2,)),
        Words(f"{HOW_TO_READ}{OF_ESCAPES if escaped else ''}", True),
    ]


def _wide_enough(listed: list[Listed]) -> float:
    """The share of the page for clients' codes, which have four signs as a rule."""
    longest = max(len(row.corporation.encode("unicode_escape")) for row in listed)
    return 0.1 if longest <= FOUR_AND_SOME else 0.22


def _quality(findings: Findings) -> list[Block]:
    """F1 with its interval, what calling the list is worth, and two pictures of it."""
    settings, on_test = findings.settings, findings.on_test
    share = recording.capacity_share(settings.capacity, findings.clients)
    measured, leavers = on_test.quality(share), on_test.leavers
    remark = wording.provisional(leavers)
    interval = f"F1, 95\u00a0% sure between {measured['f1_low']:.2f} and {measured['f1_high']:.2f}"
    facts = [
        (f"{measured['f1']:.2f}", interval),
        (f"{100 * measured['precision_at_capacity']:.0f}\u00a0%", _called(on_test, share)),
        (f"{measured.get('lift', 0):.1f}\u00d7", "as many leavers as by calling at random"),
        (f"{100 * measured['recall']:.0f}\u00a0%", "of the leavers were expected to leave"),
    ]
    rows = f"{on_test.rows:,} rows of test data that no training sees, {leavers:,} leavers."
    others = "Nobody on the list is known to have left, so fewer of its own first ones will."
    meaning = "F1 weighs leavers found against false alarms and leavers missed; 1 is perfect."
    return [
        Words(f"{findings.in_use.release.title.capitalize()}, on {rows} {meaning}"),
        Facts([(number, f"{caption}{remark}") for number, caption in facts]),
        Words(others, is_remark=True),
        Picture(charts.quality(on_test.left, on_test.risks, share)),
        Words(
            "Left: the share of the leavers that calling down the list reaches; "
            f"{settings.capacity:,} calls are {100 * share:.3g}\u00a0% of the book. "
            "Right: the clients in ten groups by risk; on the dotted line a group left as often "
            "as the model said.",
            is_remark=True,
        ),
        Picture(findings.confusion_matrix, 0.55),
    ]


def _coefficients(findings: Findings) -> list[Block]:
    """The weight of each feature in the model, and what a doubling does."""
    found = coefficients.of(findings.in_use.model, findings.settings.columns)
    return [
        Grid(found.head, found.rows, (0.4, 0.2, 0.25), (1, 2)),
        Words(found.meaning, is_remark=True),
    ]


def _called(on_test: Evaluation, share: float) -> str:
    """What the precision at capacity counts, beside the best that a list could reach."""
    called = max(1, round(share * on_test.rows))
    best = min(1.0, on_test.leavers / called)
    return (
        f"of the first {called:,} on the list did leave, where the best possible list has "
        f"{100 * best:.0f}\u00a0%"
    )


def _data(findings: Findings) -> list[Block]:
    """The files that were read, the last to arrive first."""
    settings = findings.settings
    record = files.required_json(settings.output_folder_path / files.INGESTION, "ingestion.py")
    read = record["files"][::-1]
    rows = [
        (
            file["name"],
            *(f"{file[what]:,}" for what in COUNTS),
            f"{file['rejected']:,}" if file["rows"] else "no row",
        )
        for file in read[:MOST_FILES]
    ]
    when = times.written(record["time"])
    head = ("file, the last to arrive first", "rows", "new", "seen before", "refused")
    made: list[Block] = [
        Words(f"{len(read):,} files of {record['input_folder']}/, read {when}."),
        Grid(head, rows, (0.52, 0.12, 0.12, 0.12, 0.12), (1, 2, 3, 4)),
    ]
    if len(read) > MOST_FILES:
        made.append(Words(f"And {len(read) - MOST_FILES:,} more files.", is_remark=True))
    return made


def _refused(findings: Findings) -> list[Block]:
    """Why lines were refused, and the first of them."""
    path = findings.settings.output_folder_path / files.REJECTED
    try:
        refused = pd.read_csv(path, dtype="str", keep_default_na=False)
        counted = refused["reason"].value_counts()
    except FileNotFoundError:
        return [Words("No data was read yet.")]
    except (KeyError, ValueError) as error:
        raise ArtefactRefused(
            f"{files.short(path)} is damaged ({error}); run python ingestion.py"
        ) from error
    if refused.empty:
        return [Words("None: every line could be used.")]
    counts = [(f"{count:,}", str(reason)) for reason, count in counted.head(MOST_REFUSED).items()]
    lines = refused.head(MOST_REFUSED)[["file", "line", "reason", "text"]]
    rows = [
        (_short(file), line, reason, _short(text, LONGEST_LINE))
        for file, line, reason, text in lines.itertuples(index=False, name=None)
    ]
    rest = f", the first {len(rows)} of them below" if len(refused) > len(rows) else ""
    return [
        Words(f"{len(refused):,} refused; all are in {files.short(path)}{rest}."),
        Grid(("lines", "reason"), counts, (0.12, 0.88), (0,)),
        Grid(("file", "line", "reason", "text"), rows, (0.2, 0.08, 0.3, 0.42), (1,)),
    ]


def _columns(findings: Findings) -> list[Block]:
    """Statistics and missing cells of the dataset."""
    table, columns = findings.dataset, findings.settings.columns
    missing = dict(zip(columns.all, statistics.missing_percent(table, columns), strict=True))
    rows = []
    for name in columns.all:
        numbers = [] if name == columns.client else statistics.numbers(table, name)
        cells = [_number(number) for number in numbers] or [""] * len(statistics.STATISTICS)
        rows.append((name, *cells, f"{missing[name]:.2f} %"))
    head = ("column", *statistics.STATISTICS, "missing")
    return [
        Words(f"{len(table):,} rows after merging, repetitions left out."),
        Grid(head, rows, (0.35, 0.13, 0.13, 0.13, 0.13, 0.13), (1, 2, 3, 4, 5)),
    ]


def _number(value: float) -> str:
    if np.isnan(value):
        return "none"
    return f"{value:.4g}" if abs(value) < 1000 or abs(value) >= 1e12 else f"{value:,.0f}"


def _trends(findings: Findings) -> list[Block]:
    """The picture of all recorded runs, and where their F1 began and ended."""
    scores = findings.history.trends.scores
    of_newest = scores[(scores["metric"] == "f1") & (scores["dataset"] == store.NEWEST)]["value"]
    first_and_last: list[Block] = []
    if len(of_newest) > 1:
        first, last = of_newest.iloc[0], of_newest.iloc[-1]
        change = f"F1 on the newest data was {first:.2f} at the first run and is {last:.2f} now."
        first_and_last.append(Words(change))
    last_runs = tables.as_rows(findings.history.last_runs)
    first_and_last.append(Words(wording.arrived(last_runs), is_remark=True))
    return [*first_and_last, Picture(findings.trends)]


def _runs(findings: Findings) -> list[Block]:
    """What the last runs decided, the newest first."""
    last = findings.history.last_runs
    if last.empty:
        return [Words("No run is recorded yet.")]
    rows = [
        (times.written(run["started_at"]), run["outcome"], run["reason"])
        for run in last.to_dict("records")
    ]
    return [Grid(("began", "outcome", "why"), rows, (0.27, 0.13, 0.6))]


def _timings(findings: Findings) -> list[Block]:
    """The seconds of each step, at last and usually."""
    seconds = findings.history.trends.seconds
    if seconds.empty:
        return [Words("No run is recorded yet.")]
    rows = [
        (str(step), f"{of_step.iloc[-1]:.3f}", f"{of_step.median():.3f}", f"{len(of_step):,}")
        for step, of_step in seconds.groupby("step", sort=False)["seconds"]
    ]
    head = ("step", "seconds at last", "median", "runs")
    return [Grid(head, rows, (0.34, 0.22, 0.22, 0.22), (1, 2, 3))]


def _dependencies(_findings: Findings) -> list[Block]:
    """What requirements.txt asks for beside what is installed."""
    asked = packages.lines(REQUIREMENTS)
    rows = [(line.text, packages.installed(line.package)) for line in asked if line.package]
    return [Grid(("wanted", "installed"), rows, (0.6, 0.4))]


def _short(text: str, longest: int = LONGEST_CODE) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
