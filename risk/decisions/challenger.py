"""Whether a new model is better than the one in use, on outcomes that neither has learned from.

Half of the clients judge, and which half is a matter of their codes alone: the same on every
machine and in every run.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from risk.models.estimator import Numbers

SIGNIFICANT = 0.05
SMALLEST_RISK = 1e-6  # no single client, however sure a model was of it, decides


class Gain(NamedTuple):
    """By how much the log-loss per client is smaller, and the chance of as much if it is not."""

    mean: float
    p: float


def judges(clients: Iterable[str]) -> npt.NDArray[np.bool_]:
    """The clients that judge: those whose code has a SHA-256 that begins with an even byte."""
    return np.array([_judges(client) for client in clients], dtype=bool)


def _judges(client: str) -> bool:
    return hashlib.sha256(client.encode(errors="surrogatepass")).digest()[0] % 2 == 0


def gain(before: Numbers, new: Numbers, left: npt.NDArray[np.bool_]) -> Gain:
    """The gain of the new risks over those before, of the same clients.

    With d the difference of the two losses of a client, t = mean d / (sd d / sqrt n), one-sided by
    Student's distribution. Equal risks, or fewer than two clients, say nothing: p is 1.
    """
    differences = _loss(before, left) - _loss(new, left)
    count = len(differences)
    mean = float(differences.mean()) if count else 0.0
    spread = float(differences.std(ddof=1)) if count > 1 else 0.0
    if spread <= 1e-12 * (1 + abs(mean)):
        return Gain(mean, 1.0)
    return Gain(mean, float(stats.t.sf(mean / (spread / np.sqrt(count)), count - 1)))


def _loss(risks: Numbers, left: npt.NDArray[np.bool_]) -> Numbers:
    """-ln of how likely each model took what came."""
    came = np.where(left, risks, 1 - risks)
    return np.asarray(-np.log(np.clip(came, SMALLEST_RISK, 1.0)))
