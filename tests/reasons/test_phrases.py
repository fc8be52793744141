"""The words of reasons: of columns, of values of every kind, of how hard a term pushes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.reasons import phrases


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
        ("calls; or_not", "calls, or not"),
    ],
)
def test_a_columns_name_reads_as_a_person_says_it(column: str, said: str) -> None:
    assert phrases.label(column) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [("one; two; three", ("one", "two")), ("one; two", ("one", "two")), ("one", ("one",))],
)
def test_the_heaviest_reasons_come_first_where_there_is_little_room(
    text: str, said: tuple[str, ...]
) -> None:
    assert phrases.heaviest(text) == said


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
    assert phrases.number(number) == said


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (-114.89, "money", "-114.89"),
        (8.5, "money", "8.50"),
        (1234.5, "money", "1,234.50"),
        (36.0, "money", "36"),
        (123456.78, "money", "123,457"),
        (0.25, "money", "0.25"),
        (-114.9, "signed", "-114.9"),
        (-5.0, "signed", "-5"),
        (-0.0, "signed", "0"),
        (-1e16, "signed", "-1e16"),
        (12.0, "percent", "12\u00a0%"),
        (12.5, "percent", "12.5\u00a0%"),
        (-100.0, "percent", "-100\u00a0%"),
        (95.0, "date", "95 days before the newest"),
        (1.0, "date", "1 day before the newest"),
        (0.0, "date", "0 days before the newest"),
        (math.nan, "date", "not known"),
        (math.nan, "money", "not known"),
        (math.nan, "category", "not known"),
        ("basic; old", "category", "basic; old"),
        ("12", "category", "12"),
    ],
)
def test_a_cell_of_every_kind_is_legible(value: float | str, kind: str, said: str) -> None:
    assert phrases.cell(value, kind) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("basic", "basic"),
        ("basic; old;", "basic, old,"),
        ("a\tb\u2028c\u202ed", "a b c d"),
        (" ; ", ","),
        ("\u200b", "blank"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "\u2026"),
    ],
)
def test_a_level_stands_in_a_reason_on_one_line(text: str, said: str) -> None:
    assert phrases.level(text) == said


@given(st.text(max_size=200))
def test_no_text_breaks_the_border_between_reasons(text: str) -> None:
    level = phrases.level(text)
    assert 0 < len(level) <= phrases.LONGEST_LEVEL
    assert level.isprintable()
    assert ";" not in level


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("activity last month", "activity last year", "activity"),
        ("phone calls this month", "phone calls last year", "phone calls"),
        ("turnover Q4", "turnover year", "turnover"),
        ("month", "year", "month"),
        ("last month", "last year", "last month"),
    ],
)
def test_what_changes_is_called_by_what_two_names_have_in_common(
    first: str, second: str, said: str
) -> None:
    assert phrases.noun(first, second) == said


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (math.nan, "hardly matters"),
        (0.0, "hardly matters"),
        (-math.log(1.019), "hardly matters"),
        (math.log(1.021), "raises the risk a little"),
        (-math.log(1.3), "lowers the risk"),
        (math.log(4) + 1e-9, "raises the risk a lot"),
        (-math.inf, "lowers the risk a lot"),
    ],
)
def test_how_hard_a_term_pushes_is_said(part: float, said: str) -> None:
    assert phrases.push(part) == said
