"""The deployed release with its model, for a server kept until the next deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from risk import cache, files
from risk.cache import Remembered
from risk.columns import Columns
from risk.learning import evaluation, releases
from risk.learning.evaluation import Candidate
from risk.learning.releases import Release
from risk.models import estimator
from risk.models.estimator import Model
from risk.models.linear import Folded


@dataclass(frozen=True, eq=False)
class Deployed:
    """One release and its model, in one value so that two releases are never mixed."""

    release: Release
    model: Model
    columns: Columns

    @cached_property
    def folded(self) -> Folded:
        """The model for fast answers, which takes a moment to make."""
        return Folded(self.model, self.columns)


def load(folder: Path, columns: Columns) -> Deployed:
    """The release that is deployed now, and its model."""
    release, contents = releases.load(folder)
    name = f"{files.MODEL} of {release.title}"
    return Deployed(release, estimator.loads(contents[files.MODEL], name, columns), columns)


def evaluated(deployed: Deployed, datasets: Mapping[str, pd.DataFrame]) -> Candidate:
    """What a deployed model is worth on these datasets."""
    release, model = deployed.release, deployed.model
    on = evaluation.evaluate(model, datasets, deployed.columns, release.threshold)
    return Candidate(release.files[files.MODEL]["sha256"], model, on)


def watched(folder: Path, columns: Columns) -> Remembered[Deployed]:
    """The deployed release, read again when it changes.

    The manifest decides; without one, in a folder filled by hand, the plain files do.
    """
    plain = (folder / name for name in releases.PLAIN_FILES)
    state = partial(cache.state, folder / releases.MANIFEST, *plain)
    return Remembered(partial(load, folder, columns), state)
