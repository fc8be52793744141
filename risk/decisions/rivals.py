"""The policies that config.json does not ask for: what each would decide, with the model it has.

A policy that once decided otherwise has another model in use than the deployed one. That is kept as
a deployment of its own, in a folder among the ingested data; as long as there is none, the policy
uses the deployed model.
"""

import logging
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from risk import files
from risk.data.input_folder import Seen
from risk.decisions import judgement, policies, situation
from risk.decisions.gates import TEST
from risk.decisions.policies import Policy, Verdict
from risk.decisions.situation import InUse, Proposal, Situation
from risk.errors import RiskError, noted
from risk.learning import deployed, publishing, releases
from risk.models import estimator
from risk.settings import Settings

MOST_MODELS = 20  # of which is noted what was weighed
STOPS_NO_RUN = RiskError, OSError, ValueError  # the last of numbers that no statistic can take

log = logging.getLogger("risk.rivals")


class Compared(NamedTuple):
    """What each policy decides, the configured one first, and what is to be kept of that."""

    verdicts: dict[str, Verdict]
    weighed: dict[str, int]
    follow: list[Callable[[], None]]

    def settle(self, settings: Settings) -> None:
        """Let the other models follow, and note what was weighed, once the run has done its part.

        A run that fails before this has judged nothing.
        """
        problems: list[str] = []
        for follow in self.follow:
            with noted(problems, "the model of another policy is not kept", (RiskError, OSError)):
                follow()
        for problem in problems:
            log.warning("%s", problem)
        last = list((judgement.weighed_until(settings) | self.weighed).items())[-MOST_MODELS:]
        judgement.remember_weighed_until(settings, dict(last))


def compared(
    settings: Settings, now: Situation, deployed_one: InUse | None, decided: Verdict
) -> Compared:
    """What each policy decides; what prevents a comparison does not stop the run.

    It must be asked before the run publishes, and changes nothing yet.
    """
    own = policies.configured(settings)
    told = Compared({own.name: decided}, _weighed(own, deployed_one, decided), [])
    now.timed = situation.plainly  # from here on it is not the run's own work
    for policy in (policies.SPECIFIED, policies.TRUSTED):
        problems: list[str] = []
        folder = settings.output_folder_path / files.POLICIES / policy.name
        if policy == own:
            told.follow.append(partial(shutil.rmtree, folder, ignore_errors=True))
            continue
        with noted(problems, f"what {policy.name} would decide is not known", STOPS_NO_RUN):
            in_use = _in_use(folder, settings, now, deployed_one)
            verdict = policies.decide(policy, in_use, now)
            follow = _follower(folder, settings, in_use, verdict, _after(deployed_one, decided))
            told.follow.append(follow)
            told.verdicts[policy.name] = verdict
            told.weighed.update(_weighed(policy, in_use, verdict))
        for problem in problems:
            log.warning("%s", problem)
    return told


def _weighed(policy: Policy, in_use: InUse | None, verdict: Verdict) -> dict[str, int]:
    """Up to which arrival outcomes were held against the model in use, by its sha256."""
    if in_use is None or policy.drift_test != policies.EVIDENCE:
        return {}
    return {in_use.candidate.sha256: verdict.weighed}


def _in_use(
    folder: Path, settings: Settings, now: Situation, deployed_one: InUse | None
) -> InUse | None:
    """The model that a policy has in use: its own, or else the deployed one."""
    if deployed_one is None:
        shutil.rmtree(folder, ignore_errors=True)  # all begin anew
        return None
    title, weighed = f"{folder.name}'s model", judgement.weighed_until(settings)
    if not (folder / files.MANIFEST).exists():
        own = weighed.get(deployed_one.candidate.sha256, 0)
        return deployed_one._replace(title=title, weighed=own)
    try:
        loaded = deployed.load(folder, settings.columns)
        candidate = deployed.evaluated(loaded, now.known_datasets)
    except (RiskError, OSError):
        shutil.rmtree(folder, ignore_errors=True)  # the next run goes on from what is deployed
        raise
    return situation.in_use(loaded.release, candidate, weighed)._replace(title=title)


def _after(in_use: InUse | None, verdict: Verdict) -> str:
    """The sha256 of the model in use after a verdict."""
    if verdict.successor:
        return verdict.successor.scored.sha256
    return in_use.candidate.sha256 if in_use else ""


def _follower(
    folder: Path, settings: Settings, in_use: InUse | None, verdict: Verdict, deployed_next: str
) -> Callable[[], None]:
    """What keeps the model that a policy has in use now, unless it is the one that is deployed."""
    if _after(in_use, verdict) == deployed_next:
        return partial(shutil.rmtree, folder, ignore_errors=True)
    if verdict.successor:
        return partial(_publish, folder, verdict.successor)
    if (folder / files.MANIFEST).exists():
        return lambda: None
    release, contents = releases.load(settings.prod_deployment_path)
    learned = publishing.Learned.of(release._asdict())
    return partial(_keep, folder, contents, release.score, learned)


def _publish(folder: Path, proposal: Proposal) -> None:
    score = proposal.scored.on[TEST].f1
    contents = {
        files.MODEL: proposal.trained.pickled,
        files.SCORE: f"{score!r}\n".encode(),
        files.INGESTED_FILES: b"[]\n",
    }
    _keep(folder, contents, score, publishing.Learned.of(proposal.trained.record()))


def _keep(
    folder: Path, contents: Mapping[str, bytes], score: float, learned: publishing.Learned
) -> None:
    publishing.publish(
        *(folder, contents),
        score=score,
        input_folder="",
        seen=Seen(),
        libraries=estimator.libraries(),
        rows=0,
        learned=learned,
    )
