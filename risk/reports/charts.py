"""Figures of the deployed model on the test data, as PNG."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image

from risk.learning.evaluation import Flags, share_interval
from risk.models.estimator import Numbers
from risk.records.decisions import Group

DPI = 150
MOST_POINTS = 2000
INK, SOFT, PALE, GRID = "#1b2733", "#55636f", "#a4afb8", "#e6eaed"
SERIES = ("#0b6e99", "#c4501b", "#5b8c2a", "#7a4fa3", "#a3761b", "#444f5a", "#b0396a", "#2a8c7d")
BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
OF_ALL = FuncFormatter(lambda share, _: f"{100 * share:.3g} %")
CELLS = (  # of the confusion matrix, row by row
    "of those that stayed\nrightly let be",
    "of those that stayed\nfalse alarms",
    "of those that left\nmissed",
    "of those that left\nfound",
)


def font_folder() -> Path:
    """Where the fonts of the figures are."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def figure(width: float, height: float, **margins: float) -> Figure:
    """A figure of so many inches; margins in shares of it, as measuring texts takes long."""
    empty = Figure(figsize=(width, height), dpi=DPI)
    empty.subplots_adjust(**margins)
    return empty


def png(drawn: Figure) -> bytes:
    """The bytes of the picture, which is opaque: the report would store transparency beside it."""
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    Image.fromarray(pixels[..., :3].copy()).save(content, "png")
    return content.getvalue()


def panel(drawn: Figure, rows: int, columns: int, place: int, title: str) -> Axes:
    """The axes at this place, with their title and without lines that say nothing."""
    axes = drawn.add_subplot(rows, columns, place)
    axes.set_title(title, loc="left", y=1.0, pad=8, fontsize=11, fontweight="bold", color=INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    axes.tick_params(labelsize=9, labelcolor=SOFT, length=0, pad=5)
    axes.grid(axis="y", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    return axes


def confusion_matrix(left: Flags, expected: Flags, title: str) -> bytes:
    """What became of the clients beside what was expected of them, in counts and shares."""
    drawn = figure(6.4, 4.6, left=0.115, right=0.99, top=0.81, bottom=0.02)
    axes = drawn.add_subplot()
    counts = np.array([[((left == row) & (expected == c)).sum() for c in (0, 1)] for row in (0, 1)])
    _fill_cells(axes, counts)
    axes.xaxis.tick_top()
    axes.tick_params(labelsize=12, labelcolor=INK, length=0, labelrotation=0, pad=6)
    drawn.suptitle(
        title,
        x=0.012,
        y=0.98,
        ha="left",
        fontsize=11,
        fontweight="bold",
        color=INK,
        parse_math=False,
    )
    return png(drawn)


def _fill_cells(axes: Axes, counts: npt.NDArray[np.int64]) -> None:
    """The darker a cell, the greater its share of its row."""
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    sns.heatmap(
        shares,
        ax=axes,
        annot=np.vectorize("{:,}".format)(counts),
        fmt="",
        annot_kws={"fontsize": 22, "va": "bottom"},
        cmap=sns.light_palette("#134b66", as_cmap=True),
        vmin=0,
        vmax=1,
        cbar=False,
        linewidths=3,
        xticklabels=["expected to stay", "expected to leave"],
        yticklabels=["stayed", "left"],
    )
    for number, share, words in zip(list(axes.texts), shares.flat, CELLS, strict=True):
        text, color = f"{100 * share:.0f} % {words}", number.get_color()
        _write(axes, text, number.get_position(), (0, -6), ha="center", size=10, color=color)


def quality(left: Flags, risks: Numbers, share: float) -> bytes:
    """What calling down the list reaches, and whether a risk of 30 percent means 30 percent."""
    drawn = figure(10, 4.3, left=0.055, right=0.985, top=0.91, bottom=0.125, wspace=0.16)
    _gains(panel(drawn, 1, 2, 1, "Leavers reached when calling down the list"), left, risks, share)
    _calibration(panel(drawn, 1, 2, 2, "Predicted and real share of leavers"), left, risks)
    for axes in drawn.axes:
        axes.xaxis.set_major_formatter(OF_ALL)
        axes.yaxis.set_major_formatter(OF_ALL)
    return png(drawn)


def _gains(axes: Axes, left: Flags, risks: Numbers, share: float) -> None:
    order = np.argsort(-risks, kind="stable")
    reached = np.concatenate([[0], np.cumsum(left[order])]) / max(1, left.sum())
    called = np.linspace(0, 1, len(reached))
    some = np.unique(np.linspace(0, len(reached) - 1, MOST_POINTS).astype(int))
    best = left.mean()
    axes.plot([0, best, 1], [0, 1, 1], color=SOFT, lw=1.2, ls="--")
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1.2, ls=":")
    axes.plot(called[some], reached[some], color=SERIES[0], lw=2.4)
    _write(axes, "the best possible list", (best, 1), (4, -4))
    _write(axes, "calling at random", (0.62, 0.62), (6, -4))
    there = float(np.interp(share, called, reached))
    axes.plot([share, share, 0], [0, there, there], color=INK, lw=0.8)
    axes.plot(share, there, "o", color=INK, ms=6)
    words = (
        f"calling {100 * share:.0f} % of the clients\nreaches {100 * there:.0f} % of the leavers"
    )
    _write(axes, words, (share, there), (10, -4), color=INK, bbox=BEHIND)
    axes.set(xlim=(0, 1), ylim=(0, 1.04))
    axes.set_xlabel("share of the clients called", fontsize=9, color=SOFT)


def _calibration(axes: Axes, left: Flags, risks: Numbers) -> None:
    groups = np.array_split(np.argsort(risks, kind="stable"), min(10, len(risks)))
    predicted = [risks[group].mean() for group in groups]
    real = [left[group].mean() for group in groups]
    ends = [share_interval(int(left[group].sum()), len(group)) for group in groups]
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1.2, ls=":")
    axes.vlines(predicted, [low for low, _ in ends], [high for _, high in ends], color=PALE, lw=3)
    axes.plot(predicted, real, "o", color=SERIES[0], ms=6)
    _write(axes, "as predicted", (0.8, 0.8), (8, -4))
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    axes.set_xlabel("predicted risk of ten groups; bars: 95 % interval", fontsize=9, color=SOFT)


def reliability(groups: Sequence[Group]) -> bytes:
    """Predicted risk and the share that left, by groups; a square is beyond its interval."""
    drawn = figure(7, 3.4, left=0.075, right=0.985, top=0.9, bottom=0.14)
    axes = panel(drawn, 1, 1, 1, "Predicted risk, and share that left")
    end = 1.05 * max(max(each.risk, each.left_high) for each in groups)
    axes.plot([0, end], [0, end], color=SOFT, lw=1.2, ls="--")
    for each in groups:
        color, mark = (SERIES[1], "s") if each.is_off else (SERIES[0], "o")
        axes.vlines(each.risk, each.left_low, each.left_high, color=color, lw=1.6)
        face = "white" if each.is_off else color
        axes.plot(each.risk, each.left, mark, ms=6, mfc=face, mec=color, mew=1.4)
    axes.set(xlim=(0, end), ylim=(0, end))
    axes.set_xlabel("predicted risk of a group; bars: 90 % interval", fontsize=9, color=SOFT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(OF_ALL)
    return png(drawn)


def _write(
    axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **style: Any
) -> None:
    """Text below and beside a point, so many typographic points away."""
    usual: dict[str, Any] = {"va": "top", "size": 9, "color": SOFT}
    axes.annotate(text, at, offset, textcoords="offset points", **usual | style)
