"""What people look at: the matrix, the trends, the report, each made though others cannot be."""

import functools
import io
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from pypdf import PdfReader

import reporting
from company import fabricate
from fullprocess import full_process
from risk import files
from risk.data import test_data
from risk.errors import ServiceDown
from risk.learning import releases
from risk.reasons import coefficients
from risk.records import list_file
from risk.records.queries import Trends
from risk.reports import charts, deliverables, report, trends_chart
from risk.reports.pdf import Picture
from risk.reports.report_data import Findings
from risk.rows import tables
from risk.settings import Settings
from risk.wording import FEW_LEAVERS
from tests.conftest import aged, configured, copied, decided, deliver, put, script

ODD = ("<b>", "$x^{$", "=1+1", "a\u202eb", "😀", "中文", "null", "</para>")
SECTIONS = (
    "The first 20 to call",
    "How good the model is",
    "What the model has learned",
    "The data",
    "Refused lines",
    "The columns",
    "Is it getting worse?",
    "The last runs",
    "How long the steps take",
    "What it is built on",
)


def text(settings: Settings) -> str:
    """What the report says, as one line."""
    return _text((settings.output_model_path / files.REPORT).read_bytes())


@functools.cache
def _text(document: bytes) -> str:
    pages = PdfReader(io.BytesIO(document)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.fixture(scope="module")
def second_run(first_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A second run has been, on one more period and an unlikely client whose outcome is open."""
    settings = copied(first_run, tmp_path_factory.mktemp("second") / "project")
    unlikely = list_file.read(settings.output_model_path / files.RANKING)["corporation"].iloc[-1]
    deliver(settings, "dataset3.csv", fabricate.periods(3, clients=400, seed=1)[-1])
    put(settings, "open.csv", [f"{unlikely},9000,9000,1,"])
    full_process(settings)
    return settings


@pytest.fixture(scope="module")
def odd_run(before_all_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A first run has been, on odd codes and names and a client who is as good as lost."""
    settings = copied(before_all_runs, tmp_path_factory.mktemp("odd"))
    settings = configured(settings.workspace, refused_share=1)
    quoted = (code.replace('"', '""') for code in ODD)
    put(settings, "<i>$x^{$.csv", [*(f'"{code}",0,99999,1,' for code in quoted), "AAAA,x,<b>,3,0"])
    put(settings, "sure.csv", ["SURE,0,1e12,1,"])
    full_process(settings)
    return settings


def test_a_deployment_leaves_everything_that_people_look_at(finished: Settings) -> None:
    settings = finished
    made = {path.name for path in settings.output_model_path.iterdir()}
    wanted = {files.RANKING, files.CONFUSION_MATRIX, files.TRENDS, files.REPORT}
    assert wanted <= made
    said = text(settings)
    assert "this font cannot print" not in said
    places = [said.rindex(heading) for heading in SECTIONS]
    assert places == sorted(places)
    release = releases.load(settings.prod_deployment_path)[0].release
    assert f"Ranked by release {release}" in said
    assert "UTC: A new model is in use. In the words of the log: deployed: release 1-" in said
    assert "cannot be shown" not in said
    assert "pandas" in said
    assert "provisional" in said


def test_a_report_made_by_hand_still_says_what_the_last_run_decided(finished: Settings) -> None:
    reporting.make_everything(finished)
    said = text(finished)
    assert "the list was made again by hand" in said
    assert "UTC: A new model is in use. In the words of the log: deployed: release 1-" in said


def test_the_report_tells_whose_outcome_is_open(finished: Settings, second_run: Settings) -> None:
    listed = list_file.read(finished.output_model_path / files.RANKING)
    assert set(listed["outcome"]) == {"stayed"}
    assert "by its newest row each of them stayed so far" in text(finished)
    unlikely = listed["corporation"].iloc[-1]
    assert "First the 1 whose outcome is open" in text(second_run)
    ranked = list_file.read(second_run.output_model_path / files.RANKING)
    assert ranked["corporation"][0] == unlikely


def test_the_report_says_what_the_model_has_learned(finished: Settings) -> None:
    found = coefficients.of(Findings(finished).deployed.model, finished.columns)
    said = text(finished)
    for row in found.rows:
        assert " ".join(row) in said
    assert found.meaning in said


def test_f1_on_newly_arrived_files_alone_stands_beside_the_one_on_all(
    finished: Settings, second_run: Settings
) -> None:
    fitted_on_it = "The newest data holds rows that the model was fitted on"
    assert f"{fitted_on_it}, which flatters it; no run has looked at newly" in text(finished)
    run = tables.as_rows(Findings(second_run).history.last_runs)[0]
    assert run["arrived_score"] != run["new_score"]
    assert f" had {run['arrived_score']:.4f}." in text(second_run).split(fitted_on_it)[1]


def test_the_trends_are_said_in_words_too(finished: Settings, second_run: Settings) -> None:
    assert "at the first run and is" not in text(finished)
    assert "F1 on the newest data was 0." in text(second_run)


def test_scores_of_few_leavers_are_provisional_wherever_the_report_shows_them(
    finished: Settings,
) -> None:
    said = text(finished)
    left = test_data.rows(finished)["exited"].sum()
    of_the_model = ("F1", "called", "lift", "found")
    of_decisions = ("the last run's reason", "two policies", "the same among the last runs")
    assert said.count(f"(provisional, {left:.0f} leavers)") == len(of_the_model + of_decisions) + 1


@pytest.mark.parametrize("metric", ["f1", "precision_at_capacity"])
def test_scores_of_few_leavers_are_circled_in_the_trends(metric: str) -> None:
    def drawn(leavers: int) -> bytes:
        history = _history(3)
        scores = history.scores[history.scores["metric"] == metric]
        return trends_chart.draw(history._replace(scores=scores.assign(leavers=leavers)))

    assert drawn(99) != drawn(100)


def test_the_first_list_says_nothing_of_moves_and_no_risk_is_certain(
    odd_run: Settings, tmp_path: Path
) -> None:
    settings = copied(odd_run.workspace, tmp_path)
    said = text(settings)
    assert "client risk why" in said
    assert ">\u00a099\u00a0%" in said or "> 99 %" in said
    assert "100\u00a0%" not in said.split("How good the model is")[0]
    put(settings, "later.csv", ["NEXT,0,1e12,1,"])
    decided(settings)
    reporting.write_report(settings)
    assert "client risk moved why" in text(settings)


def test_what_is_drawn_for_a_file_and_the_report_is_drawn_once(finished: Settings) -> None:
    findings = Findings(finished)
    deliverables.trends(finished, findings)
    deliverables.confusion_matrix(finished, findings)
    for picture in (findings.trends, findings.confusion_matrix):
        assert [block.png for block in report.blocks(findings) if isinstance(block, Picture)].count(
            picture
        ) == 1
    assert findings.trends is findings.trends
    assert findings.on_test is findings.on_test


def test_a_database_that_does_not_answer_is_asked_once(finished: Settings) -> None:
    with refusing_server() as (port, callers):
        asked = configured(finished.workspace, database_url=f"mysql://x@127.0.0.1:{port}/risk")
        problems = deliverables.draw(asked)
    assert len(callers) == 1
    assert [type(problem) for problem in problems] == [ServiceDown]
    assert text(asked).count("does not answer") == len(
        ("decision", "risks", "changes", "policies", "timings", "trends", "runs")
    )


@contextmanager
def refusing_server() -> Iterator[tuple[int, list[object]]]:
    """A port that hangs up on everybody, and those who called."""
    callers: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    caller, address = server.accept()
                    callers.append(address)
                    caller.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield server.getsockname()[1], callers
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_the_script_makes_all_four(finished: Settings) -> None:
    wanted = [files.RANKING, files.CONFUSION_MATRIX, files.TRENDS, files.REPORT]
    for name in wanted:
        (finished.output_model_path / name).unlink()
    assert script(finished, "reporting.py").returncode == 0
    assert all((finished.output_model_path / name).exists() for name in wanted)


def test_the_script_makes_nothing_before_something_is_deployed(settings: Settings) -> None:
    assert script(settings, "reporting.py").returncode == 66
    assert not settings.output_model_path.exists()


def test_odd_codes_and_names_are_shown_as_text(odd_run: Settings) -> None:
    said = text(odd_run)
    for code in ("<b>", "$x^{$", "=1+1", "a\\u202eb", "\\u4e2d\\u6587", "null", "</para>"):
        assert code in said.replace(" ", "")
    assert "<i>$x^{$.csv" in said
    assert "is a character that this font cannot print" in said
    assert "lastmonth_activity is not a number" in said


def test_columns_of_any_name_are_drawn_and_told(settings: Settings) -> None:
    names = ("$a^{", "_Tickets_2024", "<b>")
    settings = configured(settings.workspace, feature_columns=names)
    for folder, name in (
        (settings.input_folder_path, "dataset1.csv"),
        (settings.test_data_path, "testdata.csv"),
    ):
        table = (folder / name).read_text()
        header, _, rest = table.partition("\n")
        client, *_, target = header.split(",")
        (folder / name).write_text(",".join((client, *names, target)) + "\n" + rest)
        aged(folder / name)
    full_process(settings)
    said = text(settings)
    assert "cannot be shown" not in said
    assert "together with tickets 2024: " in said


def damaged(path: Path) -> None:
    path.write_bytes(b'corporation,risk\n"x')


def is_folder(path: Path) -> None:
    for sidecar in ("", "-wal", "-shm"):
        path.with_name(path.name + sidecar).unlink(missing_ok=True)
    path.mkdir()


DATA, MODELS = "ingesteddata", "models"
SPOILT = [
    pytest.param(
        [
            (DATA, files.RECORDS, is_folder, "does not answer"),
            (DATA, files.REJECTED, damaged, "rejected.csv is damaged"),
            (MODELS, files.RANKING, damaged, "riskranking.csv is damaged"),
        ],
        id="records, refusals and list",
    ),
    pytest.param(
        [
            (DATA, files.RECORDS, Path.unlink, "No run is recorded yet"),
            (DATA, files.FINAL_DATA, Path.unlink, "finaldata.csv is missing"),
            (MODELS, files.RANKING, Path.unlink, "riskranking.csv is missing"),
        ],
        id="records, dataset and list are missing",
    ),
    pytest.param(
        [
            (DATA, files.INGESTION, damaged, "ingestion.json is damaged"),
            ("testdata", "testdata.csv", Path.unlink, "no usable .csv file"),
        ],
        id="the ingestion's record and the test data",
    ),
    pytest.param(
        [("production_deployment", "manifest.json", damaged, "manifest.json is damaged")],
        id="the release",
    ),
]


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_section_that_cannot_be_made_says_why_and_the_others_stand(
    finished: Settings, spoilt: list[tuple[str, str, Callable[[Path], object], str]]
) -> None:
    for folder, name, spoil, _ in spoilt:
        spoil(finished.workspace / folder / name)
    reporting.write_report(finished)
    told = text(finished)
    assert [said for *_, said in spoilt if said not in told] == []
    for heading in SECTIONS:
        assert heading in told
    assert str(finished.workspace) not in told


def test_a_report_with_nothing_at_all_is_a_report(settings: Settings) -> None:
    reporting.write_report(settings)
    assert "nothing is deployed yet" in text(settings)


def test_the_confusion_matrix_is_that_of_the_deployed_model(finished: Settings) -> None:
    settings = finished
    assert reporting.score_model is reporting.plot_confusion_matrix
    path = reporting.plot_confusion_matrix(settings)
    assert path == settings.output_model_path / "confusionmatrix.png"
    before = path.read_bytes()
    assert size(before) > (600, 400)
    put(settings, "dataset1.csv", [f"A{n:03},{n},5,{9 - n},{n % 2}" for n in range(9)])
    assert decided(settings, force=True) == "deployed"
    assert reporting.plot_confusion_matrix(settings).read_bytes() != before


@pytest.mark.parametrize("left", [[0, 0, 0], [1, 1, 1], [1], [0, 1, 0]])
def test_the_figures_stand_whatever_the_outcomes_are(left: list[int]) -> None:
    outcomes, risks = np.array(left) == 1, np.linspace(0.2, 0.9, len(left))
    assert charts.confusion_matrix(outcomes, ~outcomes, "$x^{$").startswith(b"\x89PNG")
    assert charts.quality(outcomes, risks, 1.0).startswith(b"\x89PNG")


def test_a_title_that_says_provisional_fits_into_its_picture(finished: Settings) -> None:
    assert Findings(finished).on_test.leavers < FEW_LEAVERS
    picture = imread(reporting.plot_confusion_matrix(finished))
    assert picture.shape[1] == 960
    assert (picture[:, -6:, :3] == 1.0).all()


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_the_trends_are_drawn_with_any_number_of_runs(count: int) -> None:
    assert size(trends_chart.draw(_history(count))) == (1650, 1500)


def _history(count: int) -> Trends:
    """The records of so many runs, their columns with names that look like formulas."""
    moments = pd.date_range("2026-01-01", periods=count, freq="7h").strftime(files.TIME)
    runs = pd.DataFrame({"started_at": moments})
    scores = pd.concat(
        runs.assign(dataset=dataset, metric=metric, value=0.6, rows=900, leavers=90)
        for dataset in ("test", "newest")
        for metric in ("f1", "f1_low", "f1_high", "precision_at_capacity")
    )
    missing = pd.concat(runs.assign(column=f"_{n}$", missing_percent=n / 9) for n in range(9))
    seconds = runs.assign(step="ingestion", seconds=1.5)
    published = pd.DataFrame({"deployed_at": moments, "number": range(count)})
    return Trends(scores, missing, seconds, published)


def test_the_report_of_many_files_and_refusals_stays_small(settings: Settings) -> None:
    for number in range(60):
        put(settings, f"file{number}.csv", [f"X{number:03},1,2,3,0", *["AAAA,x,2,3,0" * 9] * 30])
    full_process(settings)
    path = settings.output_model_path / files.REPORT
    assert path.stat().st_size < 1_000_000
    assert "more files" in text(settings)
    assert len(PdfReader(io.BytesIO(path.read_bytes())).pages) < 10
