"""Scoring: F1 as scikit-learn counts it, of the model and the rows that are meant."""

import logging
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import f1_score

import deployment
import ingestion
import scoring
import training
from risk import files
from risk.errors import ArtefactRefused, DataUnusable, InputMissing, RiskError
from risk.settings import LARGEST_DATASET, MOST_ROWS, Settings
from tests.conftest import HEADER, configured, copied, put, small_project

Contents = Callable[[Path], dict[str, bytes]]


@pytest.fixture(scope="module")
def unscored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a trained model that nobody has scored yet, to be copied."""
    settings = small_project(tmp_path_factory.mktemp("unscored"))
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    return settings.workspace


@pytest.fixture
def trained(unscored: Path, tmp_path: Path) -> Settings:
    """The same to change."""
    return copied(unscored, tmp_path)


@pytest.fixture
def deployed(trained: Settings) -> Settings:
    """A project with a deployed model."""
    scoring.score_model(trained)
    deployment.store_model_into_pickle(trained)
    return trained


def plain_f1(model: Path, rows: pd.DataFrame) -> float:
    """F1 without a line of ours: plain pickle, plain scikit-learn."""
    features = ["lastmonth_activity", "lastyear_activity", "number_of_employees"]
    return float(f1_score(rows["exited"], pickle.loads(model.read_bytes()).predict(rows[features])))


def held_out(settings: Settings) -> Path:
    """The file of test data."""
    return settings.test_data_path / "testdata.csv"


@pytest.mark.parametrize("features", ["raw", "log"])
def test_the_score_is_scikit_learns_own_and_is_kept_in_full(
    settings: Settings, features: str
) -> None:
    settings = configured(settings.workspace, features=features)
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    score = scoring.score_model(settings)
    models = settings.output_model_path
    assert score == plain_f1(models / files.MODEL, pd.read_csv(held_out(settings)))
    assert 0 < score < 1
    assert (models / files.SCORE).read_text() == f"{score!r}\n"


def test_a_model_that_finds_no_leaver_scores_0(trained: Settings) -> None:
    put(trained, "testdata.csv", ["AAAA,100000,1,1,1", "BBBB,100000,1,1,0"]).rename(
        held_out(trained)
    )
    assert scoring.score_model(trained) == 0
    assert (trained.output_model_path / files.SCORE).read_text() == "0.0\n"


LEFT_OUT = [
    pytest.param("AAAA,many,1,1,1", id="a number in words"),
    pytest.param("AAAA,-1,1,1,1", id="a number below 0"),
    pytest.param("AAAA,1,1,1,2", id="an outcome that is neither 0 nor 1"),
    pytest.param(",1,1,1,1", id="no client"),
    pytest.param("AAAA,1,1,1", id="a field too few"),
    pytest.param("AAAA,1,1,1,1,1", id="a field too many"),
    pytest.param("AAAA,inf,1,1,1", id="infinity is no number"),
    pytest.param('AAAA,"1,1,1,1', id="a quote that never ends"),
]


@pytest.mark.parametrize("line", LEFT_OUT)
def test_a_bad_line_of_test_data_is_left_out_and_said(
    trained: Settings, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    caplog.set_level(logging.INFO)
    good = scoring.score_model(trained)
    content = held_out(trained).read_text()
    held_out(trained).write_text(content.replace("\n", f"\n{line}\n", 1))
    assert scoring.score_model(trained) == good
    said = "testdata/testdata.csv: 1 lines are left out, the first is line 2: "
    assert [said in message for message in caplog.messages if "left out" in message] == [True]
    assert caplog.messages[-1].endswith("on 200 rows of test data (provisional, 26 leavers)")


@pytest.mark.parametrize(
    ("content", "size", "reason"),
    [
        (b"\n", MOST_ROWS + 2, "a dataset has at most 1000000 rows"),
        (b"\0", LARGEST_DATASET + 1, "it is larger than 134217728 bytes"),
    ],
)
def test_what_is_too_large_to_ask_about_is_not_scored_either(
    trained: Settings, caplog: pytest.LogCaptureFixture, content: bytes, size: int, reason: str
) -> None:
    good = scoring.score_model(trained)
    large = trained.test_data_path / "large.csv"
    large.write_bytes(content * size if content == b"\n" else b"")
    os.truncate(large, size)  # the larger one is nothing but a hole
    assert scoring.score_model(trained) == good
    assert f"testdata/large.csv is left out: {reason}" in caplog.text


def test_rows_without_an_outcome_are_not_scored(
    trained: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rows = pd.read_csv(held_out(trained))
    rows.assign(exited=rows["exited"].mask(rows.index % 4 == 0)).to_csv(
        held_out(trained), index=False
    )
    known = rows[rows.index % 4 != 0]
    expected = plain_f1(trained.output_model_path / files.MODEL, known)
    assert scoring.score_model(trained) == expected
    assert caplog.messages[-1].endswith("on 150 rows of test data (provisional, 19 leavers)")


def test_every_csv_file_of_the_test_folder_is_scored_whatever_its_form(trained: Settings) -> None:
    rows = pd.read_csv(held_out(trained), dtype={"corporation": "str"}, keep_default_na=False)
    held_out(trained).unlink()
    folder = trained.test_data_path
    rows[:50].to_csv(folder / "first.csv", index=False)
    rows[50:100].to_csv(folder / "SECOND.CSV", index=False, lineterminator="\r\n")
    rows[100:150][rows.columns[::-1]].to_csv(folder / "turned.csv", index=False)
    rows[150:].assign(note="x").to_csv(folder / "wider.csv", index=False, encoding="utf-8-sig")
    rows[:20].assign(exited=1).to_csv(folder / "notes.txt", index=False)
    rows[:20].assign(exited=1).to_csv(folder / ".hidden.csv", index=False)
    rows[:20].drop(columns="exited").to_csv(folder / "no_outcomes.csv", index=False)
    whole = rows.replace("", float("nan")).astype(dict.fromkeys(rows.columns[1:], float))
    expected = plain_f1(trained.output_model_path / files.MODEL, whole)
    assert scoring.score_model(trained) == expected


def test_a_refused_file_of_test_data_is_left_out_and_said(
    trained: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    good = scoring.score_model(trained)
    (trained.test_data_path / "page.csv").write_text("<html>not found</html>")
    assert scoring.score_model(trained) == good
    assert "testdata/page.csv is left out: it is an HTML or XML page" in caplog.text


def without_test_data(settings: Settings) -> None:
    """An empty test folder."""
    held_out(settings).unlink()


def without_test_folder(settings: Settings) -> None:
    """No test folder at all."""
    held_out(settings).unlink()
    settings.test_data_path.rmdir()


UNSCORABLE = [
    pytest.param(without_test_data, InputMissing, "testdata/", id="an empty folder"),
    pytest.param(without_test_folder, InputMissing, "testdata", id="no folder"),
    pytest.param(
        lambda settings: held_out(settings).write_text("<html>"),
        *(InputMissing, "no usable .csv file in testdata/"),
        id="nothing but a refused file",
    ),
    pytest.param(
        lambda settings: held_out(settings).write_text(f"{HEADER}\nAAAA,1,2,3,\n"),
        *(DataUnusable, "no row in testdata/ has an outcome"),
        id="no outcome is known",
    ),
    pytest.param(
        lambda settings: held_out(settings).write_text(f"{HEADER}\n"),
        *(DataUnusable, "no row in testdata/ has an outcome"),
        id="no row at all",
    ),
    pytest.param(
        lambda settings: (settings.output_model_path / files.MODEL).unlink(),
        *(InputMissing, "models/trainedmodel.pkl is missing; run python training.py first"),
        id="no model was trained",
    ),
    pytest.param(
        lambda settings: (settings.output_model_path / files.MODEL).write_bytes(b"cos\nsystem\n."),
        *(ArtefactRefused, "models/trainedmodel.pkl is not a model of ours"),
        id="a pickle that acts",
    ),
]


@pytest.mark.parametrize(("breakage", "error", "sentence"), UNSCORABLE)
def test_what_cannot_be_scored_leaves_the_old_score(
    trained: Settings,
    contents: Contents,
    breakage: Callable[[Settings], object],
    error: type[RiskError],
    sentence: str,
) -> None:
    scoring.score_model(trained)
    breakage(trained)
    before = contents(trained.workspace)
    with pytest.raises(error, match=re.escape(sentence)):
        scoring.score_model(trained)
    assert contents(trained.workspace) == before


def test_the_deployed_model_is_scored_on_all_ingested_rows_with_an_outcome(
    deployed: Settings,
) -> None:
    put(deployed, "more.csv", [f"N{i:03},{i % 9},{i},{i % 7},{i % 2}" for i in range(60)])
    put(deployed, "open.csv", [f"O{i:03},{i % 9},{i},{i % 7}," for i in range(60)])
    ingestion.merge_multiple_dataframe(deployed)
    rows = pd.read_csv(deployed.output_folder_path / files.FINAL_DATA)
    assert (len(rows), int(rows["exited"].notna().sum())) == (420, 360)
    expected = plain_f1(deployed.prod_deployment_path / files.MODEL, rows[rows["exited"].notna()])
    assert scoring.score_deployed(deployed) == expected


def test_scoring_the_deployed_model_writes_nothing(deployed: Settings, contents: Contents) -> None:
    before = contents(deployed.workspace)
    times = {path: path.stat().st_mtime_ns for path in deployed.workspace.rglob("*")}
    scoring.score_deployed(deployed)
    assert contents(deployed.workspace) == before
    assert {path: path.stat().st_mtime_ns for path in deployed.workspace.rglob("*")} == times


def test_the_deployed_model_is_scored_not_the_one_trained_since(deployed: Settings) -> None:
    on_newest, on_test = scoring.score_deployed(deployed), scoring.score_model(deployed)
    turned = pd.read_csv(deployed.output_folder_path / files.FINAL_DATA)
    turned.assign(exited=1 - turned["exited"]).to_csv(
        deployed.output_folder_path / files.FINAL_DATA, index=False
    )
    training.train_model(deployed)
    turned.to_csv(deployed.output_folder_path / files.FINAL_DATA, index=False)
    assert scoring.score_model(deployed) < on_test
    assert scoring.score_deployed(deployed) == on_newest


def test_without_a_deployment_there_is_nothing_to_score(trained: Settings) -> None:
    with pytest.raises(InputMissing, match=r"nothing is deployed yet; run python fullprocess\.py"):
        scoring.score_deployed(trained)


def test_without_a_dataset_the_step_to_run_first_is_named(deployed: Settings) -> None:
    (deployed.output_folder_path / files.FINAL_DATA).unlink()
    with pytest.raises(InputMissing, match=r"run python ingestion\.py first"):
        scoring.score_deployed(deployed)


def test_newest_data_without_an_outcome_cannot_be_scored(deployed: Settings) -> None:
    put(deployed, "dataset1.csv", ["AAAA,1,2,3,", "BBBB,3,4,5,"])
    ingestion.merge_multiple_dataframe(deployed)
    with pytest.raises(DataUnusable, match="no outcome is known in the newest data"):
        scoring.score_deployed(deployed)
