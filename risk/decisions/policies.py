"""What a policy decides of new data: whether the model in use still holds, and what replaces it.

A policy asks three things: has the model drifted, which rows is a new one trained on, is the new
one good enough. The same function decides for a run, for the policies that the run is compared
with, and for a history that is replayed.
"""

from typing import NamedTuple

import numpy as np

from risk import wording
from risk.dataset.outcomes import Labelled
from risk.decisions import challenger, gates, recalibration, situation
from risk.decisions.gates import NEWEST, TEST
from risk.decisions.situation import InUse, Proposal, Situation
from risk.decisions.windows import Trained, Window
from risk.learning import evidence
from risk.learning.evaluation import Evaluation
from risk.learning.evidence import Reference
from risk.models import estimator
from risk.rules import POLICIES
from risk.settings import Settings

NO_DRIFT, KEPT, RECALIBRATED, DEPLOYED = "no drift", "kept", "recalibrated", "deployed"
FEWEST_JUDGES, FEWEST_LEAVERS = 50, 5
CHANGES = RECALIBRATED, DEPLOYED  # of the model in use
EVIDENCE, CHALLENGER, TEST_SCORE = "evidence", "challenger", "test_score"


class Policy(NamedTuple):
    """The three keys of config.json that decide, under one name."""

    name: str
    drift_test: str
    training_window: str
    promotion_gate: str


SPECIFIED, TRUSTED = (Policy(name, **keys) for name, keys in POLICIES.items())


def configured(settings: Settings) -> Policy:
    """The policy that config.json asks for, by its name if it has one."""
    keys = settings.drift_test, settings.training_window, settings.promotion_gate
    named = {policy[1:]: policy for policy in (SPECIFIED, TRUSTED)}
    return named.get(keys, Policy("configured", *keys))


class Verdict(NamedTuple):
    """What a policy decides, and why; `p`, `effect` and `rows` say on what evidence.

    The effect of the specified rule is the change of F1, of evidence how far the log-odds are off,
    of a challenger its gain in log-loss. Of the clients `called` of those whose outcome came last,
    the model in use has `found` so many that left; both are 0 where it had learned of them.
    """

    outcome: str
    reason: str
    rows: int
    p: float | None = None
    effect: float | None = None
    weighed: int = 0
    found: int = 0
    called: int = 0
    proposal: Proposal | None = None
    is_same: bool = False  # the new model and the one in use
    is_proven: bool = False  # better by outcomes that neither has seen, whatever the test data say

    @property
    def successor(self) -> Proposal | None:
        """The model that goes out instead of the one in use, if there is one."""
        return self.proposal if self.outcome in CHANGES and not self.is_same else None


def decide(
    policy: Policy, in_use: InUse | None, now: Situation, *, force: bool = False, lost: str = ""
) -> Verdict:
    """What this policy does about a model; `lost` says why there is none that could be used."""
    hits, called = _found(situation.unseen(in_use, now), now.share)
    verdict = _drift(policy, in_use, now, lost)._replace(found=hits, called=called)
    if in_use and verdict.outcome in (NO_DRIFT, RECALIBRATED) and not force:
        return verdict
    proposal = now.proposal(policy.training_window)
    _, comparison = gates.better(
        proposal.scored.on[TEST], in_use.candidate.on.get(TEST) if in_use else None
    )
    remark = "".join(f"; {why}" for why in proposal.trained.reasons)
    reason = f"{'forced; ' if force else ''}{verdict.reason}; {comparison}{remark}"
    verdict = verdict._replace(outcome=DEPLOYED, reason=reason, proposal=proposal)
    if in_use and not force:
        verdict = _gate(policy, in_use, now, proposal, verdict)
    if in_use and _same(in_use, proposal) and verdict.outcome == DEPLOYED:
        stays = f"{reason}; {in_use.title} {wording.SAME}"
        return verdict._replace(outcome=DEPLOYED if force else KEPT, reason=stays, is_same=True)
    return verdict


def _same(in_use: InUse, proposal: Proposal) -> bool:
    """Whether the new model equals the one in use, byte by byte and by its score."""
    score = proposal.scored.on[TEST].f1
    is_same = (in_use.candidate.sha256, in_use.score) == (proposal.scored.sha256, score)
    return in_use.release.number > 0 and is_same  # or else its folder was filled by hand


def _drift(policy: Policy, in_use: InUse | None, now: Situation, lost: str) -> Verdict:
    """Whether the model in use still holds, as the policy asks it."""
    rows = len(now.labelled.table)
    if in_use is None:
        _, why = gates.drift(None, None)
        return Verdict(DEPLOYED, lost or why, rows, weighed=now.labelled.last_arrival)
    if policy.drift_test == EVIDENCE and rows:
        return _by_evidence(in_use, now)
    newest = in_use.candidate.on.get(NEWEST)
    drifted, why = gates.drift(in_use, newest)
    effect = newest.f1 - in_use.score if newest else None
    outcome = DEPLOYED if drifted else NO_DRIFT
    return Verdict(outcome, why, rows, effect=effect, weighed=now.labelled.last_arrival)


def _by_evidence(in_use: InUse, now: Situation) -> Verdict:
    """What the outcomes say that came since the model learned, and were not weighed yet."""
    new = now.labelled.since(max(in_use.arrival, in_use.weighed))
    reference = in_use.reference
    if reference is None:
        why = "what it has learned from is not known, so it is put to the test"
        return Verdict(DEPLOYED, why, len(new.table), weighed=now.labelled.last_arrival)
    found = evidence.weigh(in_use.candidate.model, reference, new.table, now.columns)
    verdict = Verdict(
        DEPLOYED,
        found.sentence,
        found.rows,
        found.p,
        found.effect,
        weighed=now.labelled.last_arrival,
    )
    if found.what == evidence.UNKNOWN:
        return verdict._replace(outcome=NO_DRIFT, p=None, effect=None, weighed=in_use.weighed)
    if found.what == evidence.LEVEL:
        corrected = _corrected(in_use, reference, new, now)
        return verdict._replace(outcome=RECALIBRATED, proposal=corrected, is_proven=True)
    return verdict._replace(outcome=NO_DRIFT) if found.what == evidence.HOLDS else verdict


def _corrected(in_use: InUse, reference: Reference, new: Labelled, now: Situation) -> Proposal:
    """The model in use with its level where the new outcomes have it."""
    known = in_use.candidate.model, reference, in_use.release.threshold
    learned = recalibration.corrected(*known, new.table, now.columns)
    learned = learned._replace(kind=in_use.release.model, choice=in_use.release.choice)
    window = Window(np.zeros(0, dtype=bool), in_use.release.periods)
    learned_from = len(new.table), int((new.table[now.columns.target] == 1).sum())
    pickled = estimator.dumps(learned.model)
    trained = in_use.release.trained or in_use.arrival
    return now.scored(
        Trained(learned, pickled, window, now.labelled.last_arrival, learned_from, trained)
    )


def _gate(
    policy: Policy, in_use: InUse, now: Situation, proposal: Proposal, verdict: Verdict
) -> Verdict:
    """The verdict after the third gate, which may keep the model in use."""
    if policy.promotion_gate == TEST_SCORE:
        on = proposal.scored.on[TEST], in_use.candidate.on.get(TEST)
        return verdict if gates.better(*on)[0] else _kept(in_use, verdict)
    if policy.promotion_gate == CHALLENGER:
        passes, why, gain, p = _challenged(policy, in_use, now)
        verdict = verdict._replace(reason=f"{verdict.reason}; {why}", p=p, effect=gain)
        return verdict._replace(is_proven=True) if passes else _kept(in_use, verdict)
    return verdict


def _kept(in_use: InUse, verdict: Verdict) -> Verdict:
    """The model stays, but what spoke against it still does, with what comes later."""
    reason = f"{in_use.title}; {verdict.reason}"
    return verdict._replace(outcome=KEPT, reason=reason, weighed=in_use.weighed)


def _challenged(
    policy: Policy, in_use: InUse, now: Situation
) -> tuple[bool, str, float | None, float | None]:
    """Whether the new model does better on outcomes that neither model has seen."""
    judges = now.fits.judging & (now.labelled.arrival > in_use.arrival)
    left = now.fits.left[judges]
    if len(left) < FEWEST_JUDGES or left.sum() < FEWEST_LEAVERS:
        why = (
            f"{len(left)} new outcomes, {left.sum()} of clients that left, cannot judge both models"
        )
        return False, why, None, None
    rival = now.fits.without(judges, policy.training_window)
    if rival is None:
        return False, "without the outcomes that judge no model can be learned", None, None
    rows = now.labelled.table[judges]
    before = in_use.candidate.on[NEWEST].risks[judges]
    after = estimator.probability(rival, rows, now.columns)
    gain, p = challenger.gain(before, after, left)
    passes = gain > 0 and p < challenger.SIGNIFICANT
    better = "better" if passes else "not better"
    by = f"{abs(gain):.4f} {'lower' if gain > 0 else 'higher'}"
    why = (
        f"on {len(rows)} outcomes that neither has seen the new model is {better}: "
        f"its log-loss is {by} ({evidence.chance(p)})"
    )
    return passes, why, gain, p


def _found(new: Evaluation | None, share: float) -> tuple[int, int]:
    """How many that left were among those whom the list would have had called, and how many."""
    if new is None:
        return 0, 0
    called = np.argsort(-new.risks, kind="stable")[: max(1, round(share * new.rows))]
    return int(new.left[called].sum()), len(called)
