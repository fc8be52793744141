"""What the pages tell of decisions: every policy's verdict, risks that come true or not, shifts."""

import pytest

from app import create_app
from risk import wording
from risk.learning import releases
from risk.reports import svg
from risk.settings import Settings
from risk.web import pages as web_pages
from tests.conftest import configured, ended
from tests.html import Page
from tests.verdicts import calibration, record, shift, verdict
from tests.web.pages.site import page

OWN = verdict("specified", "deployed", 190, 500, effect=-0.0123, rows=4321)
OTHER = verdict("trusted", "no drift", 210, 500, p=0.34, effect=0.02)


def overview(settings: Settings) -> Page:
    ended(settings, "no drift: F1 0.7000")
    return page(create_app(settings).test_client(), "/")


def in_use(settings: Settings) -> str:
    return releases.load(settings.prod_deployment_path)[0].release


def test_the_overview_sums_up_what_each_policy_would_have_decided(own: Settings) -> None:
    record(own, 1, "deployed", [OWN, OTHER])
    found = overview(own).text
    assert "the rule (specified, in force) deployed 3 times, and its models found " in found
    assert "; evidence (trusted) would have deployed " in found
    assert "specified says deployed" in found
    assert "trusted says no drift" in found


def test_before_any_outcome_the_overview_says_that_nothing_is_known(settings: Settings) -> None:
    found = overview(settings).text
    assert "No run has decided anything yet." in found
    assert "Not known yet: no outcome has come" in found
    assert "No run has compared the newest data" in found


def test_a_run_is_two_clicks_from_what_the_other_policy_would_have_done(own: Settings) -> None:
    name = record(own, 1, "deployed", [OWN, OTHER])
    client = create_app(own).test_client()
    (link,) = [a["href"] for a in overview(own).all("a") if name in a.get("href", "")]
    found = page(client, link).text
    assert f"{wording.MEANT['deployed']} reason 1" in found
    assert "the rule (specified, in force) deployed specified says deployed none -0.0123" in found
    assert "evidence (trusted) no drift trusted says no drift 0.340 +0.0200 900" in found
    assert "4,321 190 of 500 (38 %)" in found
    assert "210 of 500 (42 %)" in found


def test_the_page_of_a_run_has_its_scores_and_leads_to_its_neighbours(own: Settings) -> None:
    client = create_app(own).test_client()
    last = record(own, 1, "recalibrated", [OWN])
    found = page(client, web_pages.run_address(last))
    assert "Run 3 of 3" in found.inside("h1")
    assert wording.MEANT["recalibrated"] in found.text
    assert "The next run" not in found.text
    (before,) = [a["href"] for a in found.all("a") if a.get("href", "").startswith("/runs/")]
    found = page(client, before)
    assert "Run 2 of 3" in found.inside("h1")
    assert "precision_at_capacity" in found.inside("th")
    assert "F1 of the new model on the test data" in found.inside("th")
    links = [a["href"] for a in found.all("a") if a.get("href", "").startswith("/runs/")]
    assert len(links) == 2
    assert links[1] == web_pages.run_address(last)
    assert page(client, links[0]).inside("h1") == ["Run 1 of 3"]


@pytest.mark.parametrize("name", ["nobody", "run-1 ", "%00", "RUN-1", "..%2f", "a/b", "%ff"])
def test_a_run_that_is_not_recorded_is_not_found(own: Settings, name: str) -> None:
    record(own, 1, "kept", [])
    client = create_app(own).test_client()
    page(client, f"/runs/{name}", 404)
    assert client.get(f"/runs/{name}").status_code == 404


def test_no_word_of_a_run_is_markup(own: Settings) -> None:
    rows = [verdict("specified", "kept", sentence="<b>bold</b>")]
    columns = [shift("<i>x</i>", "<b>moved</b> fell", 0.2)]
    name = record(own, 1, "kept", rows, shifts=columns)
    client = create_app(own).test_client()
    for address in ("/", web_pages.run_address(name)):
        answer = client.get(address).text
        assert "<b>" not in answer
        assert "<i>x" not in answer
        assert "<b>bold</b>" in Page(answer).text


def test_pages_of_runs_stand_without_the_records(own: Settings) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    client = create_app(configured(own.workspace, database_url=url)).test_client()
    page(client, "/runs/run-1", 503)


def test_risks_that_do_not_come_true_are_said_first_and_the_list_gets_an_interval(
    own: Settings,
) -> None:
    before = overview(own)
    assert "About" in before.text
    record(own, 1, "no drift", [OWN], **calibration(in_use(own), 149))
    found = overview(own)
    said = "No. The risks do not come true: 308 clients were expected to leave, 149 did."
    assert said in found.text
    assert found.text.index(said) < found.text.index("Whom to call")
    assert found.all("div", **{"class": "banner bad"})
    assert " to " in next(text for text in found.inside("strong") if text[0].isdigit())
    assert "About" not in found.text
    assert "if nobody calls" in found.text
    assert "if the model is right" not in found.text


def test_risks_of_a_model_that_was_replaced_are_no_trouble_of_the_one_in_use(own: Settings) -> None:
    record(own, 1, "deployed", [OWN], **calibration("9-abcdabcd", 149))
    found = overview(own).text
    assert "The risks do not come true" not in found
    assert "release 9-abcdabcd, which was in use when these outcomes came and was replaced" in found
    assert "About" in found


def test_risks_that_come_true_are_shown_with_their_curve(own: Settings) -> None:
    record(own, 1, "no drift", [OWN], **calibration(in_use(own), 300))
    found = overview(own)
    assert "yes, within chance" in found.inside("p")
    assert "308 were expected to leave (90 % sure between 280 and 336); 300 did." in found.text
    assert "Calibration error: 2.0 percentage points on average" in found.text
    (drawn,) = [each for each in found.all("svg") if "aria-labelledby" in each]
    named = drawn["aria-labelledby"].split()
    assert named == [each["id"] for name in ("title", "desc") for each in found.all(name) if each]
    titles = [text for text in found.inside("title") if text.startswith("Group ")]
    assert len(titles) == 10
    assert (
        "100 clients: predicted 5.0 %, 4.9 % left, 90 % sure between 3.0 % and 7.0 %" in titles[0]
    )


def test_groups_that_are_off_have_another_shape_than_the_others() -> None:
    drawn = svg.curve([(0.1, 0.1, 0.05, 0.15, False, "a"), (0.9, 0.2, 0.1, 0.3, True, "b")])
    assert drawn
    assert [bar.is_off for bar in drawn.bars] == [False, True]
    for bar in drawn.bars:
        assert drawn.left <= bar.x <= drawn.right
        assert drawn.top <= bar.high <= bar.y <= bar.low <= drawn.bottom
    assert drawn.bars[0].y > drawn.bars[1].y
    assert svg.curve([]) is None


def test_columns_that_moved_come_first_and_none_is_said_to_be_none(own: Settings) -> None:
    columns = [shift("calm"), shift("lastmonth_activity", "activity last month fell by a third", 1)]
    record(own, 1, "deployed", [OWN], release="7-abcdabcd", shifts=columns)
    found = overview(own).text
    assert "Since release 7-abcdabcd learned: activity last month fell by a third" in found
    assert "PSI 1.000, by chance up to 0.012; KS 0.020, by chance up to 0.031" in found
    assert "This is shown, never acted on" in found
    record(own, 2, "no drift", [OWN], shifts=[shift("calm")])
    assert "No column has moved further" in overview(own).text


def test_under_evidence_the_last_verdict_says_whether_the_model_holds(own: Settings) -> None:
    trusted = configured(own.workspace, policy="trusted")
    release = in_use(own)
    assert "yes, no drift" not in overview(trusted).inside("p")
    own_verdict = verdict("trusted", "no drift", p=0.4, sentence="the deployed model still holds")
    record(own, 1, "no drift", [own_verdict], release=release)
    found = overview(trusted)
    assert "yes, no drift" in found.inside("p")
    assert "The deployed model still holds." in found.text
    assert "has drifted" not in found.text
    record(own, 2, "kept", [verdict("trusted", "kept")], release=release)
    assert "The model in use has drifted: Trusted says kept." in overview(trusted).text
    unknown = verdict("trusted", "no drift", sentence="cannot tell yet")
    record(own, 3, "no drift", [unknown], release=release)
    assert "not known yet" in overview(trusted).inside("p")
    record(own, 4, "no drift", [own_verdict], release="1-abcdabcd")  # which is in use no longer
    assert "not known yet" in overview(trusted).inside("p")


@pytest.mark.parametrize(("p", "is_weaker"), [(None, True), (0.001, False)])
def test_a_model_that_was_needed_is_not_called_weaker(
    own: Settings, p: float | None, is_weaker: bool
) -> None:
    """Where outcomes spoke against the model before, F1 on old test data misleads."""
    release = releases.load(own.prod_deployment_path)[0].release
    scores = [
        {
            "release": name,
            "dataset": "test",
            "metric": "f1",
            "value": value,
            "rows": 9,
            "leavers": 9,
        }
        for name, value in ((release, 0.2), ("1-00000000", 0.6))
    ]
    told = [verdict("specified", "deployed"), verdict("trusted", "deployed", p=p)]
    record(own, 50, "deployed", told, release, scores=scores)
    assert ("The model in use is weaker than the one before" in overview(own).text) == is_weaker
