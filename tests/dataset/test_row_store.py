"""What is kept of the input files: no file is read twice, and nothing depends on what is kept."""

import logging
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import ingestion
from risk import files
from risk.data import input_folder, known_files
from risk.dataset import row_store
from risk.errors import DataUnusable, InputMissing
from risk.judging import csv_file
from risk.settings import Settings
from tests.calls import calls_of
from tests.conftest import configured
from tests.intake import WRITTEN, A, B, C, lines, output, place

CODES = ("AAAA", "BBBB", "null", "0012", "a client with a longer name", "é")
NUMBERS = ("1", "2", "2.5", "", "NA", "1e-7", "x")
OUTCOMES = ("0", "1", "", "", "?")


def file_of(random: Random) -> bytes:
    """A file, in which some lines are odd."""
    rows = [
        ",".join([random.choice(CODES), *random.choices(NUMBERS, k=3), random.choice(OUTCOMES)])
        for _ in range(random.choice([0, 1, 5, 20]))
    ]
    return random.choice([lines(*rows)] * 5 + [b"<html>", b""])


def changed(project: Settings, random: Random) -> None:
    """Let files arrive, change, be filled in, vanish."""
    names = [path.name for path in project.input_folder_path.iterdir()]
    for _ in range(random.randint(1, 2)):
        name = random.choice([f"d{random.randint(1, 9)}.csv", *names])
        if name in names and random.random() < 0.3:
            (project.input_folder_path / name).unlink(missing_ok=True)
        else:
            place(project, name, file_of(random))


def ingest(project: Settings) -> list[bytes] | None:
    """All that an ingestion has written; None if it could not use the data."""
    try:
        ingestion.merge_multiple_dataframe(project)
    except (DataUnusable, InputMissing):
        return None
    return [output(project, name) for name in WRITTEN]


FEW = settings().max_examples // 4  # each of them takes eight ingestions


@settings(max_examples=FEW, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=some.randoms(use_true_random=False), kinds=some.booleans())
def test_what_grew_is_to_the_byte_what_is_made_anew(
    tmp_path_factory: pytest.TempPathFactory, random: Random, kinds: bool
) -> None:
    keys: dict[str, Any] = {"refused_share": 0.9}
    if kinds:
        keys["column_kinds"] = {"lastyear_activity": "category"}
    folders = [tmp_path_factory.mktemp("grown"), tmp_path_factory.mktemp("anew")]
    grown, anew = (configured(folder, **keys) for folder in folders)
    grown.input_folder_path.mkdir(exist_ok=True)
    for _ in range(4):
        changed(grown, random)
        shutil.rmtree(anew.input_folder_path, ignore_errors=True)
        shutil.copytree(grown.input_folder_path, anew.input_folder_path)
        (anew.output_folder_path / files.ROWS).unlink(missing_ok=True)
        assert ingest(grown) == ingest(anew)


def bytes_judged(project: Settings) -> int:
    """How many bytes of files an ingestion judges."""
    ingest = partial(ingestion.merge_multiple_dataframe, project)
    judged = calls_of(ingest, csv_file.read_csv)
    return sum(len(call.arguments["content"]) for call in judged)


def test_a_new_file_is_all_that_is_read(project: Settings) -> None:
    place(project, "dataset2.csv", lines(*[A] * 1000))
    first = bytes_judged(project)
    assert first > 1000 * len(A)
    assert bytes_judged(project) == 0
    new = lines(B, "X", C)
    place(project, "dataset3.csv", new)
    assert bytes_judged(project) == len(new)
    assert b"dataset3.csv,3," in output(project, files.REJECTED)
    place(project, "page.csv", b"<html>")
    assert bytes_judged(project) == len(b"<html>")
    assert b"dataset3.csv,3," in output(project, files.REJECTED)


def touched(project: Settings) -> None:
    """A file of the same size and time with another content."""
    path = project.input_folder_path / "dataset2.csv"
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"DDDD"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def gone(project: Settings) -> None:
    """A file that is not there any more."""
    (project.input_folder_path / "dataset2.csv").unlink()


def lost(project: Settings) -> None:
    """Nothing kept."""
    (project.output_folder_path / files.ROWS).unlink()


def cut(project: Settings) -> None:
    """Half of what was kept."""
    path = project.output_folder_path / files.ROWS
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def bit_flipped(project: Settings) -> None:
    """One bit of a number is another one."""
    path = project.output_folder_path / files.ROWS
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(2).tobytes())] ^= 1
    path.write_bytes(content)


def flipped_and_set_back(project: Settings) -> None:
    """The same, with the time of the file set back."""
    path = project.output_folder_path / files.ROWS
    status = path.stat()
    bit_flipped(project)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


WHYS = [
    (touched, "dataset2.csv has changed or is gone"),
    (gone, "dataset2.csv has changed or is gone"),
    (lost, "what was kept of them is gone"),
    (cut, "what was kept of them is not what it was"),
    (bit_flipped, "what was kept of them is not what it was"),
    (flipped_and_set_back, "what was kept of them is not what it was"),
]


@pytest.mark.parametrize(("change", "why"), WHYS, ids=[change.__name__ for change, _ in WHYS])
def test_whatever_does_not_fit_is_made_anew_and_the_log_says_why(
    project: Settings,
    change: Callable[[Settings], None],
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place(project, "dataset2.csv", lines(*[A, B, "X"] * 10))
    ingestion.merge_multiple_dataframe(project)
    change(project)
    place(project, "dataset3.csv", lines(C))
    caplog.clear()
    with caplog.at_level(logging.INFO):
        grown = ingest(project)
    assert f"all files are read: {why}" in caplog.messages
    (project.output_folder_path / files.ROWS).unlink()
    assert ingest(project) == grown


def test_other_rules_make_all_anew(project: Settings, caplog: pytest.LogCaptureFixture) -> None:
    place(project, "dataset2.csv", lines(A, "X"))
    ingestion.merge_multiple_dataframe(project)
    other = project._replace(missing_words=("1",))
    with caplog.at_level(logging.INFO):
        ingestion.merge_multiple_dataframe(other)
    assert "all files are read: config.json or the rules have changed" in caplog.messages


def test_what_a_run_that_died_has_appended_does_not_count(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A, B, "X"))
    ingestion.merge_multiple_dataframe(project)
    record = output(project, files.INGESTION)
    place(project, "dataset3.csv", lines(C, "Y"))
    wanted = ingest(project)
    kept = output(project, files.ROWS)
    for garbage in (b"", b"half of something", kept[-100:]):
        (project.output_folder_path / files.INGESTION).write_bytes(record)
        with (project.output_folder_path / files.ROWS).open("ab") as handle:
            handle.write(garbage)
        assert bytes_judged(project) == len(lines(C, "Y"))
        assert [output(project, name) for name in WRITTEN] == wanted
        assert output(project, files.ROWS) == kept


def test_many_small_arrivals_are_kept_in_few_parts(project: Settings) -> None:
    for number in range(2, row_store.MOST_PARTS + 10):
        place(project, f"dataset{number}.csv", lines(A, B))
        ingestion.merge_multiple_dataframe(project)
    record = files.read_json(project.output_folder_path / files.INGESTION) or {}
    assert len(record["kept"]["parts"]) < 12
    assert bytes_judged(project) == 0


def test_a_link_in_the_place_of_what_is_kept_is_not_written_through(
    project: Settings, tmp_path: Path
) -> None:
    place(project, "dataset2.csv", lines(A))
    ingestion.merge_multiple_dataframe(project)
    path, elsewhere = project.output_folder_path / files.ROWS, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    place(project, "dataset3.csv", lines(B))
    ingestion.merge_multiple_dataframe(project)
    assert elsewhere.read_bytes() == before
    assert not path.is_symlink()


def test_a_file_that_could_not_be_opened_is_the_only_one_that_is_read_again(
    project: Settings,
) -> None:
    path = place(project, "dataset0.csv", lines(C))
    place(project, "dataset2.csv", lines(A, B))
    ingestion.merge_multiple_dataframe(project)
    record = files.read_json(project.output_folder_path / files.INGESTION) or {}
    path.unlink()
    ingestion.merge_multiple_dataframe(project)
    shut = {"rows": 0, "accepted": 0, "sha256": "", "reason": "it cannot be opened (Permission)"}
    entry = next(each for each in record["files"] if each["name"] == "dataset0.csv") | shut
    now = files.read_json(project.output_folder_path / files.INGESTION) or {}
    now["files"].insert(0, entry)
    files.write_json(project.output_folder_path / files.INGESTION, now)
    place(project, "dataset0.csv", lines(C))
    assert bytes_judged(project) == len(lines(C))
    assert bytes_judged(project) == 0
    (project.output_folder_path / files.ROWS).unlink()
    written = [output(project, name) for name in WRITTEN]
    assert ingest(project) == written


def test_a_store_that_cannot_be_written_leaves_the_old_set_whole(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A))
    ingestion.merge_multiple_dataframe(project)
    before = [output(project, name) for name in (*WRITTEN, files.INGESTION)]
    path = project.output_folder_path / files.ROWS
    path.unlink()
    path.mkdir()
    place(project, "dataset3.csv", lines(B))
    with pytest.raises(OSError, match="directory"):
        ingestion.merge_multiple_dataframe(project)
    after = [output(project, name) for name in (*WRITTEN, files.INGESTION)]
    assert [now for now in after if now not in before] == []
    path.rmdir()
    ingestion.merge_multiple_dataframe(project)
    assert b"BBBB" in output(project, files.FINAL_DATA)


def test_other_names_of_the_file_are_not_changed_with_it(project: Settings, tmp_path: Path) -> None:
    place(project, "dataset2.csv", lines(A))
    ingestion.merge_multiple_dataframe(project)
    path, backup = project.output_folder_path / files.ROWS, tmp_path / "backup"
    os.link(path, backup)
    before = backup.read_bytes()
    place(project, "dataset3.csv", lines(B))
    assert bytes_judged(project) == len(lines(B))
    assert backup.read_bytes() == before
    assert bytes_judged(project) == 0


RECORDS: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("a row more", lambda record: record["files"][-1].update(rows=9)),
    ("no refused line", lambda record: record["files"][-1].update(rejected=0)),
    ("more refused than there are", lambda record: record["files"][-1].update(rejected=99)),
    ("every part twice", lambda record: record["kept"]["parts"].extend(record["kept"]["parts"])),
    ("no part", lambda record: record["kept"]["parts"].clear()),
    ("a file twice", lambda record: record["files"].append(record["files"][-1])),
    (
        "a part that begins beyond its end",
        lambda record: record["kept"]["parts"][0].update(rows=10**12),
    ),
    ("refused lines elsewhere", lambda record: record["kept"]["parts"][0].update(refused=8)),
    (
        "refused lines beyond the end",
        lambda record: record["kept"]["parts"][0].update(refused=10**12),
    ),
    ("a part that ends early", lambda record: record["kept"]["parts"][0].update(end=8)),
]


@pytest.mark.parametrize("damage", [each[1] for each in RECORDS], ids=[e[0] for e in RECORDS])
def test_a_record_that_counts_other_rows_is_not_believed(
    project: Settings, damage: Callable[[dict[str, Any]], Any]
) -> None:
    place(project, "dataset2.csv", lines(A, "X", B))
    wanted = ingest(project)
    record = files.read_json(project.output_folder_path / files.INGESTION) or {}
    damage(record)
    files.write_json(project.output_folder_path / files.INGESTION, record)
    assert ingest(project) == wanted
    assert bytes_judged(project) == 0


class Counted(dict[str, Any]):
    """An entry that counts how often one is compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]


def test_each_of_many_files_is_looked_for_once(project: Settings) -> None:
    for number in range(50):
        place(project, f"dataset{number}.csv", lines(A))
    ingestion.merge_multiple_dataframe(project)
    record = files.read_json(project.output_folder_path / files.INGESTION) or {}
    listed = input_folder.listing(project.input_folder_path).files
    known = known_files.unchanged(project, record, list(map(Counted, record["files"])), listed)
    assert len(known.sources) == len(record["files"])
    assert Counted.compared == 0


def test_an_empty_store_is_made_anew(project: Settings) -> None:
    place(project, "dataset2.csv", lines(A))
    wanted = ingest(project)
    (project.output_folder_path / files.ROWS).write_bytes(b"")
    assert ingest(project) == wanted


def test_records_of_two_pasts_are_not_mixed(project: Settings) -> None:
    def ingested_record() -> bytes:
        ingestion.merge_multiple_dataframe(project)
        return output(project, files.INGESTION)

    path = project.output_folder_path / files.INGESTION
    place(project, "dataset2.csv", lines(A))
    first = ingested_record()
    place(project, "dataset3.csv", lines(B))
    second = ingested_record()
    path.write_bytes(first)
    place(project, "dataset0.csv", lines(C))
    ingested_record()
    path.write_bytes(second)
    now = ingest(project)
    (project.output_folder_path / files.ROWS).unlink()
    path.write_bytes(second)
    assert ingest(project) == now
