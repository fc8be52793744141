"""Words that a category may hold, the worst that people and generators think of."""

from typing import Any

import numpy as np

from risk.judging import cell_rules
from risk.settings import Settings
from tests.conftest import configured, put

HOSTILE = (
    *("'); DROP TABLE runs; --", '"; --', "a%(x)s", "100%", "{0}:colon", "\\' OR 1=1", "\\N", "\\"),
    *(
        "<script>alert(1)</script>",
        "<b>bold</b>",
        "&amp;",
        "a & b",
        '"quoted"',
        "it's",
        "{{ 7 * 7 }}",
    ),
    *(
        "=1+1",
        "@SUM(A1)",
        "+1",
        "-1",
        "#x",
        "gold, old",
        ",",
        ";",
        "a\tb",
        "\ta",
        " basic ",
        "basic",
    ),
    *("NA", "None", "nan", "null", "true", "0012", "1e5", "inf", "2026-01-31", "x" * 200),
    *(
        "\u00e9",
        "e\u0301",
        "\u65e5\u672c",
        "Robert\U0001f600",
        "\u202ebackwards",
        "\u200b",
        "\ufeff",
    ),
    *("\u2028", "\x0b", "\x1f", "\x7f", "\x85", "\ufffd", "\U0010ffff", "\ue000", "BASIC"),
)
ROWS_OF_EACH = 11


def drawn(count: int, seed: int) -> list[str]:
    """Words of any characters, the same for the same seed."""
    generator, words = np.random.default_rng(seed), list[str]()
    while len(words) < count:
        signs = map(chr, generator.integers(1, 0x11_0000, generator.integers(1, 200)))
        word = "".join(
            sign for sign in signs if sign not in "\r\n" and not "\ud800" <= sign <= "\udfff"
        )
        if word.strip(" \t") not in cell_rules.MISSING_LEVELS:
            words.append(word)
    return words


WORDS = list(dict.fromkeys([*HOSTILE, *drawn(20, seed=7)]))


def worded(settings: Settings, **keys: Any) -> Settings:
    """The same project with a category that holds each of these words in some rows."""
    columns = ["lastmonth_activity", "plan"]
    settings = configured(
        settings.workspace, feature_columns=columns, column_kinds={"plan": "category"}, **keys
    )
    header = "corporation,lastmonth_activity,plan,exited"
    quoted = [word.replace('"', '""') for word in WORDS]
    lines = [
        f'K{at}-{place},{at + 3},"{word}",{(at + place) % 4 // 3 if at else ""}'
        for place, word in enumerate(quoted)
        for at in range(ROWS_OF_EACH)
    ]
    put(settings, "dataset1.csv", lines, header)
    put(settings._replace(input_folder_path=settings.test_data_path), "testdata.csv", lines, header)
    return settings
