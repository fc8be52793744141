"""What each policy decides of each state of the world: the truth table of the gates."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import special

from company import fabricate
from risk.columns import Columns
from risk.dataset.outcomes import Labelled
from risk.decisions import policies, replay
from risk.decisions.policies import SPECIFIED, TRUSTED, Policy
from risk.decisions.situation import InUse, Situation
from risk.decisions.windows import Fits
from risk.errors import InputMissing
from risk.learning import evidence
from risk.models import estimator
from risk.models.estimator import Numbers
from risk.settings import Settings
from tests.conftest import configured

CLIENTS, LOW, HIGH = 1200, 0.0001, 0.9999
MONTHS = fabricate.periods(3, CLIENTS, seed=4)
TEST = fabricate.periods(2, 600, seed=31)[1]
COLUMNS = Columns("corporation", tuple(MONTHS[0].columns[1:4]), "exited")
MODEL = estimator.fit(pd.concat(MONTHS[:2]), COLUMNS, "log")
EVIDENCE = Policy("evidence alone", "evidence", "all", "off")
CHALLENGER = Policy("challenger alone", "raw", "all", "challenger")
TEST_SCORE = Policy("test score", "raw", "all", "test_score")


def known(*periods: pd.DataFrame) -> Labelled:
    """Periods of which each came with an arrival of its own."""
    of_each = np.repeat(np.arange(len(periods)), [len(rows) for rows in periods])
    return Labelled(pd.concat(periods, ignore_index=True), of_each, of_each + 1)


def log_odds(rows: pd.DataFrame) -> Numbers:
    """What a model says that has learned from the first two periods."""
    return special.logit(estimator.probability(MODEL, rows, COLUMNS))


def more_leave(rows: pd.DataFrame) -> pd.DataFrame:
    """The same clients, each with odds of leaving that are three times as high as the model says.

    The model is one that has learned from the same periods as the one in use.
    """
    risks = special.expit(log_odds(rows) + np.log(3))
    left = np.random.default_rng(0).random(len(rows)) < risks
    return rows.assign(exited=left.astype("float64"))


def for_other_reasons(rows: pd.DataFrame) -> pd.DataFrame:
    """The same clients, of whom the large ones leave."""
    left = rows["number_of_employees"] > rows["number_of_employees"].quantile(0.8)
    return rows.assign(exited=left.astype("float64"))


WORLDS = {
    "as it was": MONTHS[2],
    "more leave": more_leave(MONTHS[2]),
    "for other reasons": for_other_reasons(MONTHS[2]),
    "too little to tell": MONTHS[2][:150],
    "nothing new": MONTHS[2][:0],
}


class Case(NamedTuple):
    """A world, a deployed score that the rule cannot or must undercut, and what policies do."""

    world: str
    score: float
    specified: str
    test_score: str
    challenger: str
    evidence: str
    trusted: str


TABLE = [
    Case("as it was", LOW, "no drift", "no drift", "no drift", "no drift", "no drift"),
    Case("as it was", HIGH, "deployed", "kept", "kept", "no drift", "no drift"),
    Case("for other reasons", LOW, "no drift", "no drift", "no drift", "deployed", "deployed"),
    Case("for other reasons", HIGH, "deployed", "kept", "deployed", "deployed", "deployed"),
    Case("more leave", LOW, "no drift", "no drift", "no drift", "recalibrated", "recalibrated"),
    Case("too little to tell", HIGH, "deployed", "kept", "kept", "no drift", "no drift"),
    Case("nothing new", LOW, "no drift", "no drift", "no drift", "no drift", "no drift"),
]
COLUMNS_OF_TABLE = dict(
    zip(Case._fields[2:], (SPECIFIED, TEST_SCORE, CHALLENGER, EVIDENCE, TRUSTED), strict=True)
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return configured(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="module")
def first(settings: Settings) -> InUse:
    """A model that learned from two periods."""
    now = situation(settings, *MONTHS[:2])
    return replay.used(now.proposal("all"), 1)


def situation(settings: Settings, *periods: pd.DataFrame) -> Situation:
    return Situation(known(*periods), TEST, settings, 0.05, arrival=len(periods))


def in_use(first: InUse, now: Situation, score: float) -> InUse:
    """The first model with another score, as it does on what is known now."""
    return replay.held(first._replace(release=first.release._replace(score=score)), now)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.world}, score {case.score:.0f}")
@pytest.mark.parametrize("name", COLUMNS_OF_TABLE)
def test_the_truth_table(settings: Settings, first: InUse, case: Case, name: str) -> None:
    now = situation(settings, *MONTHS[:2], WORLDS[case.world])
    verdict = policies.decide(COLUMNS_OF_TABLE[name], in_use(first, now, case.score), now)
    assert verdict.outcome == getattr(case, name), verdict.reason
    assert (verdict.successor is not None) == (verdict.outcome in ("deployed", "recalibrated"))


@pytest.mark.parametrize("policy", COLUMNS_OF_TABLE.values(), ids=COLUMNS_OF_TABLE)
def test_without_a_model_in_use_every_policy_deploys(settings: Settings, policy: Policy) -> None:
    verdict = policies.decide(policy, None, situation(settings, *MONTHS[:2]))
    assert (verdict.outcome, verdict.successor is None) == ("deployed", False)


@pytest.mark.parametrize("policy", COLUMNS_OF_TABLE.values(), ids=COLUMNS_OF_TABLE)
def test_force_deploys_whatever_a_policy_says(
    settings: Settings, first: InUse, policy: Policy
) -> None:
    now = situation(settings, *MONTHS)
    verdict = policies.decide(policy, in_use(first, now, LOW), now, force=True)
    assert (verdict.outcome, verdict.reason[:8]) == ("deployed", "forced; ")


def test_outcomes_that_were_weighed_are_not_weighed_again(settings: Settings, first: InUse) -> None:
    now = situation(settings, *MONTHS[:2], WORLDS["for other reasons"])
    weighed = in_use(first, now, LOW)._replace(weighed=3)
    assert policies.decide(TRUSTED, weighed, now).outcome == "no drift"


def test_too_little_to_tell_counts_towards_the_next_time(settings: Settings, first: InUse) -> None:
    parts = [WORLDS["for other reasons"][begin : begin + 150] for begin in (0, 150)]
    now = situation(settings, *MONTHS[:2], parts[0])
    verdict = policies.decide(TRUSTED, in_use(first, now, LOW), now)
    assert (verdict.outcome, verdict.weighed) == ("no drift", 0)
    assert "cannot tell yet" in verdict.reason
    later = situation(settings, *MONTHS[:2], *parts)
    verdict = policies.decide(EVIDENCE, in_use(first, later, LOW), later)
    assert (verdict.outcome, verdict.rows) == ("deployed", 300)


def test_a_corrected_level_is_right_and_is_no_news_the_next_time(
    settings: Settings, first: InUse
) -> None:
    """The order of the list stays, and as many are expected to leave as did."""
    changed = WORLDS["more leave"]
    now = situation(settings, *MONTHS[:2], changed)
    before = in_use(first, now, LOW)
    corrected = policies.decide(TRUSTED, before, now).successor
    assert corrected is not None

    old, new = (
        estimator.probability(each, changed, settings.columns)
        for each in (before.candidate.model, corrected.trained.learned.model)
    )
    assert new.sum() == pytest.approx(changed["exited"].sum(), rel=0.001)
    assert (np.argsort(old, kind="stable") == np.argsort(new, kind="stable")).all()
    next_month = more_leave(fabricate.periods(4, CLIENTS, seed=4)[3])
    later = situation(settings, *MONTHS[:2], changed, next_month)
    follower = replay.held(replay.used(corrected, 2), later)
    found = evidence.weigh(
        follower.candidate.model,
        follower.reference,  # type: ignore[arg-type]
        next_month,
        settings.columns,
    )
    assert found.p > 0.01, found.sentence


def test_a_release_that_says_nothing_of_its_training_is_put_to_the_test(
    settings: Settings, first: InUse
) -> None:
    silent = first._replace(release=first.release._replace(reference=None))
    now = situation(settings, *MONTHS)
    verdict = policies.decide(TRUSTED, in_use(silent, now, LOW), now)
    assert verdict.outcome == "kept"
    assert "put to the test" in verdict.reason


def test_without_test_data_the_level_can_be_judged_but_nothing_is_trained(
    settings: Settings, first: InUse
) -> None:
    gone = InputMissing("the test data is missing")
    quiet = Situation(known(*MONTHS), gone, settings, 0.05, arrival=3)
    assert policies.decide(TRUSTED, in_use(first, quiet, LOW), quiet).outcome == "no drift"
    changed = Situation(
        known(*MONTHS[:2], WORLDS["for other reasons"]), gone, settings, 0.05, arrival=3
    )
    with pytest.raises(InputMissing):
        policies.decide(TRUSTED, in_use(first, changed, LOW), changed)


def test_the_window_is_the_newest_past_that_foretells_best(settings: Settings) -> None:
    """After a change only what came since is learned."""
    assert Fits(known(*MONTHS), settings).window("all").rows.all()
    other = [for_other_reasons(rows) for rows in fabricate.periods(5, CLIENTS, seed=4)[2:]]
    changed = Fits(known(*MONTHS[:2], *other), settings).window("auto")
    assert changed.rows.sum() == sum(map(len, other))
    assert changed.periods == 3
    assert "the newest 3 periods" in changed.reason


def test_the_judges_are_no_clients_that_the_rival_has_learned_from(settings: Settings) -> None:
    fits = Fits(known(*MONTHS), settings)
    assert 0.4 < fits.judging.sum() / len(MONTHS[2]) < 0.6
    assert set(fits.labelled.period[fits.judging]) == {2}
