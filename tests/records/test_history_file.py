"""The history in a file: set aside when it is damaged, backed up while others write."""

import contextlib
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fullprocess import full_process
from risk import files
from risk.errors import ArtefactRefused, InputMissing, ServiceDown
from risk.records import pending, queries, recording, sql_tables, store
from risk.settings import Settings
from tests.conftest import decided, script, small_project
from tests.records.sql import another_period, execute, ingest, rows


def _without_tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("DROP TABLE other")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b"not a database" * 1000), "is damaged"),
        (lambda path: path.write_bytes(b""), "has become empty"),
        (lambda path: (path.unlink(), _without_tables(path)), "has become empty"),
    ],
    ids=["garbage", "emptied", "without tables"],
)
def test_a_sqlite_file_that_is_no_history_is_set_aside_out_loud(
    finished: Settings, spoil: Any, said: str
) -> None:
    path = finished.output_folder_path / files.RECORDS
    for sidecar in ("-wal", "-shm"):
        path.with_name(path.name + sidecar).unlink(missing_ok=True)
    spoil(path)
    spoiled = path.read_bytes()
    another_period(finished)
    with pytest.raises(ServiceDown, match=rf"{said}.*a new history begins with the 0 contacts"):
        decided(finished)
    recording.catch_up(finished)
    (aside,) = finished.output_folder_path.glob("records.db.*.damaged")
    assert aside.read_bytes() == spoiled
    assert len(rows(finished, "SELECT * FROM runs")) == 1


def test_the_tables_of_others_stay_beside_ours(recorded: Settings) -> None:
    execute(recorded, "CREATE TABLE other (x INTEGER)", "INSERT INTO other VALUES (7)")
    ingest(recorded)
    assert rows(recorded, "SELECT x FROM other") == [{"x": 7}]
    assert len(rows(recorded, "SELECT * FROM runs")) == 1
    assert not list(recorded.output_folder_path.glob("*.damaged"))


def test_records_of_a_newer_version_are_left_alone(recorded: Settings) -> None:
    ingest(recorded)
    with store.engine(recorded).begin() as connection:
        connection.execute(sql_tables.version.update().values(version=99))
    with pytest.raises(ArtefactRefused, match="version 99"):
        ingest(recorded)


def test_a_backup_is_a_whole_history_while_others_write(finished: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    writer = sqlite3.connect(finished.output_folder_path / files.RECORDS, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM timings")
    assert script(finished, "diagnostics.py", "--backup", str(copy)).returncode == 0
    writer.execute("ROLLBACK")
    writer.close()
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM timings").fetchone()[0] > 3
    connection.close()


def test_any_folder_may_hold_the_default_history(tmp_path: Path) -> None:
    folder = tmp_path / "50%20? #a&b=c;é"
    folder.mkdir()
    settings = small_project(folder)
    decided(settings)
    assert (settings.output_folder_path / files.RECORDS).stat().st_size > 0
    assert len(rows(settings, "SELECT * FROM runs")) == 1


def test_a_history_damaged_inside_is_set_aside_and_the_run_is_kept(finished: Settings) -> None:
    path = finished.output_folder_path / files.RECORDS
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    begin = (page[0] - 1) * size
    content[begin : begin + size] = b"\xff" * size
    path.write_bytes(content)
    pending.Run(finished).end("kept", "while it was damaged")
    with pytest.raises(ServiceDown, match="is damaged"):
        full_process(finished)
    assert full_process(finished) == "no new data"
    assert [row["outcome"] for row in rows(finished, "SELECT outcome FROM runs")] == ["kept"]
    assert len(list(finished.output_folder_path.glob("records.db.*.damaged"))) == 1


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The same history with bytes that nobody wrote."""
    spoiled = bytearray(content)
    page = chance.randrange(len(content) // 4096) * 4096
    match chance.choice(["header", "first page", "bytes", "page", "zeros", "cut"]):
        case "header":
            spoiled[chance.choice([18, 19, 47, chance.randrange(100)])] = chance.randrange(256)
        case "first page":
            for _ in range(5):
                spoiled[chance.randrange(4096)] = chance.randrange(256)
        case "bytes":
            for _ in range(200):
                spoiled[chance.randrange(len(content))] = chance.randrange(256)
        case "page":
            spoiled[page : page + 4096] = chance.randbytes(4096)
        case "zeros":
            spoiled[page : page + 4096] = bytes(4096)
        case "cut":
            del spoiled[chance.randrange(len(content)) :]
    return bytes(spoiled)


@pytest.mark.parametrize("seeds", [range(9), pytest.param(range(9, 60), marks=pytest.mark.slow)])
def test_whatever_becomes_of_the_bytes_of_a_history_runs_are_recorded_again(
    settings: Settings, seeds: range
) -> None:
    ingest(settings)
    path = settings.output_folder_path / files.RECORDS
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    for seed in seeds:
        for file in settings.output_folder_path.glob(f"{files.RECORDS}*"):
            file.unlink()
        path.write_bytes(damaged(whole, random.Random(seed)))  # noqa: S311 - not a secret
        pending.Run(settings).end("kept", "while it was damaged")
        for read in (lambda: queries.last_runs(settings, 9), lambda: queries.trends(settings)):
            with contextlib.suppress(ServiceDown):
                read()
        for _ in range(2):
            with contextlib.suppress(ServiceDown):
                recording.catch_up(settings)
        assert pending.waiting(settings) == [], seed


@pytest.mark.parametrize(
    "file",
    [
        pytest.param("nofolder/copy.db", id="no such folder"),
        pytest.param("ingesteddata/records.db", id="the history itself"),
        pytest.param("config.json", id="something else that is needed"),
        pytest.param("models", id="a folder"),
        pytest.param("config.json/copy.db", id="below a file"),
    ],
)
def test_a_backup_that_cannot_be_is_refused(finished: Settings, file: str) -> None:
    before = (finished.output_folder_path / files.RECORDS).read_bytes()
    with pytest.raises(InputMissing):
        store.back_up(finished, finished.workspace / file)
    assert (finished.output_folder_path / files.RECORDS).read_bytes() == before
    ran = script(finished, "diagnostics.py", "--backup", str(finished.workspace / file))
    assert (ran.returncode, ran.stderr.count("\n")) == (66, 1)


def test_a_backup_without_a_name_is_refused(finished: Settings) -> None:
    for name in ("", ".", "/"):
        ran = script(finished, "diagnostics.py", "--backup", name)
        assert (ran.returncode, ran.stderr.count("\n")) == (66, 1)


def test_a_backup_takes_the_place_of_an_earlier_one(finished: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.touch()
    for outcome in ("kept", "no drift"):
        pending.Run(finished).end(outcome, "x")
        recording.catch_up(finished)
        store.back_up(finished, copy)
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            found = connection.execute("SELECT outcome FROM runs ORDER BY id").fetchall()
        assert found[-1] == (outcome,)
