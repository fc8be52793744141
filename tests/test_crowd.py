"""Input of any size is what our own intake takes, and what was measured is told as it is."""

import csv
import json
from pathlib import Path

import pytest

import ingestion
from benchmarks import alone, figures
from benchmarks.figures import Figure, Growth
from company import crowd
from risk import files
from risk.settings import Settings
from tests.conftest import aged, configured

ROWS, CLIENTS, FILES = 4_000, 500, 4


@pytest.fixture
def crowded(tmp_path: Path) -> Settings:
    settings = configured(tmp_path)
    for path in crowd.write(settings.input_folder_path, ROWS, CLIENTS, FILES, bad=7):
        aged(path)
    return settings


def test_the_same_arguments_make_the_same_bytes(tmp_path: Path) -> None:
    first, again = (
        [path.read_bytes() for path in crowd.write(tmp_path / name, ROWS, CLIENTS, FILES)]
        for name in ("first", "again")
    )
    assert first == again
    assert len({*first}) == FILES


def test_all_rows_go_in_but_the_repeated_and_the_bad_ones(crowded: Settings) -> None:
    merged = ingestion.merge_multiple_dataframe(crowded)
    rows = ROWS // FILES
    repeated = (FILES - 1) * rows // 10
    assert ROWS - repeated - len(merged) <= 2, "by chance a few more are equal"
    assert merged["corporation"].nunique() == CLIENTS
    assert 0.02 < merged["exited"].mean() < 0.3
    with (crowded.output_folder_path / files.REJECTED).open(newline="") as rejected:
        refused = list(csv.DictReader(rejected))
    assert {row["file"] for row in refused} == {"history4.csv"}
    assert len({row["line"] for row in refused}) == 7


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["our", "bare"])
@pytest.mark.parametrize("part", ["fit", "summarize"])
def test_a_part_of_a_step_says_last_what_it_took(
    crowded: Settings, capsys: pytest.CaptureFixture[str], whose: str, part: str
) -> None:
    ingestion.merge_multiple_dataframe(crowded)
    alone.main(whose, part, str(crowded.workspace / "config.json"))
    assert float(capsys.readouterr().out.splitlines()[-1]) > 0


ABOVE = Figure("a step", 3.0, "times", 2.0, 6.0, 2.0, "another")
BELOW = Figure("a route", 0.5, "times", 0.8, 2.0, 1.0, "another", at_least=True)


@pytest.mark.parametrize(
    ("figure", "share"), [(ABOVE, 1.5), (BELOW, 1.6), (BELOW._replace(value=1.6), 0.5)]
)
def test_an_aim_is_a_ceiling_or_a_floor(figure: Figure, share: float) -> None:
    assert figure.of_aim == pytest.approx(share)
    assert ("MISSED" in figures.line(figure)) == (share > 1)


def test_what_was_measured_is_written_and_drawn(tmp_path: Path) -> None:
    measured, grown = [ABOVE, BELOW], [Growth(1_000, 0.5), Growth(10_000, 0.6)]
    figures.write(tmp_path / "benchmarks.json", measured, grown, {"before": figures.machine()})
    figures.draw(tmp_path / "benchmarks.png", measured, grown)
    written = json.loads((tmp_path / "benchmarks.json").read_text())
    assert [each["of_aim"] for each in written["measured"]] == [1.5, 1.6]
    assert written["growth"][1] == {"rows": 10_000, "seconds": 0.6}
    assert (tmp_path / "benchmarks.png").read_bytes().startswith(b"\x89PNG")
