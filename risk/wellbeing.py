"""Whether the pipeline is well, judged by how its log ends."""

import re
from pathlib import Path
from typing import NamedTuple

from risk import files, moments, verdicts

PERIOD_SECONDS = 600  # of the cron job
LINE = re.compile(r"(\S+Z) (\S+) ([A-Z]+) (.*)", re.DOTALL)
RUN = re.compile(r"\S+Z fullprocess (?:INFO|ERROR|CRITICAL) ")
FAILURES = ("ERROR", "CRITICAL")
FOLDERS_OF_THE_MACHINE = re.compile(r"(?<![\w.])/(?:[^\s/]+/)+")


class Wellbeing(NamedTuple):
    """How the pipeline is: well or not, in words, and the last line that says so."""

    is_well: bool
    sentence: str
    time: str = ""
    message: str = ""


def last_line(settings_folder: Path) -> str | None:
    """How the log in this folder ends, without folders of the machine."""
    said = end(settings_folder)
    return FOLDERS_OF_THE_MACHINE.sub("", said[-1]) if said else None


def end(settings_folder: Path) -> list[str]:
    """The last lines of the log in this folder."""
    return files.last_lines(settings_folder / files.LOG)


def judged(lines: list[str]) -> Wellbeing:
    """What the end of the log means: its last line, and the last one of the whole pipeline.

    A step by hand that went well says nothing of the cron job.
    """
    last = _of(lines[-1] if lines else "")
    run = next((line for line in reversed(lines) if RUN.match(line)), None)
    return _of(run) if last.is_well and run else last


def _of(line: str) -> Wellbeing:
    """What one line of the log means; it is told without folders of the machine."""
    line = FOLDERS_OF_THE_MACHINE.sub("", line)
    if not line:
        return Wellbeing(False, "No run yet: start python fullprocess.py, or the cron job.")
    parts = LINE.fullmatch(line)
    age = moments.seconds_since(parts[1]) if parts else None
    if not parts or age is None:
        return Wellbeing(False, "The log ends in a line that says no time.", message=line)
    time, step, level, message = parts.groups()
    said = f"{step}: {message}" if step != "fullprocess" else message
    if level in FAILURES:
        return Wellbeing(False, f"The last step failed {moments.age(time)} ago.", time, said)
    if age > 2 * PERIOD_SECONDS:
        sentence = (
            f"Nothing has run for {moments.age(time)}, though cron should start a run every "
            f"{PERIOD_SECONDS // 60} minutes."
        )
        return Wellbeing(False, sentence, time, said)
    meant = verdicts.MEANT.get(message.partition(":")[0], "") if step == "fullprocess" else ""
    sentence = f"The last run was {moments.age(time)} ago. {meant}".strip()
    return Wellbeing(True, sentence, time, said)
