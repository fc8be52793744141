"""The columns of the data: their names, what kind of thing each holds, which belong together."""

from typing import NamedTuple

NUMBER, SIGNED, MONEY, PERCENT = "number", "signed", "money", "percent"
CATEGORY, DATE = "category", "date"
KINDS = (NUMBER, SIGNED, MONEY, PERCENT, CATEGORY, DATE)
Pair = tuple[str, str, float]


class Columns(NamedTuple):
    """The names of the columns that are read; what `kinds` does not name is a number from 0 up.

    A pair (month, year, 12) says that 12 x month / year is the change of one thing. `outcome_words`
    stand for a client that left and for one that stayed.
    """

    client: str
    features: tuple[str, ...]
    target: str
    kinds: tuple[tuple[str, str], ...] = ()
    period: str | None = None
    value: str | None = None
    outcome_words: tuple[str, ...] = ()
    missing_words: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every column, as each table of ours has them."""
        names = (self.client, *self.features, self.target, self.period, self.value)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def kind(self, name: str) -> str:
        """What a feature, or the value, holds."""
        return dict(self.kinds).get(name, NUMBER)

    @property
    def categories(self) -> tuple[str, ...]:
        """The features that hold words."""
        return tuple(name for name in self.features if self.kind(name) == CATEGORY)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The features that hold numbers, dates among them."""
        return tuple(name for name in self.features if self.kind(name) != CATEGORY)

    @property
    def measured(self) -> tuple[str, ...]:
        """The columns that statistics are made of: the numeric features, then the target."""
        return (*self.numeric, self.target)
