"""The paper: whatever the words hold, they are shown as text, on numbered pages."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from risk.reports import charts, pdf
from risk.reports.pdf import Block, Facts, Grid, Heading, Picture, Words


def document(*blocks: Block) -> bytes:
    return pdf.document("Clients about to leave", "made today", blocks, charts.font_folder())


def text(content: bytes) -> str:
    """What a reader can select, without the line ends of the layout."""
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("<b>", "<b>"),
        ("</para>&amp;", "</para>&amp;"),
        ("$x^{$", "$x^{$"),
        ("=1+1", "=1+1"),
        ("😀", "\\U0001f600"),
        ("é ß Ж ש", "é ß Ж ש"),
        ("a\u202eb", "a\\u202eb"),
        ("\u200f", "\\u200f"),
        ("中文", "\\u4e2d\\u6587"),
        ("🦜", "\\U0001f99c"),
        ("tab\tnew\nline", "tab new line"),
        ("\x1b[31m", "\\x1b[31m"),
    ],
)
def test_every_sign_is_shown_or_named(code: str, shown: str) -> None:
    rows = [("1", code, "12 %")]
    content = document(Words(f"client {code} is"), Grid(("", "client", ""), rows, (0.1, 0.6, 0.3)))
    assert text(content).count(shown) == 2


@given(st.text(max_size=700))
def test_no_words_break_the_paper(words: str) -> None:
    facts = Facts([(words[:10], words)])
    assert document(Heading(words), Words(words), facts).startswith(b"%PDF")


def test_a_long_code_without_a_space_breaks_its_line_not_the_page() -> None:
    content = document(Grid(("client",), [("W" * 200,)], (0.1,)))
    assert text(content).replace(" ", "").count("W") == 200


def test_the_pages_are_numbered_and_the_title_is_known() -> None:
    rows = [(str(number), "x" * 50) for number in range(120)]
    reader = PdfReader(io.BytesIO(document(Grid(("", "why"), rows, (0.2, 0.8)))))
    assert reader.metadata is not None
    assert reader.metadata.title == "Clients about to leave"
    count = len(reader.pages)
    assert count > 2
    for number, page in enumerate(reader.pages, 1):
        assert f"{number} of {count}" in page.extract_text()
        assert "why" in page.extract_text()


def test_the_outline_leads_to_every_section_on_its_page() -> None:
    names = ("First", "<b>", "Third")
    blocks = [(Heading(name, on_new_page=True), Words(name * 3)) for name in names]
    reader = PdfReader(io.BytesIO(document(*(block for pair in blocks for block in pair))))
    found = {}
    for entry in reader.outline:
        assert not isinstance(entry, list)
        found[entry.title] = reader.get_destination_page_number(entry)
    assert found == {"First": 1, "<b>": 2, "Third": 3}


def test_the_fonts_travel_with_the_document() -> None:
    reader = PdfReader(io.BytesIO(document(Heading("Bold"), Words("plain"))))
    fonts = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]  # type: ignore[index]
    named = {font["/BaseFont"].split("+")[-1] for font in fonts if "/FontDescriptor" in font}
    assert named >= {"DejaVuSans", "DejaVuSans-Bold"}
    assert all("/FontFile2" in f["/FontDescriptor"] for f in fonts if "/FontDescriptor" in f)


def test_a_picture_is_as_wide_as_its_share_of_the_page() -> None:
    png = charts.quality(*_outcomes(), 0.1)
    (image,) = PdfReader(io.BytesIO(document(Picture(png, 0.5)))).pages[0].images
    assert image.data


def _outcomes() -> tuple[charts.Flags, charts.Numbers]:
    risks = np.linspace(0, 1, 200)
    return risks > 0.7, risks
