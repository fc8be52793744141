"""Figures, drawn without a screen and returned as the bytes of a PNG."""

import io
from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from risk.records import Trends
from risk.summaries import FEW_LEAVERS

FEW_POINTS = 60
INK, PALE = "#1b2733", "#8a97a3"
SERIES = ("#0b6e99", "#c4501b", "#5b8c2a", "#7a4fa3", "#a3761b", "#444f5a", "#b0396a", "#2a8c7d")


def trends(history: Trends) -> bytes:
    """One page of small panels over time."""
    figure = Figure(figsize=(11, 10.5), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    figure.suptitle("Is it getting worse?", x=0.01, ha="left", fontsize=15, color=INK)
    first: Axes | None = None
    panels: list[tuple[str, Callable[[Axes], None]]] = [
        ("F1, releases marked", lambda axes: _f1(axes, history)),
        (
            "Leavers among the clients that can be called",
            lambda axes: _quality(axes, history.scores, "precision_at_capacity"),
        ),
        (
            "Missing cells, percent",
            lambda axes: _lines(axes, history.missing, "column", "missing_percent"),
        ),
        ("Seconds", lambda axes: _lines(axes, _long_steps(history), "step", "seconds")),
        ("Rows with an outcome", lambda axes: _rows(axes, history.scores)),
        ("Share of leavers", lambda axes: _leavers(axes, history.scores)),
    ]
    for place, (title, draw) in enumerate(panels, 1):
        axes = figure.add_subplot(3, 2, place, sharex=first)
        first = first or axes
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        draw(axes)
        _finish(axes)
    return _png(figure)


def _f1(axes: Axes, history: Trends) -> None:
    _quality(axes, history.scores, "f1")
    f1 = history.scores[history.scores["metric"] == "f1"]
    if f1.empty:
        return
    few = f1[f1["leavers"] < FEW_LEAVERS]
    if len(few):
        label = f"provisional: under {FEW_LEAVERS} leavers"
        axes.plot(_when(few), few["value"], "o", ms=9, mfc="none", mec=INK, label=label)
    moments = date2num(_moments(history.deployments["deployed_at"]))  # type: ignore[no-untyped-call]
    faint = 0.7 if len(moments) < FEW_POINTS else 0.2
    for moment in moments:
        axes.axvline(moment, color=PALE, lw=0.8, alpha=faint)
    if len(moments) < FEW_POINTS / 3:
        for moment, number in zip(moments, history.deployments["number"], strict=True):
            axes.annotate(
                str(number),
                (moment, 1),
                xycoords=("data", "axes fraction"),
                xytext=(2, -9),
                textcoords="offset points",
                fontsize=8,
                color=PALE,
            )


def _quality(axes: Axes, scores: pd.DataFrame, metric: str) -> None:
    chosen = scores[scores["metric"] == metric]
    named = chosen.assign(dataset=chosen["dataset"] + " data")
    _lines(axes, named, "dataset", "value")
    axes.set_ylim(0, 1)


def _rows(axes: Axes, scores: pd.DataFrame) -> None:
    _lines(axes, _newest(scores), "dataset", "rows")


def _leavers(axes: Axes, scores: pd.DataFrame) -> None:
    newest = _newest(scores)
    _lines(axes, newest.assign(share=newest["leavers"] / newest["rows"]), "dataset", "share")


def _newest(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[(scores["metric"] == "f1") & (scores["dataset"] == "newest")]


def _long_steps(history: Trends) -> pd.DataFrame:
    return history.seconds[history.seconds["step"].isin(("ingestion", "training"))]


def _lines(axes: Axes, table: pd.DataFrame, group: str, value: str) -> None:
    """One line per group, with a point for each run where there are few."""
    groups = list(table.groupby(group, sort=False))
    for (name, rows), color in zip(groups, SERIES * len(groups), strict=False):
        marker = "o" if len(rows) < FEW_POINTS else ""
        axes.plot(
            _when(rows), rows[value], color=color, lw=1.4, marker=marker, ms=4, label=str(name)
        )
    top = table[value].max() if len(table) else 0
    axes.set_ylim(0, top * 1.15 or 1)


def _when(table: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    return _moments(table["started_at"])


def _moments(texts: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(texts, utc=True)


def _finish(axes: Axes) -> None:
    """Axes that say what they show, with nothing around them that says nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, colors=INK)
    axes.grid(axis="y", color="#e3e7ea", lw=0.8)
    axes.set_axisbelow(True)
    if axes.lines:
        locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    else:
        axes.text(0.5, 0.5, "nothing recorded yet", ha="center", color=PALE)
        axes.set_xticks([])
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(fontsize=8, frameon=False, loc="best")


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
