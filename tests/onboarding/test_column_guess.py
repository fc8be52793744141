"""What the guess makes of tables that nobody has described, column by column."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from company import subscribers
from risk.columns import Columns
from risk.errors import DataUnusable
from risk.judging import csv_file
from risk.onboarding import own_table
from risk.onboarding.column_guess import Guess, guessed
from risk.onboarding.own_table import cells_of
from tests.conftest import configured

ROWS = 200
CODES = [f"C{row:03}" for row in range(ROWS)]
LEFT = ["yes" if row % 5 == 0 else "no" for row in range(ROWS)]


def repeated(*cells: str) -> list[str]:
    """A column in which these cells come again and again, in another rhythm than the outcome."""
    return [cells[(row * 7 + row // 11) % len(cells)] for row in range(ROWS)]


def of(**columns: Sequence[str]) -> Guess:
    """The guess for a table of clients with these further columns."""
    return guessed({"customer_id": CODES, "orders": repeated("1", "2", "7"), **columns})


NUMBERS = [str(row) for row in range(1, 40)]
KINDS: list[tuple[list[str], str | None, str]] = [
    (NUMBERS, "number", "numbers from 0 up"),
    (["0.5", "1e3", "", "NA", "null"], "number", "numbers from 0 up"),
    (["1", "0"], "number", "numbers from 0 up"),
    (["1", "-1", "0.5"], "signed", "some of them below 0"),
    (["12 %", "5%", "0"], "percent", "a percent sign"),
    (["-3 %", "5%", "12"], "percent", "a percent sign"),
    (["$5", "$1,200.50", ""], "money", "a currency"),
    (["1,200", "5", "17"], "money", "groups of thousands"),
    (["-5 EUR", "5 EUR", "7 EUR"], "money", "a currency"),
    (["2026-01-31", "2025-12-01", ""], "date", "days like 2026-01-31"),
    (["basic", "gold", ""], "category", "2 different texts"),
    (["NA", "None", "x"], "category", "3 different texts"),
    (["basic", ""], "category", "1 different texts"),
    (["0012x", "AB 3", "7"], "category", "3 different texts"),
    (["1 %", "$2", "3"], "category", "3 different texts"),
    (["31/01/2026", "01/02/2026"], "category", "2 different texts"),
    (["7"], None, "the same value in each row"),
    (["7", ""], None, "the same value in each row"),
    (["basic"], None, "the same value in each row"),
    ([""], None, "it is empty"),
    (["NA", ""], None, "the same value in each row"),
    ([f"note {row}" for row in range(ROWS)], None, "nearly every row has another text"),
    (["x" * 201 + str(row) for row in range(9)], None, "longer than 200 characters"),
    (["two\nlines", "more\nlines"], None, "line breaks"),
    ([f"{row % 28 + 1}/1/20{row // 28:02}" for row in range(ROWS)], None, "days not written like"),
    ([f"31.1.2026 {row}:0" for row in range(ROWS)], None, "days not written like"),
    ([f"2026-01-31 12:{row}" for row in range(ROWS)], None, "moments, where only days"),
    ([f"{row},5" for row in range(ROWS)], None, "numbers with a decimal comma"),
]


@pytest.mark.parametrize(
    ("cells", "kind", "why"),
    [pytest.param(*fact, id=f"{fact[1]}: {fact[0][0][:20]}") for fact in KINDS],
)
def test_a_column_is_of_the_first_kind_that_fits_its_cells(
    cells: list[str], kind: str | None, why: str
) -> None:
    column = cells if len(cells) == ROWS else repeated(*cells)
    guess = of(thing=column, churn=LEFT)
    assert ("thing" in guess.keys["feature_columns"]) is (kind is not None)
    (reason,) = [reason for reason in guess.reasons if reason.startswith("'thing'")]
    assert why in reason
    assert (f"kind {kind}" in reason) is (kind is not None)
    found = guess.keys.get("column_kinds", {}).get("thing", "number" if kind else None)
    assert found == kind


def test_a_few_odd_cells_do_not_change_a_kind_and_are_counted() -> None:
    cells = ["12"] * 100 + ["13"] * 98 + ["twelve"] * 2
    guess = of(thing=cells, churn=LEFT)
    assert "column_kinds" not in guess.keys
    assert any("2 cells are not, and their lines will be refused" in why for why in guess.reasons)


OUTCOMES: list[tuple[str, tuple[str, str], list[str], str]] = [
    ("churn", ("yes", "no"), [], "'yes' means left"),
    ("Exited", ("1", "0"), [], "'1' means left"),
    ("Attrition", ("Yes", "No"), [], "'Yes' means left"),
    ("has_left", ("TRUE", "FALSE"), [], "'TRUE' means left"),
    ("churned", ("True.", "False."), ["True.", "False."], "'True.' means left"),
    ("Churn", ("Y", "N"), ["Y", "N"], "'Y' means left"),
    ("still_active", ("no", "yes"), ["no", "yes"], "'no' means left"),
    ("retained", ("0", "1"), ["0", "1"], "'0' means left"),
    ("status", ("gone", "here"), ["gone", "here"], "'gone' means left, as the word says"),
    ("status", ("Cancelled", "Active"), ["Cancelled", "Active"], "'Cancelled' means left"),
    ("flag", ("Attrited Customer", "Existing Customer"), ["Attrited Customer", "Existing Customer"],
     "'Attrited Customer' means left"),
    ("state", ("churned", "not churned"), ["churned", "not churned"], "'churned' means left"),
    ("result", ("red", "blue"), ["red", "blue"], "'red' means left, since it is the rarer one"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "words", "why"), OUTCOMES)
@pytest.mark.parametrize("fewer_left", [True, False])
def test_the_outcome_is_the_column_of_two_values_that_speaks_of_leaving(
    name: str, values: tuple[str, str], words: list[str], why: str, fewer_left: bool
) -> None:
    if not fewer_left and "rarer" in why:
        pytest.skip("then the other one is the rarer")
    left, stayed = values
    cells = [left if (row % 5 == 0) == fewer_left else stayed for row in range(ROWS)]
    guess = of(plan=repeated("basic", "gold"), **{name: cells}, late=repeated("0", "1"))
    assert guess.keys["target_column"] == name
    assert guess.keys.get("outcome_words", []) == words
    assert why in guess.reasons[0]


NOT_YET: list[tuple[str, list[str]]] = [
    ("NA", []),
    ("", []),
    ("null", []),
    ("-", ["-"]),
    ("Unknown", ["Unknown"]),
    (" ? ", ["?"]),
]


@pytest.mark.parametrize(("word", "words"), NOT_YET)
def test_an_outcome_that_is_not_known_yet_is_no_third_value(word: str, words: list[str]) -> None:
    churn = [word if row % 3 == 0 else left for row, left in enumerate(LEFT)]
    guess = of(gender=repeated("f", "m"), churn=churn, late=repeated("0", "1"))
    assert guess.keys["target_column"] == "churn"
    assert guess.keys["feature_columns"] == ["orders", "gender", "late"]
    assert guess.keys.get("missing_words", []) == words
    assert "outcome_words" not in guess.keys
    assert sum("'missing_words' has" in why for why in guess.reasons) == len(words)


@pytest.mark.parametrize(
    ("name", "values", "is_said"),
    [
        ("churn", ("yes", "no"), False),
        ("HasLeft", ("1", "0"), False),
        ("gender", ("f", "m"), True),
        ("status", ("gone", "here"), True),
    ],
)
def test_a_target_whose_name_does_not_speak_of_leaving_is_warned_of(
    name: str, values: tuple[str, str], is_said: bool
) -> None:
    guess = of(**{name: [values[row % 5 != 0] for row in range(ROWS)]})
    assert guess.keys["target_column"] == name
    assert ["NO MORE THAN A GUESS" in warning for warning in guess.warnings] == [True] * is_said


def months(count: int, clients: int = 50) -> dict[str, list[str]]:
    """A table in which each client stands once a month."""
    pairs = [(f"K{client}", month) for month in range(count) for client in range(clients)]
    return {
        "client": [client for client, _ in pairs],
        "month": [f"2026-{month + 1:02}-28" for _, month in pairs],
        "calls": [str((place * 13) % 7) for place in range(len(pairs))],
        "left": [str(int(place % 9 == 0)) for place in range(len(pairs))],
    }


CLIENTS: list[tuple[dict[str, list[str]], str, str | None, str]] = [
    ({"customerID": CODES}, "customerID", None, "another value in each row and its name says so"),
    ({"row": NUMBERS, "Client Code": CODES}, "Client Code", None, "its name says so"),
    ({"RowNumber": [str(row) for row in range(ROWS)], "CustomerId": CODES}, "CustomerId", None, ""),
    ({"who": CODES, "note": [f"a note {row}" for row in range(ROWS)]}, "who", None, ""),
    ({"who": [str(10 * row) for row in range(ROWS)], "n": [str(row) for row in range(ROWS)]},
     "who", None, "another value"),
    ({"n": [str(row) for row in range(ROWS)]}, "n", None, "another value in each row"),
    ({"account_balance": [f"{row}.5" for row in range(ROWS)], "ref": CODES}, "ref", None, ""),
    ({"customer": [f"K{row // 2}" for row in range(ROWS)]}, "customer", None, "come again"),
    (months(4), "client", "month", "come again"),
    (months(4) | {"id": CODES}, "client", "month", "come again"),
    ({**months(4), "month": [str(row // 50 + 1) for row in range(ROWS)]}, "client", "month", ""),
    ({"code": CODES, "snapshot_date": ["2026-03-31"] * ROWS}, "code", "snapshot_date", ""),
    ({"code": CODES, "born": ["2026-03-31"] * ROWS}, "code", None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "client", "period", "why"), CLIENTS)
def test_the_client_is_what_differs_in_each_row_or_in_each_period(
    columns: dict[str, list[str]], client: str, period: str | None, why: str
) -> None:
    others = {"orders": repeated("1", "2", "7"), "plan": repeated("a", "b", "c"), "churn": LEFT}
    full = {
        name: cells if len(cells) == ROWS else repeated(*cells) for name, cells in columns.items()
    }
    guess = guessed(full | others)
    assert guess.keys["client_column"] == client
    assert guess.keys.get("period_column") == period
    assert why in guess.reasons[1]
    assert not {client, period} & {*guess.keys["feature_columns"]}


def test_a_counter_and_further_codes_are_no_features() -> None:
    counter, orders = [str(row) for row in range(ROWS)], [str(row * 7 + 3) for row in range(ROWS)]
    guess = of(RowNumber=counter, order_no=orders, paid=orders[::-1], churn=LEFT)
    assert guess.keys["feature_columns"] == ["orders", "paid"]


def test_a_column_that_tells_the_outcome_is_no_feature() -> None:
    reason = ["moved" if left == "yes" else "" for left in LEFT]
    guess = of(churn=LEFT, churn_reason=reason, churn_value=[str(len(left)) for left in LEFT])
    assert guess.keys["feature_columns"] == ["orders"]
    assert sum("tells 'churn' itself" in why for why in guess.reasons) == 2


WORDS: list[tuple[dict[str, list[str]], list[str]]] = [
    ({"fee": ["1", "2", "-"]}, ["-"]),
    ({"fee": ["1", "2", "-999"]}, ["-999"]),
    ({"fee": ["1", "2", "?", "Unknown"]}, ["?", "Unknown"]),
    ({"since": ["2026-01-31", "2026-02-28", "?"]}, ["?"]),
    ({"fee": ["$1", "$2", "n/a"]}, ["n/a"]),
    ({"fee": ["1", "-3", "-999"]}, []),
    ({"plan": ["basic", "gold", "-"]}, []),
    ({"plan": ["basic", "gold", "-"], "fee": ["1", "2", "-"]}, ["-"]),
    ({"fee": ["1", "2", "-", "-999", ""]}, ["-", "-999"]),
    ({"fee": ["1", "2", "zero"]}, []),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "words"), WORDS)
def test_what_stands_for_nothing_among_numbers_is_a_missing_word(
    columns: dict[str, list[str]], words: list[str]
) -> None:
    guess = of(churn=LEFT, **{name: repeated(*cells) for name, cells in columns.items()})
    assert guess.keys.get("missing_words", []) == words
    assert sum("'missing_words' has" in why for why in guess.reasons) == len(words)


def test_what_a_client_is_worth_is_only_suggested() -> None:
    guess = of(churn=LEFT, yearly_revenue=repeated("100", "2000"))
    assert "value_column" not in guess.keys
    assert any('add "value_column": "yearly_revenue"' in why for why in guess.reasons)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"customer_id": CODES, "orders": repeated("1", "2", "3")}, "no column has two values"),
        ({"orders": repeated("1", "2", "3"), "churn": LEFT}, "as a client's code would"),
        ({"customer_id": CODES, "churn": LEFT}, "no column is left"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused(
    columns: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(DataUnusable, match=said):
        guessed(columns)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as CSV: it is empty"),
        (b"\n \n", "cannot be read as CSV: it is empty"),
        (b"<p>a,b\n1,2\n", "cannot be read as CSV: it is an HTML or XML page"),
        (b"a;b;c\n1;2;3\n", "no header with names between commas"),
        (b"a,b\n", "no row with as many fields"),
        (b"a,b\n1\n", "no row with as many fields"),
        (b'a,b\n"1,2\n', "no row with as many fields"),
        (b"a,b\n\xff,1\n", "cannot be read as CSV: it is not UTF-8"),
        (b"a,b\n1,\0\n", "cannot be read as CSV: it holds NUL bytes"),
    ],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(DataUnusable, match=f"own.csv .*{said}"):
        cells_of(content, "own.csv")


def test_the_guess_sees_the_rows_that_ingestion_sees(caplog: pytest.LogCaptureFixture) -> None:
    rows = [f"C{row},{row},no" for row in range(ROWS)]
    rows[3] = '"' + rows[3]
    rows[9] = '"C9",9,"no, not\nyet"'
    rows[12] = "C12,12"
    content = "\n".join(["client,calls,churn", "", *rows]).encode()
    cells = cells_of(content, "own.csv")
    reading = csv_file.read_csv(
        content, Columns("client", ("calls",), "churn", missing_words=("x",))
    )
    assert len(reading.refusals) == 4
    assert [name for name in cells["client"] if name != "C9"] == [*reading.table["client"]]
    assert len(cells["client"]) == ROWS - 2
    assert "2 lines of own.csv are left out, as ingestion will refuse them" in caplog.text
    assert "the first is line 6" in caplog.text


def test_the_cells_of_a_file_are_those_of_columns_with_one_name() -> None:
    content = '\ufeff\n a ,b,b,,"c,d"\n1,2,3,4,"5,6"\n1,2\n7,8,9,0,\n'.encode()
    assert cells_of(content, "own.csv") == {"a": ["1", "7"], "c,d": ["5,6", ""]}


def test_of_a_long_file_the_first_rows_are_looked_at() -> None:
    content = b"a,b\n" + b"1,2\n" * (own_table.MOST_ROWS + 5)
    assert len(cells_of(content, "own.csv")["a"]) == own_table.MOST_ROWS


def test_the_guess_for_the_subscribers_is_what_their_program_says(tmp_path: Path) -> None:
    table, _ = subscribers.table(3_000, seed=1)
    keys: dict[str, Any] = guessed({str(name): list(table[name]) for name in table}).keys
    assert keys == subscribers.COLUMNS
    settings = configured(tmp_path, **keys)
    assert settings.columns.kind("contract_end") == "date"
