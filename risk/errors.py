"""What can go wrong outside the code: one family, each with its exit code and HTTP status."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RiskError(Exception):
    """Something outside the code is wrong; the message says what, and what to do."""

    exit_code: int
    http_status: int


class DataUnusable(RiskError):
    """There is data, but nothing can be learned from it."""

    exit_code = 65
    http_status = 422


class InputMissing(RiskError):
    """A folder, a file or the result of an earlier step is not there."""

    exit_code = 66
    http_status = 503


class ServiceDown(RiskError):
    """A database or an API does not answer."""

    exit_code = 69
    http_status = 503


class CannotListen(RiskError):
    """The port is taken, or the system refuses to listen there."""

    exit_code = 71
    http_status = 503


class InputUnreadable(RiskError):
    """The system does not let us open a file of the input folder."""

    exit_code = 74
    http_status = 503


class RunInProgress(RiskError):
    """Another run holds the lock."""

    exit_code = 75
    http_status = 503


class ArtefactRefused(RiskError):
    """A model, a score or a release is not the one in its record, or is not one of ours."""

    exit_code = 76
    http_status = 503


class ConfigWrong(RiskError):
    """The configuration cannot be followed."""

    exit_code = 78
    http_status = 500


class RequestRefused(RiskError):
    """What was asked of the API cannot be answered; the code is the error's short name."""

    exit_code = 2

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status


def sentence(error: Exception) -> str:
    """An error as one line; errors of the disk without the machine's folders."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    if not error.filename:
        return error.strerror
    place = Path(str(error.filename))
    return f"{place.parent.name}/{place.name}: {error.strerror}"


@contextmanager
def noted(
    problems: list[str], what: str, kinds: tuple[type[Exception], ...] = (ServiceDown,)
) -> Iterator[None]:
    """Go on after an error of these kinds, and add it to the problems."""
    try:
        yield
    except kinds as error:
        problems.append(f"{what}: {sentence(error)}")
