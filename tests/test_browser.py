"""The pages in a real browser, as a client manager uses them."""

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fullprocess import full_process
from risk.settings import Settings
from tests.conftest import put, small_project
from tests.serving import gunicorn

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
HOSTILE = ["=1+1", "<b>x</b>", "a/b?c#d%20", ".."]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; the tests are skipped in words where there is none."""
    if not CHROMIUM.exists():
        message = f"there is no browser at {CHROMIUM}"
        if os.environ.get(DEMANDED):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a project with a list is served; among its clients are codes that try to be more."""
    settings: Settings = small_project(tmp_path_factory.mktemp("pages"))
    put(settings, "dataset2.csv", [f'"{code}",12,340,5,' for code in HOSTILE])
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
    assert said == []


def codes(page: Page) -> list[str]:
    """The clients of the list as it is shown."""
    return page.locator("table.list tbody th").all_inner_texts()


def follow(page: Page, role: Literal["button", "link"], name: str | re.Pattern[str]) -> None:
    """Click, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role(role, name=name, exact=isinstance(name, str)).click()


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
    page.get_by_label("Who").fill("Anna <b>")
    page.get_by_label("Note").fill("will call back <script>alert(1)</script>")
    follow(page, "button", "Record")
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


@pytest.mark.parametrize("code", HOSTILE)
def test_a_code_that_tries_to_be_more_is_text(page: Page, code: str) -> None:
    page.goto("/clients")
    search(page, code)
    follow(page, "link", code)
    expect(page.get_by_role("heading", level=1)).to_contain_text(code)
    page.get_by_label("Who").fill("Ben")
    follow(page, "button", "Record")
    expect(page.get_by_role("heading", level=1)).to_contain_text(code)
    expect(page.locator("ol.contacts li")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
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


def test_the_list_is_worked_by_keyboard(page: Page) -> None:
    page.goto("/clients")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.textContent")
    assert "content" in focused.lower() or "skip" in focused.lower()
    page.get_by_label("Client code contains").focus()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
