"""Whether the deployed model still holds, by the outcomes that came in since it learned.

The question is whether the rows of the training and the new ones belong to one truth. On both the
residuals of honest risks are added up along some directions: the level, one for each feature, and
of trees what they say in all. A risk is honest where the model has not learned from the row, so
each fold of the training is judged by the model that was fitted on the others. Trees are too sure
of such rows, and a regression on few rows is not sure enough; so log-odds are first made honest, by
what such rows of the training ask to be added along the directions.

With Z the directions, U = Z'(y - p) the sums, I = Z' p (1 - p) Z their information and J =
Z' (y - p)^2 Z how they really vary, also where the model's form is not quite the truth's:

    W = V J V, V = 1 / (I + 1)   how uncertain the training leaves the log-odds
    U_new   has mean 0 and the variance S = J_new + I_new W I_new if the model holds,

so that then U_new' S^-1 U_new / directions has the distribution F, with as many second degrees of
freedom as clients left (or stayed, if fewer), as J_new is made of so few. A regression goes where
its rows pull it, which is what W says. Trees also go where chance leads them, such as how many are
grown, so the fold models do not quite stand for the deployed one: to W is added how far these lie
apart, by the jackknife, A = 4/5 of the sum over the five of (a - mean a)(a - mean a)' with
a = V Z' p (1 - p) eta of the same rows. Without it trees that hold on 1,000 rows would be
doubted one time in twenty.
"""

import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

from risk.columns import Columns
from risk.learning import directions
from risk.learning.directions import Sums
from risk.models import pipelines
from risk.models.estimator import Model, Numbers
from risk.reasons import phrases

SIGNIFICANT = 0.01
FEWEST_ROWS, FEWEST_LEAVERS = 200, 20
MOST_ROWS = 50_000  # whose directions are looked at: more would only find what does not matter
MOST_NAMED = 3
HOLDS, LEVEL, SHAPE, UNKNOWN = "holds", "level", "shape", "cannot tell yet"


class Reference(NamedTuple):
    """What a training shows of itself along the directions, the level before the features.

    `off` is what makes its log-odds honest, `variance` is W.
    """

    rows: int
    centre: list[float]
    scale: list[float]
    off: list[float]
    variance: list[list[float]]

    def to_json(self) -> dict[str, Any]:
        """As it stands in a file: its numbers as one text, since W grows with their square."""
        upper = np.array(self.variance)[np.triu_indices(len(self.off))]
        numbers = np.concatenate([self.centre, self.scale, self.off, upper]).astype("<f4")
        packed = binascii.b2a_base64(numbers.tobytes(), newline=False).decode()
        return {"rows": self.rows, "directions": len(self.off), "numbers": packed}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Reference":
        """As it was written."""
        count = content["directions"]
        packed = np.frombuffer(binascii.a2b_base64(content["numbers"]), "<f4")
        numbers = np.nan_to_num(packed.astype("float64"))
        centre, scale, off, upper = np.split(numbers, np.cumsum([count - 1, count - 1, count]))
        variance = np.zeros((count, count))
        variance[np.triu_indices(count)] = upper
        variance = np.triu(variance) + np.triu(variance, 1).T
        lists = (each.tolist() for each in (centre, scale, off, variance))
        return cls(content["rows"], *lists)

    def ways(self, numbers: Numbers) -> Numbers:
        """Z of rows that stand there."""
        return directions.standard(numbers, np.array(self.centre), np.array(self.scale))


class Evidence(NamedTuple):
    """What new outcomes say of a model: `p` is the chance of as much if the model holds.

    `what` is HOLDS, LEVEL, SHAPE or UNKNOWN, with p = 1 for the last. `delta` is what must be added
    to the model's log-odds for its level to be right. `effect` is how far its log-odds are off,
    typically and beyond chance. `features` have changed, the most certain first.
    """

    what: str
    p: float
    rows: int
    leavers: int
    expected: float
    delta: float
    effect: float = 0.0
    features: tuple[str, ...] = ()
    sentence: str = ""


class _New(NamedTuple):
    """New rows: Z, their honest log-odds, and which left."""

    ways: Numbers
    honest: Numbers
    left: Numbers


class _Contrast(NamedTuple):
    """U and S, and of how many that left, or stayed, the latter was made."""

    score: Numbers
    variance: Numbers
    seen: float


# -- the training --------------------------------------------------------------------------------


class Judged(NamedTuple):
    """A model, rows that it has not learned from, and the risks that it says of them."""

    model: Model
    rows: pd.DataFrame
    risks: Numbers


def reference(judged: Sequence[Judged], columns: Columns) -> Reference:
    """What the evidence needs of a training, by the models of its cross-validation.

    Where there was none, it is the model with its own rows.
    """
    step = _step(sum(len(each.rows) for each in judged))
    some = [Judged(m, rows.iloc[::step], risks[::step]) for m, rows, risks in judged if len(rows)]
    told = directions.of_risks(np.concatenate([each.risks for each in some]))
    numbers = np.concatenate([directions.along(each.model, each.rows, columns) for each in some])
    left = np.concatenate([directions.outcomes(each.rows, columns) for each in some])
    centre, scale = numbers.mean(axis=0), numbers.std(axis=0)
    scale[scale < 1e-9 * (1 + np.abs(centre))] = 1.0
    ways = directions.standard(numbers, centre, scale)
    off, most = directions.fitted(ways, told, left)
    honest = told + ways @ off
    variance = most @ (directions.sums(ways, honest, left).squares + np.eye(len(off))) @ most
    if pipelines.is_boosted(some[0].model):
        risks = special.expit(honest)
        variance += _apart(some, most @ (ways.T * (risks * (1 - risks))), columns)
    return Reference(len(told), centre.tolist(), scale.tolist(), off.tolist(), variance.tolist())


def _apart(judged: Sequence[Judged], weights: Numbers, columns: Columns) -> Numbers:
    """A: how far the models lie apart along the directions, on all rows."""
    rows = pd.concat([each.rows for each in judged])
    places = np.array([weights @ directions.log_odds(each.model, rows, columns) for each in judged])
    moved = places - places.mean(axis=0)
    return np.asarray((1 - 1 / len(judged)) * moved.T @ moved)


def _step(rows: int) -> int:
    return max(1, -(-rows // MOST_ROWS))


# -- new rows ------------------------------------------------------------------------------------


def weigh(model: Model, known: Reference, rows: pd.DataFrame, columns: Columns) -> Evidence:
    """What these rows with an outcome, which the model has not learned from, say of it."""
    if rows.empty:
        return _without_answer(Evidence(UNKNOWN, 1.0, 0, 0, 0.0, 0.0))
    left, told = directions.outcomes(rows, columns), directions.log_odds(model, rows, columns)
    step = _step(len(rows))
    ways = known.ways(directions.along(model, rows.iloc[::step], columns))
    new = _New(ways, told[::step] + ways @ np.array(known.off), left[::step])
    found = Evidence(
        *(UNKNOWN, 1.0, len(rows), int(left.sum())),
        expected=len(rows) * float(special.expit(new.honest).mean()),
        delta=directions.level_shift(told, left),
    )
    return _judged(found, new, known, columns) if _tells(found) else _without_answer(found)


def _judged(found: Evidence, new: _New, known: Reference, columns: Columns) -> Evidence:
    """The evidence, by all directions together, then by those of the features alone."""
    uncertain, count = np.array(known.variance), _fewer(found)
    whole = _contrast(directions.sums(*new), uncertain, count)
    off, variance = directions.fitted(*new)
    found = found._replace(p=_p(whole), effect=_effect(whole, new.ways @ off))
    if found.p >= SIGNIFICANT:
        return found._replace(what=HOLDS, sentence=_holds(found))
    shifted = new.honest + directions.level_shift(new.honest, new.left)
    beside = _beside_level(directions.sums(new.ways, shifted, new.left), uncertain, count)
    if _p(beside) >= max(SIGNIFICANT, _p_of_level(whole)):
        return found._replace(what=LEVEL, sentence=_level(found))
    changed = _changed(off, variance + uncertain, new, columns)
    return found._replace(what=SHAPE, features=tuple(changed), sentence=_shape(found, changed))


def _tells(found: Evidence) -> bool:
    """Whether there are enough rows, and enough clients that left and that stayed."""
    fewest = min(found.leavers, found.rows - found.leavers)
    return found.rows >= FEWEST_ROWS and fewest >= FEWEST_LEAVERS


def _fewer(found: Evidence) -> float:
    """How many left or should have, or stayed, if these are fewer."""
    left = max(found.leavers, found.expected)
    return min(left, max(found.rows - found.leavers, found.rows - found.expected))


def _contrast(new: Sums, uncertain: Numbers, count: float) -> _Contrast:
    """U and S of new rows."""
    variance = new.squares + new.information @ uncertain @ new.information
    return _Contrast(new.score, variance, count)


def _beside_level(new: Sums, uncertain: Numbers, count: float) -> _Contrast:
    """U and S of the features, whatever the level of the new rows is."""
    gone = np.column_stack(
        [-new.information[1:, 0] / new.information[0, 0], np.eye(len(new.score) - 1)]
    )
    rest = Sums(gone @ new.score, gone @ new.information @ gone.T, gone @ new.squares @ gone.T)
    return _contrast(rest, uncertain[1:, 1:], count)


def _size(found: _Contrast) -> tuple[float, int]:
    """U' S^-1 U, and along how many directions S has anything to say."""
    scale = np.sqrt(np.maximum(np.diag(found.variance), 1e-300))
    values, vectors = np.linalg.eigh(found.variance / np.outer(scale, scale))
    says = values > 1e-7
    size = ((vectors.T @ (found.score / scale))[says] ** 2 / values[says]).sum()
    return float(size), int(says.sum())


def _p(found: _Contrast) -> float:
    """The chance of as much."""
    size, count = _size(found)
    return float(stats.f.sf(size / count, count, found.seen)) if count else 1.0


def _p_of_level(found: _Contrast) -> float:
    return _p(_Contrast(found.score[:1], found.variance[:1, :1], found.seen))


def _effect(found: _Contrast, off: Numbers) -> float:
    """How far log-odds are off: the root of the mean square, shrunk as its size is by chance.

    The factor is that of James and Stein, 1 - directions / size, not below 0.
    """
    size, count = _size(found)
    return math.sqrt(float((off**2).mean()) * max(0.0, 1 - count / max(size, 1e-9)))


def _changed(off: Numbers, variance: Numbers, new: _New, columns: Columns) -> dict[str, str]:
    """The features that changed, each beside all others, and how; the surest first.

    If what trees say in all counts less, so does each feature, by its share in that. With so many
    features to choose from each must be that much more certain (Bonferroni); if none is, the one
    that comes nearest stands for them.
    """
    count = len(columns.features)
    own = np.linalg.lstsq(new.ways[:, : 1 + count], new.honest, rcond=1e-6)[0][1:]
    takes = np.eye(len(off))[1 : 1 + count]
    for place in range(1 + count, len(off)):  # at most one
        takes[:, place] = own * (new.ways[:, place].std() / max(new.honest.std(), 1e-9))
    off, variance = takes @ off, takes @ variance @ takes.T
    size = np.abs(off) / np.sqrt(np.diag(variance))
    is_sure = 2 * stats.norm.sf(size) * count < SIGNIFICANT
    return {
        columns.features[place]: _how(float(own[place]), float(off[place]))
        for rank, place in enumerate(np.argsort(-size, kind="stable"))
        if is_sure[place] or not rank
    }


# -- in words ------------------------------------------------------------------------------------


def _how(own: float, shift: float) -> str:
    """How a feature counts now that the model gives this weight."""
    now = own + shift
    if abs(own) < abs(now) / 10:
        return "began to count"
    if own * now < 0 and abs(now) > abs(own) / 10:
        return "counts the other way round"
    return f"counts {'more' if abs(now) > abs(own) else 'less'} than the model says"


def chance(p: float) -> str:
    """A p-value with the digits that count."""
    if p < 0.0001:
        return "p < 0.0001"
    return f"p = {p:.2f}" if p >= 0.1 else f"p = {p:.1g}" if p < 0.001 else f"p = {p:.2g}"


def _without_answer(found: Evidence) -> Evidence:
    left = f"{found.leavers:,} of clients that left"
    said = f"only {found.rows:,} new outcomes, {left}: {UNKNOWN}"
    return found._replace(sentence=said)


def _holds(found: Evidence) -> str:
    return f"the deployed model still holds on {found.rows:,} new outcomes ({chance(found.p)})"


def _counts(found: Evidence) -> str:
    came = f"of {found.rows:,} new outcomes {found.leavers:,} left"
    return f"{came}, {found.expected:,.0f} were expected ({chance(found.p)})"


def _level(found: Evidence) -> str:
    more = "more" if found.leavers > found.expected else "fewer"
    return f"{_counts(found)}: {more} leave, the order of the list still holds"


def _shape(found: Evidence, changed: dict[str, str]) -> str:
    """The features that changed the most surely, and how."""
    named = [f"{phrases.label(name)} {how}" for name, how in changed.items()]
    others = len(named) - MOST_NAMED
    more = f", and {others} more features changed" if others > 0 else ""
    return f"{', '.join(named[:MOST_NAMED])}{more} ({chance(found.p)})"
