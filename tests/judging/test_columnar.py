"""Files judged by columns: never another row, refusal or count than line by line."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from risk.columns import Columns
from risk.judging import columnar, csv_file
from risk.judging.schema import FileRefused
from risk.rows import tables
from risk.settings import Settings
from tests.rows.test_tables import COLUMNS, any_bytes

HEADER = "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited"
NUMERALS = (
    *("7", "0", "1.5", "1.", ".5", "1e3", "+2", "-0", "-0.0", "", " ", " 3\t", "NA", "nan", "NULL"),
    *(
        "-1",
        "1e400",
        "1e-400",
        "NAN",
        "inf",
        "-inf",
        "x",
        "1_0",
        "0x1",
        "1e",
        "\x1c1",
        '"4"',
        "1 2",
    ),
    *("é", "123456789012345678901234567890", "infinity", "nan(1)", "1.e5", "Nan", " NA ", "None"),
    *("-nan", "\u0663", "1\x0b", "9" * 400, "0." + "1" * 40),
)
CODES = (
    *("AAAA", "NULL", "0012", " x ", "", " ", "é", "a" * 201, "é" * 101, "é" * 200, "é" * 201),
    *("\x1f", "\x1c", "\u2003", "\ufeffA", "\x85", "\u2028", "😀", '"q"', '"q', 'a"b', '"a""b"'),
    *("\x7f", "\u00a0", "NA", "<x", "\x0b"),
)
CELLS = {
    "number": NUMERALS,
    "signed": NUMERALS,
    "money": ("€ 5", "5", "-5 EUR", "1'000", "x", "", "12 345.6", "-"),
    "percent": ("5 %", "5%", "%", "", "x", "-3%"),
    "category": ("basic", "NULL", "", "NA", " x", "é" * 201, "é", "a", "\x1f", " "),
    "date": ("2026-01-31", "2026-02-31", "", "NA", "x", " 2026-01-01 "),
    "period": ("1", "2.0", "2026-01-31", "x", "", "NA", "03", " 4 "),
    "code": CODES,
    "outcome": ("0", "1", "1.0", "", "NA", "2", "yes", "No", "TRUE", "-0", "1e0", "gone", "here"),
    "note": ("", "x", '"y"', "é", '"'),
}
USUAL = {
    "number": "12",
    "signed": "-4",
    "money": "$ 5",
    "percent": "7%",
    "category": "gold",
    "date": "2026-03-04",
    "period": "1",
    "code": "K1",
    "outcome": "0",
    "note": "n",
}
ODD_LINES = ("", " ", "\x0b", "x", ",", '"', "\u2003", "<")
KINDS = ("number", "number", "signed", "money", "percent", "category", "date")


def kind_of(name: str, columns: Columns) -> str:
    """What a column of a made file holds."""
    of_name = {"c": "code", "t": "outcome", "p": "period", "note": "note"}
    return of_name.get(name) or columns.kind(name)


def columns_of(random: Random) -> Columns:
    """Columns of any kinds."""
    features = [f"f{at}" for at in range(random.randint(1, 4))]
    return Columns(
        "c",
        tuple(features),
        "t",
        kinds=tuple((name, random.choice(KINDS)) for name in features),
        period=random.choice([None, None, "p"]),
        outcome_words=random.choice([(), (), ("gone", "here"), ("no", "yes"), ("2", "3.5")]),
        missing_words=random.choice([(), (), ("-1", "x"), ("0", "-", "basic")]),
    )


def file_of(random: Random, columns: Columns) -> bytes:
    """A file of these columns, in which few or many cells and lines are odd."""
    header = [*columns.all, *random.choice([[], ["note"]])]
    random.shuffle(header)
    odd = random.choice([0, 0.02, 0.1, 0.5])
    quoted = set(random.choice([[], [], header, random.sample(header, 1)]))

    def line() -> str:
        if random.random() < odd / 4:
            return random.choice(ODD_LINES)
        kinds = [kind_of(name, columns) for name in header]
        cells = [
            random.choice(CELLS[kind]) if random.random() < odd else USUAL[kind] for kind in kinds
        ]
        for at, name in enumerate(header):
            if name in quoted and random.random() < 0.9:
                cells[at] = f'"{cells[at]}"'
        return ",".join(cells) + ("," if random.random() < odd / 4 else "")

    end = random.choice(["\n", "\n", "\r\n", "\r"])
    quote = random.choice(["", "", "", '"'])
    names = ",".join(f"{quote}{name}{quote}" for name in header)
    lines = [*random.choice([[], [], [""]]), names]
    lines += [line() for _ in range(random.choice([0, 1, 3, 10, 60]))]
    start = random.choice(["", "", "\ufeff"])
    last = random.choice(["", end, f"{end} {end}"])
    wrong = random.choice([b""] * 20 + [b"\xff", b"\0"])
    return f"{start}{end.join(lines)}{last}".encode() + wrong


def is_judged_alike(
    content: bytes, columns: Columns, required: Sequence[str], block: int = columnar.BLOCK
) -> bool:
    """Whether a file is judged by columns at all; if so, it must be as line by line."""
    quick = columnar.judged(content, columns, required, block=block)
    if quick is None:
        return False
    try:
        slow = csv_file.judge(content, columns, required)
    except FileRefused as reason:
        raise AssertionError(content) from reason
    assert quick.refusals == slow.refusals
    assert all(type(refusal.line) is int for refusal in quick.refusals)  # as JSON needs it
    assert (quick.row_count, quick.lines) == (len(slow.rows), slow.lines)
    assert quick.ignored_columns == slow.ignored_columns
    made = tables.of_cells(quick.cells, quick.row_count, columns)
    wanted = tables.as_table(slow.rows, slow.names, columns)
    pd.testing.assert_frame_equal(made, wanted, check_exact=True)
    for name in columns.numeric:
        assert np.array_equal(np.signbit(made[name]), np.signbit(wanted[name]))
    return True


@given(some.randoms(use_true_random=False), some.sampled_from([1, 30, 200, 1_000_000]))
def test_a_file_is_judged_by_columns_as_it_is_line_by_line(random: Random, block: int) -> None:
    columns = columns_of(random)
    content = file_of(random, columns)
    required = random.choice([("c", *columns.features), columns.features])
    is_judged_alike(content, columns, required, block)


@example(f"{HEADER}\n\ufeffA,1,2,3,0\n".encode())
@given(any_bytes)
def test_any_bytes_are_judged_by_columns_as_they_are_line_by_line(content: bytes) -> None:
    is_judged_alike(content, COLUMNS, COLUMNS.features)


FILES = [
    ("plain", ["A,1,2,3,0", "B,1.5,,NA,"], True),
    ("other ends of lines", ["A,1,2,3,0\r", "B,4,5,6,1\r"], True),
    ("refused lines", ["A,1,2,3,0", "B,x,2,3,0", "C,1,2,3", "", "D,1,2,3,1"], True),
    ("a quoted code", ["A,1,2,3,0", '"B,B",1,2,3,0', "C,1,2,3,0"], True),
    ("all codes quoted", [f'"A{at}",1,2,"3",0' for at in range(2000)], True),
    ("a quoted line break", ["A,1,2,3,0", '"B', 'B",1,2,3,0', "C,1,2,3,0"], False),
    ("a NUL", ["A,1,2,3,0\0"], False),
    ("mostly odd", ["A,x,2,3,0"] * 200, False),
]


@pytest.mark.parametrize(("lines", "is_plain"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_plain_files_are_judged_by_columns_and_no_others(lines: list[str], is_plain: bool) -> None:
    content = "\n".join([HEADER, *lines, ""]).encode()
    assert is_judged_alike(content, COLUMNS, COLUMNS.features) is is_plain


def test_the_shipped_files_are_judged_by_columns(settings: Settings) -> None:
    for path in settings.input_folder_path.iterdir():
        assert is_judged_alike(path.read_bytes(), settings.columns, settings.feature_columns)
