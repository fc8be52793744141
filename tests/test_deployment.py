"""Deployment: only what belongs together goes out, whole, whatever happens meanwhile."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import deployment
import fullprocess
import ingestion
import scoring
import training
from company import fabricate
from risk import files
from risk.data import test_data
from risk.decisions import judgement
from risk.errors import ArtefactRefused, InputMissing
from risk.learning import deployed, evaluation, publishing, releases
from risk.learning.releases import PLAIN_FILES
from risk.models import estimator
from risk.records import pending, queries
from risk.reports import deliverables
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import configured, decided, deliver, put, script
from tests.test_kills import dies_before, finds_no_space

Contents = Callable[[Path], dict[str, bytes]]
Breakage = Callable[[Settings], object]


def steps(settings: Settings) -> None:
    """Everything up to the deployment."""
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    scoring.score_model(settings)


def period(settings: Settings, number: int) -> None:
    """Put one more period into the input folder."""
    rows = fabricate.periods(number, clients=200, seed=number, drift=True)[-1]
    deliver(settings, f"dataset{number}.csv", rows)


def sources(settings: Settings) -> dict[str, bytes]:
    """What a deployment would publish now."""
    models, data = settings.output_model_path, settings.output_folder_path
    return {
        files.MODEL: (models / files.MODEL).read_bytes(),
        files.SCORE: (models / files.SCORE).read_bytes(),
        files.INGESTED_FILES: (data / files.INGESTED_FILES).read_bytes(),
    }


@pytest.fixture(scope="module")
def first_ready(first_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each test begins with, to be copied."""
    settings = copy_of(first_release, tmp_path_factory.mktemp("ready") / "project")
    period(settings, 2)
    steps(settings)
    return settings.workspace


@pytest.fixture
def ready(first_ready: Path, tmp_path: Path) -> Settings:
    """A project with one release, and another set that waits to be deployed."""
    return copy_of(first_ready, tmp_path / "ready")


# -- what goes out -------------------------------------------------------------------------------


def test_the_deployed_files_are_byte_equal_copies(ready: Settings) -> None:
    release = deployment.store_model_into_pickle(ready)
    folder = ready.prod_deployment_path
    assert {name: (folder / name).read_bytes() for name in PLAIN_FILES} == sources(ready)
    assert releases.load(folder) == (release, sources(ready))


def test_the_manifest_says_what_went_out(ready: Settings) -> None:
    put(ready, "broken.csv", [], "<html>")
    steps(ready)
    release = deployment.store_model_into_pickle(ready)
    manifest = json.loads((ready.prod_deployment_path / releases.MANIFEST).read_bytes())
    assert (manifest["release"], manifest["number"]) == (release.release, 2)
    assert manifest["score"] == float((ready.output_model_path / files.SCORE).read_text())
    assert manifest["libraries"] == estimator.libraries()
    assert manifest["input_folder"] == "sourcedata"
    looked_at = [
        [path.name, path.stat().st_size, path.stat().st_mtime_ns]
        for path in sorted(ready.input_folder_path.iterdir())
    ]
    assert [name for name, *_ in looked_at] == ["broken.csv", "dataset1.csv", "dataset2.csv"]
    assert manifest["seen"] == looked_at[1:]  # of what has no row, ingestion.json tells
    assert manifest["files"] == {
        name: {"sha256": files.sha256(content), "size": len(content)}
        for name, content in sources(ready).items()
    }


def test_a_release_says_of_which_kind_its_model_is_and_why_also_after_going_back(
    ready: Settings,
) -> None:
    first = releases.current(ready.prod_deployment_path)
    record = json.loads((ready.output_model_path / files.MODEL_RECORD).read_bytes())
    edit_record(files.MODEL_RECORD, choice="logistic was chosen")(ready)
    deployment.store_model_into_pickle(ready)
    in_use = deployed.load(ready.prod_deployment_path, ready.columns).release
    assert (in_use.model, in_use.choice) == ("logistic", "logistic was chosen")
    assert in_use.threshold == record["threshold"]
    assert first is not None
    assert 0 < record["threshold"] != first.threshold
    back = deployment.roll_back(ready)
    assert (back.model, back.threshold, back.choice) == ("logistic", first.threshold, "")


def test_of_an_old_release_and_of_an_old_training_nothing_of_it_is_known(ready: Settings) -> None:
    def is_old(path: Path) -> None:
        record = json.loads(path.read_bytes())
        kept = {key: value for key, value in record.items() if key not in LEARNED}
        assert len(kept) == len(record) - len(LEARNED)
        path.write_text(json.dumps(kept))

    is_old(ready.prod_deployment_path / releases.MANIFEST)
    is_old(ready.output_model_path / files.MODEL_RECORD)
    old = deployed.load(ready.prod_deployment_path, ready.columns).release
    new = deployment.store_model_into_pickle(ready)
    for release in (old, new):
        assert (release.model, release.threshold, release.choice) == ("", None, "")
    known = {"test": test_data.rows(ready)}
    loaded = deployed.load(ready.prod_deployment_path, ready.columns)
    on = deployed.evaluated(loaded, known).on["test"]
    assert on.f1_best is None


LEARNED = ("model", "threshold", "choice")

# -- what does not -------------------------------------------------------------------------------


def replace_model(settings: Settings) -> None:
    """Another real model, as somebody may copy one there."""
    rows = tables.with_outcome(
        tables.read(settings.output_folder_path / files.FINAL_DATA, settings.columns),
        settings.columns,
    )
    other = estimator.fit(rows[:200], settings.columns, "raw")
    (settings.output_model_path / files.MODEL).write_bytes(estimator.dumps(other))


def retrain_only(settings: Settings) -> None:
    """A model that the score beside it does not belong to, trained on the same data."""
    scored = (settings.output_model_path / files.SCORE).read_text()
    training.train_model(configured(settings.workspace, features="raw"))
    raw = estimator.loads(
        (settings.output_model_path / files.MODEL).read_bytes(), "", settings.columns
    )
    held_out = test_data.rows(settings)
    assert evaluation.f1(raw, held_out, settings.columns) != float(scored)


def edit_score(content: str) -> Breakage:
    """A score that somebody wrote."""
    return lambda settings: (settings.output_model_path / files.SCORE).write_text(content)


def edit_names(content: str) -> Breakage:
    """A list of names that somebody wrote."""
    return lambda settings: (settings.output_folder_path / files.INGESTED_FILES).write_text(content)


def ingest_more(settings: Settings) -> None:
    """Data came in and were ingested after the training."""
    put(settings, "dataset3.csv", ["NEWA,1,2,3,1", "NEWB,4,5,6,0"])
    ingestion.merge_multiple_dataframe(settings)


def edit_record(name: str, **keys: object) -> Breakage:
    """A record with these keys changed."""

    def edit(settings: Settings) -> None:
        path = next(settings.workspace.rglob(name))
        path.write_text(json.dumps(json.loads(path.read_bytes()) | keys))

    return edit


def exchange_test_data(settings: Settings) -> None:
    """Other test data than the score was counted on."""
    path = settings.test_data_path / "testdata.csv"
    rows = pd.read_csv(path)
    rows.assign(exited=1 - rows["exited"]).to_csv(path, index=False)


def edit_dataset(settings: Settings) -> None:
    """A dataset changed by hand between ingestion and training."""
    path = settings.output_folder_path / files.FINAL_DATA
    path.write_text(path.read_text() + "EDIT,1,2,3,0\n")
    training.train_model(settings)
    scoring.score_model(settings)


def empty_both_records(settings: Settings) -> None:
    """Two records that agree because both say nothing."""
    content = (settings.output_model_path / files.MODEL).read_bytes()
    record = {"sha256": files.sha256(content)}
    (settings.output_model_path / files.MODEL_RECORD).write_text(json.dumps(record))
    (settings.output_folder_path / files.INGESTION).write_text("{}")


def no_model(settings: Settings) -> None:
    """Bytes that are no model, truly recorded."""
    (settings.output_model_path / files.MODEL).write_bytes(b"no model")
    edit_record(files.MODEL_RECORD, sha256=files.sha256(b"no model"))(settings)


MIXED = [
    pytest.param(replace_model, id="the model was replaced"),
    pytest.param(no_model, id="no model, truly recorded"),
    pytest.param(retrain_only, id="retrained but not scored again"),
    pytest.param(edit_score("0.99\n"), id="a better score"),
    pytest.param(edit_score("high"), id="a score in words"),
    pytest.param(edit_score("nan"), id="no number"),
    pytest.param(edit_score(""), id="an empty score"),
    pytest.param(ingest_more, id="other data were ingested after the training"),
    pytest.param(edit_names("['dataset1.csv']"), id="a name was removed"),
    pytest.param(edit_names("['dataset1.csv', 'dataset2.csv', 'x.csv']"), id="a name was added"),
    pytest.param(edit_names("['dataset2.csv', 'dataset1.csv']"), id="the order was changed"),
    pytest.param(edit_names("dataset1.csv"), id="no list"),
    pytest.param(edit_record(files.MODEL_RECORD, sha256="0"), id="the record of another model"),
    pytest.param(edit_record(files.MODEL_RECORD, ingestion="0"), id="fitted on something else"),
    pytest.param(edit_record(files.INGESTION, id="0"), id="the record of another ingestion"),
    pytest.param(edit_record(files.INGESTION, files=None), id="an ingestion without files"),
    pytest.param(empty_both_records, id="two records that say nothing"),
    pytest.param(edit_dataset, id="the dataset was edited"),
    pytest.param(exchange_test_data, id="the test data were exchanged after scoring"),
]


@pytest.mark.parametrize("breakage", MIXED)
def test_a_mixed_set_is_refused_and_production_stays(
    ready: Settings, contents: Contents, breakage: Breakage
) -> None:
    breakage(ready)
    before = contents(ready.prod_deployment_path)
    with pytest.raises(ArtefactRefused) as refusal:
        deployment.store_model_into_pickle(ready)
    assert refusal.value.exit_code == 76
    assert contents(ready.prod_deployment_path) == before


MISSING = [
    pytest.param(files.MODEL, "training.py", id="no model"),
    pytest.param(files.MODEL_RECORD, "training.py", id="no record of the model"),
    pytest.param(files.SCORE, "scoring.py", id="no score"),
    pytest.param(files.INGESTED_FILES, "ingestion.py", id="no list of names"),
    pytest.param(files.INGESTION, "ingestion.py", id="no record of the ingestion"),
]


@pytest.mark.parametrize(("name", "made_by"), MISSING)
def test_a_missing_piece_names_the_step_that_makes_it(
    settings: Settings, name: str, made_by: str
) -> None:
    steps(settings)
    next(settings.workspace.rglob(name)).unlink()
    with pytest.raises(InputMissing, match=rf"{name} is missing; run python {made_by} first"):
        deployment.store_model_into_pickle(settings)
    assert not settings.prod_deployment_path.exists()


def test_without_test_data_nothing_can_be_checked(settings: Settings) -> None:
    steps(settings)
    (settings.test_data_path / "testdata.csv").unlink()
    with pytest.raises(InputMissing, match=r"no usable \.csv file in testdata/"):
        deployment.store_model_into_pickle(settings)
    assert not settings.prod_deployment_path.exists()


# -- going back ----------------------------------------------------------------------------------


def test_going_back_keeps_what_was_seen_and_judged_meanwhile(ready: Settings) -> None:
    first = releases.load(ready.prod_deployment_path)
    latest = deployment.store_model_into_pickle(ready)
    period(ready, 3)
    ingestion.store(arrived := ingestion.intake.gather(ready), ready)
    judged = arrived.seen
    judgement.remember_weighed(ready, latest, judged)
    back = deployment.roll_back(ready)
    assert (back.number, back.score) == (3, first[0].score)
    assert releases.load(ready.prod_deployment_path)[1] == first[1]
    assert back.seen == latest.seen | judged
    assert fullprocess.full_process(ready) == "no new data"


def test_going_back_does_not_make_new_what_was_judged_of_another_folder(ready: Settings) -> None:
    deployment.store_model_into_pickle(ready)
    elsewhere = configured(ready.workspace, input_folder_path="practicedata")
    put(elsewhere, "dataset1.csv", ["AAAA,1,2,3,", "BBBB,4,5,6,"])
    assert decided(elsewhere) == "no drift"
    deployment.roll_back(elsewhere)
    assert decided(elsewhere) == "no new data"


@pytest.fixture
def drifted(finished: Settings) -> Settings:
    """A project with two releases, the second one in use."""
    finished = configured(finished.workspace, features="raw")
    assert decided(finished, force=True) == "deployed"
    return finished


def followed(settings: Settings) -> bool:
    """Whether list and report tell of the release that is in use."""
    release = releases.load(settings.prod_deployment_path)[0].release
    listed, report = (settings.output_model_path / name for name in (files.RANKING, files.REPORT))
    return (
        deliverables.list_is_current(settings)
        and release in listed.read_text()
        and report.stat().st_mtime_ns > listed.stat().st_mtime_ns
    )


def test_after_a_rollback_list_and_report_tell_of_the_release_in_use(drifted: Settings) -> None:
    ran = script(drifted, "deployment.py", "--rollback")
    assert ran.returncode == 0, ran.stderr
    assert followed(drifted)
    assert "run python reporting.py" not in ran.stderr
    run = queries.last_runs(drifted, 1).iloc[0]
    assert run["outcome"] == "rolled back"
    assert fullprocess.full_process(drifted) == "no new data"
    answers = json.loads((drifted.output_model_path / files.API_RETURNS).read_bytes())
    assert answers["scoring"]["release"] == run["release"]
    assert pending.waiting(drifted) == []


def test_one_can_go_to_any_release_that_is_kept(drifted: Settings) -> None:
    _, second = (each.release for each in releases.kept(drifted.prod_deployment_path))
    its_model = _of(drifted, second)
    assert script(drifted, "deployment.py", "--rollback").returncode == 0
    ran = script(drifted, "deployment.py", "--to", second)
    assert ran.returncode == 0, ran.stderr
    release, contents = releases.load(drifted.prod_deployment_path)
    assert release.number == 4
    assert files.sha256(contents[files.MODEL]) == its_model
    assert followed(drifted)


def _of(settings: Settings, release: str) -> str:
    """The fingerprint of a release's model."""
    store = settings.prod_deployment_path / releases.STORE
    return files.sha256((store / release / files.MODEL).read_bytes())


def test_a_release_that_is_not_kept_is_said_with_those_that_are(
    drifted: Settings, contents: Contents
) -> None:
    kept = [each.release for each in releases.kept(drifted.prod_deployment_path)]
    before = contents(drifted.prod_deployment_path)
    for name in ("../../7-x", ""):
        ran = script(drifted, "deployment.py", "--to", name)
        assert ran.returncode == 66
        assert f"keeps no release {name!r}, only {', '.join(kept)}" in ran.stderr.splitlines()[-1]
    assert contents(drifted.prod_deployment_path) == before


def test_to_go_to_what_is_in_use_changes_nothing(drifted: Settings, contents: Contents) -> None:
    release = releases.load(drifted.prod_deployment_path)[0]
    before = contents(drifted.prod_deployment_path), len(queries.last_runs(drifted, 9))
    ran = script(drifted, "deployment.py", "--to", release.release)
    assert (ran.returncode, f"that of {release.title}, which is in use" in ran.stderr) == (0, True)
    assert (contents(drifted.prod_deployment_path), len(queries.last_runs(drifted, 9))) == before
    assert pending.waiting(drifted) == []


def test_a_rollback_that_fails_leaves_nothing_half_made(drifted: Settings) -> None:
    folder = drifted.prod_deployment_path
    before = {path.name for path in (folder / releases.STORE).iterdir()}
    for change in range(4, 100, 4):
        if not finds_no_space(change, lambda: deployment.roll_back(drifted), folder, stays=False):
            break
        left = {path.name for path in (folder / releases.STORE).iterdir()}
        assert left == before or releases.load(folder)[0].number > 2
        assert not list(folder.rglob(".*.draft"))
    assert change > 4


def test_the_same_model_by_hand_is_no_new_release(ready: Settings) -> None:
    release = deployment.store_model_into_pickle(ready)
    training.train_model(ready)
    scoring.score_model(ready)
    assert deployment.store_model_into_pickle(ready) == release
    for path in ready.prod_deployment_path.rglob(files.MODEL):
        path.write_bytes(b"damaged")
    assert deployment.store_model_into_pickle(ready).number == release.number + 1


def test_pages_named_as_data_leave_releases_and_the_way_back_as_they_are(
    drifted: Settings, contents: Contents
) -> None:
    folder = drifted.prod_deployment_path
    before, way_back = contents(folder), publishing.way_back(folder, None)
    for number in range(3):
        put(drifted, f"page{number}.csv", ["<p>out of service</p>"], header="<!doctype html>")
        assert decided(drifted, force=number == 1) in ("no new data", "deployed")
    assert (contents(folder), publishing.way_back(folder, None)) == (before, way_back)


# -- killed --------------------------------------------------------------------------------------


def ending(settings: Settings) -> dict[str, Any]:
    """Every file in production, but for the times in manifests."""
    folder = settings.prod_deployment_path
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: re.sub(rb'"time": "[^"]*"', b"", path.read_bytes())
        for name, path in sorted(found.items())
    }


def copy_of(workspace: Path, place: Path) -> Settings:
    """The same project elsewhere, its files with their times."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(workspace, place)
    return Settings.load(place / "config.json")


@pytest.mark.parametrize(
    ("earlier", "act"),
    [
        pytest.param(0, deployment.store_model_into_pickle, id="the first deployment"),
        pytest.param(
            1, deployment.store_model_into_pickle, id="a second one", marks=pytest.mark.slow
        ),
        pytest.param(
            3,
            deployment.store_model_into_pickle,
            id="one that makes the oldest go",
            marks=pytest.mark.slow,
        ),
        pytest.param(3, deployment.roll_back, id="a rollback"),
    ],
)
def test_killed_before_any_change_a_deployment_ends_as_if_it_had_not_been(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, earlier: int, act: Breakage
) -> None:
    for number in range(2, 2 + earlier):
        steps(settings)
        deployment.store_model_into_pickle(settings)
        period(settings, number)
    steps(settings)
    place = tmp_path_factory.mktemp("killed") / "project"
    undisturbed = copy_of(settings.workspace, place)
    old = releases.load(undisturbed.prod_deployment_path) if earlier else None
    act(undisturbed)
    expected, new = ending(undisturbed), releases.load(undisturbed.prod_deployment_path)
    committed = []
    while True:
        disturbed = copy_of(settings.workspace, place)
        folder = disturbed.prod_deployment_path
        if not dies_before(len(committed), lambda s=disturbed: act(s), folder):
            break
        if releases.current(folder):
            release, contents = releases.load(folder)
            assert (release.release, contents) in [(r.release, c) for r, c in (old or new, new)]
            committed.append(release.number == new[0].number)
        else:
            assert old is None
            committed.append(False)
        publishing.recover(folder) if committed[-1] else act(disturbed)
        assert ending(disturbed) == expected, len(committed)
    assert committed == sorted(committed)
    assert set(committed) == {False, True}
