"""Words and links as the templates of the pages use them."""

from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup

from risk import times
from risk.web.client_list import Wish

LONG_AGO = 60 * 86_400
SEGMENTS_OF_BROWSERS = (".", "..")  # which they never send as they are


def linked(wish: Wish, **changes: Any) -> str:
    """The address of the list with these changes; what is as usual is left out."""
    wanted = wish._replace(**{"page": 1, **changes})
    said = {
        "q": wanted.text,
        "band": wanted.band,
        "sort": wanted.order if wanted.order != "risk" else "",
        "all": "1" if wanted.is_whole else "",
        "hide": "1" if wanted.hides_contacted else "",
        "page": str(wanted.page) if wanted.page > 1 else "",
    }
    query = urlencode({name: value for name, value in said.items() if value})
    return f"/clients?{query}" if query else "/clients"


def address(corporation: str) -> str:
    """Where a client's page is."""
    if corporation in SEGMENTS_OF_BROWSERS:
        return f"/clients?{urlencode({'client': corporation})}"
    return f"/clients/{quote(corporation, safe='')}"


def contacts_address(corporation: str) -> str:
    """Where a client's contacts are sent to; a slash that is encoded keeps dots together."""
    slash = "%2F" if corporation in SEGMENTS_OF_BROWSERS else "/"
    return f"/clients/{quote(corporation, safe='')}{slash}contacts"


def visible(code: str) -> str:
    """A code whose every sign can be seen; signs that only act on others are written out."""
    if code.isprintable():
        return code
    signs = (sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in code)
    return "".join(signs)


def ago(moment: str) -> Markup:
    """How long ago a moment was, or its day if it is long ago; exact for who points at it."""
    element = Markup('<time datetime="{}" title="{}">{}</time>')
    is_long_ago = (times.seconds_since(moment) or 0) >= LONG_AGO
    told = times.day(moment) if is_long_ago else f"{times.age(moment)} ago"
    return element.format(moment, times.written(moment), told)


def exact(moment: str) -> Markup:
    """A moment for those who look it up in a log."""
    return Markup('<time datetime="{}">{}</time>').format(moment, times.written(moment))


def score(value: float | None) -> str:
    """A score as logs and reports have it."""
    return "" if value is None else f"{value:.4f}"
