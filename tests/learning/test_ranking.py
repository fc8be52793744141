"""The ranked list: every client that may leave, exact reasons in words, the list since the last."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from company import fabricate
from risk.learning import ranking
from risk.learning.ranking import Basis
from risk.reasons import attribution
from risk.records import list_file
from risk.rows.tables import Book
from risk.settings import Settings
from tests.conftest import configured, decided, deliver
from tests.reasons.book import BASIS, COLUMNS, LATER, MODELS, book, read, written


@pytest.mark.parametrize("kind", MODELS)
def test_the_terms_add_up_to_the_log_odds(kind: str) -> None:
    asked, clients = MODELS[kind], book([str(number) for number in range(300)], seed=1)
    if kind == "bare":
        clients = clients.fillna(dict.fromkeys(COLUMNS.features, 5.0))
    rows = clients[list(COLUMNS.features)]
    log_odds = asked.decision_function(rows.to_numpy() if kind == "bare" else rows)
    middle = attribution.average(asked, clients, COLUMNS)
    terms = attribution.terms(asked, clients, COLUMNS, middle)
    assert np.abs(middle.log_odds + terms.parts.sum(axis=1) - log_odds).max() < 1e-9
    assert middle.log_odds == pytest.approx(log_odds.mean(), abs=1e-9)


def test_the_average_client_shown_is_the_one_in_the_middle_of_what_the_model_sees() -> None:
    clients = book([str(number) for number in range(300)]).dropna(subset=list(COLUMNS.features))
    numbers = clients[list(COLUMNS.features)].to_numpy()
    geometric = attribution.average(MODELS["log"], clients, COLUMNS).values
    assert geometric == pytest.approx(np.expm1(np.log1p(numbers).mean(axis=0)))
    assert attribution.average(MODELS["raw"], clients, COLUMNS).values == pytest.approx(
        numbers.mean(axis=0)
    )


def test_a_bare_regression_ranks_clients_with_missing_cells() -> None:
    clients = book([str(number) for number in range(300)])
    assert clients["lastmonth_activity"].isna().any()
    found = ranking.ranked(MODELS["bare"], Book(clients, len(clients)), COLUMNS)
    assert np.isfinite(found.risks).all()


def test_ties_go_by_code(tmp_path: Path) -> None:
    clients = book(["b", "B", "a", "é", "10", "9"]).assign(exited=np.nan)
    clients[list(COLUMNS.features)] = 7.0
    rows = written(tmp_path / "list.csv", clients)
    assert [row["corporation"] for row in rows] == ["10", "9", "B", "a", "b", "é"]


def test_equal_clients_are_a_tie_wherever_they_stand(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for count in range(10, 40):
        clients = book([f"{number:03}" for number in range(count)][::-1]).assign(exited=0.0)
        clients[list(COLUMNS.features)] = np.round(np.exp(random.normal(4, 2, 2)))
        rows = written(tmp_path / "list.csv", clients)
        assert len({row["risk"] for row in rows}) == 1
        assert [row["corporation"] for row in rows] == sorted(clients["corporation"])


def test_clients_that_left_are_not_to_be_called(tmp_path: Path) -> None:
    clients = book(["stayed", "unknown", "left"]).assign(exited=[0.0, np.nan, 1.0])
    rows = written(tmp_path / "list.csv", clients)
    assert {row["corporation"] for row in rows} == {"stayed", "unknown"}


def test_a_list_of_nobody_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    assert written(path, book(["left"]).assign(exited=1.0)) == []
    assert list_file.read(path).empty
    assert list_file.basis_of(path) is None
    assert written(path, book(["here"]))[0]["previous_rank"] == ""


def test_the_bands_begin_at_their_cut_offs() -> None:
    risks = np.array([0.0, 0.1999999, 0.2, 0.4999999, 0.5, 1.0])
    assert ranking.bands(risks).tolist() == ["low", "low", "medium", "medium", "high", "high"]


def test_the_list_says_what_it_rests_on(tmp_path: Path) -> None:
    row = written(tmp_path / "list.csv", book(["x"]))[0]
    assert tuple(row) == list_file.COLUMNS
    assert Basis(row["release"], row["deployed_at"], row["as_of"]) == BASIS


def test_moves_are_told_against_the_list_before(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    clients = book(["a", "b", "c"])
    first = {row["corporation"]: row for row in written(path, clients)}
    assert all(row["previous_rank"] == row["previous_risk"] == "" for row in first.values())
    second = {
        row["corporation"]: row for row in written(path, book(["c", "b", "a", "new"], 3), LATER)
    }
    for code, row in first.items():
        assert second[code]["previous_rank"] == row["rank"]
        assert second[code]["previous_risk"] == row["risk"]
    assert second["new"]["previous_rank"] == ""
    again = {
        row["corporation"]: row for row in written(path, book(["c", "b", "a", "new"], 3), LATER)
    }
    assert again == second


@pytest.mark.parametrize(
    ("rank", "previous", "said"),
    [(3, 5, "up 2"), (5, 3, "down 2"), (4, 4, "same"), (4, None, "new"), (1, 1_001, "up 1,000")],
)
def test_moves_in_words(rank: int, previous: int | None, said: str) -> None:
    assert ranking.moved(rank, previous) == said


def test_the_list_is_nearly_as_good_as_the_best_possible_one(settings: Settings) -> None:
    settings = configured(settings.workspace, capacity=200)
    first, second, third = fabricate.periods(3, clients=4000, seed=5)
    deliver(settings, "dataset1.csv", first)
    deliver(settings, "dataset2.csv", second)
    decided(settings)
    deliver(settings, "dataset3.csv", third.assign(exited=np.nan))
    decided(settings)
    left = third.set_index("corporation")["exited"]
    codes = [code for code in read(settings)["corporation"] if code in left.index][:200]
    truth = fabricate.true_risks(3, 4000, 5)[left.index].nlargest(200)
    assert left[codes].mean() > 0.9 * left[truth.index].mean()
    assert left[codes].mean() > 4 * left.mean()


@pytest.mark.parametrize(
    ("open_", "leaving", "words"),
    [
        ([True, True, True], 1, "of the first 3 would leave, if the"),
        ([True, True, False], 1, "of the first 2, whose outcome is open, would leave"),
        ([False, False, False], 1, "look like clients that leave, though all"),
    ],
)
def test_what_the_list_makes_expect_is_said_of_open_outcomes(
    open_: list[bool], leaving: int, words: str
) -> None:
    found = ranking.expected(np.array([0.9, 0.4, 0.1]), np.array(open_))
    assert found.leaving == leaving
    assert words in found.words


OPEN, STAYED, ABSENT = ranking.MARKS


@pytest.mark.parametrize(
    ("marks", "by", "words"),
    [
        ([OPEN, OPEN], "risk", "By risk; the outcome of each of them is open."),
        ([STAYED], "risk", "By risk; by its newest row each of them stayed so far."),
        ([OPEN], "value", "By what is at stake; the outcome of each of them is open."),
        (
            [OPEN, OPEN, STAYED, ABSENT],
            "risk",
            "First the 2 whose outcome is open; then the 1 that stayed by their newest row; then "
            "the 1 that are not in the newest data; each by risk.",
        ),
    ],
)
def test_the_order_of_the_list_is_told(marks: list[str], by: str, words: str) -> None:
    assert ranking.order(pd.Series(marks), by).startswith(words)


def test_clients_that_the_newest_data_do_not_tell_of_come_last() -> None:
    clients = book([str(number) for number in range(60)])
    clients["exited"] = [np.nan, 0.0] * 30
    found = ranking.ranked(MODELS["log"], Book(clients, 40), COLUMNS)
    assert found.marks.tolist() == [OPEN] * 20 + [STAYED] * 20 + [ABSENT] * 20
    for mark in ranking.MARKS:
        assert (np.diff(found.risks[found.marks == mark]) <= 0).all()
    assert set(found.clients["corporation"][found.marks == ABSENT]) == {*map(str, range(20))}


VALUED = COLUMNS._replace(value="revenue")


def test_by_value_what_is_at_stake_decides_and_what_is_not_known_is_nothing(tmp_path: Path) -> None:
    clients = book([str(number) for number in range(100)]).assign(exited=np.nan)
    clients["revenue"] = np.random.default_rng(0).lognormal(8, 2, 100).round(2)
    clients.loc[7, "revenue"] = np.nan
    found = ranking.ranked(MODELS["log"], Book(clients, 100), VALUED, "value")
    list_file.write(tmp_path / "list.csv", found, VALUED, BASIS)
    listed = list_file.read(tmp_path / "list.csv")
    assert tuple(listed) == (*list_file.COLUMNS, *list_file.WORTH)
    product = (listed["risk"] * listed["value"]).fillna(0).round(2)
    assert listed["at_stake"].tolist() == pytest.approx(product.tolist(), abs=0.011)
    assert listed["at_stake"].is_monotonic_decreasing
    assert listed["corporation"].iloc[-1] == "7"
    stake = ranking.stake(listed, 10)
    assert stake
    assert stake.in_all == pytest.approx(listed["at_stake"].sum())
    assert stake.to_call == pytest.approx(listed["at_stake"][:10].sum())
    assert sum(stake.by_band.values()) == pytest.approx(stake.in_all)


def test_without_a_value_the_list_says_nothing_of_it(tmp_path: Path) -> None:
    rows = written(tmp_path / "list.csv", book(["a", "b"]))
    assert tuple(rows[0]) == list_file.COLUMNS
    assert ranking.stake(list_file.read(tmp_path / "list.csv"), 1) is None


@pytest.mark.parametrize(
    ("risk", "shown"),
    [
        (0.4999, "49.9\u00a0%"),
        (0.495, "49.5\u00a0%"),
        (0.4949, "49\u00a0%"),
        (0.5, "50\u00a0%"),
        (0.1999999, "19.9\u00a0%"),
        (0.2, "20\u00a0%"),
    ],
)
def test_no_risk_is_rounded_into_the_next_band(risk: float, shown: str) -> None:
    assert ranking.percent(risk) == shown
