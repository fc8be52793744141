"""What our JSON files may hold: a shape for each, checked when one is read."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

Shape = Any  # a test of one value, [the shape of every item] or {key: the shape of its value}
EACH = "each"  # as the only key: every key is allowed
ONLY = "only"  # as a further key: no key is allowed that the shape does not know
LARGEST = 2**63 - 1
MOST_ARRIVALS = 2**30
LARGEST_NUMBER = 2**31 - 2  # databases can hold the next one, too
INFINITE = float("inf")
UNWRITABLE = "[\0\ud800-\udfff]"  # each is compiled by the first who asks
MOMENT = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
RELEASE_NAME = "[1-9][0-9]{0,9}-[0-9a-f]{8}"
PLAIN = {str, int, float, bool, type(None)}


class Kind(NamedTuple):
    """A kind of file: its shape, and the cure for one that has another."""

    shape: Shape
    cure: str


def misfit(value: object, shape: Shape, at: str = "") -> str | None:
    """The keys that lead to the first part that has not this shape; None if all of it has."""
    parts: Iterable[tuple[object, object, Shape]] = ()
    if isinstance(shape, dict) and _has_keys(value, shape):
        parts = _keyed(value, shape)
    elif isinstance(shape, list) and isinstance(value, list):
        if _all_fit(value, shape[0]):
            return None
        parts = ((place, item, shape[0]) for place, item in enumerate(value))
    elif not callable(shape) or not shape(value):
        return at or "all of it"
    misfits = (misfit(part, its, f"{at}.{key}".lstrip(".")) for key, part, its in parts)
    return next(filter(None, misfits), None)


def _all_fit(items: list[Any], shape: Shape) -> bool:
    """Whether each of these has surely this shape: a record may hold a hundred thousand.

    They are looked at key by key, and what stands there often is looked at once.
    """
    types = set(map(type, items))
    if shape in (text, word) and types == {str} and "".join(items).isprintable():
        return shape is text or "" not in items
    if shape is seen and types == {list} and set(map(len, items)) == {len(SEEN)}:
        columns = map(list, zip(*items, strict=True))
        return all(map(_all_fit, columns, SEEN))
    if not isinstance(shape, dict):  # of one type, what is equal is the same
        is_plain = types <= PLAIN and len(types - {type(None)}) <= 1
        return is_plain and callable(shape) and all(map(shape, set(items)))
    if types != {dict} or not shape.keys().isdisjoint((EACH, ONLY)):
        return False
    for key, its in shape.items():
        name = key.removesuffix("?")
        parts = [item[name] for item in items if name in item]
        if (name == key and len(parts) < len(items)) or not _all_fit(parts, its):
            return False
    return True


def _has_keys(value: object, shape: dict[str, Shape]) -> bool:
    known = shape.keys() - {EACH, ONLY}
    needed = {key for key in known if not key.endswith("?")}
    if not isinstance(value, dict) or not needed <= value.keys():
        return False
    return ONLY not in shape or value.keys() <= {key.removesuffix("?") for key in known}


def _keyed(value: Any, shape: dict[str, Shape]) -> Iterator[tuple[object, object, Shape]]:
    """The values under the keys that the shape knows, each with its own shape."""
    if EACH in shape:
        yield from ((key, part, shape[EACH]) for key, part in value.items())
        return
    for key, its in shape.items():
        if (name := key.removesuffix("?")) in value and key != ONLY:
            yield name, value[name], its


def text(value: object) -> bool:
    """A text that every file and database can hold."""
    return isinstance(value, str) and (value.isprintable() or not re.search(UNWRITABLE, value))


def word(value: object) -> bool:
    """A text that is not empty."""
    return text(value) and value != ""


def moment(value: object) -> bool:
    """A time as records keep it."""
    return isinstance(value, str) and bool(re.fullmatch(MOMENT, value))


def release_name(value: object) -> bool:
    """A release of ours, which is a folder's name too."""
    return isinstance(value, str) and bool(re.fullmatch(RELEASE_NAME, value))


def whole(value: object) -> bool:
    """A whole number of 64 bits."""
    return type(value) is int and abs(value) <= LARGEST


def count(value: object) -> bool:
    """A whole number from 0 up."""
    return type(value) is int and 0 <= value <= LARGEST


def arrival(value: object) -> bool:
    """The number of an arrival; a larger one is none that came by counting."""
    return count(value) and int(str(value)) <= MOST_ARRIVALS


def ordinal(value: object) -> bool:
    """The number of a release."""
    return type(value) is int and 1 <= value <= LARGEST_NUMBER


def number(value: object) -> bool:
    """A finite number."""
    return whole(value) or (type(value) is float and abs(value) < INFINITE)


def share(value: object) -> bool:
    """A number from 0 to 1."""
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]


def duration(value: object) -> bool:
    """Seconds."""
    return number(value) and value >= 0  # type: ignore[operator]


def flag(value: object) -> bool:
    """Yes or no."""
    return type(value) is bool


def maybe(its: Callable[[object], bool]) -> Callable[[object], bool]:
    """The same, or null."""
    return lambda value: value is None or its(value)


def packed(value: object) -> bool:
    """Bytes as a text."""
    return isinstance(value, str) and bool(re.fullmatch("[A-Za-z0-9+/]*={0,2}", value))


def measured(value: object) -> bool:
    """A number, or a row of texts, as diagnostics answers."""
    return number(value) or (isinstance(value, list) and all(map(text, value)))


def seen(value: object) -> bool:
    """A file that was looked at: name, size and time, or its name alone."""
    match value:
        case [name]:
            return word(name)
        case [name, size, mtime_ns]:
            return word(name) and count(size) and whole(mtime_ns)
    return False


def reference(value: object) -> bool:
    """What evidence against a model is held against, if it is known: numbers of 4 bytes, packed.

    Of so many directions there are two lists of one less, one list of all, and half of a square.
    """
    if not isinstance(value, dict) or misfit(value, REFERENCE):
        return value is None
    count = value["directions"]
    size = 4 * (3 * count - 2 + count * (count + 1) // 2)
    return bool(count > 0 and len(value["numbers"]) == 4 * -(-size // 3))


def keys(value: object) -> bool:
    """Whole numbers with a blank between them."""
    return isinstance(value, str) and all(
        re.fullmatch("-?[0-9]{1,19}", each) for each in value.split()
    )


SEEN = (word, count, whole)
REFERENCE = {"rows": count, "directions": count, "numbers": packed, ONLY: None}
FINGERPRINT = {"sha256": text, "size": count}
FILE = {
    "name": word,
    "size": count,
    "mtime_ns?": whole,
    "sha256": text,
    "rows": count,
    "accepted": count,
    "rejected": count,
    "duplicates": count,
    "reason?": maybe(text),
    "adds_nothing?": flag,
    "arrival?": arrival,
}
SCORE = {
    "release?": maybe(text),
    "dataset": text,
    "metric": text,
    "value": number,
    "rows": count,
    "leavers": count,
}
COLUMN = {
    "column": text,
    "missing_percent": number,
    **dict.fromkeys(("mean?", "median?", "std?", "mode?"), maybe(number)),
}
VERDICT = {
    **dict.fromkeys(("policy", "verdict", "sentence"), text),
    **dict.fromkeys(("p?", "effect?"), maybe(number)),
    **dict.fromkeys(("rows", "found", "called"), count),
}
CALIBRATION = {
    "release": text,
    **dict.fromkeys(("rows", "leavers"), count),
    **dict.fromkeys(("expected", "expected_low", "expected_high"), number),
    **dict.fromkeys(("error", "error_low", "error_high", "by_chance"), number),
}
RELIABILITY = {
    **dict.fromkeys(("place", "rows"), count),
    **dict.fromkeys(("risk", "left", "left_low", "left_high"), share),
}
SHIFT = {
    **dict.fromkeys(("column", "sentence"), text),
    **dict.fromkeys(("psi?", "psi_bound?", "ks?", "ks_bound?"), maybe(number)),
}
DEPLOYMENT = {
    "release": text,
    "number": count,
    "deployed_at": text,
    "score": share,
    "rows": count,
}
RUN = {
    **dict.fromkeys(("id?", "outcome?", "reason?"), text),
    **dict.fromkeys(("started_at?", "finished_at?"), moment),
    **dict.fromkeys(("deployed_score?", "new_score?", "arrived_score?"), maybe(share)),
    "trained_score?": maybe(share),
    "release?": maybe(text),
}
ROWS = {
    "ingested_files?": [FILE],
    "scores?": [SCORE],
    "column_stats?": [COLUMN],
    "category_stats?": [{"column": text, "level": text, "share": share}],
    "verdicts?": [VERDICT],
    "calibration?": [CALIBRATION],
    "reliability?": [RELIABILITY],
    "shifts?": [SHIFT],
    "timings?": [{"step": text, "seconds": number}],
    "deployments?": [DEPLOYMENT],
    ONLY: None,
}

PART = {  # of what is kept of the input files
    **dict.fromkeys(("rows", "refused", "marks?", "end"), count),
    "sha256": word,
}
DATASET = {
    **dict.fromkeys(("id", "book"), word),
    "blocks": [word],
    "whole": [text],
    "parts": [count],
    "rows": count,
    "stamps": {EACH: [whole]},
}
INGESTION = Kind(
    {
        "id": word,
        "book?": word,
        "time": moment,
        "input_folder": text,
        "limits?": {EACH: number},
        "columns?": word,
        "arrival?": arrival,
        "newest?": count,
        "newest_dates?": {EACH: number},
        "kept?": {"made_by": word, "parts": [PART], "stamp?": [whole]},
        "dataset?": DATASET,
        "files": [FILE | {"mtime_ns": whole, "ctime_ns?": whole}],
    },
    "remove it and run python ingestion.py",
)
LEARNED = {
    **{"model?": text, "threshold?": maybe(share), "choice?": text},
    **{"periods?": maybe(count), "arrival?": arrival, "trained?": arrival},
    "reference?": reference,
}
TRAINED = Kind(
    {"sha256": text, "ingestion": text, "seconds?": {EACH: duration}} | LEARNED,
    "run python training.py",
)
MANIFEST = Kind(
    {
        "release": release_name,
        "number": ordinal,
        "time": moment,
        "score": share,
        "input_folder": text,
        "seen": [seen],
        "files": dict.fromkeys(
            ("trainedmodel.pkl", "latestscore.txt", "ingestedfiles.txt"), FINGERPRINT
        ),
        "libraries": {EACH: text},
        "rows?": count,
        ONLY: None,
    }
    | LEARNED,
    "restore it from .releases/",
)
JUDGED = Kind(
    {"release": text, "time": moment, "input_folder": text, "seen": [seen]},
    "nothing counts as judged",
)
WEIGHED = Kind({EACH: arrival}, "every outcome may be weighed once more")
WAITING = Kind(
    {"run?": RUN, "rows?": ROWS, "owes?": [text], "is_recorded?": flag},
    "the run counts as one that died",
)
LAST_RUN = Kind(
    {EACH: {"time": moment, "exit_code": count, "message": text, ONLY: None}},
    "the next run writes a new one",
)
WINDOW = {"from": maybe(whole), "read": keys}
SOURCE = Kind(
    {EACH: WINDOW | {"next?": WINDOW | {"file": word}}},
    "the names of the files say how far the table was read",
)
PACKAGES = Kind(
    {"made": number, "asked": [text], "latest": {EACH: text}}, "the versions are asked for again"
)
ANSWER = Kind({"made": number, "about": text, "value": {EACH: [measured]}}, "a new one is made")
