"""The sections of the report about decisions: the policies, whether risks come true, the shifts."""

from risk import times
from risk.errors import RiskError
from risk.learning import releases
from risk.records import health
from risk.records.decisions import Calibration, PolicyVerdict
from risk.reports import charts, decision_words
from risk.reports.pdf import Alarm, Block, Cell, Grid, Picture, Words, shortened
from risk.reports.report_data import Findings

LONGEST_WHY = 110
HOW_TO_READ = "On the dashed line as many left as predicted; a square is a group that misses it."


def doubted(findings: Findings) -> Calibration | None:
    """The calibration of the model in use if it is off; None where it cannot be read, too."""
    try:
        return findings.decisions.doubted(_in_use(findings))
    except (RiskError, OSError):
        return None


def _in_use(findings: Findings) -> str:
    release = releases.current(findings.settings.prod_deployment_path)
    return release.release if release else ""


def trouble(findings: Findings) -> list[Block]:
    """The first words of the report, if the risks of the model in use do not come true."""
    untrue = health.untrue(doubted(findings))
    return [Alarm(untrue.sentence), Words(untrue.remedy)] if untrue else []


def policies(findings: Findings) -> list[Block]:
    """What came of each policy over all runs, and why the model was last changed."""
    past = findings.decisions
    if not past.tallies:
        return [Words("No run has decided anything yet.")]
    rows: list[tuple[Cell, ...]] = [
        (
            decision_words.policy(tally.policy, past.in_force),
            *(f"{count:,}" for count in (tally.runs, tally.deployed, tally.recalibrated)),
            decision_words.of_called(tally) or "not known",
        )
        for tally in past.tallies
    ]
    head = ("policy", "runs", "deployed", "recalibrated", "found of called")
    return [
        Words(decision_words.summary(past)),
        Grid(head, rows, (0.34, 0.12, 0.14, 0.16, 0.24), (1, 2, 3, 4)),
        *_last_change(findings),
        Words(decision_words.HOW_FOUND, is_remark=True),
    ]


def _last_change(findings: Findings) -> list[Block]:
    """Why the model was last changed, and what the other policies would have done."""
    past = findings.decisions
    if not past.change:
        return []
    run, moment = past.change
    verdicts = past.verdicts[run]
    rows = [
        (decision_words.policy(each.policy, verdicts[0].policy), each.verdict, each.sentence)
        for each in verdicts
    ]
    title = f"The model was last changed on {times.written(moment)}. What each policy said then:"
    return [Words(title), Grid(("policy", "verdict", "why"), rows, (0.24, 0.12, 0.64))]


def others(verdicts: list[PolicyVerdict]) -> Cell:
    """The verdicts of the policies that are not in force; with the reason where they differ."""
    longest = LONGEST_WHY // max(1, len(verdicts) - 1)
    return tuple(
        f"{each.policy}: {each.verdict}"
        if each.verdict == verdicts[0].verdict
        else shortened(f"{each.policy}: {each.verdict}, {each.sentence}", longest)
        for each in verdicts[1:]
    )


def risks(findings: Findings) -> list[Block]:
    """How many were expected to leave beside how many did, in all and by risk."""
    known = findings.decisions.calibration
    if known is None:
        return [Words("No outcome has come yet from which the model in use had not learned.")]
    about = (decision_words.expected, decision_words.error)
    words = [*(say(known) for say in about), decision_words.whose(known, _in_use(findings))]
    made: list[Block] = [Words(" ".join(words))]
    if known.groups:
        made.append(Picture(charts.reliability(known.groups), 0.55))
        made.append(Words(f"{decision_words.curve(known.groups)} {HOW_TO_READ}", is_remark=True))
    return made


def shifts(findings: Findings) -> list[Block]:
    """The columns that moved further than chance explains, and by how much."""
    columns = findings.decisions.shifts
    if not columns:
        return [Words("No run has compared the newest data with what the model learned from yet.")]
    rows = [(each.sentence, *decision_words.four(each)) for each in columns if each.sentence]
    head = ("what changed", "PSI", "by chance", "KS", "by chance")
    if not rows:
        return [Words(f"{decision_words.NO_SHIFT} {decision_words.NEVER_ACTED_ON}")]
    return [
        Words(decision_words.since(findings.decisions.learned)),
        Grid(head, rows, (0.52, 0.12, 0.12, 0.12, 0.12), (1, 2, 3, 4)),
        Words(f"{decision_words.MEASURES} {decision_words.NEVER_ACTED_ON}", is_remark=True),
    ]
