"""Reasons in sentences: those that weigh most, and marked where they speak against."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.columns import Columns
from risk.learning import explanation, ranking
from risk.models import estimator
from risk.reasons import phrases, sentences
from risk.reasons.attribution import Average, Terms
from risk.records import list_file
from risk.rows.tables import Book
from tests.reasons import subscribers
from tests.reasons.book import BASIS, COLUMNS, MODELS, book
from tests.reasons.test_attribution import PAIRED

OLD = Columns("code", ("activity", "tickets 2024"), "left")
KINDS = Columns(
    "code",
    ("activity", "plan", "balance", "discount", "contract_end"),
    "left",
    kinds=(
        *(("plan", "category"), ("balance", "money"), ("discount", "percent")),
        ("contract_end", "date"),
    ),
)
NAN = math.nan


def said_of(
    columns: Columns, row: list[Any], parts: list[float], middle: Average, *, risk: float = 0.3
) -> str:
    """The reasons of one client."""
    pairs = len(columns.pairs)
    clients = pd.DataFrame([row], columns=list(columns.features))
    terms = Terms(np.array([parts]), np.full((1, pairs), np.nan))
    lean = ranking.lean(np.array([risk]))
    (said,) = sentences.in_words(terms, clients, middle, columns, lean)
    return str(said)


def open_(rows: int, seed: int) -> Book:
    """Subscribers of whom nobody knows yet whether they leave."""
    return Book(subscribers.book(rows, seed).assign(churned=NAN), rows)


def average(values: list[Any], fills: list[float] | None = None) -> Average:
    return Average(0.0, tuple(values), tuple(fills or [NAN] * len(values)), np.zeros(0))


@pytest.mark.parametrize(
    ("given_", "fill", "middle", "part", "said"),
    [
        (12, NAN, 340.2, 0.8, "activity 12 (middle client 340): raises the risk"),
        (12, NAN, 340.2, 1.4, "activity 12 (middle client 340): raises the risk a lot"),
        (4e3, NAN, 34, -0.2, "activity 4,000 (middle client 34): lowers the risk a little"),
        (0.25, NAN, 3.14, -1, "activity 0.25 (middle client 3.14): lowers the risk"),
        (1e300, NAN, 34, -9, "activity 1e300 (middle client 34): lowers the risk a lot"),
        (NAN, NAN, 34, 1, "activity not known (middle client 34): raises the risk"),
        (
            *(NAN, 115.2, 340, 1),
            "activity not known, taken as 115 (middle client 340): raises the risk",
        ),
    ],
)
def test_a_reason_reads_as_a_sentence(
    given_: float, fill: float, middle: float, part: float, said: str
) -> None:
    found = said_of(OLD, [given_, 12.0], [part, 0.0], average([middle, 8.0], [fill, NAN]))
    assert found == f"{said}; tickets 2024 = 12 (middle client 8): hardly matters"


@pytest.mark.parametrize(
    ("name", "value", "middle", "said"),
    [
        ("plan", "basic", "premium", "plan basic (most clients: premium)"),
        ("plan", "premium", "premium", "plan premium (like most clients)"),
        ("plan", NAN, "premium", "plan not known (most clients: premium)"),
        ("plan", "basic", NAN, "plan basic (most clients: not known)"),
        ("plan", "a; b", "; ", "plan a, b (most clients: ,)"),
        ("balance", -114.89, 21.4, "balance -114.89 (middle client 21)"),
        ("discount", 12.0, 5.0, "discount 12\u00a0% (middle client 5\u00a0%)"),
        ("contract_end", 95.0, 210.4, "contract end 95 days before the newest (middle client 210)"),
        ("contract_end", NAN, 1.0, "contract end not known (middle client 1)"),
    ],
)
def test_each_kind_has_its_own_words(name: str, value: Any, middle: Any, said: str) -> None:
    at = KINDS.features.index(name)
    row, usual = [1.0, "x", 1.0, 1.0, 1.0], [1.0, "x", 1.0, 1.0, 1.0]
    parts = [0.0] * 5
    row[at], usual[at], parts[at] = value, middle, 1.0
    found = said_of(KINDS, row, parts, average(usual))
    assert found.startswith(f"{said}: raises the risk; ")


LONG = "a tariff with a name of many words, and "


@pytest.mark.parametrize(
    ("value", "usual", "said"),
    [
        (f"{LONG}a flat rate", f"{LONG}a flat rate", "like most clients"),
        (f"{LONG}a flat rate", f"{LONG}none", "unlike most clients"),
        ("a;b", "a,b", "unlike most clients"),
        ("not known", NAN, "unlike most clients"),
        (NAN, "not known", "unlike most clients"),
        (NAN, NAN, "like most clients"),
    ],
)
def test_levels_that_look_alike_in_a_reason_are_not_taken_for_the_same(
    value: Any, usual: Any, said: str
) -> None:
    row, middle = [1.0, value, 1.0, 1.0, 1.0], average([1.0, usual, 1.0, 1.0, 1.0])
    found = said_of(KINDS, row, [0.0, 1.0, 0.0, 0.0, 0.0], middle)
    assert found.partition(":")[0].endswith(f" ({said})")


def test_copies_are_named_behind_the_value_of_the_first() -> None:
    columns = Columns("code", ("a", "b", "c", "d"), "left")
    middle = average([49.0, 5.0, 7.0, 9.0])._replace(copies=((0, 2, 3),))
    clients = pd.DataFrame([[80.7, 1.0, 2.0, 13.7]], columns=list(columns.features))
    clients["code"] = "AAAA"
    terms = Terms(np.array([[0.5, 0.1, 0.2, 0.1]]), np.empty((1, 0)))
    (said,) = sentences.in_words(terms, clients, middle, columns, np.array([0]))
    assert said.startswith("a 80.7 (middle client 49), together with c and d: raises the risk; ")
    risks, marks = np.array([0.6]), np.array(["open"], dtype=object)
    found = ranking.Ranked(clients, risks, terms, middle, marks)
    shown = explanation.explained(found, "AAAA", columns)
    assert shown
    assert [(each.name, each.given, each.usual) for each in shown.reasons] == [
        ("a, together with c and d", "80.7", "49"),
        ("b", "1", "5"),
    ]


@pytest.mark.parametrize(
    ("month", "year", "said"),
    [
        (10, 1200, "activity a tenth of its usual"),
        (50, 1200, "activity half its usual"),
        (95, 1200, "activity about its usual"),
        (100, 1200, "activity about its usual"),
        (200, 1200, "activity twice its usual"),
        (1000, 1200, "activity ten times its usual"),
        (1e9, 12, "activity 100 times its usual"),
        (0.001, 1200, "activity a hundredth of its usual"),
        (0, 1200, "no activity last month"),
    ],
)
def test_a_change_is_told_as_a_share_of_what_is_usual(month: float, year: float, said: str) -> None:
    clients = pd.DataFrame([[month, year, 5.0]], columns=list(PAIRED.features))
    terms = Terms(np.array([[1.0, 0.2, 0.0]]), np.array([[1.5]]))
    middle = average([100.0, 1200.0, 60.0])
    (found,) = sentences.in_words(terms, clients, middle, PAIRED, np.array([0]))
    change, level = found.split("; ")
    assert change == f"{said} (middle client: about its usual): raises the risk a lot"
    usual = f"activity last year {year:,.0f} (middle client 1,200)"
    assert level == f"{usual}: lowers the risk"


def test_a_change_that_is_not_known_is_told_as_the_two_numbers() -> None:
    middle = average([100.0, 1200.0, 60.0], [90.0, 1100.0, 60.0])
    found = said_of(PAIRED, [10.0, NAN, 5.0], [1.0, -1.0, 0.0], middle)
    month, year = found.split("; ")
    assert month == "activity last month 10 (middle client 100): raises the risk"
    assert year.startswith("activity last year not known, taken as 1,100 (middle client 1,200)")


@given(st.text(max_size=200), st.text(max_size=200), st.text(min_size=1, max_size=50))
def test_any_text_leaves_the_reasons_apart(level: str, usual: str, name: str) -> None:
    columns = Columns("code", (f"{name}x", "activity"), "left", kinds=((f"{name}x", "category"),))
    found = said_of(columns, [level, 3.0], [2.0, 1.0], average([usual, 4.0]))
    first, second = found.split(phrases.BETWEEN)
    assert first.endswith("): raises the risk a lot")
    assert second == "activity 3 (middle client 4): raises the risk"
    assert "\n" not in found


@pytest.mark.parametrize("kind", subscribers.MODELS)
def test_the_reasons_are_the_heaviest_of_what_is_told_for_every_client(kind: str) -> None:
    asked, columns = subscribers.MODELS[kind], subscribers.COLUMNS
    found = ranking.ranked(asked, open_(300, seed=11), columns)
    lean = ranking.lean(found.risks)
    said = sentences.in_words(found.terms, found.clients, found.average, columns, lean)
    topics, parts = sentences.by_topic(found.terms, found.average, columns)
    for place, text in enumerate(said):
        heaviest = np.argsort(-np.abs(parts[place]), kind="stable")[:2]
        for at in heaviest:
            clients = found.clients[place : place + 1]
            codes, facts = sentences.facts(
                topics[at], clients, found.terms.changes[[place]], found.average, columns
            )
            words = f"{facts[codes[0]].words}: {phrases.push(parts[place, at])}"
            assert words in text


@pytest.mark.parametrize("kind", subscribers.MODELS)
def test_all_reasons_of_a_client_multiply_to_its_odds_whatever_the_kinds(kind: str) -> None:
    asked, columns = subscribers.MODELS[kind], subscribers.COLUMNS
    found = ranking.ranked(asked, open_(60, seed=12), columns)
    for place, code in enumerate(found.clients[columns.client]):
        shown = explanation.explained(found, code, columns)
        assert shown
        total = found.average.log_odds + sum(reason.part for reason in shown.reasons)
        assert 1 / (1 + math.exp(-total)) == pytest.approx(found.risks[place], abs=1e-9)
        (plan,) = [reason for reason in shown.reasons if reason.name == "plan"]
        level = found.clients["plan"][place]
        assert plan.given == ("not known" if pd.isna(level) else level)
        assert plan.usual == f"most: {shown.usual[columns.features.index('plan')]}"
        (gigabytes,) = [reason for reason in shown.reasons if reason.name == "data gb"]
        is_filled = gigabytes.given == "not known" and kind == "logistic"
        assert bool(gigabytes.taken) == is_filled


def test_the_reasons_are_those_that_weigh_most_the_heaviest_first(tmp_path: Path) -> None:
    clients = book([str(number) for number in range(200)])
    found = ranking.ranked(MODELS["log"], Book(clients, len(clients)), COLUMNS)
    list_file.write(tmp_path / "list.csv", found, COLUMNS, BASIS)
    names = [phrases.label(name) for name in COLUMNS.features]
    for row, parts in zip(
        list_file.read(tmp_path / "list.csv").itertuples(), found.terms.parts, strict=True
    ):
        for piece in row.reasons.split("; "):
            (at,) = (at for at, name in enumerate(names) if name in piece)
            is_marked = piece.startswith(phrases.AGAINST)
            if abs(parts[at]) > 0.1:
                assert ("raises" in piece) == (parts[at] > 0)
                assert is_marked == (row.band == ("low" if parts[at] > 0 else "high"))
        others = [text for text in row.reasons.split("; ") if not text.startswith(phrases.AGAINST)]
        if len(others) == 2:
            assert others[0].startswith(names[int(np.argmax(np.abs(parts)))])


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
    columns = Columns("code", ("a", "b"), "left")
    found = said_of(columns, [3.0, 4.0], parts, average([9.0, 8.0]), risk=risk)
    assert found.startswith(said)


def test_a_third_reason_that_is_not_told_hides_no_other() -> None:
    columns, middle = Columns("code", ("a", "b", "c"), "left"), average([0.0, 0.0, 0.0])
    clients = pd.DataFrame([[1.0, 2.0, 3.0]] * 2, columns=list(columns.features))
    parts = np.array([[-2.0, 1.5, 0.1], [-2.0, 1.5, 1.2]])
    lean = ranking.lean(np.array([0.9, 0.9]))
    texts = sentences.in_words(Terms(parts, np.empty((2, 0))), clients, middle, columns, lean)
    firsts = [[piece.split(" (")[0] for piece in text.split("; ")] for text in texts]
    assert firsts == [["b 2", "speaks against it: a 1"], ["b 2", "c 3", "speaks against it: a 1"]]


def test_a_feature_may_be_called_risk(tmp_path: Path) -> None:
    columns = Columns("name", ("risk", "rank"), "left")
    table = book([str(n) for n in range(100)]).assign(exited=np.nan)
    table = table.set_axis(columns.all, axis="columns")
    known = table.assign(left=(table["risk"].fillna(0) < 50).astype("float64"))
    asked = estimator.fit(known, columns, "log")
    list_file.write(
        tmp_path / "list.csv",
        ranking.ranked(asked, Book(table, len(table)), columns),
        columns,
        BASIS,
    )
    risks = estimator.probability(asked, table, columns)
    listed = list_file.read(tmp_path / "list.csv")["risk"].tolist()
    assert listed == pytest.approx(sorted(risks, reverse=True), abs=1e-11)
