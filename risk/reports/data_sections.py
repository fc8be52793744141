"""The sections of the report about data and runs: files, refused lines, columns, runs, timings."""

import math

from risk import files, packages, times
from risk.errors import InputMissing
from risk.reports import decision_sections, ingestion_record
from risk.reports.pdf import Block, Grid, Words, shortened
from risk.reports.report_data import Findings
from risk.rows import statistics
from risk.rows.statistics import Look
from risk.settings import BESIDE_THE_SCRIPTS

MOST_FILES = 25
MOST_REFUSED = 12
LONGEST_LINE = 120
COUNTS = ("rows", "accepted", "duplicates")
REQUIREMENTS = BESIDE_THE_SCRIPTS.parent / "requirements.txt"
NO_RUN = [Words("No run is recorded yet.")]


def files_read(findings: Findings) -> list[Block]:
    """The files that were read, the last to arrive first."""
    path = findings.settings.output_folder_path / files.INGESTION
    ingested = ingestion_record.ingested(path)
    rows = [
        (
            file["name"],
            *(f"{file[what]:,}" for what in COUNTS),
            f"{file['rejected']:,}" if file["rows"] else "no row",
        )
        for file in ingested.files[:MOST_FILES]
    ]
    count, when = len(ingested.files), times.written(ingested.time)
    head = ("file, the last to arrive first", "rows", "new", "seen before", "refused")
    made: list[Block] = [
        Words(f"{count:,} files of {ingested.folder}/, read {when}."),
        Grid(head, rows, (0.52, 0.12, 0.12, 0.12, 0.12), (1, 2, 3, 4)),
    ]
    if count > MOST_FILES:
        made.append(Words(f"And {count - MOST_FILES:,} more files.", is_remark=True))
    return made


def refused_lines(findings: Findings) -> list[Block]:
    """Why lines were refused, and the first of them."""
    path = findings.settings.output_folder_path / files.REJECTED
    try:
        refused = ingestion_record.refused_lines(path)
    except InputMissing:
        return [Words("No data was read yet.")]
    if refused.empty:
        return [Words("None: every line could be used.")]
    by_reason = refused["reason"].value_counts().head(MOST_REFUSED)
    counts = [(f"{count:,}", str(reason)) for reason, count in by_reason.items()]
    rows = [
        (shortened(file), line, reason, shortened(text, LONGEST_LINE))
        for file, line, reason, text in refused.head(MOST_REFUSED).itertuples(index=False)
    ]
    rest = f", the first {len(rows)} of them below" if len(refused) > len(rows) else ""
    return [
        Words(f"{len(refused):,} refused; all are in {files.short(path)}{rest}."),
        Grid(("lines", "reason"), counts, (0.12, 0.88), (0,)),
        Grid(("file", "line", "reason", "text"), rows, (0.2, 0.08, 0.3, 0.42), (1,)),
    ]


def columns(findings: Findings) -> list[Block]:
    """Statistics and missing cells of the dataset, and what its categories hold most often."""
    look, rows = findings.look, []
    for name, missing in look.missing.items():
        numbers = [_number(number) for number in look.numbers.get(name, ())]
        rows.append((name, *(numbers or [""] * len(statistics.STATISTICS)), f"{missing:.2f} %"))
    head = ("column", *statistics.STATISTICS, "missing")
    return [
        Words(f"{look.rows:,} rows after merging, repetitions left out."),
        Grid(head, rows, (0.35, 0.13, 0.13, 0.13, 0.13, 0.13), (1, 2, 3, 4, 5)),
        *_levels(look),
    ]


def _levels(look: Look) -> list[Block]:
    """The most frequent word of each category."""
    rows = [(name, shortened(word), f"{100 * share:.1f} %") for name, word, share in look.levels]
    head = ("category", "most frequent", "share of rows")
    return [Grid(head, rows, (0.35, 0.48, 0.17), (2,))] if rows else []


def _number(value: float) -> str:
    if math.isnan(value):
        return "none"
    return f"{value:.4g}" if abs(value) < 1000 or abs(value) >= 1e12 else f"{value:,.0f}"


def last_runs(findings: Findings) -> list[Block]:
    """What the last runs decided, the newest first, and what the other policies would have."""
    last = findings.history.last_runs
    if last.empty:
        return [*NO_RUN]
    verdicts = findings.decisions.verdicts
    rows = [
        (
            *(times.brief(run["started_at"]), run["outcome"], run["reason"]),
            decision_sections.others(verdicts.get(run["id"], [])),
        )
        for run in last.to_dict("records")
    ]
    head = ("began, UTC", "outcome", "why", "the policies not in force")
    return [Grid(head, rows, (0.16, 0.11, 0.45, 0.28))]


def timings(findings: Findings) -> list[Block]:
    """The seconds of each step, at last and usually."""
    seconds = findings.history.trends.seconds
    if seconds.empty:
        return [*NO_RUN]
    rows = [
        (str(step), f"{of_step.iloc[-1]:.3f}", f"{of_step.median():.3f}", f"{len(of_step):,}")
        for step, of_step in seconds.groupby("step", sort=False)["seconds"]
    ]
    head = ("step", "seconds at last", "median", "runs")
    return [Grid(head, rows, (0.34, 0.22, 0.22, 0.22), (1, 2, 3))]


def dependencies(_findings: Findings) -> list[Block]:
    """What requirements.txt asks for beside what is installed."""
    asked = packages.lines(REQUIREMENTS)
    rows = [(line.text, packages.installed(line.package)) for line in asked if line.package]
    return [Grid(("wanted", "installed"), rows, (0.6, 0.4))]
