"""Bytes that know how many of them were passed over."""


class Watched(bytes):
    """Bytes that add up the lengths of all searches in them."""

    passed = 0

    def count(self, what: bytes, begin: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        self.passed += (len(self) if end is None else end) - begin
        return super().count(what, begin, end)

    def find(self, what: bytes, begin: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        place = super().find(what, begin, end)
        self.passed += (len(self) if place < 0 else place) - begin
        return place

    def rfind(self, what: bytes, begin: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        place = super().rfind(what, begin, end)
        self.passed += (len(self) if end is None else end) - max(place, begin)
        return place
