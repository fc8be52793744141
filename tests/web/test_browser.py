"""The pages in a real browser, as a client manager uses them."""

import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pypdf import PdfReader

from fullprocess import full_process
from risk.settings import Settings
from tests.conftest import put, small_project
from tests.serving import PATIENCE, gunicorn

CHROMIUM = Path("/usr/bin/chromium")
DEMANDED = "RISK_TEST_BROWSER"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PALE = """
() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const pairs = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    pairs.push([walker.currentNode.data, element.closest("svg") ? style.fill : style.color,
      behind(element)]);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    pairs.push([field.name, getComputedStyle(field).color, behind(field)]);
  return pairs.map(([text, ink, ground]) => {
    const [low, high] = [light(ink), light(ground)].sort((one, other) => one - other);
    return [text.trim(), ink, ground, (high + 0.05) / (low + 0.05)];
  });
}
"""
REFUSED = "status of 400"  # which a browser writes into its console of every wrong form
SHEETS = pytest.mark.parametrize("size", ["A4", pytest.param("Letter", marks=pytest.mark.slow)])
HOSTILE = ["=1+1", "<b>x</b>", "a/b?c#d%20", ".."]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; the tests are skipped in words where there is none."""
    if not CHROMIUM.exists():
        message = f"there is no browser at {CHROMIUM}"
        if os.environ.get(DEMANDED):
            pytest.fail(message)
        pytest.skip(message)
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a project with a list is served; among its clients are codes that try to be more."""
    settings: Settings = small_project(tmp_path_factory.mktemp("pages"))
    put(settings, "dataset2.csv", [f'"{code}",12,340,5,0' for code in HOSTILE])
    assert full_process(settings) == "deployed"
    with gunicorn(settings) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet; the console must stay empty."""
    context = browser.new_context(base_url=address)
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert [message for message in said if REFUSED not in message] == []


def codes(page: Page) -> list[str]:
    """The clients of the list as it is shown."""
    return page.locator("table.list tbody th").all_inner_texts()


def follow(page: Page, role: Literal["button", "link"], name: str | re.Pattern[str]) -> None:
    """Click, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role(role, name=name, exact=isinstance(name, str)).click()


def record(page: Page, who: str) -> None:
    """Say who contacted the client, and wait for the page that shows it."""
    page.get_by_label("Who").fill(who)
    follow(page, "button", "Record")


def search(page: Page, text: str) -> None:
    """Search the list by keyboard."""
    page.get_by_label("Client code contains").fill(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_manager_finds_a_client_and_says_what_was_done(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is everything well?")
    follow(page, "link", "Clients")
    first, second = codes(page)[:2]
    search(page, first.lower())
    assert first in codes(page)
    follow(page, "link", first)
    expect(page.get_by_role("heading", level=1)).to_contain_text(first)
    page.get_by_label("Note").fill("will call back <script>alert(1)</script>")
    record(page, "Anna <b>")
    expect(page.locator("ol.contacts li")).to_have_count(1)
    expect(page.locator("ol.contacts")).to_contain_text("Anna <b>")
    expect(page.locator("ol.contacts")).to_contain_text("<script>alert(1)</script>")
    page.reload()
    expect(page.locator("ol.contacts li")).to_have_count(1)
    page.goto("/clients")
    expect(page.locator("table.list tbody tr").first).to_contain_text("Anna <b>")
    page.get_by_label(re.compile("hide those contacted")).check()
    follow(page, "button", "Show")
    shown = codes(page)
    assert first not in shown
    assert shown[0] == second


def test_the_list_is_sorted_and_paged(page: Page) -> None:
    page.goto("/clients")
    by_risk = codes(page)
    page.get_by_label("Order").select_option("code")
    follow(page, "button", "Show")
    by_code = codes(page)
    assert by_code == sorted(by_code)
    assert by_code != by_risk
    follow(page, "link", re.compile("Next"))
    assert not set(codes(page)) & set(by_code)
    follow(page, "link", re.compile("Previous"))
    assert codes(page) == by_code


def test_the_list_is_for_a_spreadsheet_too(page: Page, tmp_path: Path) -> None:
    page.goto("/clients")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    copy = tmp_path / "clients.csv"
    download.value.save_as(copy)
    with copy.open(newline="") as handle:
        listed = {row["corporation"] for row in csv.DictReader(handle)}
    assert {"'=1+1", "<b>x</b>"} <= listed


def test_the_report_is_a_document(page: Page) -> None:
    page.goto("/")
    link = page.get_by_role("link", name=re.compile("Report")).first.get_attribute("href") or ""
    answer = page.request.get(link)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")


def test_a_code_that_tries_to_be_more_is_text(page: Page) -> None:
    for code in HOSTILE:
        page.goto("/clients")
        search(page, code)
        follow(page, "link", code)
        expect(page.get_by_role("heading", level=1)).to_contain_text(code)
        record(page, "Ben")
        expect(page.get_by_role("heading", level=1)).to_contain_text(code)
        expect(page.locator("ol.contacts li")).to_have_count(1)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    look = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    context = browser.new_context(base_url=address, **look)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/clients")
    first = codes(page)[0]
    for path in ("/", "/clients", f"/clients/{first}"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", ground)[:3]) / 3
    assert (brightness > 128) == (scheme == "light")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(
    browser: Browser, address: str, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(base_url=address, color_scheme=scheme)
    page = context.new_page()
    page.goto("/clients")
    client = f"/clients/{codes(page)[-1]}"
    page.goto(client)
    record(page, "Cleo")
    assert "#contact-" in page.url
    looked_at = page.evaluate(PALE)
    page.get_by_label("Who").fill(" ")
    follow(page, "button", "Record")
    looked_at += page.evaluate(PALE)
    for path in ("/", "/clients?all=1", "/clients?q=none-has-this", "/nothing"):
        page.goto(path)
        looked_at += page.evaluate(PALE)
    context.close()
    assert len(looked_at) > 500
    assert [pair for pair in looked_at if pair[3] < 4.5] == []


def test_every_stop_of_the_keyboard_is_seen(page: Page) -> None:
    page.goto("/clients")
    client = f"/clients/{codes(page)[0]}"
    for path in ("/", "/clients", client):
        page.goto(path)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().x") >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        stops: list[str] = []
        while len(stops) < 12:
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.localName"))
            if stops[-1] == "body":  # past the last one
                break
            style = page.evaluate("getComputedStyle(document.activeElement).outline")
            assert "solid 3px" in style, stops
        assert len(stops) > 8


def printed(page: Page, path: str, size: str) -> list[str]:
    """What a page says on paper, sheet by sheet."""
    page.goto(path)
    margin = "0.4in"
    sides = {"top": margin, "bottom": margin, "left": margin, "right": margin}
    made = page.pdf(format=size, margin=sides)  # type: ignore[arg-type]
    return [sheet.extract_text() for sheet in PdfReader(io.BytesIO(made)).pages]


@SHEETS
def test_a_page_on_paper_begins_on_its_first_sheet(page: Page, size: str) -> None:
    page.goto("/clients")
    first = printed(page, f"/clients/{codes(page)[0]}", size)[0]
    assert "All together" in first, first
    assert "Risk over the lists" in first


@SHEETS
def test_contacts_take_room_on_paper_only_where_there_are_some(page: Page, size: str) -> None:
    page.goto("/clients")
    last = codes(page)[-1]
    bare = printed(page, f"/clients?q={codes(page)[4]}", size)
    assert "Last contact" not in bare[0]
    page.goto(f"/clients/{last}")
    record(page, "Flora")
    sheets = printed(page, f"/clients?q={last}", size)
    assert "Last contact" in sheets[0]
    assert "Flora" in sheets[0]


def test_a_form_that_is_wrong_says_so_where_one_looks(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/clients")
    page.goto(f"/clients/{codes(page)[2]}")
    page.get_by_label("Who").fill(" ")
    page.get_by_label("Note").fill("typed before")
    follow(page, "button", "Record")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Who")).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("typed before")
    record(page, "Dora")
    expect(page.get_by_text("✓ recorded")).to_be_in_viewport()
    expect(page.locator("ol.contacts li")).to_have_count(1)


def test_who_goes_back_and_corrects_a_note_loses_nothing(page: Page) -> None:
    page.goto("/clients")
    page.goto(f"/clients/{codes(page)[3]}")
    record(page, "Emil")
    page.go_back()
    page.get_by_label("Note").fill("corrected")
    record(page, "Emil")
    expect(page.locator("ol.contacts")).to_contain_text("corrected")
