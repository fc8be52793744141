"""Models of columns of every kind: what they answer, and that their pickle needs nobody else."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_info

from risk.columns import Columns
from risk.errors import ArtefactRefused
from risk.learning import explanation, ranking
from risk.models import estimator, linear, pipelines
from risk.models.estimator import Model
from risk.reasons import coefficients, phrases, sentences
from risk.rows.tables import Book
from tests.models.mixed import COLUMNS, PLANS, RARE, table

CHOICES = [("logistic", "raw"), ("logistic", "log"), ("logistic", "scaled"), ("boosted", "log")]
KNOWN = table()
MODELS: dict[tuple[str, str], Model] = {
    (kind, features): estimator.fit(KNOWN, COLUMNS, features, kind) for kind, features in CHOICES
}
EACH = pytest.mark.parametrize("choice", CHOICES, ids=" ".join)
ROWS = KNOWN[list(COLUMNS.features)]
NO_WORD = pd.Series([None] * len(ROWS), dtype="str")


def risks(model: Model, rows: pd.DataFrame) -> Any:
    return estimator.probability(model, rows, COLUMNS)


@EACH
def test_the_row_after_a_whole_block_has_the_risk_that_it_has_among_others(
    choice: tuple[str, str],
) -> None:
    last = 10  # alone it has a risk with other last bits
    rows = ROWS.iloc[np.append(np.arange(estimator.AT_ONCE) % len(ROWS), last)]
    with pipelines.all_by_one_thread():
        wanted = MODELS[choice].predict_proba(rows)[:, 1]
    assert (risks(MODELS[choice], rows) == wanted).all()


# -- categories ----------------------------------------------------------------------------------


@EACH
def test_rare_levels_and_levels_never_seen_have_the_same_risk(choice: tuple[str, str]) -> None:
    asked = [
        risks(MODELS[choice], ROWS.assign(plan=plan)) for plan in (RARE, "", "Basic", "x" * 200)
    ]
    assert all((each == asked[0]).all() for each in asked)
    assert (risks(MODELS[choice], ROWS.assign(plan="basic")) != asked[0]).any()


@EACH
def test_what_is_missing_is_a_level_of_its_own(choice: tuple[str, str]) -> None:
    missing = risks(MODELS[choice], ROWS.assign(region=NO_WORD))
    assert (missing > risks(MODELS[choice], ROWS.assign(region="north")) + 0.05).mean() > 0.9
    unknown = ROWS.assign(region="nowhere"), ROWS.assign(plan=RARE)
    known_as_missing = ROWS.assign(region=NO_WORD), ROWS.assign(plan=NO_WORD)
    same = [
        (risks(MODELS[choice], odd) == risks(MODELS[choice], empty)).all()
        for odd, empty in zip(unknown, known_as_missing, strict=True)
    ]
    # where no rare level was ever seen, trees have no other place for a new one
    assert same == [choice[0] == "boosted", False]


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA])
@EACH
def test_a_cell_is_missing_however_it_is_written(choice: tuple[str, str], empty: object) -> None:
    wanted = risks(MODELS[choice], ROWS.assign(region=NO_WORD))
    cells = pd.Series([empty] * len(ROWS), dtype="object")
    assert (risks(MODELS[choice], ROWS.assign(region=cells)) == wanted).all()


def test_a_level_has_a_place_from_ten_rows_on_and_the_most_frequent_have_one() -> None:
    cells = pd.Series([f"{level:03}" for level in range(300) for _ in range(300 - level)])
    assert pipelines.levels(cells) == [f"{level:03}" for level in range(254)]
    assert pipelines.levels(cells[-55:]) == ["290"]
    assert pipelines.levels(pd.Series([None] * 20, dtype="str")) == []


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize("kind", ["logistic", "boosted"])
@settings(max_examples=20, deadline=None)
@given(words=st.lists(TEXTS, min_size=2, max_size=4, unique=True))
def test_any_text_may_be_a_level(kind: str, words: list[str]) -> None:
    """The first word's clients leave, the others' stay, also after the way through the pickle."""
    columns = Columns("client", ("word",), "left", kinds=(("word", "category"),))
    words = [word for word in words for _ in range(40)]
    known = pd.DataFrame({"word": pd.Series(words, dtype="str")})
    known = known.assign(left=(known["word"] == words[0]).astype("float64"), client="AAAA")
    fitted = estimator.fit(known, columns, "log", kind)
    back = estimator.loads(estimator.dumps(fitted), "trainedmodel.pkl", columns)
    assert (estimator.ask(back, [known], columns)[0].expected == known["left"]).all()


# -- numbers -------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 3), min_size=1, max_size=20
    )
)
def test_signed_numbers_are_compressed_exactly(rows: list[tuple[float, float, float]]) -> None:
    branch = {name: way for name, way, _ in pipelines.branches(MODELS["logistic", "log"])}
    seen = branch["signed"][1:-1].transform(np.array(rows))  # without filling and scaling
    assert (seen == np.sign(rows) * np.log1p(np.abs(rows))).all()


@EACH
def test_one_row_is_answered_as_among_many(choice: tuple[str, str]) -> None:
    together = risks(MODELS[choice], ROWS)
    alone = [risks(MODELS[choice], ROWS[at : at + 1])[0] for at in range(40)]
    assert np.allclose(alone, together[:40], rtol=0, atol=1e-14)
    if choice[0] == "boosted":
        assert (alone == together[:40]).all()


@EACH
def test_all_cells_may_be_missing(choice: tuple[str, str]) -> None:
    nothing = pd.DataFrame({name: [np.nan] for name in COLUMNS.features})
    (risk,) = risks(MODELS[choice], nothing)
    assert 0 < risk < 1


@EACH
def test_a_column_without_a_value_does_no_harm(choice: tuple[str, str]) -> None:
    kind, features = choice
    known = KNOWN.assign(usage=np.nan, plan=NO_WORD, balance=7.0)
    fitted = estimator.fit(known, COLUMNS, features, kind)
    assert np.isfinite(risks(fitted, known)).all()
    assert np.isfinite(risks(fitted, KNOWN)).all()
    estimator.loads(estimator.dumps(fitted), "trainedmodel.pkl", COLUMNS)


PAIRED = COLUMNS._replace(pairs=(("usage", "contract_end", 12.0), ("balance", "invoice", 4.0)))


@pytest.mark.parametrize("name", COLUMNS.features)
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("logistic", 0),
        ("logistic", 9),
        pytest.param("boosted", 0, marks=pytest.mark.slow),  # which 9 are not enough to split
        ("boosted", 9),
    ],
)
def test_a_column_nearly_without_a_value_stops_no_list(kind: str, name: str, values: int) -> None:
    kept = KNOWN[name].dropna().index[:values]
    known = KNOWN.assign(**{name: KNOWN[name].where(KNOWN.index.isin(kept))})
    fitted = estimator.fit(known, PAIRED, "log", kind)
    for clients in (known, KNOWN):  # the column may have filled up since
        open_ = clients.assign(left=np.nan)
        found = ranking.ranked(fitted, Book(open_, len(open_)), PAIRED)
        log_odds = fitted.decision_function(found.clients[list(PAIRED.features)])
        wanted = found.average.log_odds + found.terms.parts.sum(axis=1)
        assert wanted == pytest.approx(log_odds, abs=1e-9)
        if kind == "boosted" and PAIRED.kind(name) != "category":
            assert (found.terms.parts[:, PAIRED.features.index(name)] == 0).all()
            of_pair = [name in pair[:2] for pair in PAIRED.pairs]
            assert np.isnan(found.terms.changes[:, of_pair]).all()
        lean = ranking.lean(found.risks)
        said = sentences.in_words(found.terms, found.clients, found.average, PAIRED, lean)
        assert all(said)
        shown = explanation.explained(found, found.clients[PAIRED.client][0], PAIRED)
        assert shown
        assert phrases.label(name) in " ".join(reason.name for reason in shown.reasons)


@pytest.mark.parametrize("features", ["raw", "log", "scaled"])
def test_numbers_from_0_up_need_no_branches(features: str) -> None:
    columns = COLUMNS._replace(features=("usage", "contract_end"))
    steps = [name for name, _ in estimator.fit(KNOWN, columns, features).steps]
    assert (
        steps
        == {
            "raw": ["fill", "fit"],
            "log": ["fill", "compress", "scale", "fit"],
            "scaled": ["fill", "scale", "fit"],
        }[features]
    )


def test_scaled_numbers_are_folded_and_answered_as_scikit_learn_does() -> None:
    columns = COLUMNS._replace(features=("usage", "balance", "contract_end"))
    fitted = estimator.fit(KNOWN, columns, "scaled")
    folded = linear.Folded(fitted, columns)
    assert folded.line is not None
    wanted = fitted.predict_proba(KNOWN[list(columns.features)])[:, 1]
    assert np.allclose(folded.of_table(KNOWN).risks, wanted, rtol=1e-9)


@EACH
def test_a_model_with_categories_is_asked_itself(choice: tuple[str, str]) -> None:
    expected, likely = linear.Folded(MODELS[choice], COLUMNS).of_table(ROWS)
    assert (likely == risks(MODELS[choice], ROWS)).all()
    assert (expected == MODELS[choice].predict(ROWS)).all()
    assert [len(part) for part in linear.Folded(MODELS[choice], COLUMNS).of_table(ROWS[:0])] == [
        0,
        0,
    ]


def threads() -> list[int]:
    """How many threads each library would use, for trees and for matrices."""
    return [pool["num_threads"] for pool in threadpool_info()]


def test_models_are_asked_by_one_thread_and_other_code_by_as_many_as_before() -> None:
    before, seen = threads(), []

    def look(rows: pd.DataFrame) -> pd.DataFrame:
        seen.append({*threads()})
        return rows.fillna(0.0)

    columns = COLUMNS._replace(features=("usage", "balance"))
    model = Pipeline([("look", FunctionTransformer(look)), ("fit", LogisticRegression())])
    model.fit(KNOWN[["usage", "balance"]], KNOWN[columns.target])
    seen.clear()
    estimator.ask(model, [KNOWN], columns)
    estimator.probability(model, KNOWN, columns)
    assert seen == [{1}, {1}]
    assert threads() == before


@pytest.mark.parametrize("leavers", [1, 5, 25])
def test_trees_learn_from_a_few_rows_too(leavers: int) -> None:
    known = KNOWN[:60].assign(left=(np.arange(60) < leavers).astype("float64"))
    fitted = estimator.fit(known, COLUMNS, "log", "boosted")
    assert fitted[-1].early_stopping is (leavers == 25)
    assert len(set(risks(fitted, known))) > 1


def test_no_tree_looks_at_more_than_two_features_on_one_way() -> None:
    """So a risk can be taken apart exactly, feature by feature and pair by pair."""
    known = table(2000, is_bent=True)
    trees = estimator.fit(known, COLUMNS, "log", "boosted")[-1]._predictors
    ways = [way for (tree,) in trees for way in ways_through(tree.nodes, 0)]
    assert {len(way) for way in ways} == {1, 2}


def ways_through(nodes: Any, at: int) -> list[frozenset[int]]:
    """The features that are looked at on each way from a node to a leaf."""
    if nodes["is_leaf"][at]:
        return [frozenset()]
    below = ways_through(nodes, nodes["left"][at]) + ways_through(nodes, nodes["right"][at])
    return [way | {int(nodes["feature_idx"][at])} for way in below]


# -- the pickle ----------------------------------------------------------------------------------


@EACH
def test_a_model_comes_back_as_it_was(choice: tuple[str, str]) -> None:
    content = estimator.dumps(MODELS[choice])
    back = estimator.loads(content, "trainedmodel.pkl", COLUMNS)
    assert (risks(back, ROWS) == risks(MODELS[choice], ROWS)).all()
    plain = pickle.loads(content)
    assert repr(back) == repr(plain)
    assert (plain.predict(ROWS) == estimator.ask(back, [ROWS], COLUMNS)[0].expected).all()


def test_what_trees_lose_before_they_are_kept_changes_no_answer() -> None:
    whole = pipelines.unfitted("boosted", KNOWN, COLUMNS, "log").fit(
        ROWS, KNOWN["left"].astype(int)
    )
    odd = ROWS.assign(plan=np.where(KNOWN.index % 2, "never seen", ROWS["plan"]))
    before = [whole.predict_proba(rows)[:, 1] for rows in (ROWS, odd)]
    kept = pipelines.slimmed(whole)
    for rows, wanted in zip((ROWS, odd), before, strict=True):
        assert (risks(kept, rows) == wanted).all()


ASKS = """
import pickle, sys
import pandas as pd
rows = pd.read_csv("rows.csv")
for path in sys.argv[1:]:
    with open(path, "rb") as handle:
        model = pickle.load(handle)
    for asked in (rows, rows.astype({"plan": object}), rows[::-1]):
        print(*model.predict_proba(asked)[:, 1].tolist())
    assert list(model.classes_) == [0, 1]
assert "risk" not in sys.modules
"""


def test_the_pickles_need_scikit_learn_and_pandas_alone(tmp_path: Path) -> None:
    rows = ROWS[:50].assign(region=pd.Series([None] * 50, dtype="str"), usage=np.nan)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    names = [f"{'-'.join(choice)}.pkl" for choice in CHOICES]
    for choice, name in zip(CHOICES, names, strict=True):
        (tmp_path / name).write_bytes(estimator.dumps(MODELS[choice]))
    told = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ASKS, *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [list(map(float, line.split())) for line in told.stdout.splitlines()]
    for at, choice in enumerate(CHOICES):
        asked, as_objects, turned = lines[3 * at : 3 * at + 3]
        wanted = risks(MODELS[choice], rows)
        assert np.allclose(asked, wanted, rtol=0, atol=1e-14), choice
        assert asked == as_objects, choice
        assert np.allclose(turned[::-1], wanted, rtol=0, atol=1e-14), choice


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param({"plan": "number", "region": "category"}, id="a category that was a number"),
        pytest.param(dict.fromkeys(COLUMNS.features, "number"), id="numbers alone"),
        pytest.param(dict.fromkeys(COLUMNS.features, "category"), id="categories alone"),
    ],
)
@EACH
def test_a_model_of_other_kinds_of_columns_is_refused(
    choice: tuple[str, str], kinds: dict[str, str]
) -> None:
    content = estimator.dumps(MODELS[choice])
    with pytest.raises(ArtefactRefused, match="of other kinds than config"):
        estimator.loads(content, "x.pkl", COLUMNS._replace(kinds=tuple(kinds.items())))


def test_a_model_of_numbers_from_0_up_is_refused_where_they_may_be_below() -> None:
    columns = COLUMNS._replace(features=("usage", "contract_end"))
    content = estimator.dumps(estimator.fit(KNOWN, columns, "log"))
    with pytest.raises(ArtefactRefused):
        estimator.loads(content, "x.pkl", columns._replace(kinds=(("usage", "signed"),)))


# -- what it has learned, in words ---------------------------------------------------------------


@EACH
def test_every_feature_has_a_row_in_the_table_of_weights(choice: tuple[str, str]) -> None:
    found = coefficients.of(MODELS[choice], COLUMNS)
    named = [name.partition(":")[0] for name, _, _ in found.rows]
    order = [name.replace("_", " ") for name in COLUMNS.features]
    assert list(dict.fromkeys(named)) == order
    is_boosted = choice[0] == "boosted"
    assert ("trees" in found.meaning, "Of a category" in found.meaning) == (
        is_boosted,
        not is_boosted,
    )


def test_the_weight_of_a_level_is_what_it_adds_to_the_log_odds() -> None:
    model = MODELS["logistic", "log"]
    rows = {name: weight for name, weight, _ in coefficients.of(model, COLUMNS).rows}
    basic, rare = (model.decision_function(ROWS[:1].assign(plan=plan)) for plan in ("basic", RARE))
    assert float(rows["plan: basic"]) == pytest.approx((basic - rare)[0], abs=0.005)
    assert {f"plan: {plan}" for plan in PLANS} <= set(rows)
    assert "region: not known" in rows
