"""What a dead run left is removed by the next step, and nothing that is not ours."""

from collections.abc import Callable
from pathlib import Path

import pytest

from risk import files, lock
from risk.learning import releases
from risk.settings import Settings
from tests.conftest import configured, decided, script

Contents = Callable[[Path], dict[str, bytes]]


def left_behind(settings: Settings) -> list[Path]:
    """Drafts wherever ours may lie, and a release that was staged in part."""
    data, production = settings.output_folder_path, settings.prod_deployment_path
    store = production / releases.STORE
    folders = [data, data / files.PENDING, settings.output_model_path, production, store]
    drafts = [folder / ".some.thing.draft" for folder in (*folders, *store.iterdir())]
    staging = store / f"2-0a1b2c3d{files.NEW}"
    staging.mkdir()
    drafts += [staging / name for name in (files.MODEL, ".latestscore.txt.draft")]
    for draft in drafts:
        draft.write_bytes(b"half")
    return [*drafts, staging]


@pytest.mark.parametrize("step", ["training.py", "fullprocess.py"])
def test_the_next_step_removes_what_a_dead_one_left(finished: Settings, step: str) -> None:
    left = left_behind(finished)
    assert script(finished, step).returncode == 0
    assert [path for path in left if path.exists()] == []


def test_what_is_not_ours_stays_as_it_is(finished: Settings, contents: Contents) -> None:
    elsewhere = finished.workspace / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".theirs.draft").write_bytes(b"theirs")
    (elsewhere / files.MODEL).write_bytes(b"theirs")
    store = finished.prod_deployment_path / releases.STORE
    (store / f"2-0a1b2c3d{files.NEW}").symlink_to(elsewhere)
    (store / f"theirs{files.NEW}").mkdir()
    (store / f"theirs{files.NEW}" / files.MODEL).write_bytes(b"theirs")
    (finished.output_model_path / ".link.draft").symlink_to(elsewhere / files.MODEL)
    (finished.output_model_path / ".folder.draft").mkdir()
    (finished.output_folder_path / "notes.draft").write_bytes(b"theirs")
    before = contents(finished.workspace)
    lock.remove_leftovers(finished)
    assert contents(finished.workspace) == before
    assert (finished.output_model_path / ".link.draft").is_symlink()


def in_the_staging(settings: Settings) -> None:
    """A folder of somebody's in a release that was staged."""
    staging = settings.prod_deployment_path / releases.STORE / f"2-0a1b2c3d{files.NEW}"
    (staging / "theirs").mkdir(parents=True)


def a_draft_that_is_a_folder(settings: Settings) -> None:
    """Folders named like the drafts of a deployment."""
    for name in (releases.MANIFEST, files.MODEL):
        (settings.prod_deployment_path / f".{name}.draft").mkdir()


@pytest.mark.parametrize("obstacle", [in_the_staging, a_draft_that_is_a_folder])
def test_what_others_put_in_the_way_of_a_deployment_does_not_stop_it(
    finished: Settings, obstacle: Callable[[Settings], None]
) -> None:
    (finished.output_model_path / "trainedmodel.pkl").unlink()
    obstacle(finished)
    finished = configured(finished.workspace, features="raw")
    for _ in range(2):
        lock.remove_leftovers(finished)  # as every script does
        assert decided(finished, force=True) == "deployed"
    release = releases.load(finished.prod_deployment_path)[0]
    assert release.number == 2
