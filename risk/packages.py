"""The lines of a requirements file, what is installed of them, and the newest that pip knows."""

import importlib.metadata
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from risk import cache

LONGEST_NAME = 100  # it names a folder, too
PIP_SECONDS = 12
DAY, TEN_MINUTES = 86_400, 600
UNKNOWN, NOT_INSTALLED, NO_PACKAGE = "unknown", "not installed", ""

Row = list[str]

log = logging.getLogger("risk.packages")


class Line(NamedTuple):
    """A line of the requirements, and the package if it asks for one by its name alone."""

    text: str
    package: str | None


def lines(requirements: Path) -> list[Line]:
    """Every line but the blank ones."""
    printable = (
        "".join(sign if sign.isprintable() else " " for sign in line).strip()
        for line in requirements.read_text("utf-8", "replace").splitlines()
    )
    return [Line(text, _package(text)) for text in printable if text]


def _package(text: str) -> str | None:
    try:
        wanted = Requirement(text.partition(" #")[0])
    except InvalidRequirement:
        return None
    is_plain = not (wanted.url or wanted.marker) and len(wanted.name) <= LONGEST_NAME
    return wanted.name if is_plain else None


def rows(asked: Sequence[Line], latest: Mapping[str, str]) -> list[Row]:
    """Name, installed and latest version; a line that names no package stands there alone."""
    return [
        [
            line.package,
            installed(line.package),
            latest.get(canonicalize_name(line.package), UNKNOWN),
        ]
        if line.package
        else [line.text, NO_PACKAGE, NO_PACKAGE]
        for line in asked
    ]


def installed(package: str) -> str:
    """The installed version."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return NOT_INSTALLED


def latest(asked: Sequence[Line], remembered: Sequence[Path]) -> dict[str, str]:
    """The newest version of each package, asked of pip once a day and kept in the last file.

    An empty answer, as without a network, is kept for ten minutes only.
    """
    wanted = sorted({canonicalize_name(line.package) for line in asked if line.package})
    with cache.one_at_a_time("packages"):
        for path in remembered:
            known = cache.recent(path, DAY) or {}
            is_fresh = known.get("latest") or cache.recent(path, TEN_MINUTES)
            if known.get("asked") == wanted and is_fresh:
                return dict(known["latest"])
        answer = ask_pip(wanted)
        try:
            cache.keep(remembered[-1], {"asked": wanted, "latest": answer})
        except OSError as error:
            log.warning("the newest versions are not remembered: %s", error.strerror)
    return answer


def ask_pip(names: Sequence[str]) -> dict[str, str]:
    """The newest version of each package that pip finds, in one call that installs nothing.

    pip compares the packages of a folder with those that it could install, so it is given a
    folder that holds version 0 of each.
    """
    with tempfile.TemporaryDirectory(prefix="risk-") as folder:
        for name in names:
            described = Path(folder) / f"{name.replace('-', '_')}-0.dist-info"
            described.mkdir()
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n"
            (described / "METADATA").write_text(text)
        command = [sys.executable, "-m", "pip", "list", "--outdated", "--path", folder]
        options = ["--format", "json", "--retries", "0", "--timeout", "2", "--no-input"]
        try:
            said = subprocess.run(  # noqa: S603 - no part of it comes from the requirements
                [*command, *options, "--disable-pip-version-check"],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                timeout=PIP_SECONDS,
                check=False,
            ).stdout
            return {
                canonicalize_name(row["name"]): row["latest_version"] for row in json.loads(said)
            }
        except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
            return {}
