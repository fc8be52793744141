"""The list as a file: every code comes back, and a damaged list is never read."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from risk.errors import ArtefactRefused, InputMissing
from risk.models import estimator
from risk.records import list_file
from tests.reasons.book import COLUMNS, LATER, MODELS, book, written

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


def test_a_damaged_list_is_replaced_but_never_read(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with pytest.raises(InputMissing, match=r"run python reporting\.py first"):
        list_file.read(path)
    path.write_bytes(b'corporation,risk\n"x')
    with pytest.raises(ArtefactRefused, match="damaged"):
        list_file.read(path)
    assert written(path, book(["x"]))[0]["previous_rank"] == ""
