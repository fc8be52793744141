"""What may happen to a project between two runs."""

import os
import shutil

import ingestion
import scoring
from company import fabricate
from risk import files
from risk.data import test_data
from risk.learning import deployed, evaluation, publishing, releases
from risk.settings import Settings
from tests.conftest import aged, deliver, put


def period(settings: Settings, number: int, *, drift: bool = False) -> None:
    """Put one more period into the input folder."""
    rows = fabricate.periods(number, clients=400, seed=1, drift=drift)[-1]
    deliver(settings, f"dataset{number}.csv", rows)


def redeploy_with(settings: Settings, score: float) -> None:
    """Deploy the same model anew as if it had had this score, having seen the same."""
    release, contents = releases.load(settings.prod_deployment_path)
    publishing.publish(
        settings.prod_deployment_path,
        contents | {files.SCORE: f"{score!r}\n".encode()},
        score=score,
        input_folder=release.input_folder,
        seen=release.seen,
        libraries=release.libraries,
        rows=release.rows,
    )


def score_on_newest(settings: Settings) -> float:
    """What the next run will measure once dataset2.csv is in."""
    ingestion.merge_multiple_dataframe(settings)
    return scoring.score_deployed(settings)


def touched(settings: Settings) -> None:
    os.utime(settings.input_folder_path / "dataset1.csv", (1, 1))


def rewritten(settings: Settings) -> None:
    path = settings.input_folder_path / "dataset1.csv"
    path.write_text(path.read_text() + "AAAA,1,2,3,0\n")
    aged(path)


def refused(settings: Settings) -> None:
    put(settings, "broken.csv", ["1,2,3"], "no,such,columns")


def empty(settings: Settings) -> None:
    path = settings.input_folder_path / "broken.csv"
    path.touch()
    aged(path)


def header_only(settings: Settings) -> None:
    put(settings, "broken.csv", [])


def mostly_refused(settings: Settings) -> None:
    put(settings, "broken.csv", ["AAAA,1,2,3,0", "BBBB,many,2,3,0"])


def too_large(settings: Settings) -> None:
    empty(settings)
    os.truncate(settings.input_folder_path / "broken.csv", 5 * 1024**3)


def repeated(settings: Settings) -> None:
    shutil.copy2(settings.input_folder_path / "dataset1.csv", settings.input_folder_path / "b.csv")


def repeated_of_old(settings: Settings) -> None:
    """One old row again, which is its client's newest from then on."""
    old = (settings.input_folder_path / "dataset1.csv").read_text().splitlines()[1]
    put(settings, "b.csv", [old])


def waits(settings: Settings) -> None:
    path = put(settings, "upload.csv", ["AAAA,1,2,3,0", "BBBB,4,5"])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    aged(path, 3)


def no_outcomes(settings: Settings) -> None:
    put(settings, "dataset1.csv", ["AAAA,1,2,3,", "BBBB,4,5,6,"])


def hidden(settings: Settings) -> None:
    put(settings, ".dataset2.csv", ["AAAA,1,2,3,0"])


LOW, HIGH = 1e-9, 1.0


def score_on_test_data(settings: Settings) -> float:
    """F1 of the deployed model on the test data."""
    model = deployed.load(settings.prod_deployment_path, settings.columns).model
    return evaluation.f1(model, test_data.rows(settings), settings.columns)
