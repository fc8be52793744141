"""The figure of the history: the quality, the data and the timings of all recorded runs."""

import math
from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num, num2date
from matplotlib.ticker import FuncFormatter, MaxNLocator

from risk.decisions.gates import DATASETS, NEWEST
from risk.records.queries import Trends
from risk.reports.charts import BEHIND, INK, OF_ALL, PALE, SERIES, SOFT, figure, panel, png
from risk.wording import FEW_LEAVERS

PANELS = {
    "left": 0.065,
    "right": 0.895,
    "top": 0.93,
    "bottom": 0.075,
    "wspace": 0.56,
    "hspace": 0.22,
}
MOMENTS = (*("started_at",) * 3, "deployed_at")  # the column of each table that says when
STEPS = ("ingestion", "training", "ranking")
FEW_POINTS = 40
FEW_RELEASES = 15
MOST_NAMED = 6
ONE_MOMENT = 1 / 1440  # days: a run and the release that it deploys
DASHES = ("-", "--", "-.", ":")
DAY = "%-d %B %Y"
DATES = ["", "%Y", "%B %Y", DAY, DAY, f"{DAY}, %H:%M"]  # beside years, months, ... seconds
NUMBER = FuncFormatter(lambda number, _: f"{number:,.12g}")


def draw(history: Trends) -> bytes:
    """One page of small panels over time."""
    history = _with_moments(history)
    scores = history.scores
    drawn = figure(11, 10, **PANELS)
    drawn.suptitle(_about(history), x=0.006, y=0.993, ha="left", fontsize=11, color=INK)
    titles = (
        "F1 of the deployed model",
        "Leavers among those who would be called",
        "Missing cells, percent",
        "Seconds",
        "Rows with a known outcome",
        "Share of leavers",
    )
    panels = [panel(drawn, 3, 2, place, title) for place, title in enumerate(titles, 1)]
    f1, called, missing, seconds, rows, leavers = panels
    _draw_f1(f1, history)
    _draw_by_dataset(called, scores, "precision_at_capacity")
    _draw_missing(missing, history.missing)
    _draw_seconds(seconds, history.seconds)
    newest = scores[(scores["metric"] == "f1") & (scores["dataset"] == NEWEST)]
    _draw_lines(rows, [("newest data", newest)], "rows")
    share = newest.assign(share=newest["leavers"] / newest["rows"])
    _draw_lines(leavers, [("newest data", share)], "share")
    for axes in (called, leavers):
        axes.yaxis.set_major_formatter(OF_ALL)
    span = _span(history)
    for axes in panels:
        _show_dates(axes, span, is_last=axes in panels[-2:])
    legend = "Times in UTC. Upright lines mark releases, shades the 95 % interval of an F1."
    drawn.supxlabel(legend, x=0.006, y=0.008, ha="left", fontsize=9, color=SOFT)
    return png(drawn)


def _with_moments(history: Trends) -> Trends:
    """The history with its texts of moments as times."""
    return Trends(
        *(
            table.assign(**{name: pd.to_datetime(table[name], utc=True)})
            for table, name in zip(history, MOMENTS, strict=True)
        )
    )


def _span(history: Trends) -> tuple[float, float]:
    """The first and the last moment of which anything is drawn."""
    began = [table["started_at"] for table in history[:3]]
    moments = pd.concat([*began, history.deployments["deployed_at"]])
    if moments.empty:
        return 0.0, 0.0
    first, last = date2num([moments.min(), moments.max()])  # type: ignore[no-untyped-call]
    return float(first), float(last)


def _about(history: Trends) -> str:
    runs = history.missing["started_at"].nunique()
    if not runs:
        return ""
    first, last = history.missing["started_at"].agg(["min", "max"])
    days = f"{first:%-d %B %Y}" + (f" to {last:%-d %B %Y}" if first.date() < last.date() else "")
    count = "1 run" if runs == 1 else f"{runs:,} runs"
    return f"{count}, {days}"


def _draw_f1(axes: Axes, history: Trends) -> None:
    scores = history.scores
    _draw_by_dataset(axes, scores, "f1")
    for (_, low), color in zip(_by_dataset(scores, "f1_low"), SERIES, strict=False):
        high = scores[
            (scores["metric"] == "f1_high") & (scores["dataset"] == low["dataset"].iloc[0])
        ]
        if len(low) == len(high) > 1:
            axes.fill_between(
                low["started_at"], low["value"], high["value"], color=color, alpha=0.12, lw=0
            )
        elif len(low) == len(high):
            axes.vlines(
                low["started_at"], low["value"], high["value"], color=color, alpha=0.3, lw=4
            )
    if axes.lines:
        _mark_releases(axes, history.deployments, _span(history))


def _circle_provisional(axes: Axes, scores: pd.DataFrame, metric: str) -> None:
    """Mark the values that rest on too few leavers, and say what the mark means."""
    few = scores[(scores["metric"] == metric) & (scores["leavers"] < FEW_LEAVERS)]
    if len(few):
        size = 8 if len(few) < FEW_POINTS else 4
        axes.plot(few["started_at"], few["value"], "o", ms=size, mfc="none", mec=INK, mew=size / 10)
        text = f"circled: provisional, under {FEW_LEAVERS} leavers"
        axes.text(0.01, 0.04, text, transform=axes.transAxes, fontsize=8, color=SOFT, bbox=BEHIND)


def _mark_releases(axes: Axes, deployments: pd.DataFrame, span: tuple[float, float]) -> None:
    """A line for each release, with its number where there is room for it."""
    moments = date2num(deployments["deployed_at"])  # type: ignore[no-untyped-call]
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


def _draw_by_dataset(axes: Axes, scores: pd.DataFrame, metric: str) -> None:
    lines = [(f"{name} data", rows) for name, rows in _by_dataset(scores, metric)]
    _draw_lines(axes, lines, "value", 1.0)
    _circle_provisional(axes, scores, metric)


def _by_dataset(scores: pd.DataFrame, metric: str) -> list[tuple[str, pd.DataFrame]]:
    """The values of a metric by dataset, in the order and colours of the pages."""
    measured = scores[scores["metric"] == metric]
    parts = [(name, measured[measured["dataset"] == name]) for name in DATASETS]
    return [(name, rows) for name, rows in parts if len(rows)]


def _draw_missing(axes: Axes, missing: pd.DataFrame) -> None:
    has_gaps = missing.groupby("column")["missing_percent"].transform("max") > 0
    drawn = missing[has_gaps] if has_gaps.any() else missing
    groups = drawn.groupby("column", sort=False)
    _draw_lines(axes, [(str(name), rows) for name, rows in groups], "missing_percent")


def _draw_seconds(axes: Axes, seconds: pd.DataFrame) -> None:
    groups = seconds[seconds["step"].isin(STEPS)].groupby("step")
    _draw_lines(axes, [(str(name), rows) for name, rows in groups], "seconds")


def _draw_lines(
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
        axes.plot(
            rows["started_at"], rows[value], marker=marker, color=color, ls=dash, lw=1.2, ms=4
        )
        ends.append((float(rows[value].iloc[-1]), name, color))
        highest = max(highest, float(rows[value].max()))
    axes.set_ylim(0, top or highest * 1.18 or 1)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(NUMBER)
    if len(groups) > 1:
        _name_lines(axes, ends)


def _name_lines(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
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


def _show_dates(axes: Axes, span: tuple[float, float], *, is_last: bool) -> None:
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
