"""Numbers and short texts as parts of lines: what is written is what Python would write."""

import numpy as np
import pyarrow as pa
import pytest

from risk.rows import padded_cells

LARGEST = 10_000_000


@pytest.mark.parametrize("parts", [1, 10, 100, 1_000])
@pytest.mark.parametrize("begin", [0, 5_432_000, LARGEST - 2])
def test_numbers_of_few_digits_are_those_of_python(begin: int, parts: int) -> None:
    numbers = (begin * parts + np.arange(2_000)) / parts
    numbers = numbers[numbers < LARGEST]
    wanted = "".join(f"{each!r}," for each in numbers.tolist())
    written = padded_cells.of_numbers(numbers, ",", is_whole=False)
    assert written is not None
    assert padded_cells.lines([written]).decode() == wanted


def test_whole_numbers_have_no_point() -> None:
    numbers = np.array([0, 7, 10, 999, 1_000, 1_001, 70_000, LARGEST - 1, np.nan])
    written = padded_cells.of_numbers(numbers, "\n", is_whole=True)
    assert written is not None
    lines = padded_cells.lines([written]).decode().splitlines()
    assert lines == [*(str(int(each)) for each in numbers[:-1]), ""]


@pytest.mark.parametrize("other", [-1.0, -0.0, 1 / 3, 0.0001, float(LARGEST), 1e300, np.inf])
def test_another_number_is_not_written(other: float) -> None:
    assert padded_cells.of_numbers(np.array([1.0, other]), ",", is_whole=False) is None


@pytest.mark.parametrize("length", [0, 1, 3, 4, 7, 8, 9, 62, 63])
def test_texts_are_written_as_they_are(length: int) -> None:
    texts = pa.array(["passed over", "a" * length, "", "b" * (length // 2), "c"], pa.large_binary())
    first, last = (padded_cells.of_texts(texts[1:], end) for end in ",\n")
    assert first is not None
    assert last is not None
    wanted = [f"{text},{text}\n" for text in texts[1:].cast(pa.string()).to_pylist()]
    assert padded_cells.lines([first, last]).decode() == "".join(wanted)


@pytest.mark.parametrize("other", ["a" * 64, "a\0b"])
def test_another_text_is_not_written(other: str) -> None:
    assert padded_cells.of_texts(pa.array(["a", other], pa.large_binary()), ",") is None
