"""The ranked list: every client that may leave, exact reasons in words, the list since the last."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import deployment
import ingestion
import reporting
from company import fabricate
from fullprocess import full_process
from risk import files
from risk.data import tables
from risk.errors import ArtefactRefused, InputMissing, RiskError, ServiceDown
from risk.learning import attribution, estimator, ranking, reasons
from risk.learning.ranking import Basis
from risk.records import list_file, pending, store
from risk.settings import Columns, Settings
from tests.conftest import configured, decided, deliver, put, settle_what_is_shown

BASIS = Basis("1-abc", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
LATER = BASIS._replace(as_of="2026-01-03T00:00:00Z")
COLUMNS = Columns("corporation", ("lastmonth_activity", "lastyear_activity"), "exited")


def book(codes: list[str], seed: int = 0) -> pd.DataFrame:
    """Clients with heavy-tailed numbers, some missing, some of unknown outcome."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"corporation": pd.Series(codes, dtype="str")})
    for name in COLUMNS.features:
        values = np.round(np.exp(random.normal(4, 2, len(codes))))
        table[name] = np.where(random.random(len(codes)) < 0.1, np.nan, values)
    return table.assign(exited=random.choice([0.0, np.nan], len(codes)))


def fitted(features: str = "log") -> estimator.Model:
    known = book([str(number) for number in range(400)])
    left = known["lastmonth_activity"].fillna(50) < 30
    return estimator.fit(known.assign(exited=left.astype("float64")), COLUMNS, features)


def bare() -> estimator.Model:
    """The starter's model: a regression without a pipeline, fitted on bare numbers."""
    known = book([str(number) for number in range(400)]).dropna(subset=list(COLUMNS.features))
    left = known["lastmonth_activity"] < 30
    return LogisticRegression().fit(
        known[list(COLUMNS.features)].to_numpy() / 1e3, left.astype(int)
    )


MODELS = {"log": fitted("log"), "raw": fitted("raw"), "bare": bare()}


def written(path: Path, clients: pd.DataFrame, basis: Basis = BASIS) -> list[dict[str, str]]:
    """The list as a reader without pandas finds it."""
    found = ranking.ranked(MODELS["log"], clients, COLUMNS)
    list_file.write(path, found, COLUMNS, basis)
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


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
    found = ranking.ranked(MODELS["bare"], clients, COLUMNS)
    assert np.isfinite(found.risks).all()


SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n")
CODE = st.text(SIGNS, min_size=1, max_size=8).filter(str.strip)
CODES = st.lists(CODE, min_size=1, max_size=30, unique=True)


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(codes=CODES, seed=st.integers(0, 5))
def test_every_code_comes_back_as_it_is_in_order(
    tmp_path: Path, codes: list[str], seed: int
) -> None:
    path = tmp_path / "riskranking.csv"
    path.unlink(missing_ok=True)
    clients = book(codes, seed)
    rows = written(path, clients)
    assert sorted(row["corporation"] for row in rows) == sorted(codes)
    assert rows == sorted(
        rows,
        key=lambda row: (row["outcome"] != "open", -float(row["risk"]), row["corporation"]),
    )
    assert [row["rank"] for row in rows] == [str(place) for place in range(1, len(codes) + 1)]
    back = list_file.read(path)
    assert back["corporation"].tolist() == [row["corporation"] for row in rows]
    risks = dict(
        zip(
            clients["corporation"],
            estimator.probability(MODELS["log"], clients, COLUMNS),
            strict=True,
        )
    )
    wanted = [risks[code] for code in back["corporation"]]
    assert back["risk"].tolist() == pytest.approx(wanted, abs=1e-11)


@pytest.mark.parametrize(
    "code", ["null", "NA", "", "0012", "1E10", "True", "=1+1", '"', " x", "a,b", "nan"]
)
def test_codes_that_look_like_something_else_stay_text(tmp_path: Path, code: str) -> None:
    rows = written(tmp_path / "list.csv", book([code, "other"]))
    assert code in [row["corporation"] for row in rows]
    assert code in list_file.read(tmp_path / "list.csv")["corporation"].tolist()


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


def test_a_list_that_names_a_client_twice_can_be_compared_with(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    (row,) = written(path, book(["a"]))
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    assert written(path, book(["a"]), LATER)[0]["previous_rank"] == row["rank"]


def test_a_list_written_in_several_parts_is_one_list(tmp_path: Path) -> None:
    codes = [f"{number}" for number in range(list_file.ROWS_AT_ONCE + 3)]
    rows = written(tmp_path / "list.csv", book(codes))
    assert [row["rank"] for row in rows] == [str(place) for place in range(1, len(codes) + 1)]
    assert {row["corporation"] for row in rows} == set(codes)
    places = [(row["outcome"] != "open", -float(row["risk"])) for row in rows]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("rank", "previous", "said"),
    [(3, 5, "up 2"), (5, 3, "down 2"), (4, 4, "same"), (4, None, "new"), (1, 1_001, "up 1,000")],
)
def test_moves_in_words(rank: int, previous: int | None, said: str) -> None:
    assert ranking.moved(rank, previous) == said


def test_a_damaged_list_is_replaced_but_never_read(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with pytest.raises(InputMissing, match=r"run python reporting\.py first"):
        list_file.read(path)
    path.write_bytes(b'corporation,risk\n"x')
    with pytest.raises(ArtefactRefused, match="damaged"):
        list_file.read(path)
    assert written(path, book(["x"]))[0]["previous_rank"] == ""


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
    found = ranking.ranked(MODELS["log"], clients, COLUMNS)
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
    list_file.write(tmp_path / "list.csv", ranking.ranked(asked, table, columns), columns, BASIS)
    risks = estimator.probability(asked, table, columns)
    listed = list_file.read(tmp_path / "list.csv")["risk"].tolist()
    assert listed == pytest.approx(sorted(risks, reverse=True), abs=1e-11)


def read(settings: Settings) -> pd.DataFrame:
    return list_file.read(settings.output_model_path / files.RANKING)


def recorded(settings: Settings) -> list[tuple[Any, ...]]:
    """The lists in the records: how many clients in each, by run."""
    with store.engine(settings).connect() as connection:
        query = "SELECT run, release, count(*), min(rank), max(rank) FROM risks GROUP BY run"
        return [tuple(row) for row in connection.exec_driver_sql(f"{query} ORDER BY run")]


def another_period(settings: Settings, number: int) -> None:
    period = fabricate.periods(number, clients=400, seed=1)[-1]
    deliver(settings, f"dataset{number}.csv", period)


def test_every_run_past_the_first_gate_makes_the_list_anew(finished: Settings) -> None:
    settings = finished
    first = read(settings)
    another_period(settings, 2)
    assert decided(settings) in {"no drift", "deployed"}
    second = read(settings)
    assert second["as_of"].iloc[0] >= first["as_of"].iloc[0]
    current = tables.read(settings.output_folder_path / files.CLIENTS, settings.columns)
    here = current[current["exited"] != 1]["corporation"]
    assert sorted(second["corporation"]) == sorted(here)
    assert second["previous_rank"].notna().any()
    counts = [row[2:] for row in recorded(settings)]
    assert counts == [(len(first), 1, len(first)), (len(second), 1, len(second))]


def test_the_recorded_risks_are_those_of_the_list(settings: Settings) -> None:
    put(settings, "odd.csv", ["null,1,2,3,0", "0012,1,2,3,", '"a""b",1,2,3,0', "😀,1,2,3,0"])
    decided(settings)
    listed = read(settings)[["corporation", "risk", "rank"]]
    with store.engine(settings).connect() as connection:
        stored = connection.exec_driver_sql(
            "SELECT corporation, risk, rank FROM risks ORDER BY rank"
        )
        assert [tuple(row) for row in stored] == list(listed.itertuples(index=False, name=None))


def test_unknown_outcomes_are_ranked_and_nothing_is_retrained(finished: Settings) -> None:
    settings = finished
    for path in settings.input_folder_path.iterdir():
        path.unlink()
    put(settings, "new.csv", [f"C{n:03},{n},{n * 9},7," for n in range(50)])
    assert decided(settings) == "no drift"
    assert len(read(settings)) == 50


def test_after_a_rollback_the_moves_are_those_since_the_list_before_it(finished: Settings) -> None:
    settings = finished
    put(settings, "dataset1.csv", [f"A{n:03},{n},5,{9 - n},{n % 2}" for n in range(9)])
    assert decided(settings, force=True) == "deployed"
    before = read(settings).set_index("corporation")
    deployment.roll_back(settings)
    reporting.rank_clients(settings)
    after = read(settings).set_index("corporation")
    assert after["release"].iloc[0].startswith("3-")
    assert after["previous_rank"].tolist() == before["rank"][after.index].tolist()
    assert after["previous_risk"].tolist() == before["risk"][after.index].tolist()
    assert (after["risk"] != after["previous_risk"]).any()


def test_a_run_that_died_before_its_list_has_it_made_by_the_next_once(finished: Settings) -> None:
    settings = finished
    another_period(settings, 2)
    died = pending.Run(settings, [pending.LIST])
    ingestion.merge_multiple_dataframe(settings)
    (settings.input_folder_path / "dataset2.csv").unlink()
    before = read(settings)
    assert full_process(settings) == "no new data"
    after = read(settings)
    assert len(after) > len(before)
    assert recorded(settings)[-1][0] == died.facts["id"]
    assert full_process(settings) == "no new data"
    assert len(recorded(settings)) == 2
    assert pending.waiting(settings) == []


def test_a_list_that_cannot_be_written_is_made_by_the_next_run(finished: Settings) -> None:
    settings = finished
    another_period(settings, 2)
    ranking_ = settings.output_model_path / files.RANKING
    ranking_.unlink()
    ranking_.mkdir()
    with pytest.raises(OSError, match="directory"):
        decided(settings)
    assert len(recorded(settings)) == 1
    ranking_.rmdir()
    settle_what_is_shown(settings)
    assert full_process(settings) == "no new data"
    assert [row[2] for row in recorded(settings)][-1] == len(read(settings))
    assert full_process(settings) == "no new data"
    assert len(recorded(settings)) == 2


def test_an_owed_list_that_cannot_be_made_keeps_no_new_data_out(finished: Settings) -> None:
    pending.Run(finished, [pending.LIST])  # and died
    book = finished.output_folder_path / files.CLIENTS
    book.write_text("damaged")
    (finished.output_model_path / files.RANKING).unlink()
    with pytest.raises(RiskError, match=files.CLIENTS):
        full_process(finished)
    another_period(finished, 2)
    assert full_process(finished) in ("deployed", "no drift")
    assert len(read(finished))
    assert full_process(finished) == "no new data"


def test_lists_wait_while_the_records_cannot_be_written(finished: Settings) -> None:
    settings = finished
    path = settings.output_folder_path / files.RECORDS
    for sidecar in ("", "-wal", "-shm"):
        path.with_name(path.name + sidecar).unlink(missing_ok=True)
    path.mkdir()
    sizes = []
    for number in (2, 3):
        another_period(settings, number)
        with pytest.raises(ServiceDown):
            decided(settings)
        sizes.append(len(read(settings)))
    path.rmdir()
    assert full_process(settings) == "no new data"
    assert [row[2] for row in recorded(settings)] == sizes
    assert list((settings.output_folder_path / files.PENDING).iterdir()) == []


def test_a_first_run_that_died_owes_no_list(settings: Settings) -> None:
    pending.Run(settings)
    assert decided(settings) == "deployed"
    assert len(recorded(settings)) == 1


def test_an_idle_run_after_all_that_loads_nothing_heavy(finished: Settings) -> None:
    settings = finished
    before = (settings.output_model_path / files.RANKING).stat().st_mtime_ns
    assert full_process(settings) == "no new data"
    assert (settings.output_model_path / files.RANKING).stat().st_mtime_ns == before


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


def test_a_list_without_a_release_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(InputMissing, match="nothing is deployed yet"):
        reporting.rank_clients(settings)


@pytest.mark.parametrize(
    ("open_", "leaving", "words"),
    [
        ([True, True, True], 1, "of the first 3, whose outcome is open, would leave, if the"),
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


@pytest.mark.parametrize(
    ("open_", "words"),
    [
        ([True, True, False], "First the 2 whose outcome is open, by risk; then those that stayed"),
        ([True, True], "Highest risk first; the outcome of each of them is open."),
        ([False], "Highest risk first; by its newest row each of them stayed so far."),
    ],
)
def test_the_order_of_the_list_is_told(open_: list[bool], words: str) -> None:
    assert ranking.order(np.array(open_)).startswith(words)


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
