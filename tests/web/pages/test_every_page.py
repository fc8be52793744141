"""What holds of every page: sound, safe, legible, and there when something is missing."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app import create_app
from risk import files
from risk.records import list_file
from risk.settings import Settings
from risk.web import client_list
from risk.web import pages as web_pages
from tests.conftest import ROOT, configured
from tests.html import Page
from tests.web.pages.site import BROWSER, CAPACITY, listed, page, sent
from tests.web.traps import shared_files

# -- what is missing -------------------------------------------------------------------------------


PAGES = ("/", "/clients", "/clients?all=1&hide=1", "/clients.csv", "/report.pdf", "/ranking")


def test_pages_before_the_first_run_say_what_to_do(settings: Settings) -> None:
    client = create_app(settings).test_client()
    found = page(client, "/")
    assert "start python fullprocess.py" in found.text
    assert "run python reporting.py first" in found.text
    for address in PAGES[1:-1]:
        assert "run python reporting.py first" in page(client, address, 503).text
    answer = client.get("/ranking", headers=BROWSER)
    assert (answer.status_code, answer.json["error"]) == (503, "input_missing")
    assert page(client, "/clients/AAAA", 404)
    assert not (settings.output_folder_path / files.RECORDS).exists()


def test_pages_stand_without_the_records(own: Settings) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    settings = configured(own.workspace, database_url=url, capacity=CAPACITY)
    client = create_app(settings).test_client()
    assert "does not answer" in page(client, "/").text
    assert len(page(client, "/clients").codes) == client_list.PAGE
    assert "Contacts cannot be shown" in page(client, "/clients?hide=1").text
    code = listed(own)["corporation"].iloc[0]
    assert "does not answer" in page(client, web_pages.address(code)).text
    answer = sent(client, code)
    assert (answer.status_code, answer.mimetype) == (503, "text/html")


@pytest.mark.parametrize("name", [files.RANKING, files.CLIENTS, files.FINAL_DATA, files.INGESTION])
def test_pages_stand_beside_a_damaged_file(own: Settings, name: str) -> None:
    code = listed(own)["corporation"].iloc[0]
    folder = own.output_model_path if name == files.RANKING else own.output_folder_path
    (folder / name).write_bytes(b'\xff\xfe"{')
    client = create_app(own).test_client()
    page(client, "/")
    page(client, "/clients", 503 if name == files.RANKING else 200)
    page(client, web_pages.address(code))


def test_a_list_of_nobody_is_a_list(own: Settings) -> None:
    path = own.output_model_path / files.RANKING
    files.write_bytes(path, f"{','.join(list_file.COLUMNS)}\n".encode())
    client = create_app(own).test_client()
    for address in ("/", "/clients"):
        assert "every one in the data has left" in page(client, address).text
    answer = client.get("/ranking").json
    assert (answer["release"], answer["as_of"], answer["clients"]) == (None, None, [])
    assert client.get("/clients.csv").text == f"{','.join(list_file.COLUMNS)}\n"


def test_reading_writes_nothing(own: Settings) -> None:
    client, code = create_app(own).test_client(), listed(own)["corporation"].iloc[0]
    before = shared_files(own.workspace)
    for address in (*PAGES, web_pages.address(code), "/style.css", "/clients/nobody", "/nothing"):
        client.get(address)
    assert shared_files(own.workspace) == before
    (own.output_folder_path / files.RECORDS).unlink()
    for address in ("/", "/clients?hide=1", web_pages.address(code)):
        page(client, address)
    assert not (own.output_folder_path / files.RECORDS).exists()


# -- what every page is ----------------------------------------------------------------------------


def some_pages(settings: Settings, client: FlaskClient) -> Iterator[Page]:
    code = listed(settings)["corporation"].iloc[0]
    for address in ("/", "/clients", "/clients?q=a&hide=1&sort=code", web_pages.address(code)):
        yield page(client, address)
    yield page(client, "/nothing", 404)


def test_pages_are_sound(client: FlaskClient, company: Settings) -> None:
    for found in some_pages(company, client):
        ids = [tag.attributes["id"] for tag in found.tags if "id" in tag.attributes]
        assert len(ids) == len(set(ids))
        assert found.all("html", lang="en")
        assert found.all("meta", name="viewport")
        assert len(found.all("h1")) == 1
        assert found.inside("title")[0].endswith("Client risk")
        fields = [f for name in ("input", "select", "textarea") for f in found.all(name)]
        visible = {field["id"] for field in fields if field.get("type") != "hidden"}
        assert {label["for"] for label in found.all("label")} == visible
        assert len(found.all("caption")) == len(found.all("table"))
        assert all(cell.get("scope") for cell in found.all("th"))
        assert all(region["aria-labelledby"] in ids for region in found.all("section"))
        assert found.all("a", href="#content")
        assert "content" in ids


def test_pages_run_nothing_and_load_nothing_from_elsewhere(
    client: FlaskClient, company: Settings
) -> None:
    for found in some_pages(company, client):
        assert not found.all("script")
        for tag in found.tags:
            assert not [name for name in tag.attributes if name == "style" or name[:2] == "on"]
            for name in ("href", "src", "action"):
                assert re.match(r"/(?!/)|#|data:image/|$", tag.attributes.get(name, ""))


def test_every_link_of_the_site_answers(client: FlaskClient) -> None:
    seen, waiting, kinds = set(), ["/"], Counter[str]()
    while waiting:
        address = waiting.pop()
        seen.add(address)
        kind = re.sub(r"/clients/.*|=[^&]*", "", address)  # a page, or what a list is asked for
        kinds[kind] += 1
        if kinds[kind] > 12:
            continue
        answer = client.get(address, headers=BROWSER)
        assert answer.status_code == 200, address
        if answer.mimetype == "text/html":
            links = {link["href"].partition("#")[0] for link in Page(answer.text).all("a")}
            waiting += sorted(links - seen - set(waiting) - {""})
    assert {"/", "/clients", "/clients.csv", "/report.pdf"} <= seen


def test_headers_keep_pages_to_themselves(client: FlaskClient) -> None:
    headers = client.get("/", headers=BROWSER).headers
    assert headers.get_all("Content-Security-Policy") == [
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers


def test_the_stylesheet_is_kept_by_browsers_under_an_address_that_changes_with_it(
    client: FlaskClient,
) -> None:
    (link,) = page(client, "/").all("link", rel="stylesheet")
    answer = client.get(link["href"])
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    assert link["href"] == f"/style.css?v={files.sha256(answer.data)[:12]}"


def test_the_report_opens_in_the_browser(client: FlaskClient, company: Settings) -> None:
    answer = client.get("/report.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.data == (company.output_model_path / files.REPORT).read_bytes()


def test_errors_are_pages_for_browsers_and_json_for_programs(client: FlaskClient) -> None:
    assert page(client, "/nothing", 404).inside("h1") == ["No such page"]
    assert page(client, "/clients/nobody", 404).inside("h1") == ["No such client"]
    assert page(client, "/clients?page=x", 400).inside("h1") == ["This did not work"]
    assert client.get("/nothing").json["error"] == "not_found"
    assert client.get("/ranking?top=0", headers=BROWSER).json["error"] == "bad_request"
    answer = client.get("/", headers=BROWSER | {"Host": "evil.example"})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")


# -- colours ---------------------------------------------------------------------------------------


STYLE = (ROOT / "risk/web/static/style.css").read_text()
PALETTES = {
    scheme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for scheme, block in zip(
        ("light", "dark"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL), strict=True
    )
}
TEXTS = [
    *((ink, back) for ink in ("ink", "soft", "accent") for back in ("page", "panel")),
    *(("ink", f"{band}-back") for band in ("high", "medium", "low", "plain")),
    *((band, f"{band}-back") for band in ("high", "medium", "low")),
    *((band, back) for band in ("high", "medium", "low") for back in ("page", "panel")),
    ("on-accent", "accent"),
    ("panel", "high"),
    ("panel", "medium"),
    ("panel", "low"),
]
SHAPES = [
    *((line, "panel") for line in ("first-line", "second-line", "focus", "soft", "high", "low")),
    ("focus", "page"),
]


def brightness(colour: str) -> float:
    """Relative luminance, as the guidelines define it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", PALETTES)
def test_text_and_shapes_stand_out_from_what_is_behind_them(scheme: str) -> None:
    palette = PALETTES[scheme]
    for pairs, least in ((TEXTS, 4.5), (SHAPES, 3.0)):
        for one, other in pairs:
            assert contrast(palette[one], palette[other]) >= least, (one, other)


def test_every_colour_of_the_stylesheet_is_one_of_the_palette() -> None:
    light, dark = PALETTES.values()
    assert light.keys() == dark.keys()
    rest = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", rest)) == {"#ffffff"}  # of the paper
    assert set(re.findall(r"var\(--([\w-]+)\)", rest)) <= light.keys()


def test_the_contrast_of_black_on_white_is_known() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
