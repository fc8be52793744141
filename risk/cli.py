"""How a script runs: its options, the lock, the log, and errors turned into exit codes."""

import contextlib
import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from risk import files, lock
from risk.errors import InputMissing, RiskError, sentence
from risk.settings import Settings

LARGEST_LOG = 1_000_000
OLDER_LOGS = 3
LINE = 100
SELDOM = (20_000, 50)  # new objects before a search for garbage, searches before a wider one
INPUT_OUTPUT_ERROR = 74
PIPELINE = "fullprocess"
PROGRESS = "risk.progress"  # whose lines say what is being done, not what was done
USUAL_WIDTH = 80  # of a terminal that does not tell

log = logging.getLogger(f"risk.{Path(sys.argv[0]).stem}")


class Option(NamedTuple):
    """A flag that runs another step instead; its help is that step's docstring."""

    flag: str
    step: Callable[..., object]
    writes: bool = True
    argument: str | None = None


class Asked(NamedTuple):
    """What a command line asks for: which config.json, how loud, the step and its arguments."""

    config: str | None
    quiet: bool
    chosen: Option
    values: list[str]


def run(step: Callable[[Settings], object], *options: Option, writes: bool = True) -> None:
    """Run one step as a script does, and leave with its exit code."""
    _hold_standard_descriptors()
    # The libraries make a million objects and keep them all. By itself Python searches for garbage
    # after every 700 new objects; these searches found none and took a tenth of a run.
    gc.set_threshold(*SELDOM)
    main = Option("", step, writes)
    asked = _plainly_asked(sys.argv[1:], main, options) or _parsed(main, options)
    _log_to_stderr(logging.WARNING if asked.quiet else logging.INFO)
    code = _exit_code(asked.config, asked.chosen, asked.values)
    gc.freeze()  # or Python would search all objects once more as it ends: a sixth of a run
    sys.exit(code)


def _exit_code(config: str | None, chosen: Option, values: list[str]) -> int:
    try:
        settings = Settings.load(config)
        with contextlib.ExitStack() as held:
            if chosen.writes:
                held.enter_context(lock.held(settings.output_folder_path / files.LOCK))
                lock.remove_leftovers(settings)
                _log_to_file(settings.output_folder_path / files.LOG)
                held.enter_context(_ending_noted(settings.output_folder_path / files.LAST_RUN))
            chosen.step(settings, *values)
    except (RiskError, OSError) as error:
        code, message = _failure(error)
        log.error("%s", message)
        return code
    return 0


def _failure(error: BaseException) -> tuple[int, str]:
    """The exit code that an error leads to, and the line about it."""
    if isinstance(error, RiskError | OSError):
        code = error.exit_code if isinstance(error, RiskError) else INPUT_OUTPUT_ERROR
        return code, f"failed with exit code {code}: {sentence(error)}"
    return 1, f"crashed: {type(error).__name__}: {error}"


@contextlib.contextmanager
def _ending_noted(path: Path) -> Iterator[None]:
    """Note how the step ends, in the words of its last line in the log."""
    last = _LastLine()
    logging.getLogger().addHandler(last)
    try:
        yield
    except BaseException as error:
        _note_ending(path, *_failure(error))
        raise
    _note_ending(path, 0, last.message)


def _note_ending(path: Path, exit_code: int, message: str) -> None:
    """Write the ending of this step beside those of others.

    A successful run of the whole pipeline removes the endings of all steps by hand. On a full disk
    the note is not written, and neither is the log; the step goes on.
    """
    step = Path(sys.argv[0]).stem
    settles_all = step == PIPELINE and exit_code == 0
    ending = {"time": files.now(), "exit_code": exit_code, "message": printable(message)}
    with contextlib.suppress(OSError):
        others = {} if settles_all else files.sound_json(path) or {}
        if exit_code == InputMissing.exit_code and step != PIPELINE:
            others = {step: ending} | others  # it did nothing, so its earlier ending still counts
        else:
            others = others | {step: ending}
        files.write_json(path, others)


def _plainly_asked(words: list[str], main: Option, options: tuple[Option, ...]) -> Asked | None:
    """What these words ask for if they leave no doubt; argparse, which explains, costs much more.

    Asking for its step twice, for help, or for anything unknown is left to argparse.
    """
    flags = {option.flag: option for option in options if option.argument is None}
    config, quiet, chosen = None, False, main
    rest = iter(words)
    for word in rest:
        if word == "--config" and not (value := next(rest, "-")).startswith("-"):
            config = value
        elif word == "--quiet":
            quiet = True
        elif word in flags and chosen is main:
            chosen = flags[word]
        else:
            return None
    return Asked(config, quiet, chosen, [])


def _parsed(main: Option, options: tuple[Option, ...]) -> Asked:
    import argparse

    parser = argparse.ArgumentParser(
        description=_sentence(main.step),
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=LINE),
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
    arguments = parser.parse_args()
    for option in options:
        value = getattr(arguments, option.flag.removeprefix("--"))
        if value is not None:
            values = [value] if option.argument else []
            return Asked(arguments.config, arguments.quiet, option, values)
    return Asked(arguments.config, arguments.quiet, main, [])


def _sentence(step: Callable[[Settings], object]) -> str:
    return (step.__doc__ or "").partition("\n")[0]


def _hold_standard_descriptors() -> None:
    """Open closed standard streams on /dev/null, so that no file of ours takes their place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


class OneLine(logging.Formatter):
    """Lines that names and values from data can neither break nor forge."""

    converter = time.gmtime  # type: ignore[assignment]

    def format(self, record: logging.LogRecord) -> str:
        """The line, with every unprintable character escaped."""
        short = {"name": record.name.removeprefix("risk.")}
        return printable(super().format(logging.makeLogRecord(record.__dict__ | short)))


def printable(text: str) -> str:
    """The same text, with every unprintable character escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class _LastLine(logging.Handler):
    """Keeps the last line that says what was done; warnings and progress do not count."""

    message = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO and record.name != PROGRESS:
            self.message = record.getMessage()


class _Terminal(logging.StreamHandler):  # type: ignore[type-arg]
    """Lines for a person: warnings are marked as such, and progress is drawn on a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        if not self.stream.isatty():
            super().emit(record)
        elif record.name != PROGRESS:  # which is drawn
            self.draw("")
            super().emit(record)

    def draw(self, what: str, how_far: str = "") -> None:
        """Show this in place of what was drawn last; a longer line than the terminal's would stay.

        `progress` draws on every handler that can.
        """
        if self.stream.isatty() and self.level <= logging.INFO:
            room = self._width() - 1
            what = printable(what)[: max(0, room - len(how_far))]
            self.stream.write("\r\033[K" + (what + how_far)[:room])
            self.flush()

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or USUAL_WIDTH
        except OSError:
            return USUAL_WIDTH

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
    log.critical("%s", _failure(error)[1])
    sys.__excepthook__(kind, error, trace)
