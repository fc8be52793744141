"""What the repository says of itself is true: README, docs, make, scripts, CI."""

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app import create_app
from risk import errors
from risk.cli import INPUT_OUTPUT_ERROR
from risk.settings import Settings
from tests.conftest import ROOT

LONGEST_SCRIPT = 170
LONGEST_README, LONGEST_CONTRIBUTING = 120, 25

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
}
README, ARCHITECTURE = PAGES["README.md"], PAGES["docs/architecture.md"]
MAKEFILE = (ROOT / "Makefile").read_text()
SCRIPTS = sorted(path.name for path in ROOT.glob("*.py"))
TARGETS = re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)  # what make alone lists
KEYS = [field for field in Settings._fields if field != "workspace"]


def exit_codes() -> set[int]:
    """Every code that a script can end with when it ends as it should."""
    family = [value for value in vars(errors).values() if isinstance(value, type)]
    return {0, 2, INPUT_OUTPUT_ERROR} | {
        kind.exit_code for kind in family if hasattr(kind, "exit_code")
    }


def row_with(name: str) -> re.Pattern[str]:
    """A row of a table that has this name in one of its cells."""
    return re.compile(rf"^\|.*`{re.escape(name)}`", re.MULTILINE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_readme_names_every_script(name: str) -> None:
    assert row_with(name).search(README)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_the_configuration_is_named_and_explained(key: str) -> None:
    assert row_with(key).search(README)
    assert re.search(rf"^\| `{key}` \| \S.* \| \S", PAGES["docs/configuration.md"], re.MULTILINE)


@pytest.mark.parametrize("code", sorted(exit_codes()))
def test_every_exit_code_is_named_and_explained(code: int) -> None:
    assert re.search(rf"^\| {code} \| \S", README, re.MULTILINE)
    assert re.search(rf"^\| {code} \| \S.* \| \S", PAGES["docs/operations.md"], re.MULTILINE)


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "help"])
def test_the_readme_names_every_make_target(target: str) -> None:
    assert row_with(f"make {target}").search(README)


def test_make_alone_lists_what_one_can_do() -> None:
    make = shutil.which("make")
    if not make:
        pytest.skip("there is no make here")
    listed = subprocess.run([make], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make ([a-z]+)", listed, re.MULTILINE) == TARGETS
    assert {"install", "run", "test", "check", "format", "bench", "cron"} <= set(TARGETS)


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"(?:`|^\$ )make ([a-z]+)", PAGES[page], re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_every_route_is_named_and_explained(settings: Settings) -> None:
    rules = {rule.rule for rule in create_app(settings).url_map.iter_rules()}
    routes = {re.sub(r"<\w+:(\w+)>", r"<\1>", rule) for rule in rules}
    assert {"/", "/prediction", "/clients/<corporation>"} <= routes
    for page in ("README.md", "docs/api.md"):
        rows = [line for line in PAGES[page].splitlines() if line.startswith("|")]
        named = {name for row in rows for name in re.findall(r"`(/[^?`]*)[?`]", row)}
        assert routes <= named, page


def test_the_pages_name_no_route_that_is_not_there(settings: Settings) -> None:
    adapter = create_app(settings).url_map.bind("localhost")
    addresses = set(re.findall(r"http://127\.0\.0\.1:8000(/[a-z./]+)", "".join(PAGES.values())))
    assert addresses
    assert [path for path in addresses if not adapter.allowed_methods(path)] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        place, _, section = target.partition("#")
        found = (ROOT / page).parent / place if place else ROOT / page
        assert "://" in target or found.exists(), target
        assert not section or section in sections(found.read_text()), target


def sections(text: str) -> set[str]:
    """The names under which headings can be linked to."""
    headings = re.findall(r"^#+ (.+)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_the_readme_leads_to_every_page(page: str) -> None:
    assert f"]({page}" in README


def test_every_picture_is_shown_on_a_page() -> None:
    shown = re.findall(r"!\[[^\]]+\]\([\w/]*?(\w+\.png)\)", "".join(PAGES.values()))
    assert {path.name for path in ROOT.glob("docs/*.png")} == set(shown)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    paths = re.findall(
        r"`((?:risk|tests|docs|company|deploy|\.ci)/[\w./-]*)(?:`|:[\w.]+`)", PAGES[page]
    )
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_map_has_a_row_for_every_module() -> None:
    modules = {path for path in ROOT.glob("risk/**/*.py") if path.name != "__init__.py"}
    rows = re.findall(r"^\| `(risk/[\w/]+\.py)` \| \S", ARCHITECTURE, re.MULTILINE)
    assert sorted(rows) == sorted(path.relative_to(ROOT).as_posix() for path in modules)


STOPS = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", ARCHITECTURE + PAGES["CONTRIBUTING.md"])))


@pytest.mark.parametrize(("path", "name"), STOPS, ids=map(":".join, STOPS))
def test_every_stop_of_a_walk_is_a_function(path: str, name: str) -> None:
    body: list[ast.stmt] = ast.parse((ROOT / path).read_text()).body
    for part in name.split("."):
        defined = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        inside = {node.name: node.body for node in defined}
        assert part in inside
        body = inside[part]


def test_the_walks_have_stops() -> None:
    assert len(STOPS) > 15


def test_each_page_can_be_read_in_one_sitting() -> None:
    assert README.count("\n") <= LONGEST_README
    assert PAGES["CONTRIBUTING.md"].count("\n") <= LONGEST_CONTRIBUTING


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(ROOT.glob("*.py"))])
def test_no_script_is_long(path: Path) -> None:
    assert path.read_text().count("\n") <= LONGEST_SCRIPT


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(ROOT.glob("*.py"))])
def test_what_can_be_run_can_be_started_by_its_name(path: Path) -> None:
    text = path.read_text()
    runs = 'if __name__ == "__main__":' in text
    assert text.startswith("#!/usr/bin/env python3\n") is runs
    assert os.access(path, os.X_OK) is runs


REGISTRIES = ("pypi" + ".org", "files.python" + "hosted", "registry.npm" + "js")
OF_A_MACHINE = re.compile(
    r"(?<![\w.}/~-])/(?:work|tmp|root|Users|mnt|home(?!/workspace\b))/[\w.-]+"
)


def tracked_texts() -> dict[str, str]:
    """Every text file in the repository, by name."""
    git = shutil.which("git")
    listed = git and subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not listed or listed.returncode:
        pytest.skip("this is no checkout")
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    contents = {name: (ROOT / name).read_bytes() for name in names if not name.endswith(".csv")}
    return {name: text.decode() for name, text in contents.items() if b"\0" not in text}


def test_the_repository_speaks_of_no_registry_and_of_no_machine() -> None:
    texts = tracked_texts()
    assert "fullprocess.py" in texts
    found = [
        (name, word)
        for name, text in texts.items()
        for word in [*filter(text.__contains__, REGISTRIES), *OF_A_MACHINE.findall(text)]
    ]
    assert found == []
    if str(ROOT) != "/home/workspace":
        assert [name for name, text in texts.items() if str(ROOT) in text] == []


def test_all_that_tests_skip_without_is_demanded_before_a_change_lands() -> None:
    sources = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'"(RISK_TEST_\w+)"', source)}
    assert set(re.findall(r"(RISK_TEST_\w+)=demanded", (ROOT / ".ci/run").read_text())) == named
    assert len(named) == 3
