"""Reasons in words: those that weigh most, legible, and marked where they speak against."""

import math
from pathlib import Path

import numpy as np
import pytest

from risk.columns import Columns
from risk.data.tables import Book
from risk.learning import attribution, estimator, ranking, reasons
from risk.records import list_file
from tests.learning.book import BASIS, COLUMNS, MODELS, book


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("lastmonth_activity", "activity last month"),
        ("lastyear_activity", "activity last year"),
        ("number_of_employees", "number of employees"),
        ("Tickets_2024", "tickets 2024"),
        ("activity-last-month", "activity last month"),
        ("lastMonthCalls", "calls last month"),
        ("NPS score", "NPS score"),
        ("blastmonth", "blastmonth"),
        ("lastmonth", "last month"),
        ("Umsatz_größer", "umsatz größer"),
        ("$x^{", "$x^{"),
        ("___", "___"),
    ],
)
def test_a_columns_name_reads_as_a_person_says_it(column: str, said: str) -> None:
    assert reasons.label(column) == said


@pytest.mark.parametrize(
    ("given_", "taken", "middle", "part", "said"),
    [
        (12, 12, 340.2, 0.8, "activity 12 (middle client 340): raises the risk"),
        (12, 12, 340.2, 1.4, "activity 12 (middle client 340): raises the risk a lot"),
        (4e3, 4e3, 34, -0.1, "activity 4,000 (middle client 34): lowers the risk a little"),
        (0.25, 0.25, 3.14, -1, "activity 0.25 (middle client 3.14): lowers the risk"),
        (340, 340, 340, 0, "activity 340 (middle client 340): hardly matters"),
        (1e300, 1e300, 34, -9, "activity 1e300 (middle client 34): lowers the risk a lot"),
        (
            *(math.nan, 115.2, 340, 1),
            "activity not known, taken as 115 (middle client 340): raises the risk",
        ),
    ],
)
def test_a_reason_reads_as_a_sentence(
    given_: float, taken: float, middle: float, part: float, said: str
) -> None:
    assert reasons.sentence("activity", given_, taken, reasons.about(middle), part) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [("one; two; three", ("one", "two")), ("one; two", ("one", "two")), ("one", ("one",))],
)
def test_the_heaviest_reasons_come_first_where_there_is_little_room(
    text: str, said: tuple[str, ...]
) -> None:
    assert reasons.heaviest(text) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1e-9, "0.000000001"),
        (0.000123456, "0.000123"),
        (1.0, "1"),
        (99.95, "100"),
        (1234.5, "1,234"),
        (1e12, "1,000,000,000,000"),
        (1e16, "1e16"),
        (1e-12, "1e-12"),
    ],
)
def test_numbers_of_every_size_are_legible(number: float, said: str) -> None:
    assert reasons.number(number) == said


def test_a_name_that_ends_in_a_number_stays_apart_from_the_value() -> None:
    said = reasons.sentence("tickets 2024", 12, 12, "8", -1)
    assert said == "tickets 2024 = 12 (middle client 8): lowers the risk"


def test_the_reasons_are_those_that_weigh_most_the_heaviest_first(tmp_path: Path) -> None:
    clients = book([str(number) for number in range(200)])
    found = ranking.ranked(MODELS["log"], Book(clients, len(clients)), COLUMNS)
    list_file.write(tmp_path / "list.csv", found, COLUMNS, BASIS)
    names = [reasons.label(name) for name in COLUMNS.features]
    for row, parts in zip(
        list_file.read(tmp_path / "list.csv").itertuples(), found.terms.parts, strict=True
    ):
        for told in row.reasons.split("; "):
            (at,) = (at for at, name in enumerate(names) if name in told)
            is_marked = told.startswith(reasons.AGAINST)
            if abs(parts[at]) > 0.1:
                assert ("raises" in told) == (parts[at] > 0)
                assert is_marked == (row.band == ("low" if parts[at] > 0 else "high"))
        told = [text for text in row.reasons.split("; ") if not text.startswith(reasons.AGAINST)]
        if len(told) == 2:
            assert told[0].startswith(names[int(np.argmax(np.abs(parts)))])


@pytest.mark.parametrize(
    ("risk", "parts", "said"),
    [
        (
            0.9,
            [2.0, -0.7],
            "a 3 (middle client 9): raises the risk a lot; speaks against it: b",
        ),
        (0.9, [-2.0, 0.7], "b 4 (middle client 8): raises the risk; speaks against it: a"),
        (
            0.1,
            [-2.0, 0.7],
            "a 3 (middle client 9): lowers the risk a lot; speaks against it: b",
        ),
        (0.3, [-2.0, 0.7], "a 3 (middle client 9): lowers the risk a lot; b 4"),
        (0.9, [2.0, -0.001], "a 3 (middle client 9): raises the risk a lot; b 4"),
        (0.9, [-2.0, -0.7], "speaks against it: a 3"),
    ],
)
def test_what_speaks_against_a_high_or_a_low_risk_is_marked_and_comes_last(
    risk: float, parts: list[float], said: str
) -> None:
    given_ = np.array([[3.0, 4.0]])
    middle = attribution.Average(0.0, np.zeros(2), np.array([9.0, 8.0]))
    terms = attribution.Terms(np.array([parts]), given_)
    lean = ranking.lean(np.array([risk]))
    (told,) = reasons.in_words(terms, given_, middle, ["a", "b"], lean)
    assert told.startswith(said)


def test_a_third_reason_that_is_not_told_hides_no_other(tmp_path: Path) -> None:
    given_ = np.array([[1.0, 2.0, 3.0]] * 2)
    parts = np.array([[-2.0, 1.5, 0.1], [-2.0, 1.5, 1.2]])
    middle = attribution.Average(0.0, np.zeros(3), np.zeros(3))
    lean = ranking.lean(np.array([0.9, 0.9]))
    told = reasons.in_words(attribution.Terms(parts, given_), given_, middle, ["a", "b", "c"], lean)
    firsts = [[piece.split(" (")[0] for piece in text.split("; ")] for text in told]
    assert firsts == [["b 2", "speaks against it: a 1"], ["b 2", "c 3", "speaks against it: a 1"]]


def test_a_feature_may_be_called_risk(tmp_path: Path) -> None:
    columns = Columns("name", ("risk", "rank"), "left")
    table = book([str(n) for n in range(100)]).assign(exited=np.nan)
    table = table.set_axis(columns.all, axis="columns")
    known = table.assign(left=(table["risk"].fillna(0) < 50).astype("float64"))
    asked = estimator.fit(known, columns, "log")
    ranked = ranking.ranked(asked, Book(table, len(table)), columns)
    list_file.write(tmp_path / "list.csv", ranked, columns, BASIS)
    risks = estimator.probability(asked, table, columns)
    listed = list_file.read(tmp_path / "list.csv")["risk"].tolist()
    assert listed == pytest.approx(sorted(risks, reverse=True), abs=1e-11)
