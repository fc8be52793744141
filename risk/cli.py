"""How a script runs: its options, the lock, the log, and errors turned into exit codes."""

import argparse
import contextlib
import copy
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from risk import files, leftovers, lock
from risk.errors import RiskError, told
from risk.settings import Settings

LARGEST_LOG = 1_000_000
OLDER_LOGS = 3
LINE = 100
INPUT_OUTPUT_ERROR = 74

log = logging.getLogger(f"risk.{Path(sys.argv[0]).stem}")


class Option(NamedTuple):
    """A flag that runs another step instead; its help is that step's docstring."""

    flag: str
    step: Callable[..., object]
    writes: bool = True
    argument: str | None = None


def run(step: Callable[[Settings], object], *options: Option, writes: bool = True) -> None:
    """Run one step as a script does, and leave with its exit code."""
    _hold_standard_descriptors()
    main = Option("", step, writes)
    arguments = _parsed(main, options)
    _log_to_stderr(logging.WARNING if arguments.quiet else logging.INFO)
    sys.exit(_exit_code(arguments.config, *_chosen(arguments, main, options)))


def _exit_code(config: str | None, chosen: Option, values: list[str]) -> int:
    try:
        settings = Settings.load(config)
        with contextlib.ExitStack() as held:
            if chosen.writes:
                held.enter_context(lock.held(settings.output_folder_path / files.LOCK))
                leftovers.remove(settings)
                _log_to_file(settings.output_folder_path / files.LOG)
            chosen.step(settings, *values)
    except RiskError as error:
        log.error("failed with exit code %d: %s", error.exit_code, error)
        return error.exit_code
    except OSError as error:
        log.error("failed with exit code %d: %s", INPUT_OUTPUT_ERROR, told(error))
        return INPUT_OUTPUT_ERROR
    return 0


def _parsed(main: Option, options: tuple[Option, ...]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=_sentence(main.step), allow_abbrev=False, formatter_class=_Help
    )
    parser.add_argument("--config", metavar="PATH", help="the config.json to follow")
    parser.add_argument("--quiet", action="store_true", help="say only what is wrong on stderr")
    choice = parser.add_mutually_exclusive_group() if options else parser
    for option in options:
        help_ = _sentence(option.step)
        if option.argument:
            choice.add_argument(option.flag, metavar=option.argument, help=help_)
        else:
            choice.add_argument(option.flag, action="store_true", default=None, help=help_)
    return parser.parse_args()


def _chosen(
    arguments: argparse.Namespace, main: Option, options: tuple[Option, ...]
) -> tuple[Option, list[str]]:
    """The step that the flags ask for, and what it is called with beside the settings."""
    for option in options:
        value = getattr(arguments, option.flag.removeprefix("--"))
        if value is not None:
            return option, [value] if option.argument else []
    return main, []


class _Help(argparse.HelpFormatter):
    """Help of a fixed width: to ask for the terminal's would cost every run an import."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=LINE)


def _sentence(step: Callable[[Settings], object]) -> str:
    return (step.__doc__ or "").partition("\n")[0]


def progress(text: str) -> None:
    """Show on a terminal what takes long just now; an empty text clears it."""
    if sys.stderr and sys.stderr.isatty():
        print(f"\r\033[K{_printable(text)}", end="", file=sys.stderr, flush=True)


def _hold_standard_descriptors() -> None:
    """Give closed standard streams to /dev/null, lest the first file we open become one of them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


class OneLine(logging.Formatter):
    """Names and values from data never break a line, nor forge one."""

    converter = time.gmtime  # type: ignore[assignment]

    def format(self, record: logging.LogRecord) -> str:
        """The line, every sign that is more than a picture written out."""
        record = copy.copy(record)
        record.name = record.name.removeprefix("risk.")
        return _printable(super().format(record))


def _printable(text: str) -> str:
    """The same text, every sign that is more than a picture written out."""
    if text.isprintable():
        return text
    signs = (sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return "".join(signs)


class _Terminal(logging.StreamHandler):  # type: ignore[type-arg]
    """Lines for a person: what is wrong says so, and any progress shown makes way."""

    def emit(self, record: logging.LogRecord) -> None:
        progress("")
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        mark = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        return mark + super().format(record)


def _log_to_stderr(level: int) -> None:
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    logging.getLogger("risk").setLevel(logging.INFO)
    if sys.stderr:
        terminal = _Terminal(sys.stderr)
        terminal.setLevel(level)
        terminal.setFormatter(OneLine("%(message)s"))
        logging.getLogger().addHandler(terminal)
    sys.excepthook = _say_crash


def _log_to_file(path: Path) -> None:
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        for age in range(OLDER_LOGS, 0, -1):
            newer = path.with_name(f"{path.name}.{age - 1}") if age > 1 else path
            if newer.exists():
                newer.replace(path.with_name(f"{path.name}.{age}"))
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(OneLine("%(asctime)s %(name)s %(levelname)s %(message)s", files.TIME))
    logging.getLogger().addHandler(handler)


def _say_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    log.critical("crashed: %s: %s", kind.__name__, error)
    sys.__excepthook__(kind, error, trace)
