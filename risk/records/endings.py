"""How each step last ended, and what to do when it failed."""

import re
from pathlib import Path
from typing import NamedTuple

from risk import files
from risk.wording import MEANT

FOLDERS_OF_THE_MACHINE = re.compile(r"(?<![\w.])/(?:[^\s/]+/)+")
REMEDIES = {
    65: "Mend the data; rejected.csv says what was refused and why. The model in use stays.",
    66: "Put there what is missing; the next run goes on.",
    69: "Bring back the service that it names; the next run does what was left undone.",
    74: "Make room on the disk, or give the permission that is missing; the next run tries again.",
    76: "Replace what is damaged as it says, or go back with python deployment.py --rollback.",
}
READ_THE_LOG = f"An engineer should read the end of {files.LOG}."


class Ending(NamedTuple):
    """How a step last ended."""

    time: str
    step: str
    exit_code: int
    message: str

    @property
    def has_failed(self) -> bool:
        """Whether the step left with an error."""
        return self.exit_code != 0

    @property
    def meaning(self) -> str:
        """What a run decided, in a sentence; nothing if it failed."""
        return MEANT.get(self.message.partition(":")[0], "")

    @property
    def remedy(self) -> str:
        """What to do when it has failed."""
        return REMEDIES.get(self.exit_code, READ_THE_LOG)


def read(folder: Path) -> dict[str, Ending]:
    """How each step last ended, by its name, as `risk.cli` notes it in this folder."""
    record = files.read_json(folder / files.LAST_RUN) or {}
    return {step: Ending(step=step, **ending) for step, ending in record.items()}


def without_folders(message: str) -> str:
    """A message for people who do not know the machine's folders."""
    return FOLDERS_OF_THE_MACHINE.sub("", message)
