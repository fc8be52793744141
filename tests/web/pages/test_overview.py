"""The overview: whether everything is well, and what it tells of runs and models."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient

import scoring
from app import create_app
from risk import files, wording
from risk.errors import ServiceDown
from risk.records import health, pending, queries, store
from risk.settings import Settings
from risk.web import pages as web_pages
from tests.conftest import ROOT, aged, configured, decided, ended, put, script, small_project
from tests.html import Page
from tests.web.pages.site import listed, page, sent


def test_the_overview_does_not_send_two_to_one_client(own: Settings) -> None:
    table = listed(own)
    codes = table["corporation"].tolist()
    first, second = map(web_pages.visible, codes[:2])
    client = create_app(own).test_client()
    assert first in page(client, "/").inside("bdi")
    sent(client, codes[0])
    assert first not in page(client, "/").inside("bdi")
    assert second in page(client, "/").inside("bdi")


def test_overview_and_list_say_which_clients_of_a_band_they_count(
    client: FlaskClient, company: Settings
) -> None:
    table, overview = listed(company), page(client, "/").text
    at_risk = table[table["outcome"] == "open"]
    known = len(table) - len(at_risk)
    assert at_risk["band"].value_counts().to_dict() != table["band"].value_counts().to_dict()
    for band in ("high", "medium", "low"):
        assert f"{(at_risk['band'] == band).sum()} at {band}" in overview
        found = page(client, f"/clients?band={band}&all=1").text
        count = (table["band"] == band).sum()
        assert re.search(rf"{band}, [^()]* \({count}\)", found)
        assert f"{count} of {len(table)} clients" in found
    whole = f"not counted: {known} on the list, those that stayed and those not in the newest data"
    assert whole in overview


def minutes_ago(count: float) -> str:
    moment = pd.Timestamp.now("UTC") - pd.Timedelta(minutes=count)
    return moment.strftime(files.TIME)


WELL = "no new data: nothing new"
FULL = "failed with exit code 74: models/x: No space left on device"


def banner(settings: Settings) -> str:
    """The colour of the overview's answer, which stands there once."""
    found = page(create_app(settings).test_client(), "/")
    (own,) = [a["class"] for a in found.all("div") if a.get("class", "").startswith("banner")]
    return own.removeprefix("banner ")


@pytest.mark.parametrize(
    ("ending", "colour", "said"),
    [
        (("no drift: F1 0.7000", 1), "good", "Yes. The last run ended 1 minute ago"),
        ((WELL, 19), "good", "no new data: nothing new"),
        ((WELL, 21), "weak", "No. The last run ended 21 minutes ago"),
        (
            (FULL, 1, 74),
            "bad",
            "No. The last run, 1 minute ago, failed with exit code 74: models/x",
        ),
        (("crashed: ValueError: x", 1, 1), "bad", "crashed: ValueError: x."),
    ],
)
def test_the_overview_says_first_what_became_of_the_last_run(
    finished: Settings, ending: tuple[Any, ...], colour: str, said: str
) -> None:
    ended(finished, *ending)
    assert banner(finished) == colour
    found = page(create_app(finished).test_client(), "/").text
    assert said in found
    assert ("What to do:" in found) == (colour != "good")


def test_the_worst_of_many_troubles_is_the_headline_and_the_others_follow(
    finished: Settings,
) -> None:
    spoil_file(finished)
    decided(finished)
    ended(finished, WELL, 30)
    (finished.output_model_path / files.RANKING).unlink()
    found = page(create_app(finished).test_client(), "/").text
    places = [
        found.index(said)
        for said in (
            "No. 1 file was refused whole: <b>x<b>.csv: ",
            "Also not well",
            "There is no list of whom to call",
            "The last run ended 30 minutes ago",
        )
    ]
    assert places == sorted(places)


def spoil_file(settings: Settings) -> Path:
    """A file that is refused whole."""
    return put(settings, "<b>x<b>.csv", ["1,2"], header="not,ours")


def test_a_refused_file_is_a_trouble_until_it_is_mended_or_gone(finished: Settings) -> None:
    path = spoil_file(finished)
    decided(finished)
    ended(finished, WELL)
    assert banner(finished) == "bad"
    content = path.read_text()
    path.write_text(f"{content}3,4\n")  # it waits to be read again
    aged(path)
    assert banner(finished) == "good"
    decided(finished)
    assert banner(finished) == "bad"
    path.unlink()
    assert banner(finished) == "good"


def test_a_few_refused_lines_and_files_passed_over_are_remarks(finished: Settings) -> None:
    good = [f"A{n:03},{n},{n},{n}," for n in range(300)]
    put(finished, "lines.csv", [*good, "BBBB,x,1,1,"])
    (finished.input_folder_path / "link.csv").symlink_to("lines.csv")
    decided(finished)
    ended(finished, WELL)
    found = page(create_app(finished).test_client(), "/").text
    assert "Worth knowing 1 line was refused" in found
    assert "link.csv is passed over: it is not a regular file." in found
    put(finished, "lines.csv", [*good, *("BBBB,x,1,1," for _ in range(30))])
    decided(finished)
    ended(finished, WELL)
    found = page(create_app(finished).test_client(), "/").text
    assert "30 lines were refused" in found.partition("Worth knowing")[0]


def test_test_data_that_cannot_be_scored_on_are_a_trouble(finished: Settings) -> None:
    ended(finished, WELL)
    further = finished.test_data_path / "further.csv"
    further.write_text("<html>")
    found = page(create_app(finished).test_client(), "/").text
    assert "Left out of the test data: further.csv: it is an HTML or XML page" in found
    further.replace(finished.test_data_path / "testdata.csv")
    assert banner(finished) == "bad"


def test_answers_that_were_given_up_are_a_trouble_until_they_are_filed(finished: Settings) -> None:
    pending.note_failure(
        finished, pending.ANSWERS, "the answers of the API are given up: it said no"
    )
    ended(finished, WELL)
    assert banner(finished) == "weak"
    found = page(create_app(finished).test_client(), "/").text
    assert "The answers of the API are given up: it said no." in found
    pending.forget_failure(finished, pending.ANSWERS)
    assert banner(finished) == "good"


def test_runs_that_wait_to_be_recorded_are_a_trouble(finished: Settings) -> None:
    put(finished, "more.csv", ["AAAA,1,2,3,"])
    url = "postgresql://nobody@127.0.0.1:1/none"
    broken = configured(finished.workspace, database_url=url)
    with pytest.raises(ServiceDown):
        decided(broken)
    ended(finished, WELL)
    assert banner(finished) == "weak"
    assert "1 run waits to be recorded" in page(create_app(finished).test_client(), "/").text
    found = page(create_app(broken).test_client(), "/").text
    assert "No. The records cannot be read: " in found


def test_records_that_were_begun_anew_are_a_trouble_until_the_damaged_file_is_moved_away(
    finished: Settings,
) -> None:
    file = finished.output_folder_path / files.RECORDS
    file.write_bytes(b"garbage" * 999)
    pending.Run(finished).end("kept", "while it was damaged")
    first, second = (script(finished, "fullprocess.py") for _ in range(2))
    assert (first.returncode, second.returncode) == (69, 0)
    assert "a new history begins with the 0 contacts that could be read" in first.stderr
    assert "damaged" not in second.stderr
    (aside,) = file.parent.glob("*.damaged")
    assert banner(finished) == "weak"
    found = page(create_app(finished).test_client(), "/").text
    assert f"The records were damaged on {aside.name[11:21]} and begun anew; " in found
    assert f"0 contacts were carried over; the damaged file is ingesteddata/{aside.name}." in found
    aside.rename(finished.workspace / "damaged.db")
    assert banner(finished) == "good"


def test_a_run_under_way_is_no_trouble(finished: Settings) -> None:
    ended(finished, WELL)
    pending.Run(finished)
    record = finished.output_folder_path / files.INGESTION
    changed = json.loads(record.read_text()) | {"time": minutes_ago(0)}
    files.write_json(record, changed)  # it makes the list when it has trained
    assert banner(finished) == "good"


def test_a_list_that_is_older_than_the_data_is_a_trouble(finished: Settings) -> None:
    ended(finished, WELL)
    assert banner(finished) == "good"
    record = finished.output_folder_path / files.INGESTION
    files.write_json(record, json.loads(record.read_text()) | {"time": minutes_ago(0)})
    assert banner(finished) == "weak"
    assert "older than the data" in page(create_app(finished).test_client(), "/").text


def test_nothing_deployed_is_the_first_thing_to_say(settings: Settings) -> None:
    found = page(create_app(settings).test_client(), "/").text
    assert "No. Nothing is deployed yet. What to do: Run python fullprocess.py." in found


def test_a_weaker_model_is_said_to_be_as_long_as_it_is_in_use(own: Settings) -> None:
    ended(own, WELL)
    first, second = (
        {
            each.dataset: each.value
            for each in queries.overview(own).compared
            if each.release[0] == number
        }
        for number in "12"
    )
    worse = [name for name in first if second[name] < first[name]]
    assert worse
    found = page(create_app(own).test_client(), "/").text
    assert "Not quite. The model in use is weaker than the one before: F1 " in found
    for name in worse:
        assert f"{second[name]:.4f} against {first[name]:.4f} on the {name} data" in found
    for number in range(queries.LAST_RUNS + 1):  # however long ago it went out
        record_by_hand(own, number)
    assert "weaker than the one before" in page(create_app(own).test_client(), "/").text
    assert "no, drifted" not in page(create_app(own).test_client(), "/").text


def record_by_hand(settings: Settings, number: int) -> None:
    """Put a step by hand on record."""
    run = {"id": f"{number}", "started_at": minutes_ago(-1), "outcome": "trained", "reason": "x"}
    store.write(settings, store.Entry(run))


def test_the_overview_claims_nothing_of_contacts_it_cannot_read(own: Settings) -> None:
    broken = own._replace(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    found = page(create_app(broken).test_client(), "/").text
    assert "The contacts cannot be shown" in found
    assert "contacted in the last 30 days" not in found


def test_a_book_of_which_everybody_was_contacted_says_so(tmp_path: Path) -> None:
    settings = small_project(tmp_path)
    put(settings, "dataset1.csv", [f"{'AB'[n % 2]}{n:03},{n % 7},9,5,{n % 2}" for n in range(9)])
    put(settings, "dataset2.csv", ["CCCC,1,2,3,"])
    decided(settings)
    client = create_app(settings).test_client()
    codes = listed(settings)["corporation"].tolist()
    assert codes[0] == "CCCC"  # of which no outcome is known
    for code in codes:
        assert code in page(client, "/").inside("bdi")
        sent(client, code)
    assert "was contacted in the last 30 days" in page(client, "/").text


def test_without_a_word_of_the_last_run_nothing_is_well(finished: Settings) -> None:
    record = finished.output_folder_path / files.LAST_RUN
    for content in (b"", b"garbage", b'{"fullprocess": {"time": "yesterday"}}'):
        record.write_bytes(content)
        assert banner(finished) == "bad"
    record.unlink()
    assert banner(finished) == "weak"
    assert "No run yet" in page(create_app(finished).test_client(), "/").text


def test_a_message_shows_no_folder_of_the_machine_and_no_markup(own: Settings) -> None:
    ended(own, "failed: /var/lib/risk/x.csv <b>bold</b>", code=74)
    answer = create_app(own).test_client().get("/").text
    assert "/var/lib" not in answer
    assert "<b>bold" not in answer
    assert "risk/x.csv <b>bold</b>" not in answer
    assert "x.csv <b>bold</b>" in Page(answer).text


def test_two_periods_of_the_cron_job_are_two_periods_of_the_cron_job() -> None:
    minutes = re.match(r"\*/(\d+) \* \* \* \* ", (ROOT / "cronjob.txt").read_text())
    assert minutes
    assert 60 * int(minutes[1]) == health.PERIOD_SECONDS


def test_the_overview_names_runs_scores_files_and_gaps(
    client: FlaskClient, company: Settings
) -> None:
    found = page(client, "/")
    assert "deployed" in found.inside("span")
    assert "F1 on the test data" in found.inside("dt")
    assert "<i>odd<i>.csv" in found.inside("bdi")
    assert "lastmonth_activity" in found.inside("bdi")
    assert "activity last month" in found.inside("bdi")  # what the model has learned
    run = queries.overview(company).runs[0]
    assert f"the model that was replaced had {run['arrived_score']:.4f}" in found.text
    release = json.loads((company.prod_deployment_path / "manifest.json").read_text())["release"]
    assert release in found.inside("p")


def test_the_overview_judges_the_release_that_is_deployed_now(own: Settings) -> None:
    client = create_app(own).test_client()
    runs = queries.overview(own).runs
    assert {run["outcome"] for run in runs} == {"deployed"}
    assert runs[0]["new_score"] < runs[0]["deployed_score"]
    found = page(client, "/")
    assert "no, drifted" not in found.text
    assert wording.DRIFTED in found.text
    assert runs[0]["reason"] in found.text
    assert script(own, "deployment.py", "--rollback").returncode == 0
    found = page(client, "/")
    assert "no, drifted" in found.text
    assert "The model in use has drifted: F1 " in found.text
    assert f"F1 on the newest data {scoring.score_deployed(own):.4f}" in found.text


def test_a_release_that_went_out_unscored_is_said_to_be(own: Settings) -> None:
    (own.output_folder_path / files.FINAL_DATA).unlink()
    ran = script(own, "deployment.py", "--rollback")
    assert (ran.returncode, "it is out, but not scored: " in ran.stderr) == (0, True)
    found = page(create_app(own).test_client(), "/").text
    assert "not known yet" in found
    assert "This release has not been scored yet" in found
