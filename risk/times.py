"""Moments of the records as people write and count them."""

from datetime import UTC, datetime

from risk import files

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def parsed(text: str) -> datetime | None:
    """A moment of the records; None for any other text."""
    try:
        return datetime.strptime(text, files.TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def written(text: str, form: str = "%-d %B %Y, %H:%M\u00a0UTC") -> str:
    """A moment of the records as people write it."""
    moment = parsed(text)
    return moment.strftime(form) if moment else text


def day(text: str) -> str:
    """The day of a moment of the records."""
    return written(text, "%-d %B %Y")


def brief(text: str) -> str:
    """A moment of the records where there is little room; UTC, like all of them."""
    return written(text, "%-d %b %Y, %H:%M")


def seconds_since(text: str) -> int | None:
    """How long ago a moment of the records was, 0 if it is still to come; None for other texts."""
    moment = parsed(text)
    return max(0, int((datetime.now(UTC) - moment).total_seconds())) if moment else None


def is_to_come(text: str, seconds: int) -> bool:
    """Whether a moment lies more than so many seconds ahead, as after a clock was set back."""
    moment = parsed(text)
    return moment is not None and (moment - datetime.now(UTC)).total_seconds() > seconds


def age(text: str) -> str:
    """How long ago a moment of the records was, in the largest unit that fits."""
    seconds = seconds_since(text)
    if seconds is None:
        return "an unknown time"
    for size, unit in UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
