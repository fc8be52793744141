"""The files that the steps share: their names, how they are read, and the one way to write them."""

import contextlib
import itertools
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from risk import shapes
from risk.errors import ArtefactRefused, InputMissing
from risk.settings import Settings
from risk.shapes import Kind

try:  # an idle run makes small fingerprints, and hashlib would load all of OpenSSL for them
    from _sha256 import sha256 as small_sha256  # type: ignore[import-not-found]
except ImportError:  # Python 3.12 and later
    from hashlib import sha256 as small_sha256

FINAL_DATA = "finaldata.csv"
CLIENTS = "clients.csv"
OUTCOMES = "outcomes.bin"
ROWS = "rows.arrows"
DATASET = "dataset.arrows"
STANDING = "standing.arrows"
REJECTED = "rejected.csv"
INGESTION = "ingestion.json"
INGESTED_FILES = "ingestedfiles.txt"
MODEL = "trainedmodel.pkl"
MODEL_RECORD = "trainedmodel.json"
SCORE = "latestscore.txt"
JUDGED = "judged.json"
WEIGHED = "weighed.json"
POLICIES = "policies"
PENDING = "pending"
PASSED_OVER = "passedover.txt"
LOCK = "lock"
LOG = "fullprocess.log"
LAST_RUN = "last_run.json"
RECORDS = "records.db"
SOURCE = "source.json"
TRENDS = "trends.png"
RANKING = "riskranking.csv"
CONFUSION_MATRIX = "confusionmatrix.png"
REPORT = "report.pdf"
API_RETURNS = "apireturns.txt"
PACKAGES = "packages.json"
MANIFEST = "manifest.json"
STORE = ".releases"
NEW = ".new"
SMALL = 256 * 1024
KINDS = {
    INGESTION: shapes.INGESTION,
    MODEL_RECORD: shapes.TRAINED,
    JUDGED: shapes.JUDGED,
    WEIGHED: shapes.WEIGHED,
    LAST_RUN: shapes.LAST_RUN,
    SOURCE: shapes.SOURCE,
    PACKAGES: shapes.PACKAGES,
}
ID_LENGTH = 16
TIME = "%Y-%m-%dT%H:%M:%SZ"

log = logging.getLogger("risk.files")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which replaces `path` in one step when all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(draft, flags, 0o666), "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(draft)):
            error.filename = str(path)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def appending(path: Path, length: int) -> Iterator[IO[bytes]]:
    """A file to append to, of which only so many bytes count; the others are cut off first."""
    flags = os.O_RDWR | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags), "r+b") as handle:
        handle.truncate(length)
        handle.seek(length)
        yield handle
        handle.flush()
        os.fsync(handle.fileno())


def draft_of(path: Path) -> Path:
    """Where a file is written before it replaces `path`; a name that others took is left alone."""
    numbers = itertools.chain([""], map(".{}".format, itertools.count(2)))
    drafts = (path.with_name(f".{path.name}{number}.draft") for number in numbers)
    return next(draft for draft in drafts if not is_foreign(draft))


def is_foreign(path: Path) -> bool:
    """Whether a link, a folder or the like lies there, which is never ours."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def drafts(folder: Path, beginning: str = ".") -> Iterator[Path]:
    """The drafts in a folder, which nobody writes while we hold the lock."""
    if folder.is_dir():
        for draft in folder.glob(f"{beginning}*.draft"):
            if not is_foreign(draft):
                yield draft


def set_aside(path: Path) -> str:
    """Rename a damaged file, and return its new name."""
    aside = aside_of(path)
    path.rename(aside)
    return aside.name


def aside_of(path: Path) -> Path:
    """The name under which a damaged file is kept."""
    return path.with_name(f"{path.name}.{now().replace(':', '')}.damaged")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file by this content."""
    with replacing(path) as handle:
        handle.write(content)


def json_bytes(value: object) -> bytes:
    """A record as JSON, indented for people."""
    return (json.dumps(value, indent=1) + "\n").encode()


def write_json(path: Path, value: object) -> None:
    """Replace a file by this value as JSON."""
    write_bytes(path, json_bytes(value))


def write_names(path: Path, names: list[str]) -> None:
    """Replace a file by a Python list of file names."""
    write_bytes(path, f"{names!r}\n".encode())


def write_score(path: Path, score: float) -> None:
    """Replace a file by one number with all its digits."""
    write_bytes(path, f"{score!r}\n".encode())


def read_bytes(path: Path, made_by: str) -> bytes:
    """A file's content; if it is missing, the error says which step makes it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputMissing(f"{short(path)} is missing; run python {made_by} first") from None


def parse_json(content: bytes, name: str, kind: Kind) -> dict[str, Any]:
    """The object in one of our own JSON records, checked against its shape."""
    try:
        value: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtefactRefused(f"{name} is damaged ({error}); {kind.cure}") from error
    if wrong := shapes.misfit(value, kind.shape):
        raise ArtefactRefused(f"{name} is damaged ({wrong} is not as it must be); {kind.cure}")
    return value


def read_json(path: Path, kind: Kind | None = None) -> dict[str, Any] | None:
    """One of our own JSON records, of the kind that its name says unless one is given."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return parse_json(content, short(path), kind or KINDS[path.name])


def sound_json(path: Path, kind: Kind | None = None) -> dict[str, Any] | None:
    """A record that only our own runs need; a damaged one is renamed, and counts as missing."""
    try:
        if is_foreign(path):
            raise ArtefactRefused(f"{short(path)} is no file of ours")
        return read_json(path, kind)
    except ArtefactRefused as refusal:
        log.warning("%s; it is kept as %s", refusal, set_aside(path))
        return None


def required_json(path: Path, made_by: str) -> dict[str, Any]:
    """A record that an earlier step must have written."""
    return parse_json(read_bytes(path, made_by), short(path), KINDS[path.name])


def parse_score(content: bytes, name: str) -> float:
    """The number in a latestscore.txt."""
    try:
        score = float(content)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise ArtefactRefused(f"{name} does not hold one number from 0 to 1")
    return score


def parse_names(content: bytes, name: str) -> list[str]:
    """The file names in an ingestedfiles.txt, a Python list."""
    import ast  # an idle run reads no such list and loads no such module

    try:
        names = ast.literal_eval(content.decode().strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ArtefactRefused(f"{name} does not hold a Python list of file names") from error
    if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names):
        raise ArtefactRefused(f"{name} does not hold a Python list of file names")
    return names


def sha256(content: bytes) -> str:
    """The fingerprint that records know a content by."""
    if len(content) <= SMALL:
        return str(small_sha256(content).hexdigest())
    import hashlib

    return hashlib.sha256(content).hexdigest()


def ingestion_id(sha256_of_dataset: str) -> str:
    """The name of an ingestion, made from what it wrote into finaldata.csv."""
    return sha256_of_dataset[:ID_LENGTH]


def now() -> str:
    """The moment as records keep it."""
    return time.strftime(TIME, time.gmtime())


def results(settings: Settings) -> dict[str, Path]:
    """Where a person finds what a run has made."""
    data = settings.output_folder_path
    return {
        "deployed model": settings.prod_deployment_path / MODEL,
        "whom to call": settings.output_model_path / RANKING,
        "report": settings.output_model_path / REPORT,
        "merged data": data / FINAL_DATA,
        "refused lines": data / REJECTED,
        "log": data / LOG,
    }


def short(path: Path) -> str:
    """A path as messages name it: the folder and the file alone."""
    return f"{path.parent.name}/{path.name}"
