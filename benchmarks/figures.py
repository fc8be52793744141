"""What was measured: a table for people, JSON for programs, pictures for the page about it."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import LogLocator, NullLocator

from risk import files
from risk.reports import charts


class Figure(NamedTuple):
    """A median, what it is held against, and what is aimed at.

    `value` is a ratio of the two medians' pairs, unless the unit says that it is an amount.
    """

    work: str
    value: float
    unit: str
    aim: float
    ours: float
    beside: float
    beside_what: str
    mebibytes: float = 0.0
    at_least: bool = False  # the aim is a floor, not a ceiling

    @property
    def of_aim(self) -> float:
        """How much of what is allowed was used; above 1 the aim is missed."""
        return self.aim / self.value if self.at_least else self.value / self.aim


class Growth(NamedTuple):
    """What a run with one new file costs above the imports, by the rows of the history."""

    rows: int
    seconds: float


def machine() -> dict[str, Any]:
    """What it was measured on, and how busy that was."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": [round(each, 2) for each in os.getloadavg()],
    }


def line(figure: Figure) -> str:
    """A row of the table."""
    bound = "at least" if figure.at_least else "at most"
    memory = f"{figure.mebibytes:7,.0f} MiB" if figure.mebibytes else ""
    return (
        f"{figure.work:52} {figure.value:8.2f} {figure.unit:6} {bound:8} {figure.aim:7.2f}  "
        f"{'' if figure.of_aim <= 1 else 'MISSED':7}{figure.ours:10.4f} beside {figure.beside:9.4f}"
        f" {figure.beside_what} {memory}"
    )


def write(
    path: Path, measured: Iterable[Figure], grown: Iterable[Growth], about: dict[str, Any]
) -> None:
    """Write all figures as JSON."""
    rows = [each._asdict() | {"of_aim": each.of_aim} for each in measured]
    growth = [each._asdict() for each in grown]
    files.write_json(path, {"measured": rows, "growth": growth, **about})


def draw(path: Path, measured: list[Figure], grown: list[Growth]) -> None:
    """Draw each figure beside its aim, and the cost of a run over the size of the history."""
    picture = Picture(figsize=(9, 1.6 + 0.34 * len(measured) + (2.6 if grown else 0)), dpi=150)
    heights = [0.34 * len(measured) + 0.6, *([2.6] if grown else [])]
    axes = picture.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
    _beside_aims(axes[0], measured)
    if grown:
        _over_history(axes[1], grown)
    picture.tight_layout()
    with files.replacing(path) as handle:
        picture.savefig(handle, format="png", metadata={"Software": None})


def _beside_aims(axes: Axes, measured: list[Figure]) -> None:
    names = [each.work for each in measured][::-1]
    shares = [each.of_aim for each in measured][::-1]
    colours = [charts.SOFT if share <= 1 else charts.INK for share in shares]
    axes.barh(names, shares, color=colours, height=0.6)
    axes.axvline(1, color=charts.INK, lw=1, ls="--")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    for place, share in enumerate(shares):
        axes.annotate(
            f" {share:.2f}", (max(share, 1), place), va="center", fontsize=8, color=charts.INK
        )
    axes.set_title("cost as a share of the aim; dark bars miss it", fontsize=10, loc="left")
    axes.margins(x=0.15)
    axes.tick_params(labelsize=8)


def _over_history(axes: Axes, grown: list[Growth]) -> None:
    axes.plot(
        [each.rows for each in grown],
        [each.seconds for each in grown],
        color=charts.INK,
        marker="o",
    )
    axes.set_xscale("log")
    axes.set_xticks([each.rows for each in grown], [f"{each.rows:,}" for each in grown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set_title("a run with 10,000 new rows: CPU s above its imports", fontsize=10, loc="left")
    axes.set_xlabel("rows of the history", fontsize=8)
    axes.tick_params(labelsize=8)
