"""Rows that are equal: the same groups as pandas makes, also where fingerprints collide."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.rows import equal_rows
from risk.rows.long_columns import BLOCK

ROWS = st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=40)
ALL_ALIKE, TWO_KINDS, MORE = 0, 2, 3


@pytest.mark.parametrize("kinds", [None, ALL_ALIKE, TWO_KINDS, MORE])
@given(rows=ROWS)
def test_groups_are_those_of_pandas(kinds: int | None, rows: list[tuple[int, ...]]) -> None:
    table = pd.DataFrame(rows, columns=["a", "b", "c"], dtype="uint64")
    columns = [table[name].to_numpy() for name in table]
    marks = columns[0] * np.uint64(16) + columns[1] * np.uint64(4) + columns[2] << np.uint64(40)
    if kinds is not None:
        marks = np.minimum(columns[0] * columns[1], np.uint64(kinds)) << np.uint64(60)
    same = equal_rows.repeats(marks, lambda own: [column[own] for column in columns])
    wanted = [
        own.tolist() for own in table.groupby(["a", "b", "c"]).indices.values() if len(own) > 1
    ]
    ends = [*same.begin[1:], len(same.row)]
    found = [same.row[begin:end].tolist() for begin, end in zip(same.begin, ends, strict=False)]
    assert sorted(found) == sorted(wanted)
    assert same.group.tolist() == [at for at, own in enumerate(found) for _ in own]


TEXTS = ["a", "b", "abcdefgh", "abcdefghi", "abcdefghj", "é" * 4, "é" * 9, None, "a" * 200]


@given(st.lists(st.sampled_from(TEXTS), max_size=12))
def test_texts_become_numbers_that_are_equal_where_they_are(texts: Sequence[str | None]) -> None:
    table = pd.DataFrame({"word": pd.Series(texts, dtype="str")})
    wanted = pd.factorize(pd.Series(texts, dtype=object), use_na_sentinel=False)[0].tolist()
    marks = equal_rows.marks_of(table, ["word"])
    for numbers in (marks, *equal_rows.words_of(table, ["word"], np.arange(len(table)))):
        assert pd.factorize(numbers)[0].tolist() == wanted
    alone = [equal_rows.marks_of(table[at : at + 1], ["word"])[0] for at in range(len(table))]
    assert alone == marks.tolist()


def test_equal_numbers_have_one_mark() -> None:
    nan = -np.array([np.nan])[0]
    table = pd.DataFrame({"x": [0.0, -0.0, np.nan, nan, 1.0]})
    marks = equal_rows.marks_of(table, ["x"])
    assert marks[0] == marks[1] != marks[4]
    assert marks[2] == marks[3]


@given(st.lists(st.sampled_from(["a", "b", "abcdefgh", "c", "é"]) | st.just("é" * 9)))
def test_equal_cells_have_one_number(texts: list[str]) -> None:
    numbers = equal_rows.numbered(pd.Series(texts, dtype="str"))
    assert pd.factorize(numbers)[0].tolist() == pd.factorize(pd.Series(texts))[0].tolist()
    assert sorted(set(numbers)) == list(range(len(set(texts))))


def test_rows_far_apart_are_found_equal() -> None:
    count = 2 * BLOCK + 10
    words = [f"{number:x}" for number in range(count)]
    numbers = np.arange(float(count))
    pairs = [(0, count - 1), (BLOCK - 1, BLOCK), (5, 2 * BLOCK)]
    for first, again in pairs:
        words[again], numbers[again] = words[first], numbers[first]
    table = pd.DataFrame({"word": pd.Series(words, dtype="str"), "x": numbers})
    names = list(table)
    marks = equal_rows.marks_of(table, names)
    same = equal_rows.repeats(marks, lambda own: equal_rows.words_of(table, names, own))
    assert sorted(zip(same.row[::2], same.row[1::2], strict=True)) == sorted(pairs)
    client = equal_rows.numbered(table["word"])
    assert sorted(set(client)) == list(range(count - len(pairs)))
    assert all(client[first] == client[again] for first, again in pairs)
