"""The report answers why the model changed, and what the other policies would have done."""

import io

import pytest
from pypdf import PdfReader

from risk.learning import releases
from risk.reports import charts, decision_sections, pdf, report
from risk.reports.pdf import Alarm, Block, Facts, Heading, Picture, Words
from risk.reports.report_data import Findings
from risk.settings import Settings
from tests.conftest import configured
from tests.verdicts import calibration, record, shift, verdict

BOTH = [
    verdict("specified", "deployed", 190, 500, sentence="F1 fell"),
    verdict("trusted", "no drift", 210, 500, sentence="the deployed model still holds"),
]


def text(settings: Settings) -> str:
    """What a reader of the report can select, without the line ends of the layout."""
    return printed(report.blocks(Findings(settings)))


def printed(blocks: list[Block]) -> str:
    document = pdf.document(report.TITLE, "", blocks, charts.font_folder())
    pages = PdfReader(io.BytesIO(document)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def in_use(settings: Settings) -> str:
    return releases.load(settings.prod_deployment_path)[0].release


def test_the_report_alone_tells_why_the_model_changed_and_what_else_would_have_been(
    finished: Settings,
) -> None:
    record(finished, 1, "deployed", BOTH)
    record(finished, 2, "kept", [])
    found = text(finished)
    assert "The model was last changed on 1 January 2030, 00:01 UTC." in found
    assert "the rule (specified, in force) deployed F1 fell" in found
    assert "evidence (trusted) no drift the deployed model still holds" in found
    assert "among 500 called (42 %)" in found
    runs = found.partition("The last runs")[2]
    assert "trusted: no drift, the deployed model still holds" in runs


def test_every_run_of_the_report_has_the_verdicts_of_the_others_with_what_differs() -> None:
    verdicts = decision_rows("deployed", "no drift", "deployed")
    assert decision_sections.others(verdicts) == ("b: no drift, b says so", "c: deployed")
    assert decision_sections.others(verdicts[:1]) == ()
    assert decision_sections.others([]) == ()


def decision_rows(*words: str) -> list[decision_sections.PolicyVerdict]:
    return [
        decision_sections.PolicyVerdict(name, word, f"{name} says so", None, None, 1, 0, 0)
        for name, word in zip("abc", words, strict=True)
    ]


def test_risks_that_do_not_come_true_are_the_first_words_and_the_list_gets_an_interval(
    finished: Settings,
) -> None:
    assert decision_sections.trouble(Findings(finished)) == []
    record(finished, 1, "no drift", BOTH, **calibration(in_use(finished), 149))
    made = report.blocks(Findings(finished))
    first, _, *rest = made
    said = "The risks do not come true: 308 clients were expected to leave, 149 did."
    assert first == Alarm(said)
    facts = next(block for block in rest if isinstance(block, Facts))
    number, _ = facts.pairs[-1]
    low, high = map(int, number.split(" to "))
    assert low < high
    assert said in printed(made)


def test_the_report_draws_the_curve_and_says_of_which_release_it_is(finished: Settings) -> None:
    record(finished, 1, "deployed", BOTH, **calibration("9-abcdabcd", 149))
    blocks = decision_sections.risks(Findings(finished))
    assert isinstance(blocks[1], Picture)
    assert isinstance(blocks[0], Words)
    assert "9-abcdabcd, which was in use when these outcomes came" in blocks[0].text
    assert not decision_sections.trouble(Findings(finished))


def test_the_report_names_the_columns_that_moved(finished: Settings) -> None:
    columns = [shift("calm"), shift("lastmonth_activity", "activity last month fell by a third", 1)]
    record(finished, 1, "deployed", BOTH, release="7-abcdabcd", shifts=columns)
    found = text(finished)
    assert "Since release 7-abcdabcd learned:" in found
    assert "activity last month fell by a third 1.000 0.012 0.020 0.031" in found
    record(finished, 2, "no drift", BOTH, shifts=[shift("calm")])
    assert "No column has moved further" in printed(decision_sections.shifts(Findings(finished)))


@pytest.mark.parametrize("policy", ["specified", "trusted"])
def test_without_the_records_the_answer_of_the_report_stands(
    finished: Settings, policy: str
) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    broken = configured(finished.workspace, database_url=url, policy=policy)
    blocks = report.blocks(Findings(broken))
    assert isinstance(blocks[1], Facts)
    missing = [block for block in blocks if isinstance(block, Words) and "cannot be" in block.text]
    assert len(missing) >= 4
    assert Heading("Do the risks come true?") in blocks
