"""Training: the starter's model on raw features, one that converges on heavy tails by default."""

import json
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import ingestion
import scoring
import training
from risk.errors import DataUnusable, InputMissing
from risk.settings import Settings
from tests.conftest import configured, put


def test_raw_features_give_the_coefficients_of_plain_scikit_learn(settings: Settings) -> None:
    settings = configured(settings.workspace, features="raw")
    rows = ingestion.merge_multiple_dataframe(settings).dropna()
    put(settings, "dataset1.csv", rows.astype(str).agg(",".join, axis=1))
    ingestion.merge_multiple_dataframe(settings)
    fitted = training.train_model(settings)
    plain = LogisticRegression(solver="liblinear", random_state=0)
    plain.fit(rows[list(settings.feature_columns)].to_numpy(), rows["exited"].astype(int))
    assert np.abs(fitted[-1].coef_ - plain.coef_).max() < 1e-9
    assert np.abs(fitted[-1].intercept_ - plain.intercept_).max() < 1e-9


@pytest.mark.parametrize("features", ["raw", "log", "scaled"])
def test_the_pickle_is_plain_scikit_learn_and_takes_missing_cells(
    settings: Settings, features: str
) -> None:
    settings = configured(settings.workspace, features=features)
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    model = pickle.loads((settings.output_model_path / "trainedmodel.pkl").read_bytes())
    gaps = pd.DataFrame([[np.nan, 5.0, np.nan], [1.0, 2.0, 3.0]], columns=settings.feature_columns)
    assert list(model.classes_) == [0, 1]
    assert np.isfinite(model.predict_proba(gaps)).all()


def test_one_giant_client_does_not_rule_the_fit(settings: Settings) -> None:
    ingestion.merge_multiple_dataframe(settings)
    before = training.train_model(settings)[-1].coef_
    put(settings, "giant.csv", ["GIGA,1e15,1e16,1e9,0"])
    ingestion.merge_multiple_dataframe(settings)
    after = training.train_model(settings)[-1].coef_
    assert np.sign(after).tolist() == np.sign(before).tolist()
    assert np.abs(after - before).max() < 1


def test_outcomes_of_one_class_leave_the_old_model_as_it_was(settings: Settings) -> None:
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    old = (settings.output_model_path / "trainedmodel.pkl").read_bytes()
    put(settings, "dataset1.csv", ["AAAA,1,2,3,0", "BBBB,3,4,5,0", "CCCC,3,4,5,"])
    ingestion.merge_multiple_dataframe(settings)
    with pytest.raises(DataUnusable, match="left and clients that stayed are both needed"):
        training.train_model(settings)
    assert (settings.output_model_path / "trainedmodel.pkl").read_bytes() == old


def test_without_a_dataset_the_step_to_run_first_is_named(settings: Settings) -> None:
    with pytest.raises(InputMissing, match=r"run python ingestion\.py first"):
        training.train_model(settings)


def test_the_record_of_a_training_says_what_was_learned(settings: Settings) -> None:
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    record = json.loads((settings.output_model_path / "trainedmodel.json").read_bytes())
    assert (record["model"], record["choice"]) == ("logistic", "")
    assert 0 < record["threshold"] < 1
    scored = scoring.score_trained(settings).on["test"]
    assert scored.quality(0.1)["threshold"] == record["threshold"]


def test_the_better_of_two_models_is_chosen_and_the_log_says_why(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = configured(settings.workspace, model="auto")
    ingestion.merge_multiple_dataframe(settings)
    with caplog.at_level("INFO"):
        training.train_model(settings)
    record = json.loads((settings.output_model_path / "trainedmodel.json").read_bytes())
    assert re.match("(logistic|boosted) was chosen: its log-loss", record["choice"])
    assert record["choice"] in caplog.messages
    assert record["model"] == record["choice"].partition(" ")[0]


def test_trees_are_kept_scored_and_read_back(settings: Settings) -> None:
    settings = configured(settings.workspace, model="boosted")
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    scored = scoring.score_trained(settings)
    assert scored.model[-1].interaction_cst == "pairwise"
    assert scored.on["test"].f1 > 0.3


def test_the_threshold_of_another_model_is_none_of_this_ones(settings: Settings) -> None:
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    record = settings.output_model_path / "trainedmodel.json"
    for content in (record.read_text().replace('"sha256": "', '"sha256": "0'), "{}", "damaged"):
        record.write_text(content)
        assert scoring.score_trained(settings).on["test"].threshold is None
    record.unlink()
    assert scoring.score_trained(settings).on["test"].threshold is None
