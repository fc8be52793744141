"""The sections of the report about the model: whom it ranks first, how good it is, its weights."""

from collections.abc import Sequence
from typing import NamedTuple

from risk import files, wording
from risk.decisions.gates import NEWEST
from risk.learning import ranking
from risk.learning.evaluation import Evaluation
from risk.reasons import coefficients, phrases
from risk.records import list_file
from risk.reports import charts, pdf
from risk.reports.pdf import Block, Cell, Facts, Grid, Picture, Words, shortened
from risk.reports.report_data import Findings
from risk.rows import tables

TOP = 20
USUAL_CODE = 8  # characters, where most codes have four
HOW_TO_READ = (
    "Risk: the probability of leaving. Moved: places up or down since the last list. "
    "The middle client: the one in the middle of what the model sees. "
    '"A lot": this alone makes the odds of leaving at least four times as high, or as low.'
)
OF_ESCAPES = " A \\ with u or U and digits is a character that this font cannot print."


class TopClient(NamedTuple):
    """A client at the top of the list, as its file has it."""

    corporation: str
    risk: float
    rank: int
    reasons: str
    previous_rank: int | None
    at_stake: float | None = None


def first_to_call(findings: Findings) -> list[Block]:
    """The clients at the top of the list with their reasons."""
    settings = findings.settings
    path = settings.output_model_path / files.RANKING
    wanted = TopClient._fields if list_file.has_worth(path) else TopClient._fields[:-1]
    top = list_file.read(path, wanted, rows=TOP)
    top = top[ranking.may_be_called(findings.listed[ranking.OUTCOME][: len(top)])]
    if top.empty:
        return [Words("Nobody.")]
    listed = [TopClient(*row) for row in top.itertuples(index=False, name=None)]
    columns: list[tuple[str, float, Sequence[Cell]]] = [
        ("", 0.04, [f"{row.rank}" for row in listed]),
        ("client", _code_width(listed), [shortened(row.corporation) for row in listed]),
        ("risk", 0.08, [ranking.percent(row.risk) for row in listed]),
        ("moved", 0.1, [ranking.moved(row.rank, row.previous_rank) for row in listed]),
        ("why", 0.0, [phrases.heaviest(row.reasons) for row in listed]),
    ]
    if findings.listed["previous_rank"].isna().all():
        del columns[3]
    if listed[0].at_stake is not None:
        columns.insert(3, ("at stake", 0.11, [f"{row.at_stake:,.0f}" for row in listed]))
    heads, widths, cells = zip(*columns, strict=True)
    rows = list(zip(*cells, strict=True))
    numbers = tuple(at for at, head in enumerate(heads) if head in ("risk", "at stake"))
    pdf.know(charts.font_folder())
    escaped = any(pdf.printable(row.corporation) != row.corporation for row in listed)
    return [
        Words(ranking.order(findings.listed[ranking.OUTCOME], settings.order), is_remark=True),
        Grid(heads, rows, (*widths[:-1], 1 - sum(widths)), numbers),
        Words(f"{HOW_TO_READ}{OF_ESCAPES if escaped else ''}", True),
    ]


def _code_width(listed: list[TopClient]) -> float:
    """The share of the page for the codes, most of which have four characters."""
    longest = max(len(row.corporation.encode("unicode_escape")) for row in listed)
    return 0.1 if longest <= USUAL_CODE else 0.22


def quality(findings: Findings) -> list[Block]:
    """F1 with its interval, what calling the list is worth, and two pictures of it."""
    settings, on_test = findings.settings, findings.on_test
    share = findings.share
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
    release = findings.deployed.release
    return [
        Words(f"{release.title.capitalize()}, on {rows} {meaning}"),
        *([Words(f"Which model: {release.choice}.")] if release.choice else []),
        Facts([(number, f"{caption}{remark}") for number, caption in facts]),
        Words(f"{_at_threshold(measured)}{others}", is_remark=True),
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


def _at_threshold(measured: dict[str, float]) -> str:
    """F1 where cross-validation found it best: at 0.5 it says little if few clients leave."""
    if "f1_best" not in measured:
        return ""
    at = f"{100 * measured['threshold']:.0f}\u00a0%"
    return (
        f"F1 counts a client as a leaver from a risk of 50\u00a0% on; from {at} on, where "
        f"cross-validation finds it best, it is {measured['f1_best']:.2f}. "
    )


def _called(on_test: Evaluation, share: float) -> str:
    """What the precision at capacity counts, beside the best that a list could reach."""
    called = max(1, round(share * on_test.rows))
    best = min(1.0, on_test.leavers / called)
    return (
        f"of the first {called:,} on the list did leave, where the best possible list has "
        f"{100 * best:.0f}\u00a0%"
    )


def weights(findings: Findings) -> list[Block]:
    """The weight of each feature in the model, and what a doubling does."""
    learned = coefficients.of(findings.deployed.model, findings.settings.columns)
    return [
        Grid(learned.head, learned.rows, (0.4, 0.2, 0.25), (1, 2)),
        Words(learned.meaning, is_remark=True),
    ]


def trends(findings: Findings) -> list[Block]:
    """The picture of all recorded runs, and where their F1 began and ended."""
    scores = findings.history.trends.scores
    of_newest = scores[(scores["metric"] == "f1") & (scores["dataset"] == NEWEST)]["value"]
    first_and_last: list[Block] = []
    if len(of_newest) > 1:
        first, last = of_newest.iloc[0], of_newest.iloc[-1]
        change = f"F1 on the newest data was {first:.2f} at the first run and is {last:.2f} now."
        first_and_last.append(Words(change))
    last_runs = tables.as_rows(findings.history.last_runs)
    first_and_last.append(Words(wording.arrived(last_runs), is_remark=True))
    return [*first_and_last, Picture(findings.trends)]
