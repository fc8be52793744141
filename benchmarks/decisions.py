"""What each policy is worth where the truth is known: python -m benchmarks.decisions [FOLDER]

Every month the outcomes of the month before come in, the policy decides which model stays, and the
first on the list of this model are called. Prints how many of them leave, in worlds that change and
in one that does not, and writes decisions.json and decisions.png into the folder: docs, unless one
is named; with --clients or --seeds only into one that is. Takes some minutes on two cores.
"""

import argparse
import itertools
import multiprocessing
import operator
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.project import ROOT
from company import worlds
from risk import files
from risk.data.input_folder import Seen
from risk.dataset.outcomes import Labelled
from risk.decisions import policies
from risk.decisions.gates import TEST
from risk.decisions.policies import Policy
from risk.decisions.situation import InUse, Proposal, Situation
from risk.learning import evaluation
from risk.learning.evaluation import Candidate, Evaluation
from risk.learning.releases import Release
from risk.models import estimator, pipelines
from risk.models.estimator import Numbers
from risk.reports import charts
from risk.settings import Settings

SEEDS = {10_000: 5, 1_000: 8, 200: 10}  # histories of each world, by the number of clients
SHARE = 0.05  # of the clients can be called
FIRST = 4  # the first month that brings outcomes of which the first model has not learned
TEST_ROWS, GROUPS = 2_000, 10
BEST, NEVER = "best possible", "never"
POLICIES = {
    name: Policy(name, *keys)
    for name, keys in {
        "specified": ("raw", "all", "off"),
        "test_score gate": ("raw", "all", "test_score"),
        "evidence only": ("evidence", "all", "off"),
        "window only": ("raw", "auto", "off"),
        "challenger only": ("raw", "all", "challenger"),
        "without evidence": ("raw", "auto", "challenger"),
        "without window": ("evidence", "all", "challenger"),
        "without challenger": ("evidence", "auto", "off"),
        "trusted": ("evidence", "auto", "challenger"),
    }.items()
}
LARGEST = max(SEEDS)
AIMS = (  # of the trusted policy and the most clients: world, what, how it compares, with what
    ("quiet", policies.DEPLOYED, operator.le, 1 / 50),  # a month
    ("sudden", "found", operator.ge, 220),
    ("sudden", "error", operator.le, 0.02),
    ("gradual", "found", operator.ge, 240),
    ("gradual", "error", operator.le, 0.02),
)
MEASURED = ["random", "found", "promised", "error", "f1"]
LINES: dict[str, dict[str, Any]] = {  # of the picture, which must do without colours
    BEST: {"color": charts.PALE, "lw": 5},
    "trusted": {"color": charts.INK, "lw": 1.6, "marker": "o", "ms": 5},
    "specified": {"color": charts.INK, "lw": 1.2, "ls": "--", "marker": "s", "ms": 4},
    NEVER: {"color": charts.SOFT, "lw": 3, "ls": ":"},
    "test_score gate": {"color": charts.INK, "lw": 0.8, "marker": "x", "ms": 5},
}


class Company:
    """A history as a pipeline meets it; models and evaluations are shared by its policies."""

    def __init__(self, world: str, clients: int, seed: int) -> None:
        self.settings = Settings.load(ROOT / "config.json")
        self.months = worlds.history(world, clients, seed)
        self.test = worlds.strangers(TEST_ROWS, seed)
        self._table = pd.concat([month.rows for month in self.months], ignore_index=True)
        self._period = np.repeat(np.arange(1, len(self.months) + 1), clients)
        self._situations: dict[int, Situation] = {}
        self._candidates: dict[tuple[str, int], Candidate] = {}

    def situation(self, month: int) -> Situation:
        """What is known when a month begins: all that became of the clients in those before."""
        if month not in self._situations:
            known = self._period < month
            period = self._period[known]
            labelled = Labelled(self._table[known], period, period + 1)
            self._situations[month] = Situation(
                labelled, self.test, self.settings, SHARE, arrival=labelled.last_arrival
            )
        return self._situations[month]

    def again(self, in_use: InUse, month: int) -> InUse:
        """The model in use, evaluated on what is known when a month begins."""
        old, key = in_use.candidate, (in_use.candidate.sha256, month)
        if key not in self._candidates:
            datasets, columns = self.situation(month).datasets, self.settings.columns
            threshold = old.on[TEST].threshold
            on = evaluation.evaluate(old.model, datasets, columns, threshold)
            self._candidates[key] = Candidate(old.sha256, old.model, on)
        return in_use._replace(candidate=self._candidates[key])


def put_to_use(proposal: Proposal) -> InUse:
    """A proposal as the model in use."""
    trained, scored = proposal
    plain: Any = "", 0, "", scored.on[TEST].f1, "", Seen(), {}, {}
    return InUse(Release(*plain, **trained.record()), scored, 0, "the model in use")


def decided(policy: Policy | None, company: Company) -> Iterator[tuple[int, str, InUse]]:
    """Of each month what was decided when it began, and the model that was in use from then on."""
    in_use = put_to_use(company.situation(FIRST - 1).proposal("all"))
    for month in range(FIRST, len(company.months) + 1):
        outcome = policies.NO_DRIFT
        if policy:
            in_use = company.again(in_use, month)
            verdict = policies.decide(policy, in_use, company.situation(month))
            outcome = verdict.outcome
            in_use = in_use._replace(weighed=verdict.weighed)
            if verdict.successor:
                in_use = put_to_use(verdict.successor)
        yield month, outcome, in_use


def worth(risks: Numbers, left: Numbers) -> dict[str, float]:
    """What calling the clients with the highest of these risks is worth, and if they come true."""
    called = np.argsort(-risks, kind="stable")[: round(SHARE * len(left))]
    groups = np.array_split(np.argsort(risks, kind="stable"), GROUPS)
    return {
        "random": len(called) * left.mean(),
        "found": left[called].sum(),
        "promised": risks[called].sum(),
        "error": np.mean([abs(risks[each].mean() - left[each].mean()) for each in groups]),
        "f1": Evaluation(left == 1, risks > 0.5, risks).f1,
    }


def lived(case: tuple[int, str, int]) -> list[dict[str, Any]]:
    """A line for each month and policy of a history: so many clients, the world, the seed."""
    clients, world, seed = case
    about = {"clients": clients, "world": world, "seed": seed}
    lines = []
    with pipelines.all_by_one_thread():
        company = Company(world, clients, seed)
        columns = company.settings.columns
        for name, policy in {BEST: None, NEVER: None, **POLICIES}.items():
            for month, outcome, in_use in decided(policy, company):
                rows, truth = company.months[month - 1]
                model = in_use.candidate.model
                risks = truth if name == BEST else estimator.probability(model, rows, columns)
                what = {"policy": name, "month": month, "outcome": outcome}
                lines.append(about | what | worth(risks, rows[columns.target].to_numpy()))
    return lines


def measured(sizes: list[int], seeds: int | None) -> pd.DataFrame:
    """The lines of all histories, the large ones first."""
    cases = [
        (clients, world, seed)
        for clients in sizes
        for world in worlds.WORLDS
        for seed in range(1, 1 + (seeds or SEEDS[clients]))
    ]
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        return pd.DataFrame(itertools.chain(*pool.imap(lived, cases)))


def summary(lines: pd.DataFrame) -> pd.DataFrame:
    """The means of the months after the change, and how often what was decided in all of them."""
    changes = lines["world"].map(
        {name: world.changes or 0 for name, world in worlds.WORLDS.items()}
    )
    keys = ["clients", "world", "policy"]
    means = lines[lines["month"] > changes].groupby(keys, sort=False)[MEASURED].mean()
    outcomes = lines.groupby(keys, sort=False)["outcome"]
    for outcome in (policies.DEPLOYED, policies.RECALIBRATED, policies.KEPT):
        means[outcome] = outcomes.agg(lambda told, outcome=outcome: (told == outcome).sum())
    means["months"] = outcomes.size()
    return means.reset_index()


def show(means: pd.DataFrame, clients: int, seeds: int) -> None:
    """Print the table of one size."""
    called = round(SHARE * clients)
    print(f"\n{clients:,} clients, of whom {called} are called; {seeds} histories of each world")
    print(f"{'':22}deployed recalibrated    kept      found  promised     error      F1")
    for world, lines in means.groupby("world", sort=False):
        months, random = lines["months"].iloc[0], lines["random"].iloc[0]
        print(f"{world}: {months} months; calling at random finds {random:.1f}")
        for line in lines.itertuples():
            print(f"  {line.policy:20}{line.deployed:8}{line.recalibrated:13}{line.kept:8}", end="")
            print(f"{line.found:11.1f}{line.promised:10.1f}{line.error:10.3f}{line.f1:8.3f}")


def show_aims(means: pd.DataFrame) -> None:
    """Print what the trusted policy is held to, and what it has reached."""
    trusted = means[means["policy"] == "trusted"].set_index("world")
    print("\nthe trusted policy")
    for world, name, is_enough, aim in AIMS:
        reached = trusted.loc[world, name]
        if name == policies.DEPLOYED:
            reached /= trusted.loc[world, "months"]
        verdict = "reached" if is_enough(reached, aim) else "MISSED"
        print(f"  {world:10}{name:10}{reached:9.3f}   aim {aim:g}: {verdict}")


def picture(lines: pd.DataFrame) -> bytes:
    """How many leavers are found month by month when everything changes at once."""
    sudden = lines[lines["world"] == "sudden"]
    found = sudden.groupby(["policy", "month"])["found"].mean().unstack(0)
    drawn = charts.figure(8.2, 4.2, left=0.055, right=0.835, top=0.9, bottom=0.13)
    called = round(SHARE * LARGEST)
    title = f"Leavers among the {called} clients called each month"
    axes = charts.panel(drawn, 1, 1, 1, title)
    for name, style in LINES.items():
        axes.plot(found.index, found[name], **style)
    axes.set_ylim(0, called)
    axes.set_xticks(found.index)
    axes.set_xlabel("month", fontsize=9, color=charts.SOFT)
    changes = (worlds.WORLDS["sudden"].changes or 0) - 0.5
    axes.axvline(changes, color=charts.SOFT, lw=0.8)
    axes.text(
        *(changes + 0.12, called * 0.985, "from here on clients leave\nfor other reasons"),
        **{"va": "top", "fontsize": 9, "color": charts.SOFT, "bbox": charts.BEHIND},
    )
    name_lines(axes, {name: float(found[name].iloc[-1]) for name in LINES})
    return charts.png(drawn)


def name_lines(axes: Axes, ends: dict[str, float]) -> None:
    """The names beside the ends of the lines, from below, each far enough above the one before."""
    last = axes.lines[0].get_xdata()[-1]
    far, place = 0.05 * axes.get_ylim()[1], 0.0
    for name, end in sorted(ends.items(), key=lambda each: each[1]):
        place = max(place + far, end)
        axes.annotate(
            *(name, (last, end), (last + 0.9, place)),
            **{"annotation_clip": False, "va": "center", "fontsize": 9, "color": charts.INK},
            arrowprops={"arrowstyle": "-", "color": charts.PALE, "lw": 0.8, "shrinkB": 6},
        )


def write(folder: Path, lines: pd.DataFrame, means: pd.DataFrame) -> None:
    """Write the figures and, if the most clients are among them, the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "decisions.json", means.round(4).to_dict("records"))
    largest = lines[lines["clients"] == LARGEST]
    if len(largest):
        files.write_bytes(folder / "decisions.png", picture(largest))


def main() -> None:
    """Live through all histories, and print and write what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--clients", type=int, nargs="+", choices=[*SEEDS])
    parser.add_argument("--seeds", type=int, help="histories of each world")
    arguments = parser.parse_args()
    lines = measured(arguments.clients or [*SEEDS], arguments.seeds)
    means = summary(lines)
    for clients, of_size in means.groupby("clients", sort=False):
        show(of_size, int(clients), lines[lines["clients"] == clients]["seed"].nunique())
        if clients == LARGEST:
            show_aims(of_size)
    if arguments.folder or not (arguments.clients or arguments.seeds):
        write(arguments.folder or ROOT / "docs", lines, means)


if __name__ == "__main__":
    main()
