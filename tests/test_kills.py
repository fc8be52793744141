"""Killed or out of disk at any of its changes on disk, a run is made good by the next one."""

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import deployment
import ingestion
import scoring
import training
from company import fabricate
from fullprocess import full_process
from risk import files, lock
from risk.errors import InputMissing, RiskError
from risk.learning import publishing, releases
from risk.learning.releases import PLAIN_FILES
from risk.reports import deliverables
from risk.settings import Settings
from tests.conftest import deliver

EVERY_THIRD = range(0, 600, 3)  # of the changes of a run, which are fewer
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir"}


def dies_before(change: int, act: Callable[[], object], below: Path) -> bool:
    """Do it in a child that is killed before its so-manieth change on disk; whether it was."""

    def kill(number: int) -> None:
        if number == change:
            os.kill(os.getpid(), signal.SIGKILL)

    return os.WIFSIGNALED(_in_a_child(act, below, kill))


def finds_no_space(change: int, act: Callable[[], object], below: Path, *, stays: bool) -> bool:
    """Do it in a child whose disk is full at this change, or from there on; whether it got there.

    That a run goes on where it can is as good as that it fails.
    """

    def refuse(number: int) -> None:
        if number == change:
            seen_by.write(b"x")
            seen_by.flush()
        if number == change or (stays and number > change):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with tempfile.TemporaryFile() as seen_by:
        _in_a_child(act, below, refuse)
        return os.fstat(seen_by.fileno()).st_size > 0


def _in_a_child(act: Callable[[], object], below: Path, disturb: Callable[[int], None]) -> int:
    """Do it in a child, disturbed before each change on disk; return how the child ended."""
    child = os.fork()
    if child == 0:
        made = [0]

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(arguments[2], int)
            if event in CHANGES or (writes and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
                if str(below) not in str(arguments[0]):
                    return
                made[0] += 1
                disturb(made[0] - 1)

        sys.addaudithook(count)
        with contextlib.suppress(RiskError, OSError):
            act()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def steps(settings: Settings) -> None:
    """Everything up to the deployment."""
    ingestion.merge_multiple_dataframe(settings)
    training.train_model(settings)
    scoring.score_model(settings)


def drifted_period(settings: Settings) -> None:
    rows = fabricate.periods(2, clients=400, seed=1, drift=True)[-1]
    deliver(settings, "dataset2.csv", rows)


def plain(settings: Settings) -> dict[str, bytes]:
    """The three files where the specification wants them."""
    folder = settings.prod_deployment_path
    return {name: (folder / name).read_bytes() for name in PLAIN_FILES if (folder / name).exists()}


def what_readers_see(settings: Settings) -> dict[str, bytes] | None:
    try:
        return releases.load(settings.prod_deployment_path)[1]
    except InputMissing:
        return None


def sources(settings: Settings) -> dict[str, bytes]:
    """What a deployment would publish now."""
    return {
        files.MODEL: (settings.output_model_path / files.MODEL).read_bytes(),
        files.SCORE: (settings.output_model_path / files.SCORE).read_bytes(),
        files.INGESTED_FILES: (settings.output_folder_path / files.INGESTED_FILES).read_bytes(),
    }


@pytest.mark.slow  # in make test tests/test_deployment.py kills deployments at each change
@pytest.mark.parametrize("deployed_before", [False, True])
def test_a_half_written_deployment_is_never_seen(settings: Settings, deployed_before: bool) -> None:
    steps(settings)
    number = 0
    if deployed_before:
        deployment.store_model_into_pickle(settings)
        number = 1
        drifted_period(settings)
        steps(settings)
    old, new = what_readers_see(settings), sources(settings)
    folder, before = settings.prod_deployment_path, settings.workspace / "before"
    shutil.copytree(folder, before) if deployed_before else before.mkdir()
    saw = []
    for change in range(200):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)
        was_killed = dies_before(
            change, lambda: deployment.store_model_into_pickle(settings), folder
        )
        saw.append(what_readers_see(settings))
        assert saw[-1] in (old, new), change
        publishing.recover(folder)
        assert plain(settings) == (saw[-1] or {}), change
        release = releases.current(folder)
        assert (release.number if release else 0) == number + (saw[-1] == new)
        if not was_killed:
            break
    assert not was_killed
    assert saw[-1] == new
    assert old in saw
    final = deployment.store_model_into_pickle(settings)
    assert final.number == number + 1  # it is deployed, and stays
    stored = {path.name for path in (folder / releases.STORE).iterdir()}
    assert final.release in stored
    assert len(stored) <= publishing.KEPT


@pytest.mark.slow
def test_a_killed_rollback_shows_one_whole_release(settings: Settings) -> None:
    steps(settings)
    deployment.store_model_into_pickle(settings)
    first = what_readers_see(settings)
    drifted_period(settings)
    steps(settings)
    deployment.store_model_into_pickle(settings)
    second = what_readers_see(settings)
    for change in range(200):
        was_killed = dies_before(
            change, lambda: deployment.roll_back(settings), settings.prod_deployment_path
        )
        assert what_readers_see(settings) in (first, second), change
        if not was_killed:
            break
    assert not was_killed
    publishing.recover(settings.prod_deployment_path)
    assert plain(settings) == what_readers_see(settings)


@pytest.fixture(scope="module")
def drifted(first_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A first run has been, and drifted data lie there; only to be copied."""
    place = tmp_path_factory.mktemp("drifted") / "project"
    shutil.copytree(first_run, place)
    settings = Settings.load(place / "config.json")
    drifted_period(settings)
    return settings


@pytest.fixture(scope="module")
def expected(drifted: Settings) -> dict[str, bytes]:
    """What the second run is to publish."""
    undisturbed = copy_of(drifted)
    assert full_process(undisturbed) == "deployed"
    return what_readers_see(undisturbed) or {}


@pytest.mark.parametrize(
    "changes", [(19, 50), pytest.param(EVERY_THIRD, marks=pytest.mark.slow)], ids=["two", "many"]
)
def test_a_run_killed_anywhere_is_made_good_by_the_next_one(
    drifted: Settings, expected: dict[str, bytes], changes: Sequence[int]
) -> None:
    killed = 0
    for change in changes:
        disturbed = copy_of(drifted)
        if not dies_before(change, lambda s=disturbed: full_process(s), disturbed.workspace):
            break
        killed += 1
        assert_the_next_run_makes_it_good(disturbed, expected)
    assert killed >= min(len(changes), 20)


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        pytest.param((41,), False, id="for a moment"),
        pytest.param((80,), True, id="for good"),
        pytest.param(EVERY_THIRD, False, id="for a moment, anywhere", marks=pytest.mark.slow),
        pytest.param(EVERY_THIRD, True, id="for good, anywhere", marks=pytest.mark.slow),
    ],
)
def test_a_run_on_a_full_disk_is_made_good_by_the_next_one(
    drifted: Settings, expected: dict[str, bytes], changes: Sequence[int], stays: bool
) -> None:
    failed = 0
    for change in changes:
        disturbed = copy_of(drifted)
        act, place = (lambda s=disturbed: full_process(s)), disturbed.workspace
        if not finds_no_space(change, act, place, stays=stays):
            break
        failed += 1
        assert_the_next_run_makes_it_good(disturbed, expected)
    assert failed >= min(len(changes), 20)


def assert_the_next_run_makes_it_good(settings: Settings, expected: dict[str, bytes]) -> None:
    lock.remove_leftovers(settings)  # as every script does
    assert not list(settings.workspace.rglob(".*.draft"))
    assert full_process(settings) in ("deployed", "no new data")
    assert what_readers_see(settings) == expected
    assert plain(settings) == expected
    release = releases.current(settings.prod_deployment_path)
    assert release
    assert release.number == 2
    assert deliverables.list_is_current(settings)
    answers = json.loads((settings.output_model_path / files.API_RETURNS).read_bytes())
    assert answers["scoring"]["release"] == release.release
    listed, report = (
        (settings.output_model_path / name).stat().st_mtime_ns
        for name in (files.RANKING, files.REPORT)
    )
    assert report > listed
    assert full_process(settings) == "no new data"
    assert not list((settings.output_folder_path / files.PENDING).iterdir())


def copy_of(settings: Settings) -> Settings:
    """The same project in a folder of its own, times kept."""
    place = Path(tempfile.mkdtemp(dir=settings.workspace.parent)) / "project"
    shutil.copytree(settings.workspace, place)
    return Settings.load(place / "config.json")
