"""Pages as a reader without a browser finds them."""

from html.parser import HTMLParser
from typing import NamedTuple

EMPTY = {"meta", "link", "input", "br"}


class Tag(NamedTuple):
    """An element as it was opened."""

    name: str
    attributes: dict[str, str]


class Page(HTMLParser):
    """The elements of a page, their text, and what does not fit together."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.open: list[str] = []
        self.misfits: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        self.misfits += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it; what has an end waits for it."""
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}))
        if len({name for name, _ in attrs}) < len(attrs):
            self.misfits.append(f"{tag} says an attribute twice")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The same of what ends at once."""
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """It must be the one that was opened last."""
        if not self.open or self.open.pop() != tag:
            self.misfits.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        """Text stands in the element that is open."""
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, name: str, /, **wanted: str) -> list[dict[str, str]]:
        """The attributes of each element of this name that has these."""
        found = [tag.attributes for tag in self.tags if tag.name == name]
        return [a for a in found if all(a.get(key) == value for key, value in wanted.items())]

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(" ".join(text for _, text in self.texts).split())

    def inside(self, name: str) -> list[str]:
        """Each text that stands directly in an element of this name."""
        return [text for inner, text in self.texts if inner == name]

    @property
    def codes(self) -> list[str]:
        """The clients that are named, in their order."""
        return self.inside("bdi")
