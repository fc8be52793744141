"""The deployed release as it answers: read once, and kept until another one takes its place."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk import files
from risk.cache import Remembered
from risk.columns import Columns
from risk.learning import estimator, evaluation, releases
from risk.learning.estimator import Model
from risk.learning.evaluation import Candidate
from risk.learning.linear import Folded
from risk.learning.releases import Release


class Deployed(NamedTuple):
    """One release and its model; who holds this value never mixes two releases."""

    release: Release
    model: Model
    folded: Folded


class InUse(NamedTuple):
    """The deployed release and its model."""

    release: Release
    model: Model


def in_use(folder: Path, columns: Columns) -> InUse:
    """The release that is deployed now, and its model."""
    release, contents = releases.load(folder)
    name = f"{files.MODEL} of {release.title}"
    return InUse(release, estimator.loads(contents[files.MODEL], name, columns))


def candidate(folder: Path, datasets: Mapping[str, pd.DataFrame], columns: Columns) -> Candidate:
    """The deployed model, and what it is worth on these datasets."""
    release, model = in_use(folder, columns)
    sha256 = release.files[files.MODEL]["sha256"]
    return Candidate(
        sha256, model, evaluation.evaluate(model, datasets, columns, release.threshold)
    )


def load(folder: Path, columns: Columns) -> Deployed:
    """The release that is deployed now, ready to answer."""
    release, model = in_use(folder, columns)
    return Deployed(release, model, Folded(model, columns))


def watched(folder: Path, columns: Columns) -> Remembered[Deployed]:
    """The deployed release, read again when it changes.

    The manifest decides; without one, in a folder filled by hand, the plain files do.
    """
    plain = (folder / name for name in releases.PLAIN_FILES)
    return Remembered(partial(load, folder, columns), folder / releases.MANIFEST, *plain)
