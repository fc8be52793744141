"""The report: the answer first, then its sections; each is there even if others cannot be made."""

import logging
from collections.abc import Callable

from risk import files, times, wording
from risk.errors import RiskError
from risk.learning import ranking, releases
from risk.records import list_file
from risk.reports import (
    charts,
    data_sections,
    decision_sections,
    decision_words,
    model_sections,
    pdf,
)
from risk.reports.pdf import Block, Facts, Heading, Words
from risk.reports.report_data import Findings
from risk.rows import tables

TITLE = "Clients about to leave"

log = logging.getLogger("risk.report")


def document(findings: Findings) -> bytes:
    """The whole report as a PDF."""
    made = f"{TITLE}, made {times.written(files.now())}"
    return pdf.document(TITLE, made, blocks(findings), charts.font_folder())


def blocks(findings: Findings) -> list[Block]:
    """Every section, or the reason why it is not there."""
    sections: tuple[tuple[Heading | None, Callable[[Findings], list[Block]]], ...] = (
        (None, decision_sections.trouble),
        (None, _answer),
        (None, _decision),
        (Heading(f"The first {model_sections.TOP} to call"), model_sections.first_to_call),
        (Heading("How good the model is"), model_sections.quality),
        (Heading("What the model has learned"), model_sections.weights),
        (Heading("The data"), data_sections.files_read),
        (Heading("Refused lines"), data_sections.refused_lines),
        (Heading("The columns"), data_sections.columns),
        (Heading("Do the risks come true?"), decision_sections.risks),
        (Heading("What changed in the data"), decision_sections.shifts),
        (Heading("What each policy would have decided"), decision_sections.policies),
        (Heading("Is it getting worse?", on_new_page=True), model_sections.trends),
        (Heading("The last runs"), data_sections.last_runs),
        (Heading("How long the steps take"), data_sections.timings),
        (Heading("What it is built on"), data_sections.dependencies),
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
    facts = [
        (f"{count:,}", f"clients at {name} risk, {ranking.span(name)}")
        for name, count in ranking.counts(listed).items()
    ]
    is_open = ranking.still_open(listed[ranking.OUTCOME][:called])
    expected, doubted = (
        ranking.expected(risks[:called], is_open),
        decision_sections.doubted(findings),
    )
    facts.append(decision_words.promised(expected, risks[:called], is_open, doubted))
    release = f"Ranked by release {basis.release}"
    if basis.deployed_at:
        release += f", deployed {_moment(basis.deployed_at)}"
    as_of = f"Data as of {_moment(basis.as_of)}"
    lines: list[Block] = [Words(f"{as_of}. {release}."), Facts(facts)]
    if stake := ranking.stake(listed, called):
        lines.append(Words(wording.at_stake(stake.in_all, stake.to_call, called, stake.by_band)))
    deployed = releases.current(settings.prod_deployment_path)
    if deployed and deployed.release != basis.release:
        lines.append(Words(f"Since then {deployed.title} was deployed; the list is older than it."))
    return lines


def _moment(moment: str) -> str:
    return f"{times.written(moment)} ({times.age(moment)} ago)"


def _decision(findings: Findings) -> list[Block]:
    """The decision of the last run; a step by hand is shown only if there was no run."""
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
