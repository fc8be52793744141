"""Which datasets the API opens: those below the data folders, and nothing else by whatever name."""

import threading

import pytest
from flask.testing import FlaskClient

from risk.settings import Settings
from tests.web.traps import HEADER, told

OUTSIDE = (404, "no_such_dataset")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        ".",
        "..",
        "testdata",
        "testdata/",
        "/testdata/",
        "testdata/missing.csv",
        "testdata/notes.txt",
        "testdata/testdata.csv/",
        "testdata/testdata.csv/x.csv",
        "testdata/testdata.csv.bak",
        "testdata/.hidden.csv",
        "testdata/link.csv",
        "testdata/inner.csv",
        "testdata/hard.csv",
        "testdata/folder/secret.csv",
        "testdata/folder.csv",
        "testdata/pipe.csv",
        "testdata/null.csv",
        "testdata2/x.csv",
        "practicedata/secret.csv",
        "root.csv",
        "/root.csv",
        "secret/secret.csv",
        "testdata/../secret/secret.csv",
        "testdata/../testdata/testdata.csv",
        "../secret/secret.csv",
        "testdata/..\\secret\\secret.csv",
        "testdata\\testdata.csv",
        "testdata/%2e%2e/secret/secret.csv",
        "testdata/%2e%2e%2fsecret%2fsecret.csv",
        "testdata/....//secret/secret.csv",
        "TESTDATA/testdata.csv",
        "ingesteddata/finaldata.csv",
        "ingesteddata/clients.csv",
        "production_deployment/trainedmodel.pkl",
        "config.json",
        "/etc/passwd",
        "/etc/passwd\0.csv",
        "testdata/testdata.csv\0",
        "testdata/testdata.csv\n",
        "testdata/\x1b[2J.csv",
        "/dev/stdin",
        "/dev/zero.csv",
        "/proc/self/environ.csv",
        "/proc/self/cwd/testdata/testdata.csv",
        "~/x.csv",
        "file:///etc/passwd.csv",
        "http://127.0.0.1:9/x.csv",
        "s3://bucket/x.csv",
        "testdata/" + "x" * 300 + ".csv",
        "testdata/" + "x/" * 5000 + "x.csv",
        "testdata/\ud800.csv",
        "testdata/\u2028.csv",
        "testdata/\u202etestdata.csv",
        "*.csv",
        "testdata/*.csv",
        "testdata/testdata.csv;id",
        "|id .csv",
        "testdata/testdata.csv::$DATA",
        "//testdata2//x.csv",
        "//127.0.0.1/share/x.csv",
    ],
)
def test_all_that_is_outside_answers_alike(client: FlaskClient, path: str) -> None:
    answer = client.post("/prediction", json={"filepath": path})
    assert told(answer) == OUTSIDE
    usual = client.post("/prediction", json={"filepath": "testdata/missing.csv"})
    assert answer.data == usual.data


def test_a_path_that_really_leads_to_the_workspace_is_no_different(
    client: FlaskClient, served: Settings
) -> None:
    """Else one could guess where it lies."""
    path = str(served.test_data_path / "testdata.csv")
    assert told(client.post("/prediction", json={"filepath": path})) == OUTSIDE


@pytest.mark.parametrize(
    "path",
    [
        "testdata/testdata.csv",
        "/testdata/testdata.csv",
        "./testdata/./testdata.csv",
        "//testdata//testdata.csv",
        "testdata/deep/er.csv",
    ],
)
def test_a_dataset_below_the_data_folders_is_opened(
    client: FlaskClient, served: Settings, path: str
) -> None:
    answer = client.post("/prediction", json={"filepath": path})
    assert answer.status_code == 200, answer.text
    assert len(answer.json["predictions"]) == 200


def test_a_link_that_flips_during_the_requests_is_never_followed(
    client: FlaskClient, served: Settings
) -> None:
    """A folder on the way is real and a link in turns; only the real one's file is ever read."""
    data, stop = served.test_data_path, threading.Event()
    real, link, place = data / "real", data / "link_to_secret", data / "flips"
    real.mkdir()
    (real / "secret.csv").write_text(f"{HEADER}\n" + "AAAA,1,2,3\n" * 2)
    link.symlink_to(served.workspace / "secret")
    real.rename(place)

    def flip() -> None:
        while not stop.is_set():
            place.rename(real)
            link.rename(place)
            place.rename(link)
            real.rename(place)

    flipping = threading.Thread(target=flip)
    flipping.start()
    question = {"filepath": "testdata/flips/secret.csv"}
    answers = [client.post("/prediction", json=question) for _ in range(600)]
    stop.set()
    flipping.join()
    seen = {answer.status_code: len(answer.json.get("predictions", "")) for answer in answers}
    assert seen.pop(200, 2) == 2
    assert set(seen) <= {404}
