"""The model: what may be unpickled, what is refused before it can act, what it answers."""

import builtins
import functools
import importlib
import itertools
import os
import pickle
import signal
import subprocess
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy._core.multiarray import _reconstruct
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from company import fabricate
from risk.columns import Columns
from risk.errors import ArtefactRefused, DataUnusable
from risk.learning import evaluation
from risk.models import estimator, pipelines

COLUMNS = Columns(
    "corporation", ("lastmonth_activity", "lastyear_activity", "number_of_employees"), "exited"
)
TABLE = fabricate.periods(1, clients=200, seed=1)[0]
ROWS = TABLE.dropna()[list(COLUMNS.features)].to_numpy()
OUTCOMES = TABLE.dropna()[COLUMNS.target].to_numpy(dtype=int)
RESERVES_MEMORY = ord("r")  # Python sets aside as much as the number after it says
LARGEST = float(np.finfo(float).max)
WAYS = [("logistic", "raw"), ("logistic", "log"), ("logistic", "scaled"), ("boosted", "log")]


class Call:
    """An object whose unpickling is this call, and the state it is then given."""

    def __init__(self, function: Callable[..., object], *arguments: object, state: object = None):
        self.reduced = (function, arguments, state)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...], object]:
        return self.reduced


def fitted(features: str = "log") -> Pipeline:
    """A model of ours."""
    return estimator.fit(TABLE, COLUMNS, features)


def outcomes_of(contents: Iterable[bytes], columns: Columns = COLUMNS) -> list[str]:
    """What `loads` makes of each, tried in a process of its own that may crash on the way."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        for content in contents:
            try:
                estimator.loads(content, "trainedmodel.pkl", columns)
                answer = "loaded"
            except BaseException as error:  # noqa: BLE001 - the parent is told, whatever it is
                answer = type(error).__name__
            os.write(writing, f"{answer}\n".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answers = pipe.read().splitlines()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return answers if status == 0 else [*answers, signal.strsignal(-status) or "crashed"]


# -- what acts is refused before it acts ---------------------------------------------------------


ACTING = [
    pytest.param(lambda marker: Call(os.system, f"touch {marker}"), id="a shell command"),
    pytest.param(lambda marker: Call(eval, f"open({str(marker)!r}, 'w')"), id="an expression"),
    pytest.param(lambda marker: Call(exec, f"open({str(marker)!r}, 'w')"), id="a program"),
    pytest.param(lambda marker: Call(builtins.open, str(marker), "w"), id="a file to write"),
    pytest.param(lambda marker: Call(Path.touch, marker), id="a path"),
    pytest.param(lambda marker: Call(subprocess.call, ["touch", marker]), id="a process"),
    pytest.param(
        lambda marker: Call(functools.partial(os.system, f"touch {marker}")), id="a partial call"
    ),
    pytest.param(lambda marker: Call(np.save, str(marker), 1), id="numpy writes files too"),
    pytest.param(lambda marker: Call(np.memmap, str(marker), "f8", "w+", 0, 3), id="a memory map"),
    pytest.param(lambda marker: Call(joblib.dump, 1, str(marker)), id="joblib writes files too"),
    pytest.param(
        lambda marker: Call(pickle.loads, pickle.dumps(Call(os.system, f"touch {marker}"))),
        id="a pickle in a pickle",
    ),
    pytest.param(
        lambda marker: Pipeline([("fit", Call(os.system, f"touch {marker}"))]),
        id="a step of a real pipeline",
    ),
    pytest.param(
        lambda marker: [fitted(), Call(os.system, f"touch {marker}")], id="after a real model"
    ),
    pytest.param(
        lambda marker: Call(
            LogisticRegression, state={"classes_": Call(os.system, f"touch {marker}")}
        ),
        id="in the state of a real model",
    ),
]


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("acting", ACTING)
def test_a_pickle_that_acts_is_refused_before_it_acts(
    tmp_path: Path, acting: Callable[[Path], object], protocol: int
) -> None:
    marker = tmp_path / "marker.npy"
    content = pickle.dumps(acting(marker), protocol)
    with pytest.raises(
        ArtefactRefused, match=r"^trainedmodel\.pkl is not a model of ours: it asks"
    ):
        estimator.loads(content, "trainedmodel.pkl", COLUMNS)
    assert list(tmp_path.iterdir()) == []


REFUSED = [
    pytest.param(Call(np.load, "x.npy"), id="numpy.load, which unpickles"),
    pytest.param(Call(np.fromfile, "x.npy"), id="numpy.fromfile, which reads files"),
    pytest.param(Call(joblib.load, "x.pkl"), id="joblib.load, which unpickles"),
    pytest.param(Call(importlib.import_module, "this"), id="an import, which runs a module"),
    pytest.param(Call(getattr, "text", "upper"), id="getattr, the way to everything else"),
    pytest.param(functools.partial(print, "hello"), id="a partial"),
    pytest.param(print, id="a function"),
    pytest.param(DecisionTreeClassifier().fit(ROWS, OUTCOMES), id="a tree"),
    pytest.param(GaussianNB().fit(ROWS, OUTCOMES), id="a classifier of Bayes"),
    pytest.param(DummyClassifier().fit(ROWS, OUTCOMES), id="a dummy"),
    pytest.param(LinearRegression().fit(ROWS, OUTCOMES), id="a regression without classes"),
    pytest.param(
        Pipeline([("fit", DecisionTreeClassifier())]).fit(ROWS, OUTCOMES), id="a tree in a pipeline"
    ),
    pytest.param(
        Pipeline([("f", FunctionTransformer(np.sqrt)), ("fit", LogisticRegression())]),
        id="another function in a pipeline",
    ),
    pytest.param(
        Pipeline([("f", FunctionTransformer(print)), ("fit", LogisticRegression())]),
        id="a built-in function in a pipeline",
    ),
    pytest.param({"model": "a dict"}, id="a dict"),
    pytest.param([fitted()], id="a list with a model"),
    pytest.param(None, id="nothing"),
    pytest.param(ROWS, id="an array"),
    pytest.param("text", id="a text"),
    pytest.param(np.log1p, id="a function that models are made of"),
    pytest.param(Pipeline, id="the class instead of a model"),
    pytest.param(pipelines.linear("log", 3), id="a model that was never fitted"),
    pytest.param(LogisticRegression(), id="a bare one that was never fitted"),
    pytest.param(Pipeline([]), id="a pipeline without steps"),
    pytest.param(StandardScaler().fit(ROWS), id="a scaler, which predicts nothing"),
    pytest.param(
        pipelines.linear("log", 3).fit(pd.DataFrame(ROWS, columns=["a", "b", "c"]), OUTCOMES),
        id="a model of other columns",
    ),
    pytest.param(
        pipelines.linear("log", 3).fit(TABLE[list(COLUMNS.features[::-1])], TABLE["exited"]),
        id="a model of the same columns in another order",
    ),
    pytest.param(LogisticRegression().fit(ROWS[:, :2], OUTCOMES), id="a model of fewer columns"),
    pytest.param(
        LogisticRegression().fit(np.hstack([ROWS, ROWS]), OUTCOMES), id="a model of more columns"
    ),
    pytest.param(LogisticRegression().fit(np.log1p(ROWS), OUTCOMES * 2), id="the classes 0 and 2"),
    pytest.param(LogisticRegression().fit(np.log1p(ROWS), OUTCOMES - 1), id="the classes -1 and 0"),
    pytest.param(LogisticRegression().fit(np.log1p(ROWS), OUTCOMES.astype(str)), id="text classes"),
    pytest.param(
        LogisticRegression().fit(np.log1p(ROWS), OUTCOMES + np.arange(len(ROWS)) % 2),
        id="three classes",
    ),
]


@pytest.mark.parametrize("value", REFUSED)
def test_what_is_no_model_of_ours_is_refused_with_the_cure(value: object) -> None:
    with pytest.raises(ArtefactRefused, match=r"^trainedmodel\.pkl .*fullprocess\.py --force") as e:
        estimator.loads(pickle.dumps(value), "trainedmodel.pkl", COLUMNS)
    assert (e.value.exit_code, "\n" in str(e.value)) == (76, False)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="an empty file"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", id="a pointer to a file"),
        pytest.param(
            b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.", id="a method by its dots"
        ),
        pytest.param(b"\x80\x04\x8c\x05numpy\x8c\x02__\x93.", id="a name that begins like one"),
        pytest.param(b"cos\nsystem\n(S'exit'\ntR.", id="the oldest form"),
        pytest.param(b"(S'exit'\nios\nsystem\n.", id="an instance in the oldest form"),
        pytest.param(b"\x80\x02\x82\x01.", id="a class by its number in a registry"),
        pytest.param(b"Pname\n.", id="an object kept elsewhere"),
        pytest.param(b"\x80\x63.", id="a protocol of the future"),
        pytest.param(b"(" * 5_000, id="marks without end"),
        pytest.param(b"(" + b"]" * 50_000 + b"l.", id="a great many lists"),
    ],
)
def test_bytes_that_no_model_ever_was_are_refused(content: bytes) -> None:
    with pytest.raises(ArtefactRefused):
        estimator.loads(content, "trainedmodel.pkl", COLUMNS)


@pytest.mark.parametrize("features", ["raw", "log"])
def test_a_model_cut_off_anywhere_is_refused(features: str) -> None:
    content = estimator.dumps(fitted(features))
    for length in range(len(content)):
        with pytest.raises(ArtefactRefused):
            estimator.loads(content[:length], "trainedmodel.pkl", COLUMNS)


@given(st.binary(max_size=100).filter(lambda content: RESERVES_MEMORY not in content))
def test_random_bytes_are_refused(content: bytes) -> None:
    for begin in (b"", b"\x80\x04", b"\x80\x04\x8c\x10sklearn.pipeline\x8c\x08Pipeline\x93)\x81"):
        with pytest.raises(ArtefactRefused):
            estimator.loads(begin + content, "trainedmodel.pkl", COLUMNS)


def array(shape: tuple[int, ...], dtype: object, content: object) -> Call:
    """An array as numpy pickles it, its parts chosen freely."""
    return Call(_reconstruct, np.ndarray, (0,), b"b", state=(1, shape, dtype, False, content))


DAMAGED = [
    pytest.param(array((50,), np.dtype("O"), ["a", "b"]), id="more names promised than there are"),
    pytest.param(
        array(
            (3,),
            Call(np.dtype, "O8", False, True, state=(3, "|", None, None, None, -1, -1, 0)),
            ["a", "b", "c"],
        ),
        id="objects that deny being objects",
    ),
    pytest.param(
        array(
            (3,),
            Call(np.dtype, "i8", False, True, state=(3, "<", None, None, None, -1, -1, 63)),
            b"A" * 24,
        ),
        id="numbers that claim to be objects",
    ),
    pytest.param(Call(np.dtype, "f8,,"), id="a type that is no word of numpy's"),
    pytest.param(Call(np.dtype, "i8", False, True, state=(3, "<")), id="half the state of a type"),
    pytest.param(Call(np.ndarray, (2**40,)), id="more memory than there is"),
]


@pytest.mark.parametrize("part", DAMAGED)
def test_a_damaged_array_in_a_model_is_refused_and_ends_no_process(part: object) -> None:
    damaged = LogisticRegression().fit(np.log1p(ROWS), OUTCOMES)
    damaged.feature_names_in_ = part
    assert outcomes_of([pickle.dumps(damaged)]) == ["ArtefactRefused"]


@pytest.mark.parametrize("features", ["raw", "log"])
def test_a_model_with_one_wrong_byte_ends_no_process(features: str) -> None:
    content = estimator.dumps(fitted(features))
    damaged = []
    for position in range(0, len(content), 3):
        wrong = bytearray(content)
        wrong[position] ^= 1 << position % 8
        if wrong[position] != RESERVES_MEMORY:
            damaged.append(bytes(wrong))
    outcomes = outcomes_of(damaged)
    assert set(outcomes) == {"loaded", "ArtefactRefused"}, f"crashed on number {len(outcomes)}"


# -- what is accepted, and what it answers -------------------------------------------------------


@pytest.mark.parametrize("features", ["raw", "log"])
def test_a_model_of_ours_comes_back_as_it_was(features: str) -> None:
    ours = fitted(features)
    back = estimator.loads(estimator.dumps(ours), "trainedmodel.pkl", COLUMNS)
    assert (
        estimator.ask(back, [TABLE], COLUMNS)[0].expected
        == ours.predict(TABLE[[*COLUMNS.features]])
    ).all()
    risks = ours.predict_proba(TABLE[[*COLUMNS.features]])[:, 1]
    assert (estimator.probability(back, TABLE, COLUMNS) == risks).all()


def test_the_starters_bare_model_is_accepted_as_pickle_writes_it() -> None:
    starter = LogisticRegression(solver="liblinear", random_state=0).fit(ROWS, OUTCOMES)
    back = estimator.loads(pickle.dumps(starter), "trainedmodel.pkl", COLUMNS)
    known = TABLE.dropna()
    assert (estimator.ask(back, [known], COLUMNS)[0].expected == starter.predict(ROWS)).all()


@pytest.mark.parametrize("features", ["raw", "log"])
def test_no_rows_get_no_answers(features: str) -> None:
    ours = fitted(features)
    assert estimator.ask(ours, [TABLE[:0]], COLUMNS)[0].expected.tolist() == []
    assert estimator.probability(ours, TABLE[:0], COLUMNS).tolist() == []


@pytest.mark.parametrize(("kind", "features"), [*WAYS, ("bare", "raw")])
def test_of_many_rows_the_answers_are_those_of_all_at_once(kind: str, features: str) -> None:
    bare = LogisticRegression(solver="liblinear", random_state=0).fit(ROWS, OUTCOMES)
    model = bare if kind == "bare" else estimator.fit(TABLE, COLUMNS, features, kind)
    count = 2 * estimator.AT_ONCE + 1  # so that one row would be left alone
    rows = TABLE.dropna().sample(count, replace=True, random_state=0, ignore_index=True)
    rows["lastyear_activity"] += np.arange(count) / 1000
    ends = [100, 100, estimator.AT_ONCE + 50]
    tables = [rows[begin:end] for begin, end in itertools.pairwise([0, *ends, count])]
    answers = estimator.ask(model, tables, COLUMNS)
    asked = [estimator.inputs(model, table, COLUMNS) for table in tables]
    at_once = np.concatenate(asked) if kind == "bare" else pd.concat(asked)
    with pipelines.all_by_one_thread():
        wanted = model.predict_proba(at_once)[:, 1], model.predict(at_once)
    assert [len(each.risks) for each in answers] == [len(table) for table in tables]
    assert (np.concatenate([each.risks for each in answers]) == wanted[0]).all()
    assert (np.concatenate([each.expected for each in answers]) == wanted[1]).all()


def test_of_risks_too_close_to_one_half_the_model_itself_decides() -> None:
    model = estimator.recalibrated(fitted(), 0.0)
    model[-1].coef_, model[-1].intercept_ = model[-1].coef_ * 1e-17, np.zeros(1)
    rows = TABLE.sample(2 * estimator.AT_ONCE, replace=True, random_state=0)
    expected = [each.expected for each in estimator.ask(model, [rows[:9], rows[9:]], COLUMNS)]
    wanted = model.predict(rows[list(COLUMNS.features)])
    assert 0 < wanted.mean() < 1
    assert (np.concatenate(expected) == wanted).all()


EXTREMES = [
    pytest.param(0.0, id="no activity at all"),
    pytest.param(5e-324, id="the smallest number"),
    pytest.param(1e15, id="a giant"),
    pytest.param(1e300, id="beyond every sum of squares"),
    pytest.param(LARGEST, id="the largest number"),
    pytest.param(float("nan"), id="missing"),
]


@pytest.mark.parametrize("scale", [1.0, 1e-4], ids=["usual numbers", "small ones"])
@pytest.mark.parametrize("value", EXTREMES)
@pytest.mark.parametrize("features", ["raw", "log"])
def test_every_risk_lies_between_0_and_1(features: str, value: float, scale: float) -> None:
    scaled = TABLE.assign(**{name: TABLE[name] * scale for name in COLUMNS.features})
    ours = estimator.fit(scaled, COLUMNS, features)
    cells = [[value] * 3, [value, 1, 1], [1, value, 1], [1, 1, value], [value, value, 1]]
    rows = pd.DataFrame(cells, columns=list(COLUMNS.features), dtype="float64")
    risks = estimator.probability(ours, rows, COLUMNS)
    assert ((risks >= 0) & (risks <= 1)).all()
    assert set(estimator.ask(ours, [rows], COLUMNS)[0].expected) <= {0, 1}


def test_f1_is_0_and_no_error_where_nobody_left_or_is_expected_to() -> None:
    stayed = TABLE.assign(exited=0.0)
    assert evaluation.f1(fitted(), stayed, COLUMNS) == 0


@pytest.mark.parametrize("features", ["log", "raw"])
def test_a_middle_that_overflows_is_no_model(features: str) -> None:
    table = pd.DataFrame({name: [1e308] * 100 for name in COLUMNS.features})
    table = table.assign(exited=[0.0, 1.0] * 50, **{COLUMNS.features[0]: range(100)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataUnusable, match=r"too large|cannot be fitted"):
            estimator.fit(table, COLUMNS, features)


def test_a_model_that_cannot_take_a_missing_cell_is_refused() -> None:
    broken = fitted()
    broken[0].statistics_[0] = np.inf
    with pytest.raises(ArtefactRefused, match="not a model of ours"):
        estimator.loads(estimator.dumps(broken), "trainedmodel.pkl", COLUMNS)
