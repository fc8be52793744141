"""Figures, drawn without a screen and returned as the bytes of a PNG."""

import io
import math
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from risk.learning.evaluation import share_interval
from risk.records.store import DATASETS, NEWEST, Trends
from risk.wording import FEW_LEAVERS

DPI = 150
PANELS = {
    "left": 0.065,
    "right": 0.895,
    "top": 0.93,
    "bottom": 0.075,
    "wspace": 0.56,
    "hspace": 0.22,
}
FEW_POINTS = 40
FEW_RELEASES = 15
MOST_NAMED = 6
MOST_POINTS = 2000
ONE_MOMENT = 1 / 1440  # days: a run and the release that it deploys
INK, SOFT, PALE, GRID = "#1b2733", "#55636f", "#a4afb8", "#e6eaed"
SERIES = ("#0b6e99", "#c4501b", "#5b8c2a", "#7a4fa3", "#a3761b", "#444f5a", "#b0396a", "#2a8c7d")
DASHES = ("-", "--", "-.", ":")
BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
DAY = "%-d %B %Y"
DATES = ["", "%Y", "%B %Y", DAY, DAY, f"{DAY}, %H:%M"]  # beside years, months, ... seconds
OF_ALL = FuncFormatter(lambda share, _: f"{100 * share:.3g} %")
NUMBER = FuncFormatter(lambda number, _: f"{number:,.12g}")

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Draw = Callable[[Axes], None]


def font_folder() -> Path:
    """Where the fonts are that the figures are set in."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _figure(width: float, height: float) -> Figure:
    layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.06, hspace=0.05, wspace=0.04)
    return Figure(figsize=(width, height), layout=layout, dpi=DPI)


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    canvas = FigureCanvasAgg(figure)  # savefig would lay everything out twice
    canvas.print_png(content)  # type: ignore[no-untyped-call]
    return content.getvalue()


# The deployed model on the test data


def confusion_matrix(left: Flags, expected: Flags, title: str) -> bytes:
    """What became of the clients beside what was expected of them, in counts and shares."""
    figure = _figure(6.4, 4.6)
    axes = figure.add_subplot()
    counts = np.array([[((left == row) & (expected == c)).sum() for c in (0, 1)] for row in (0, 1)])
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    sns.heatmap(
        shares,
        ax=axes,
        cmap=sns.light_palette("#134b66", as_cmap=True),
        vmin=0,
        vmax=1,
        cbar=False,
        linewidths=3,
        xticklabels=["expected to stay", "expected to leave"],
        yticklabels=["stayed", "left"],
    )
    words = (("rightly let be", "false alarms"), ("missed", "found"))
    for row, what in enumerate(("stayed", "left")):
        for column in (0, 1):
            color = "white" if shares[row, column] > 0.65 else INK
            place: dict[str, Any] = {"ha": "center", "color": color}
            x, y = column + 0.5, row + 0.5
            axes.text(x, y, f"{counts[row, column]:,}", va="bottom", fontsize=22, **place)
            share = f"{100 * shares[row, column]:.0f} % of those that {what}"
            axes.text(x, y + 0.07, share, va="top", fontsize=10, **place)
            axes.text(x, y + 0.2, words[row][column], va="top", fontsize=10, **place)
    axes.xaxis.tick_top()
    axes.tick_params(labelsize=12, labelcolor=INK, length=0, labelrotation=0, pad=6)
    figure.suptitle(
        title, x=0.012, ha="left", fontsize=11, fontweight="bold", color=INK, parse_math=False
    )
    return _png(figure)


def quality(left: Flags, risks: Numbers, share: float) -> bytes:
    """What calling down the list reaches, and whether a risk of 30 percent means 30 percent."""
    figure = _figure(10, 4.3)
    panels: tuple[tuple[str, Draw], ...] = (
        ("Leavers reached when calling down the list", lambda a: _gains(a, left, risks, share)),
        ("Of ten groups by risk: said, and come true", lambda a: _calibration(a, left, risks)),
    )
    for place, (title, draw) in enumerate(panels, 1):
        axes = figure.add_subplot(1, 2, place)
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=8)
        draw(axes)
        _tidy(axes)
    return _png(figure)


def _gains(axes: Axes, left: Flags, risks: Numbers, share: float) -> None:
    order = np.argsort(-risks, kind="stable")
    reached = np.concatenate([[0], np.cumsum(left[order])]) / max(1, left.sum())
    called = np.linspace(0, 1, len(reached))
    some = np.unique(np.linspace(0, len(reached) - 1, MOST_POINTS).astype(int))
    best = left.mean()
    axes.plot([0, best, 1], [0, 1, 1], color=SOFT, lw=1.2, ls="--")
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1.2, ls=":")
    axes.plot(called[some], reached[some], color=SERIES[0], lw=2.4)
    axes.annotate("the best possible list", (best, 1), (4, -4), textcoords="offset points",
                  va="top", fontsize=9, color=SOFT)  # fmt: skip
    axes.annotate("calling at random", (0.62, 0.62), (6, -4), textcoords="offset points",
                  va="top", fontsize=9, color=SOFT)  # fmt: skip
    there = float(np.interp(share, called, reached))
    axes.plot([share, share, 0], [0, there, there], color=INK, lw=0.8)
    axes.plot(share, there, "o", color=INK, ms=6)
    axes.annotate(
        f"calling {100 * share:.0f} % of the clients\nreaches {100 * there:.0f} % of the leavers",
        (share, there),
        (10, -4),
        textcoords="offset points",
        va="top",
        fontsize=9,
        color=INK,
        bbox=BEHIND,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.04))
    axes.set_xlabel("share of the clients called", fontsize=9, color=SOFT)
    axes.xaxis.set_major_formatter(OF_ALL)
    axes.yaxis.set_major_formatter(OF_ALL)


def _calibration(axes: Axes, left: Flags, risks: Numbers) -> None:
    groups = np.array_split(np.argsort(risks, kind="stable"), min(10, len(risks)))
    said = np.array([risks[group].mean() for group in groups])
    came = np.array([left[group].mean() for group in groups])
    ends = [share_interval(int(left[group].sum()), len(group)) for group in groups]
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1.2, ls=":")
    axes.vlines(said, [low for low, _ in ends], [high for _, high in ends], color=PALE, lw=3)
    axes.plot(said, came, "o", color=SERIES[0], ms=6)
    axes.annotate("as said", (0.86, 0.86), (6, -4), textcoords="offset points", va="top",
                  fontsize=9, color=SOFT)  # fmt: skip
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    axes.set_xlabel("risk that the model said; bars: 95 % of chance", fontsize=9, color=SOFT)
    axes.xaxis.set_major_formatter(OF_ALL)
    axes.yaxis.set_major_formatter(OF_ALL)


# The history


def trends(history: Trends) -> bytes:
    """One page of small panels over time."""
    panels: tuple[tuple[str, Draw], ...] = (
        ("F1 of the deployed model", lambda axes: _f1(axes, history)),
        ("Leavers among those who would be called", lambda axes: _called(axes, history)),
        ("Missing cells, percent", lambda axes: _missing(axes, history.missing)),
        ("Seconds", lambda axes: _seconds(axes, history.seconds)),
        ("Rows with a known outcome", lambda axes: _rows(axes, history.scores)),
        ("Share of leavers", lambda axes: _leavers(axes, history.scores)),
    )
    figure = Figure(figsize=(11, 10), dpi=DPI)
    figure.subplots_adjust(**PANELS)
    span = _span(history)
    figure.suptitle(_about(history), x=0.006, y=0.993, ha="left", fontsize=11, color=INK)
    for place, (title, draw) in enumerate(panels, 1):
        axes = figure.add_subplot(3, 2, place)
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=8)
        draw(axes)
        _tidy(axes)
        _dates(axes, span, is_last=place > len(panels) - 2)
    legend = "Times in UTC. Upright lines mark releases, shades the 95 % interval of an F1."
    figure.supxlabel(legend, x=0.006, y=0.008, ha="left", fontsize=9, color=SOFT)
    return _png(figure)


def _span(history: Trends) -> tuple[float, float]:
    """The first and the last moment of which anything is drawn."""
    texts = [table["started_at"] for table in history[:3]] + [history.deployments["deployed_at"]]
    moments = pd.concat([_moments(column) for column in texts])
    if moments.empty:
        return 0.0, 0.0
    first, last = date2num([moments.min(), moments.max()])  # type: ignore[no-untyped-call]
    return float(first), float(last)


def _about(history: Trends) -> str:
    runs = history.missing["started_at"].nunique()
    if not runs:
        return ""
    first, last = (_moments(history.missing["started_at"]).agg(end) for end in ("min", "max"))
    days = f"{first:%-d %B %Y}" + (f" to {last:%-d %B %Y}" if first.date() < last.date() else "")
    count = "1 run" if runs == 1 else f"{runs:,} runs"
    return f"{count}, {days}"


def _f1(axes: Axes, history: Trends) -> None:
    scores = history.scores
    _by_dataset(axes, scores, "f1")
    for (_, low), color in zip(_of(scores, "f1_low"), SERIES, strict=False):
        high = scores[
            (scores["metric"] == "f1_high") & (scores["dataset"] == low["dataset"].iloc[0])
        ]
        if len(low) == len(high) > 1:
            axes.fill_between(
                _when(low), low["value"], high["value"], color=color, alpha=0.12, lw=0
            )
        elif len(low) == len(high):
            axes.vlines(_when(low), low["value"], high["value"], color=color, alpha=0.3, lw=4)
    _circle_provisional(axes, scores, "f1")
    if axes.lines:
        _releases(axes, history.deployments, _span(history))


def _circle_provisional(axes: Axes, scores: pd.DataFrame, metric: str) -> None:
    """Mark the values that rest on too few leavers, and say what the mark means."""
    few = scores[(scores["metric"] == metric) & (scores["leavers"] < FEW_LEAVERS)]
    if len(few):
        size = 8 if len(few) < FEW_POINTS else 4
        axes.plot(_when(few), few["value"], "o", ms=size, mfc="none", mec=INK, mew=size / 10)
        text = f"circled: provisional, under {FEW_LEAVERS} leavers"
        axes.text(0.01, 0.04, text, transform=axes.transAxes, fontsize=8, color=SOFT, bbox=BEHIND)


def _releases(axes: Axes, deployments: pd.DataFrame, span: tuple[float, float]) -> None:
    """A line for each release, with its number where there is room for it."""
    moments = date2num(_moments(deployments["deployed_at"]))  # type: ignore[no-untyped-call]
    room, free_from = (span[1] - span[0]) * 0.06, -math.inf
    for moment, number in zip(moments, deployments["number"], strict=True):
        faint = 1 if len(moments) < FEW_RELEASES else 0.35
        axes.axvline(moment, color=PALE, lw=0.8, alpha=faint, zorder=0)
        if moment < free_from:
            continue
        free_from = moment + room
        axes.annotate(
            str(number),
            (moment, 1),
            (2, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
            fontsize=8,
            color=SOFT,
        )


def _called(axes: Axes, history: Trends) -> None:
    _by_dataset(axes, history.scores, "precision_at_capacity")
    _circle_provisional(axes, history.scores, "precision_at_capacity")
    axes.yaxis.set_major_formatter(OF_ALL)


def _by_dataset(axes: Axes, scores: pd.DataFrame, metric: str) -> None:
    _lines(axes, [(f"{name} data", rows) for name, rows in _of(scores, metric)], "value", 1.0)


def _of(scores: pd.DataFrame, metric: str) -> list[tuple[str, pd.DataFrame]]:
    """The values of a metric by dataset, in the order and so in the colours of the pages."""
    measured = scores[scores["metric"] == metric]
    parts = [(name, measured[measured["dataset"] == name]) for name in DATASETS]
    return [(name, rows) for name, rows in parts if len(rows)]


def _missing(axes: Axes, missing: pd.DataFrame) -> None:
    has_gaps = missing.groupby("column")["missing_percent"].transform("max") > 0
    drawn = missing[has_gaps] if has_gaps.any() else missing
    groups = drawn.groupby("column", sort=False)
    _lines(axes, [(str(name), rows) for name, rows in groups], "missing_percent")


def _seconds(axes: Axes, seconds: pd.DataFrame) -> None:
    groups = seconds[seconds["step"].isin(("ingestion", "training", "ranking"))].groupby("step")
    _lines(axes, [(str(name), rows) for name, rows in groups], "seconds")


def _rows(axes: Axes, scores: pd.DataFrame) -> None:
    _lines(axes, [("newest data", _newest(scores))], "rows")


def _leavers(axes: Axes, scores: pd.DataFrame) -> None:
    newest = _newest(scores)
    share = newest["leavers"] / newest["rows"]
    _lines(axes, [("newest data", newest.assign(share=share))], "share")
    axes.yaxis.set_major_formatter(OF_ALL)


def _newest(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[(scores["metric"] == "f1") & (scores["dataset"] == NEWEST)]


def _lines(
    axes: Axes, groups: list[tuple[str, pd.DataFrame]], value: str, top: float | None = None
) -> None:
    """One line per group with its name at its end, and a point for each run where there are few."""
    styles = zip(cycle(SERIES), cycle(DASHES), strict=False)
    ends: list[tuple[float, str, str]] = []
    highest = 0.0
    for (name, rows), (color, dash) in zip(groups, styles, strict=False):
        if rows.empty:
            continue
        marker = "o" if len(rows) < FEW_POINTS else ""
        axes.plot(_when(rows), rows[value], marker=marker, color=color, ls=dash, lw=1.2, ms=4)
        ends.append((float(rows[value].iloc[-1]), name, color))
        highest = max(highest, float(rows[value].max()))
    axes.set_ylim(0, top or highest * 1.18 or 1)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(NUMBER)
    if len(groups) > 1:
        _name(axes, ends)


def _name(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Names beside the ends of the lines, pushed apart where they would cover each other."""
    below = axes.get_ylim()[1]
    gap, floor = 0.085, -1.0
    rest = len(ends) - MOST_NAMED
    if rest > 0:
        ends = [*sorted(ends, reverse=True)[:MOST_NAMED], (0.0, f"and {rest} more", SOFT)]
    for value, name, color in sorted(ends):
        place = max(value / below, floor + gap)
        floor = place
        if place > value / below + gap / 4:
            axes.plot([1.002, 1.014], [value / below, place], color=color, lw=0.6, clip_on=False,
                      transform=axes.transAxes, scalex=False, scaley=False)  # fmt: skip
        short = name if len(name) <= 21 else f"{name[:20]}…"
        axes.text(1.02, place, short, transform=axes.transAxes, fontsize=8.5, color=color,
                  va="center", parse_math=False)  # fmt: skip


def _when(table: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    return _moments(table["started_at"])


def _moments(texts: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(texts, utc=True)


def _dates(axes: Axes, span: tuple[float, float], *, is_last: bool) -> None:
    """The same stretch of time in every panel, its dates below the last ones."""
    if not axes.lines:
        axes.text(0.5, 0.5, "nothing recorded yet", ha="center", color=SOFT, fontsize=10)
        axes.set(xticks=[], yticks=[])
        return
    first, last = span
    is_one_moment = last - first < ONE_MOMENT
    margin = 0.5 if is_one_moment else (last - first) * 0.02
    axes.set_xlim(first - margin, last + margin)
    axes.tick_params(labelbottom=is_last)
    if is_one_moment:
        axes.set_xticks([first], [f"{num2date(first):%-d %B %Y, %H:%M} UTC"])  # type: ignore[no-untyped-call]
        return
    locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    written = ConciseDateFormatter(locator, offset_formats=DATES)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(written)
    axes.xaxis.get_offset_text().set_visible(is_last)


def _tidy(axes: Axes) -> None:
    """Axes that say what they show, with nothing around them that says nothing."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    axes.tick_params(labelsize=9, labelcolor=SOFT, length=0, pad=5)
    axes.grid(axis="y", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
