"""A CSV file judged by columns, with the same result as line by line but many times as fast.

Most files are plain: no quoted line breaks, no NUL, all of it UTF-8. Their lines are read a few
megabytes at a time, numbers by one parse of a whole column, other cells by asking the rule once
for each distinct text. Only the lines that fail are judged one by one, so every refusal has its
usual words. Whatever is not plain is left to `csv_file`, which reads line by line.
"""

import codecs
import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from risk import progress
from risk.columns import Columns
from risk.judging import cell_columns, lines, schema
from risk.judging.cell_columns import Column, NotPlain
from risk.judging.cell_rules import ISO_DATE, Cell
from risk.judging.lines import Record, Refusal
from risk.judging.schema import FileRefused
from risk.rows import memory

BLOCK = 4 * 1024 * 1024
HEAD = 200  # lines among which the header must end
FEW, ALWAYS_FEW = 0.1, 100  # lines that are judged one by one; with more of them all can be
LINE_END = 10

Whole = npt.NDArray[np.int64]


class ByColumns(NamedTuple):
    """What became of the lines of one file: columns of the good rows, and the refused lines."""

    cells: dict[str, Column]
    row_count: int
    refusals: list[Refusal]
    ignored_columns: list[str]
    lines: int


class _Piece(NamedTuple):
    """The good rows of some lines, the refused ones, and how many lines were not blank."""

    columns: list[Column]
    refusals: list[Refusal]
    lines: int


class _OneByOne(NamedTuple):
    """Lines that were judged one by one: the places and cells of the good ones, and the others."""

    places: list[int]
    rows: list[schema.Row]
    refusals: list[Refusal]


def judged(
    content: bytes, columns: Columns, required: Sequence[str], name: str = "", block: int = BLOCK
) -> ByColumns | None:
    """Every line of a plain file; None for another one, and for one to be refused whole.

    `block` is the number of bytes read at a time.
    """
    text = content.removeprefix(codecs.BOM_UTF8)
    if b"\0" in text:
        return None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        layout, start, begin = _head(text, columns, required)
        return _Reader(layout, columns).judged(_blocks(text, start, begin, block, name))
    except (FileRefused, UnicodeDecodeError, NotPlain):
        return None
    except pa.ArrowException:  # no room for its columns or threads; line by line takes less
        return None
    finally:
        if len(content) > BLOCK:  # to let go of less costs more than to keep it
            memory.give_back()


def _head(text: bytes, columns: Columns, required: Sequence[str]) -> tuple[schema.Layout, int, int]:
    """The layout of a file, and at which line and byte its header ends."""
    first = text.split(b"\n", HEAD)[:HEAD]
    header, start = lines.header_of([line.decode() for line in first])
    layout = schema.layout(header, columns, required)
    if start == HEAD or layout.width < 2 or not layout.cells:
        raise NotPlain
    return layout, start, sum(len(line) + 1 for line in first[:start])


def _blocks(
    text: bytes, start: int, begin: int, size: int, name: str
) -> Iterator[tuple[bytes, int]]:
    """The rest of a file in parts of whole lines, each with the number of lines before it."""
    whole = len(text)
    work = progress.of(text.count(b"\n") if whole > size else 0, "lines")
    while begin < whole:
        end = text.rfind(b"\n", begin, begin + size) + 1 or text.find(b"\n", begin) + 1 or whole
        block = text[begin:end]
        yield block, start
        begin = end
        if begin == whole:
            break
        start += block.count(b"\n")
        if name:
            work.at(f"judging {name}", start)


class _Reader:
    """Reads the lines of one file, all by the same layout."""

    def __init__(self, layout: schema.Layout, columns: Columns) -> None:
        cells = [
            (name, at, self._period if name == columns.period else rule)
            for name, at, rule in layout.cells
        ]
        self.layout, self.columns = layout._replace(cells=cells), columns
        self.forms = set[bool]()  # of periods: dates, or numbers, which have no common order
        self.doubtful = self.taken = 0
        self.pattern = cell_columns.pattern(layout, columns)

    def _period(self, cell: str, name: str) -> str:
        """A period; which form comes first, and is the file's, can be told line by line only."""
        text = schema.period(cell, name)
        self.forms.add(bool(ISO_DATE.fullmatch(text)))
        if len(self.forms) > 1:
            raise NotPlain
        return text

    def judged(self, blocks: Iterator[tuple[bytes, int]]) -> ByColumns:
        """All lines together."""
        pieces = [self._piece(*block) for block in blocks]
        cells = {
            name: self._together(name, [piece.columns[at] for piece in pieces])
            for at, (name, _, _) in enumerate(self.layout.cells)
        }
        refusals = [refusal for piece in pieces for refusal in piece.refusals]
        count = sum(len(piece.columns[0]) for piece in pieces)
        taken = sum(piece.lines for piece in pieces)
        return ByColumns(cells, count, refusals, self.layout.ignored, taken)

    def _together(self, name: str, parts: list[Column]) -> Column:
        """A column of the whole file."""
        if cell_columns.is_text(name, self.columns):
            return pa.chunked_array(parts, pa.large_string())
        return np.concatenate(parts) if parts else np.empty(0)

    def _piece(self, block: bytes, before: int) -> _Piece:
        """What becomes of these lines, before which the file has so many others."""
        if not block.isascii():
            block.decode()  # raises for a file that is not UTF-8
        if b'"' not in block:
            try:
                columns, good = cell_columns.of(pa.py_buffer(block), self.layout, self.columns)
            except pa.ArrowInvalid:
                return self._sorted_out(block, before)
            if good.all():
                self.taken += len(good)
                return _Piece(columns, [], len(good))
        return self._sorted_out(block, before)

    def _sorted_out(self, block: bytes, before: int) -> _Piece:
        """The same for lines of which some must be judged one by one."""
        own = _lines(block)
        is_short = pc.less_equal(pc.binary_length(own), cell_columns.LONGEST_LINE)
        is_plain = pc.and_(pc.match_substring_regex(own, self.pattern), is_short)
        columns, good = self._of_plain(own.filter(is_plain))
        places = np.flatnonzero(cell_columns.flags(is_plain))[good]
        others = np.ones(len(own), dtype=bool)
        others[places] = False
        self._give_up_if_many(len(own), int(np.count_nonzero(others)))
        texts = [line.removesuffix("\n") for line in own.filter(pa.array(others)).to_pylist()]
        doubtful = dict(zip(np.flatnonzero(others).tolist(), texts, strict=True))
        one_by_one = self._one_by_one(doubtful, before)
        order = np.argsort(np.append(places, one_by_one.places), kind="stable")
        joined = [
            self._joined(name, columns[at], [row[at] for row in one_by_one.rows], order)
            for at, (name, _, _) in enumerate(self.layout.cells)
        ]
        return _Piece(joined, one_by_one.refusals, len(order) + len(one_by_one.refusals))

    def _of_plain(self, plain: pa.Array) -> tuple[list[Column], cell_columns.Flags]:
        """The good columns of lines that match the pattern, and which of the lines are good."""
        if not len(plain):
            empty = [self._together(name, []) for name, _, _ in self.layout.cells]
            return empty, np.zeros(0, dtype=bool)
        _, ends, text = plain.buffers()
        bare = bytes(text.slice(0, int(np.frombuffer(ends, np.int64)[len(plain)])))
        bare = bare.replace(b'"', b"")
        try:
            columns, good = cell_columns.of(pa.py_buffer(bare), self.layout, self.columns)
        except pa.ArrowInvalid as odd:
            raise NotPlain from odd
        if len(good) != len(plain):
            raise NotPlain
        keep = pa.array(good)
        return [
            column.filter(keep) if isinstance(column, pa.Array) else column[good]
            for column in columns
        ], good

    def _give_up_if_many(self, taken: int, doubtful: int) -> None:
        self.taken += taken
        self.doubtful += doubtful
        if self.doubtful > max(FEW * self.taken, ALWAYS_FEW):
            raise NotPlain

    def _one_by_one(self, doubtful: dict[int, str], before: int) -> _OneByOne:
        """What becomes of these lines, each of which must be a record by itself."""
        found = _OneByOne([], [], [])
        for at, line in doubtful.items():
            if lines.is_blank(line):
                continue
            record = Record(before + at, _alone(line), 1)
            row, refused, _ = lines.judgement(record, [line], self.layout)
            found.refusals.extend(refused)
            if row is not None:
                found.places.append(at)
                found.rows.append(row)
        return found

    def _joined(self, name: str, column: Column, cells: list[Cell], order: Whole) -> Column:
        """A column with further cells behind it, all put in order."""
        if not cells:
            return column
        more = cell_columns.kept(cells, cell_columns.is_text(name, self.columns))
        if isinstance(column, pa.Array | pa.ChunkedArray):
            chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
            return pa.concat_arrays([*chunks, more]).take(pa.array(order))
        return np.append(column, more)[order]


def _lines(block: bytes) -> pa.Array:
    """Lines as texts, each with its end."""
    whole = block if block.endswith(b"\n") else block + b"\n"
    ends = np.flatnonzero(np.frombuffer(whole, np.uint8) == LINE_END) + 1
    offsets = pa.py_buffer(np.append(0, ends))
    return pa.LargeStringArray.from_buffers(len(ends), offsets, pa.py_buffer(whole))


def _alone(line: str) -> list[str]:
    """The fields of a line by itself; one whose quotes end in a later line is not plain."""
    if '"' not in line:
        return schema.split(line)
    try:
        return next(csv.reader([line + "\n"], strict=True))
    except csv.Error:
        raise NotPlain from None
