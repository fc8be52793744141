"""Charts as points of an SVG, for pages without scripts and pictures."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 480, 180
TALL, BELOW = 300, 44  # of a chart with a title below
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 24
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
MOST_LINES = 5


class Mark(NamedTuple):
    """A value at its place in the picture."""

    x: float
    y: float
    value: float
    title: str


class Line(NamedTuple):
    """The marks of one series and the path through them."""

    name: str
    marks: list[Mark]
    path: str


class Tick(NamedTuple):
    """A line of the grid, by its distance from the top or from the left."""

    at: float
    text: str


class Chart(NamedTuple):
    """What the template draws."""

    width: int
    height: int
    left: int
    right: int
    lines: list[Line]
    ticks: list[Tick]
    first: str
    last: str


Point = tuple[int, float, str]


class Bar(NamedTuple):
    """A point with its interval, and whether that misses the point's prediction."""

    x: float
    y: float
    low: float
    high: float
    is_off: bool
    title: str


class Curve(NamedTuple):
    """Shares that came over those predicted; the diagonal is where both are the same."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    across: list[Tick]
    up: list[Tick]
    bars: list[Bar]


Held = tuple[float, float, float, float, bool, str]  # predicted, observed, interval, off, title


def chart(series: dict[str, list[Point]], moments: Sequence[str], *, whole: bool) -> Chart | None:
    """A chart of series of (place in time, share from 0 to 1, title), None if they are empty.

    With `whole` the axis goes from 0 to 100 %, else only as far as the values.
    """
    values = [value for points in series.values() for _, value, _ in points]
    if not values or not moments:
        return None
    low, high, step = (0.0, 1.0, 0.25) if whole else _span(min(values), max(values))
    across = WIDTH - LEFT - RIGHT
    spread = max(1, len(moments) - 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low), 1)

    def x(place: int) -> float:
        return round(LEFT + across * (place / spread if len(moments) > 1 else 0.5), 1)

    drawn = [
        _line(name, [Mark(x(place), y(value), value, title) for place, value, title in points])
        for name, points in series.items()
        if points
    ]
    count = round((high - low) / step)
    levels = [low + step * number for number in range(count + 1)]
    labels = [f"{100 * level:.0f}\u00a0%" if whole else f"{level:.2f}" for level in levels]
    ticks = [Tick(y(level), text) for level, text in zip(levels, labels, strict=True)]
    return Chart(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, drawn, ticks, moments[0], moments[-1])


def _line(name: str, marks: list[Mark]) -> Line:
    return Line(name, marks, " ".join(f"{mark.x},{mark.y}" for mark in marks))


def _span(least: float, most: float) -> tuple[float, float, float]:
    """The ends of an axis on round numbers, and the distance of its lines."""
    room = max(most - least, 0.04)
    step = next(each for each in STEPS if room / each <= MOST_LINES - 1)
    low = max(0.0, (least - room * 0.1) // step * step)
    high = low
    while high < min(1.0, most + room * 0.1) - 1e-9:
        high += step
    return low, high, step


def curve(points: Sequence[Held]) -> Curve | None:
    """Predicted shares across, observed ones up, each with its interval; None without any."""
    if not points:
        return None
    most = max(max(risk, high) for risk, _, _, high, *_ in points)
    _, end, step = _span(0.0, most)
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, TALL - BELOW

    def x(share: float) -> float:
        return round(left + (right - left) * share / end, 1)

    def y(share: float) -> float:
        return round(bottom - (bottom - top) * share / end, 1)

    levels = [step * number for number in range(round(end / step) + 1)]
    across, up = (
        [Tick(place(level), f"{100 * level:.0f}\u00a0%") for level in levels] for place in (x, y)
    )
    bars = [
        Bar(x(risk), y(share), y(low), y(high), is_off, title)
        for risk, share, low, high, is_off, title in points
    ]
    return Curve(WIDTH, TALL, left, right, top, bottom, across, up, bars)
