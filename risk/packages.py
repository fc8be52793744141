"""The lines of a requirements file, what is installed of them, and the newest that pip knows."""

import importlib.metadata
import json
import logging
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from risk import cache

REQUIREMENT = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)\s*(?:\[[A-Za-z0-9._, -]*\])?"
    r"\s*(?:(?:[=!<>~]=|===|[<>])\s*[A-Za-z0-9.*+!_-]+\s*,?\s*)*(?:#.*)?",
    re.ASCII,
)
PIP_SECONDS = 12
DAY, TEN_MINUTES = 86_400, 600
UNKNOWN, NOT_INSTALLED, NO_PACKAGE = "unknown", "not installed", ""

Row = list[str]

log = logging.getLogger("risk.packages")


class Line(NamedTuple):
    """A line as it stands; the package's name where it is one plainly."""

    text: str
    package: str | None


def lines(requirements: Path) -> list[Line]:
    """Every line but the blank ones."""
    found = []
    for line in requirements.read_text("utf-8", "replace").splitlines():
        if text := "".join(sign if sign.isprintable() else " " for sign in line).strip():
            plain = REQUIREMENT.fullmatch(text)
            found.append(Line(text, plain[1] if plain else None))
    return found


def rows(found: Sequence[Line], latest: Mapping[str, str]) -> list[Row]:
    """Name, installed and latest version; a line that is no plain package stands there alone."""
    return [
        [line.package, installed(line.package), latest.get(_normal(line.package), UNKNOWN)]
        if line.package
        else [line.text, NO_PACKAGE, NO_PACKAGE]
        for line in found
    ]


def installed(package: str) -> str:
    """The version that is installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return NOT_INSTALLED


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def latest(found: Sequence[Line], remembered: Sequence[Path]) -> dict[str, str]:
    """The newest version of each package, asked of pip once a day and kept in the last file.

    That pip found none, as without a network, is believed for ten minutes only.
    """
    wanted = sorted({_normal(line.package) for line in found if line.package})
    with cache.one_at_a_time("packages"):
        for path in remembered:
            known = cache.recent(path, DAY) or {}
            is_believed = known.get("latest") or cache.recent(path, TEN_MINUTES)
            if known.get("asked") == wanted and is_believed:
                return dict(known["latest"])
        answer = ask_pip(wanted)
        try:
            cache.keep(remembered[-1], {"asked": wanted, "latest": answer})
        except OSError as error:
            log.warning("the newest versions are not remembered: %s", error.strerror)
    return answer


def ask_pip(names: Sequence[str]) -> dict[str, str]:
    """The newest version of each package that pip finds, in one call, without installing any.

    pip compares what lies in a folder with what it could install; so it is shown a folder in
    which every package lies in version 0, and names the newest of all that it can find.
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
            return {_normal(row["name"]): row["latest_version"] for row in json.loads(said)}
        except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
            return {}
