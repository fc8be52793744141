"""The deployed release as it answers: read once, and kept until another one takes its place."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from risk import files
from risk.cache import state_of
from risk.learning import estimator, evaluation, releases
from risk.learning.estimator import Model
from risk.learning.evaluation import Candidate
from risk.learning.linear import Folded
from risk.learning.releases import Release
from risk.settings import Columns


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
    return Candidate(sha256, model, evaluation.evaluate(model, datasets, columns))


def load(folder: Path, columns: Columns) -> Deployed:
    """The release that is deployed now, ready to answer."""
    release, model = in_use(folder, columns)
    return Deployed(release, model, Folded(model, columns))


class Watched:
    """The deployed release, read anew when the manifest is another file than it was."""

    def __init__(self, folder: Path, columns: Columns) -> None:
        self.folder, self.columns = folder, columns
        self._lock = threading.Lock()
        self._held: tuple[_Held, Deployed] | None = None

    def now(self) -> Deployed:
        """The release that is deployed at this moment."""
        held = self._held
        if held and held[0].is_still():
            return held[1]
        with self._lock:
            if not self._held or not self._held[0].is_still():
                looked_at = _Held(self.folder)  # before the reading, which may find newer ones only
                self._held = (looked_at, load(self.folder, self.columns))
            return self._held[1]


class _Held:
    """The states of the files that decide what is deployed.

    They are held open, because a file that is gone may leave its inode to the next one.
    """

    def __init__(self, folder: Path) -> None:
        self.manifest = folder / releases.MANIFEST
        self.descriptors: list[int] = []  # also when opening fails, for the closing
        self.paths = [self.manifest]
        self.descriptors = _opened(self.paths)
        if not self.descriptors:  # filled by hand
            self.paths = [folder / name for name in releases.PLAIN_FILES]
            self.descriptors = _opened(self.paths)
        self.states = [state_of(os.fstat(descriptor)) for descriptor in self.descriptors]

    def is_still(self) -> bool:
        """Whether the files are the ones that were looked at."""
        try:
            states = [state_of(path.stat()) for path in self.paths]
        except OSError:
            return False
        by_hand = len(states) > 1
        return states == self.states and not (by_hand and self.manifest.exists())

    def __del__(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


def _opened(paths: list[Path]) -> list[int]:
    found: list[int] = []
    for path in paths:
        try:
            found.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            break
    return found
