"""The report on paper: words, tables and pictures laid out on numbered A4 pages."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

PLAIN, BOLD = "Report", "Report-Bold"
FONT_FILES = {PLAIN: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}
INK, SOFT, LINE = HexColor("#1b2733"), HexColor("#55636f"), HexColor("#cfd6db")
RED = HexColor("#9c2410")
MARGIN, TOP, BOTTOM, FOOT = 18 * mm, 16 * mm, 18 * mm, 10 * mm
WIDTH, HEIGHT = A4[0] - 2 * MARGIN, A4[1] - TOP - BOTTOM
ABOVE = 3 * mm  # a section that is jumped to does not stick to the window's edge
LONGEST_TEXT = 600
LONGEST_CODE = 40
NO_BREAK = "\u00a0"
FOOT_OF_PAGE = "foot{}"
LAST = "\uffff"  # reportlab draws what lies beyond, but nobody can select it


class Heading(NamedTuple):
    """The title of a section; the first one of a page may begin it."""

    text: str
    on_new_page: bool = False


class Words(NamedTuple):
    """A paragraph, soft when it is only a remark."""

    text: str
    is_remark: bool = False


class Alarm(NamedTuple):
    """What is to be read before anything else: red, and in a frame for those without colours."""

    text: str


class Facts(NamedTuple):
    """A few large numbers, each over the words that say what it counts."""

    pairs: Sequence[tuple[str, str]]


Cell: TypeAlias = str | tuple[str, ...]  # several begin a line each


class Grid(NamedTuple):
    """A table; widths are shares of the page, columns of numbers stand to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    widths: Sequence[float]
    numbers: Sequence[int] = ()


class Picture(NamedTuple):
    """The bytes of a PNG, as wide as a share of the page."""

    png: bytes
    width: float = 1.0


Block: TypeAlias = Heading | Words | Alarm | Facts | Grid | Picture


def document(title: str, foot: str, blocks: Sequence[Block], fonts: Path) -> bytes:
    """The bytes of a PDF with a title, these blocks and a numbered foot on every page."""
    know(fonts)
    rl_config.useA85 = False  # pictures as they are: a quarter smaller, and quicker
    content = io.BytesIO()
    frame = Frame(MARGIN, BOTTOM, WIDTH, HEIGHT, 0, 0, 0, 0)
    pages = BaseDocTemplate(
        content,
        pagesize=A4,
        pageTemplates=[PageTemplate(frames=[frame], onPageEnd=_refer_to_foot)],
        title=title,
        author="Dynamic risk assessment",
        subject="Which clients are about to leave, and why",
        lang="en",
    )
    flow: list[Any] = [Paragraph(markup(title), TITLE)]
    for block in blocks:
        flow += _flowables(block)
    pages.build([*flow, _Feet(printable(foot))])
    return content.getvalue()


def know(fonts: Path) -> None:
    """Load the fonts of the report, once; `printable` needs them."""
    for name in FONT_FILES.keys() - set(pdfmetrics.getRegisteredFontNames()):
        pdfmetrics.registerFont(TTFont(name, fonts / FONT_FILES[name]))


def shortened(text: str, longest: int = LONGEST_CODE) -> str:
    """The beginning of a text that is too long for its cell."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def printable(text: str) -> str:
    """The text with escapes for signs that the font lacks or that cannot be seen."""
    known = pdfmetrics.getFont(PLAIN).face.charToGlyph
    signs = (
        sign if sign.isprintable() and sign <= LAST and ord(sign) in known else _instead(sign)
        for sign in text[:LONGEST_TEXT]
    )
    return "".join(signs) + ("…" if len(text) > LONGEST_TEXT else "")


def _instead(sign: str) -> str:
    if sign == NO_BREAK:
        return sign
    return " " if sign.isspace() else sign.encode("unicode_escape").decode()


def markup(text: str) -> str:
    """The text escaped, as paragraphs take a client named <b> for markup."""
    return escape(printable(text))


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    usual = {"fontName": PLAIN, "textColor": INK, "leading": size * 1.42, "splitLongWords": True}
    usual |= {"allowWidows": 0, "allowOrphans": 0}
    return ParagraphStyle(name, fontSize=size, **usual | more)


FRAME = {"borderColor": RED, "borderWidth": 1, "borderPadding": 2 * mm}
FRAME |= dict.fromkeys(("leftIndent", "rightIndent"), 2 * mm)
FRAME |= dict.fromkeys(("spaceBefore", "spaceAfter"), 4 * mm)
TITLE = _style("title", 20, fontName=BOLD, spaceAfter=2 * mm)
HEADING = _style("heading", 13, fontName=BOLD, spaceBefore=4 * mm, spaceAfter=2 * mm)
WORDS = _style("words", 9.5, spaceAfter=2 * mm)
ALARM = _style("alarm", 11, fontName=BOLD, textColor=RED, **FRAME)
REMARK = _style("remark", 8, textColor=SOFT, spaceAfter=2 * mm)
FACT = _style("fact", 21, fontName=BOLD, leading=25)
CAPTION = _style("caption", 8, textColor=SOFT)
HEAD = _style("head", 7.5, textColor=SOFT)
HEAD_OF_NUMBERS = _style("head of numbers", 7.5, textColor=SOFT, alignment=TA_RIGHT)
CELL = _style("cell", 7.5, leading=9.3)
NUMBER = _style("number", 7.5, leading=9.3, alignment=TA_RIGHT)


def _flowables(block: Block) -> list[Flowable]:
    if isinstance(block, Heading):
        start = PageBreak() if block.on_new_page else CondPageBreak(45 * mm)
        return [start, _Section(markup(block.text), HEADING)]
    if isinstance(block, Words):
        return [Paragraph(markup(block.text), REMARK if block.is_remark else WORDS)]
    if isinstance(block, Alarm):
        return [Paragraph(markup(block.text), ALARM)]
    if isinstance(block, Facts):
        return [_facts(block), Spacer(0, 3 * mm)]
    if isinstance(block, Grid):
        return [_grid(block), Spacer(0, 3 * mm)]
    width, height = ImageReader(io.BytesIO(block.png)).getSize()
    across = WIDTH * block.width
    image = Image(io.BytesIO(block.png), across, across * height / width, hAlign="LEFT")
    return [image, Spacer(0, 3 * mm)]


class _Section(Paragraph):  # type: ignore[misc]  # reportlab ships no types
    """A heading that is in the outline of the document too."""

    def draw(self) -> None:
        _, top = self.canv.absolutePosition(0, self.height)
        self.canv.bookmarkPage(key := str(id(self)), fit="XYZ", top=top + ABOVE)
        self.canv.addOutlineEntry(self.getPlainText(), key)
        super().draw()


class _Feet(Flowable):  # type: ignore[misc]  # reportlab ships no types
    """The feet of all pages, at the very end, when their count is known."""

    def __init__(self, foot: str) -> None:
        super().__init__()
        self.foot = foot

    def draw(self) -> None:
        count = self.canv.getPageNumber()
        for number in range(1, count + 1):
            self.canv.beginForm(FOOT_OF_PAGE.format(number))
            self.canv.setFont(PLAIN, 7.5)
            self.canv.setFillColor(SOFT)
            self.canv.drawString(MARGIN, FOOT, self.foot)
            self.canv.drawRightString(A4[0] - MARGIN, FOOT, f"{number} of {count}")
            self.canv.endForm()


def _refer_to_foot(canvas: Any, _document: Any) -> None:
    canvas.doForm(FOOT_OF_PAGE.format(canvas.getPageNumber()))


def _facts(facts: Facts) -> Flowable:
    columns = [
        [Paragraph(markup(number), FACT), Paragraph(markup(caption), CAPTION)]
        for number, caption in facts.pairs
    ]
    style = [
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4 * mm),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    return Table(
        [columns], colWidths=[WIDTH / len(columns)] * len(columns), style=style, hAlign="LEFT"
    )


def _grid(grid: Grid) -> Flowable:
    def row(
        cells: Sequence[Cell], style: ParagraphStyle, of_numbers: ParagraphStyle
    ) -> list[Flowable]:
        return [
            Paragraph(_lines(cell), of_numbers if at in grid.numbers else style)
            for at, cell in enumerate(cells)
        ]

    rows = [row(grid.head, HEAD, HEAD_OF_NUMBERS), *(row(r, CELL, NUMBER) for r in grid.rows)]
    style = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, SOFT),
        ("LINEBELOW", (0, 1), (-1, -1), 0.3, LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2.2 * mm),
        ("TOPPADDING", (0, 0), (-1, -1), 1.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.7),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    widths = [share * WIDTH for share in grid.widths]
    return Table(rows, colWidths=widths, style=style, repeatRows=1, hAlign="LEFT")


def _lines(cell: Cell) -> str:
    return "<br/>".join(map(markup, (cell,) if isinstance(cell, str) else cell))
