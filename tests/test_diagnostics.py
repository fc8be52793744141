"""Diagnostics: the deployed model's answers, the data's figures, timings, package versions."""

import json
import logging
import os
import pickle
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import diagnostics
import ingestion
from company import fabricate
from risk import files, packages
from risk.columns import Columns
from risk.errors import DataUnusable, InputMissing
from risk.learning import releases
from risk.models import estimator, linear
from risk.rows import tables
from risk.settings import Settings
from tests import warm
from tests.conftest import configured, put, script
from tests.serving import running

COLUMNS = Columns("corporation", ("lastmonth_activity", "lastyear_activity", "staff"), "exited")
KNOWN = fabricate.periods(1, clients=2_000, seed=3)[0].rename(
    columns={"number_of_employees": "staff"}
)
MODELS = {features: estimator.fit(KNOWN, COLUMNS, features) for features in ("raw", "log")}
FOLDED = {name: linear.Folded(fitted, COLUMNS) for name, fitted in MODELS.items()}
OFFLINE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
OFFLINE |= {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}


@pytest.fixture
def index() -> Iterator[tuple[int, list[str]]]:
    """A package index that knows flask 99.5 only, and what it was asked for."""
    asked = []

    class Index(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            known = self.path == "/simple/flask/"
            page = b'<a href="/flask-99.5-py3-none-any.whl">flask-99.5-py3-none-any.whl</a>'
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page if known else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Index)) as port:
        yield port, asked


def python(settings: Settings, code: str, **environment: str) -> str:
    """What a program beside ours prints."""
    own = {"RISK_CONFIG": str(settings.workspace / "config.json")}
    own |= {"TMPDIR": str(settings.workspace)}
    program = settings.workspace / "program.py"
    program.write_text(code)
    ran = warm.run(warm.Program(str(program), [], {**os.environ, **own, **environment}))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def asked_itself(settings: Settings, table: pd.DataFrame) -> list[int]:
    """What scikit-learn answers when nothing of ours stands between."""
    content = (settings.prod_deployment_path / files.MODEL).read_bytes()
    answers = pickle.loads(content).predict(table[list(settings.feature_columns)])
    return [int(one) for one in answers]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda table: table, "as ingested"),
        (lambda table: table.drop(columns="corporation"), "without clients"),
        (lambda table: table.drop(columns="exited"), "without outcomes"),
        (lambda table: table[["exited", *table.columns[:-1]]], "another order"),
        (lambda table: table[table.columns[::-1]].assign(note="x"), "further columns"),
        (lambda table: table.iloc[::-1], "another order of rows"),
        (lambda table: table.convert_dtypes(), "whole numbers with gaps"),
        (lambda table: table.iloc[:1], "one row"),
    ],
)
def test_predictions_are_scikit_learns_one_per_row(
    deployed: Settings, change: Callable[[pd.DataFrame], pd.DataFrame], why: str
) -> None:
    table = change(tables.read(deployed.output_folder_path / files.FINAL_DATA, deployed.columns))
    answers = diagnostics.model_predictions(table, deployed)
    plain_table = table.astype(dict.fromkeys(deployed.feature_columns, "float64"))
    assert answers == asked_itself(deployed, plain_table)
    assert {type(one) for one in answers} == {int}


def test_no_row_and_many_rows_are_answered(deployed: Settings) -> None:
    features = list(deployed.feature_columns)
    assert diagnostics.model_predictions(pd.DataFrame(columns=features), deployed) == []
    random = np.random.default_rng(1)
    many = pd.DataFrame(10 ** random.uniform(0, 6, (100_000, 3)), columns=features)
    many[random.random(many.shape) < 0.1] = np.nan
    assert diagnostics.model_predictions(many, deployed) == asked_itself(deployed, many)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"lastmonth_activity": [1], "lastyear_activity": [2]}, "'number_of_employees' once"),
        ({"lastmonth_activity": ["x"]}, "must hold numbers"),
        ({"lastmonth_activity": [-1.0]}, "from 0 up"),
        ({"lastmonth_activity": [float("inf")]}, "from 0 up"),
    ],
)
def test_a_table_that_cannot_be_asked_about_is_refused(
    deployed: Settings, table: dict[str, list[Any]], said: str
) -> None:
    with pytest.raises(DataUnusable, match=said):
        diagnostics.model_predictions(pd.DataFrame(table), deployed)


def test_without_a_deployment_the_cure_is_named(settings: Settings) -> None:
    with pytest.raises(InputMissing, match=r"run python fullprocess\.py first"):
        diagnostics.model_predictions(KNOWN, settings)


CELLS = st.one_of(
    st.just(np.nan), st.floats(0, 1e6), st.floats(0, 1e300), st.integers(0, 10_000).map(float)
)
ROWS = arrays.arrays("float64", st.tuples(st.integers(0, 20), st.just(3)), elements=CELLS)


@pytest.mark.parametrize("features", MODELS)
@given(rows=ROWS)
def test_the_folded_model_answers_as_scikit_learn(features: str, rows: Any) -> None:
    folded, table = FOLDED[features], pd.DataFrame(rows, columns=list(COLUMNS.features))
    assert folded.line is not None
    for expected, risks in (folded.answers(rows), folded.listed(rows.tolist())):
        assert len(expected) == len(risks) == len(rows)
        if len(rows):
            assert (np.array(expected) == MODELS[features].predict(table)).all()
            assert np.allclose(risks, MODELS[features].predict_proba(table)[:, 1], rtol=1e-9)


def test_rows_on_the_border_are_scikit_learns_to_decide() -> None:
    """The border of one feature, found to the last digit, and the numbers on both its sides."""
    folded, fitted = FOLDED["log"], MODELS["log"]
    low, high = 1.0, 1e9
    while np.nextafter(low, high) < high:
        middle = (low + high) / 2
        row = pd.DataFrame([[10.0, middle, 10.0]], columns=list(COLUMNS.features))
        low, high = (middle, high) if fitted.predict(row)[0] == 0 else (low, middle)
    near = low + np.arange(-50, 50) * np.spacing(low)
    around = np.concatenate([near, low * np.linspace(0.9, 1.1, 100)])
    rows = np.column_stack([np.full(200, 10.0), around, np.full(200, 10.0)])
    wanted = fitted.predict(pd.DataFrame(rows, columns=list(COLUMNS.features)))
    assert 0 < wanted[:100].sum() < 100
    assert (folded.answers(rows)[0] == wanted).all()
    assert [folded.listed([row])[0] for row in rows.tolist()] == [[one] for one in wanted]


def test_a_model_that_is_built_otherwise_is_asked_itself(caplog: pytest.LogCaptureFixture) -> None:
    scale, compress = StandardScaler(with_mean=False), FunctionTransformer(np.log1p)
    steps = [SimpleImputer(), scale, compress, LogisticRegression()]
    other = Pipeline([(str(place), step) for place, step in enumerate(steps)])
    features = KNOWN[list(COLUMNS.features)]
    other.fit(features, KNOWN["exited"].astype(int))
    folded = linear.Folded(other, COLUMNS)
    assert folded.line is None
    assert "cannot be folded" in caplog.text
    assert (folded.answers(features.to_numpy())[0] == other.predict(features)).all()


def test_a_bare_regression_is_folded_and_refuses_gaps() -> None:
    rows = np.array([[1.0, 2.0, 3.0], [900.0, 2.0, 7.0]])
    bare = LogisticRegression().fit(rows, [0, 1])
    folded = linear.Folded(bare, COLUMNS)
    assert (folded.answers(rows)[0] == bare.predict(rows)).all()
    assert folded.listed(rows.tolist())[0] == bare.predict(rows).tolist()
    with pytest.raises(DataUnusable, match="missing cells"):
        folded.answers(np.array([[np.nan, 1.0, 1.0]]))
    with pytest.raises(DataUnusable, match="missing cells"):
        folded.listed([[np.nan, 1.0, 1.0]])


def test_statistics_are_those_of_pandas(settings: Settings) -> None:
    ingestion.merge_multiple_dataframe(settings)
    table = pd.read_csv(settings.output_folder_path / files.FINAL_DATA)
    columns = [*settings.feature_columns, "exited"]
    wanted = [[c.mean(), c.median(), c.std(), c.mode()[0]] for c in (table[n] for n in columns)]
    assert np.allclose(diagnostics.dataframe_summary(settings), wanted)
    shares = [0, *(table[name].isna().mean() * 100 for name in columns)]  # NULL is a client
    assert np.allclose(diagnostics.missing_data(settings), shares)


def test_the_statistics_of_little_data_are_those_it_has(settings: Settings) -> None:
    put(settings, "dataset1.csv", ["AAAA,5,3,,0", "BBBB,3,,,1"])
    ingestion.merge_multiple_dataframe(settings)
    first, second, third, target = diagnostics.dataframe_summary(settings)
    assert first == [4.0, 4.0, pytest.approx(2**0.5), 3.0]
    assert second[:2] + second[3:] == [3.0, 3.0, 3.0]
    assert np.isnan([second[2], *third]).all()
    assert target[:2] == [0.5, 0.5]
    assert diagnostics.missing_data(settings) == [0.0, 0.0, 50.0, 100.0, 0.0]


def test_timings_are_real_and_change_nothing(deployed: Settings) -> None:
    def state() -> dict[str, tuple[bytes, int]]:
        found = (path for path in deployed.workspace.rglob("*") if path.is_file())
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    before = state()
    seconds = diagnostics.execution_time(deployed)
    assert len(seconds) == 2
    assert all(taken > 0 for taken in seconds)
    assert state() == before


NOTED = {"seconds": {"ingestion": 2.0, "training": 3.0}}


def taken(settings: Settings, **facts: object) -> list[float]:
    """What is known of the last run, if its record of the training also says this."""
    path = settings.output_model_path / files.MODEL_RECORD
    files.write_json(path, json.loads(path.read_bytes()) | facts)
    release, _ = releases.load(settings.prod_deployment_path)
    folders = settings.output_model_path, settings.output_folder_path
    return releases.seconds_of(release, diagnostics.STEPS, *folders)


def test_the_times_are_those_of_the_run_that_deployed(finished: Settings) -> None:
    filed = json.loads((finished.output_model_path / files.API_RETURNS).read_bytes())
    assert filed["diagnostics"]["execution_time"] == taken(finished)
    assert taken(finished, **NOTED) == [2.0, 3.0]


@pytest.mark.parametrize(
    "facts",
    [
        {"sha256": "0"},  # another model than the deployed one was trained since
        {"ingestion": "0"},  # it learned from other data than there are
        {"seconds": {}},  # the model was trained by hand
        {"seconds": {"ingestion": 2.0}},  # its level was corrected only
        {"seconds": {"ingestion": 2.0, "training": -1.0}},  # the record is damaged
    ],
)
def test_times_of_something_else_do_not_count(finished: Settings, facts: dict[str, Any]) -> None:
    assert taken(finished, **NOTED | facts) == []


def test_the_times_do_not_count_when_there_are_newer_data(finished: Settings) -> None:
    put(finished, "dataset9.csv", ["ZZZZ,5,5,5,1"])
    ingestion.merge_multiple_dataframe(finished)
    assert taken(finished, **NOTED) == []


def test_what_is_timed_says_nothing(deployed: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    caplog.clear()
    diagnostics.execution_time(deployed)
    assert caplog.messages == []


def test_others_are_heard_while_steps_are_timed(
    deployed: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Else requests that come meanwhile would leave no line."""
    caplog.set_level("INFO")
    caplog.clear()
    others, lines = logging.getLogger("risk.others"), 0
    with ThreadPoolExecutor(1) as pool:
        timed = pool.submit(diagnostics.execution_time, deployed)
        while not timed.done():
            others.info("answered")
            lines += 1
    assert lines > 1
    assert caplog.messages == ["answered"] * lines


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("flask==3.1.3  # serves", ["flask", "installed", "asked"]),
        ("Scikit_Learn>=1,<9", ["Scikit_Learn", "installed", "asked"]),
        ("uvicorn[standard]", ["uvicorn", packages.NOT_INSTALLED, "asked"]),
        ("-r other.txt", ["-r other.txt", "", ""]),
        ("--index-url=http://127.0.0.1:9/", ["--index-url=http://127.0.0.1:9/", "", ""]),
        ("https://127.0.0.1:9/x.whl", ["https://127.0.0.1:9/x.whl", "", ""]),
        ("# a comment", ["# a comment", "", ""]),
        ("flask; os_name == 'nt'", ["flask; os_name == 'nt'", "", ""]),
        ("flask @ https://127.0.0.1:9/x.whl", ["flask @ https://127.0.0.1:9/x.whl", "", ""]),
        ("a" * 300, ["a" * 300, "", ""]),
        ("flask; rm -rf /", ["flask; rm -rf /", "", ""]),
        ("$(touch owned)", ["$(touch owned)", "", ""]),
        ("../../etc", ["../../etc", "", ""]),
        ("flask\x1b[2J", ["flask [2J", "", ""]),
    ],
)
def test_every_line_of_the_requirements_is_shown_and_none_is_run(
    tmp_path: Path, line: str, row: list[str]
) -> None:
    (tmp_path / "requirements.txt").write_text(f"\n{line}\n\n")
    found = packages.lines(tmp_path / "requirements.txt")
    latest = {"flask": "asked", "scikit-learn": "asked", "uvicorn": "asked"}
    ((name, installed, newest),) = packages.rows(found, latest)
    known = installed if installed in ("", packages.NOT_INSTALLED) else "installed"
    assert [name, known, newest] == row


def test_pip_is_asked_once_a_day_for_all_that_is_wanted(settings: Settings, index: Any) -> None:
    (settings.workspace / "requirements.txt").write_text("flask\nno_such_thing\n-r other.txt\n")
    port, asked = index
    url = {**OFFLINE, "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple"}
    code = "import diagnostics; print(diagnostics.outdated_packages_list())"
    for _ in range(2):
        said = python(settings, code, **url)
        assert "'flask', '3.1.3', '99.5']" in said
        assert "['no_such_thing', 'not installed', 'unknown'], ['-r other.txt', '', '']" in said
    assert sorted(asked) == ["/simple/flask/", "/simple/no-such-thing/"]
    remembered = json.loads((settings.output_folder_path / files.PACKAGES).read_text())
    assert remembered["latest"] == {"flask": "99.5"}


def test_the_script_prints_all_five_offline_too(deployed: Settings) -> None:
    run = script(deployed, "diagnostics.py", TMPDIR=str(deployed.workspace), **OFFLINE)
    assert run.returncode == 0, run.stderr
    assert re.search(r"scikit-learn +1\.9\.1 +unknown", run.stdout)
    for word in (*diagnostics.sections(deployed), "lastmonth_activity", "seconds", "%", "mean"):
        assert word in run.stdout


@pytest.mark.slow
def test_an_index_that_never_answers_is_given_up(deployed: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        port = silent.getsockname()[1]
        url = {**OFFLINE, "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple"}
        run = script(deployed, "diagnostics.py", TMPDIR=str(deployed.workspace), **url)
    assert run.returncode == 0, run.stderr
    assert "unknown" in run.stdout


def test_the_script_prints_what_it_can(settings: Settings) -> None:
    run = script(settings, "diagnostics.py", TMPDIR=str(settings.workspace), **OFFLINE)
    assert run.returncode == InputMissing.exit_code
    assert "nothing is deployed yet" in run.stdout
    assert "scikit-learn" in run.stdout


def test_a_release_of_the_starter_is_asked_as_it_is(settings: Settings) -> None:
    """A folder filled by hand, with the plain regression that the starter pickles."""
    settings = configured(settings.workspace)
    rows = ingestion.merge_multiple_dataframe(settings).dropna()
    fitted = LogisticRegression(solver="liblinear").fit(
        rows[list(settings.feature_columns)].to_numpy(), rows["exited"].astype(int)
    )
    contents = {files.SCORE: b"0.5\n", files.INGESTED_FILES: b"['dataset1.csv']\n"}
    for name, content in {**contents, files.MODEL: pickle.dumps(fitted)}.items():
        files.write_bytes(settings.prod_deployment_path / name, content)
    wanted = fitted.predict(rows[list(settings.feature_columns)].to_numpy())
    assert diagnostics.model_predictions(rows, settings) == wanted.tolist()
    assert releases.current(settings.prod_deployment_path) is not None
