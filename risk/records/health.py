"""Whether everything is well: a small judgement for each thing that is known, the worst first.

A judgement takes plain facts, and returns what is wrong with what to do about it, or nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from risk import files, times
from risk.cli import PIPELINE
from risk.errors import InputMissing
from risk.wording import BAD, GOOD, MEANT, WEAK, Drift

PERIOD_SECONDS = 600  # of the cron job
LATE_SECONDS = 2 * PERIOD_SECONDS
MANY_REFUSED = 0.01  # of all lines
MOST_NAMED = 3
OK = "ok"
SEVERITIES = FAILING, LATE, DOUBTFUL, REMARK = "failing", "late", "doubtful", "remark"
STATUSES = (OK, LATE, FAILING)  # for programs: what works, but could be better, is ok
ANSWERS = {
    OK: ("Yes.", GOOD),
    DOUBTFUL: ("Not quite.", WEAK),
    LATE: ("No.", WEAK),
    FAILING: ("No.", BAD),
}
FOLDERS_OF_THE_MACHINE = re.compile(r"(?<![\w.])/(?:[^\s/]+/)+")
REMEDIES = {
    65: "Mend the data; rejected.csv says what was refused and why. The model in use stays.",
    66: "Put there what is missing; the next run goes on.",
    69: "Bring back the service that it names; the next run does what was left undone.",
    74: "Make room on the disk, or give the permission that is missing; the next run tries again.",
    76: "Replace what is damaged as it says, or go back with python deployment.py --rollback.",
}
MAKE_THE_LIST = "Run python reporting.py, which makes it anew."
READ_THE_LOG = f"An engineer should read the end of {files.LOG}."


class Trouble(NamedTuple):
    """Something that is not as it should be, or is only worth a remark, and what to do about it."""

    severity: str
    sentence: str
    remedy: str = ""


class Verdict(NamedTuple):
    """All that is not as it should be, the worst first, and what is no trouble."""

    troubles: list[Trouble]
    remarks: list[Trouble]

    @property
    def severity(self) -> str:
        """That of the worst trouble, or that there is none."""
        return self.troubles[0].severity if self.troubles else OK

    @property
    def answer(self) -> tuple[str, str]:
        """Whether everything is well, in a word with its colour."""
        return ANSWERS[self.severity]

    @property
    def status(self) -> str:
        """The word for programs."""
        return self.severity if self.severity in STATUSES else OK


class Ending(NamedTuple):
    """How a step last ended."""

    time: str
    step: str
    exit_code: int
    message: str

    @property
    def has_failed(self) -> bool:
        """Whether the step did not do what it should."""
        return self.exit_code != 0

    @property
    def meaning(self) -> str:
        """What a run decided, in a sentence; nothing if it failed."""
        return MEANT.get(self.message.partition(":")[0], "")

    @property
    def remedy(self) -> str:
        """What to do when it has failed."""
        return REMEDIES.get(self.exit_code, READ_THE_LOG)


def endings(folder: Path) -> dict[str, Ending]:
    """How each step last ended, by its name, as `risk.cli` notes it in this folder."""
    record = files.read_json(folder / files.LAST_RUN) or {}
    return {step: Ending(step=step, **ending) for step, ending in record.items()}


def last_run(known: Mapping[str, Ending]) -> Ending | None:
    """How the whole pipeline ended; steps by hand say nothing of the cron job."""
    return known.get(PIPELINE)


def without_folders(message: str) -> str:
    """A message without folders of the machine."""
    return FOLDERS_OF_THE_MACHINE.sub("", message)


def verdict(judgements: Iterable[Trouble | None]) -> Verdict:
    """The judgements together."""
    known = sorted(filter(None, judgements), key=lambda trouble: SEVERITIES.index(trouble.severity))
    remarks = [trouble for trouble in known if trouble.severity == REMARK]
    return Verdict(known[: len(known) - len(remarks)], remarks)


def given_up(sentence: str) -> Trouble:
    """A thing that no run tries again before there is new data."""
    told = f"{sentence[:1].upper()}{sentence[1:]}."
    return Trouble(DOUBTFUL, told, "The next deployment asks again by itself.")


def remark(sentence: str) -> Trouble:
    """Something worth knowing that is no trouble."""
    return Trouble(REMARK, sentence)


def unreadable(what: str, problem: str, remedy: str) -> Trouble | None:
    """A part that is there and cannot be read."""
    return Trouble(FAILING, f"{what} cannot be read: {problem}.", remedy) if problem else None


def failed(run: Ending | None) -> Trouble | None:
    """The last run, if it failed."""
    if run is None or not run.has_failed:
        return None
    return Trouble(FAILING, f"The last run{_told(run)}", run.remedy)


def late(run: Ending | None) -> Trouble | None:
    """A cron job that does not run."""
    if run is None:
        remedy = "To begin, start python fullprocess.py; make cron prints the line for cron."
        return Trouble(LATE, "No run yet.", remedy)
    if times.is_to_come(run.time, LATE_SECONDS):
        told = f"The last run says that it ended on {times.written(run.time)}, which is to come."
        return Trouble(LATE, told, "Set the clock right; the next run says a time of its own.")
    seconds = times.seconds_since(run.time)
    if seconds is not None and seconds <= LATE_SECONDS:
        return None
    every = f"cron should start one every {PERIOD_SECONDS // 60} minutes"
    sentence = f"The last run ended {times.age(run.time)} ago, though {every}."
    return Trouble(LATE, sentence, "See that cron is at work; make cron prints the line it needs.")


def failed_by_hand(known: Mapping[str, Ending]) -> Trouble | None:
    """The newest failure of a step by hand; a run of the pipeline that went well removes it.

    A step that lacked its input did nothing, which troubles nobody else.
    """
    by_hand = (ending for ending in known.values() if ending.step != PIPELINE)
    harmless = (0, InputMissing.exit_code)
    failures = [ending for ending in by_hand if ending.exit_code not in harmless]
    if not failures:
        return None
    newest = max(failures)
    return Trouble(DOUBTFUL, f"python {newest.step}.py, run by hand{_told(newest)}", newest.remedy)


def _told(failure: Ending) -> str:
    """A failure with its age, as the end of a sentence."""
    return f", {times.age(failure.time)} ago, {without_folders(failure.message).rstrip('.')}."


def unusable(problem: str, *, is_missing: bool) -> Trouble | None:
    """A release that is not there, or cannot be used."""
    if is_missing:
        return Trouble(FAILING, "Nothing is deployed yet.", "Run python fullprocess.py.")
    remedy = "Run python deployment.py --rollback, or python fullprocess.py --force."
    return unreadable("The model in use", problem, remedy)


def refused_files(refused: Sequence[Mapping[str, Any]], folder: str) -> Trouble | None:
    """Files that were refused whole and lie there as they were."""
    if not refused:
        return None
    named = "; ".join(f"{each['name']}: {each['reason']}" for each in refused[:MOST_NAMED])
    sentence = f"{_counted(len(refused), 'file')} refused whole: {named}{_more(refused)}."
    which = "it" if len(refused) == 1 else "them"
    remedy = f"Mend {which} in {folder}/, where every file that changes is read again."
    return Trouble(FAILING, sentence, remedy)


def test_data(left_out: Mapping[str, str], problem: str, folder: str) -> Trouble | None:
    """Test data of which some files, or all, cannot be scored on."""
    named = "; ".join(f"{name}: {reason}" for name, reason in [*left_out.items()][:MOST_NAMED])
    told = f"Left out of the test data: {named}{_more([*left_out])}." if named else ""
    remedy = f"Mend it in {folder}/; what is there is read at once."
    if problem:
        return Trouble(FAILING, f"Nothing can be scored: {problem}. {told}".rstrip(), remedy)
    return Trouble(DOUBTFUL, told, remedy) if told else None


def refused_lines(refused: int, rows: int, place: str) -> Trouble | None:
    """Lines that were refused; a few are no trouble."""
    if not refused:
        return None
    is_many = refused > MANY_REFUSED * rows
    sentence = f"{_counted(refused, 'line')} refused, {100 * refused / rows:.3g} % of {rows:,}."
    return Trouble(DOUBTFUL if is_many else REMARK, sentence, f"{place} says which and why.")


def empty(names: Sequence[str]) -> Trouble | None:
    """Files in which there is no row."""
    return remark(f"No row is in {', '.join(names[:MOST_NAMED])}{_more(names)}.") if names else None


def _more(named: Sequence[object]) -> str:
    """How many of these are not named."""
    return f", and {len(named) - MOST_NAMED:,} more" if len(named) > MOST_NAMED else ""


def _counted(count: int, what: str) -> str:
    """A number of things that something was done to."""
    return f"{count:,} {what}{' was' if count == 1 else 's were'}"


def drifted(drift: Drift) -> Trouble | None:
    """A model that does worse than when it went out, and is in use all the same."""
    if drift.colour != WEAK:
        return None
    remedy = "The next new data may renew it; python fullprocess.py --force does so at once."
    return Trouble(DOUBTFUL, f"The model in use has drifted: {drift.sentence}", remedy)


def weaker(scores: Mapping[str, tuple[float, float]]) -> Trouble | None:
    """A model that took over though it is weaker: its score and that of the one before."""
    worse = [
        f"{now:.4f} against {before:.4f} on the {dataset} data"
        for dataset, (now, before) in scores.items()
        if now < before
    ]
    if not worse:
        return None
    sentence = f"The model in use is weaker than the one before: F1 {', '.join(worse)}."
    return Trouble(DOUBTFUL, sentence, "python deployment.py --rollback goes back to that one.")


def stale(ranked_by: str, in_use: str, *, is_current: bool) -> Trouble | None:
    """A list that rests on another release, or on older data, than what is there."""
    if is_current:
        return None
    sentence = "The list of whom to call is older than the data that was read last."
    if ranked_by != in_use:
        sentence = f"The list of whom to call was ranked by release {ranked_by}, not {in_use}."
    return Trouble(DOUBTFUL, sentence, MAKE_THE_LIST)


def unlisted() -> Trouble:
    """A deployed model without a list."""
    return Trouble(FAILING, "There is no list of whom to call.", MAKE_THE_LIST)


def unrecorded(runs: Sequence[Mapping[str, Any]]) -> Trouble | None:
    """Runs that ended, or died long ago, and are not in the records."""
    waiting = [run for run in runs if not is_under_way(run)]
    if not waiting:
        return None
    what = "1 run waits" if len(waiting) == 1 else f"{len(waiting):,} runs wait"
    sentence = f"{what} to be recorded, for {times.age(waiting[0]['started_at'])} by now."
    return Trouble(DOUBTFUL, sentence, "The next run does so, if the database answers.")


def begun_anew(name: str, day: str, contacts: int | None) -> Trouble:
    """Records that were damaged, as long as the file lies there."""
    read = (
        "its contacts wait for the next run"
        if contacts is None
        else (f"{_counted(contacts, 'contact')} carried over")
    )
    sentence = (
        f"The records were damaged on {day} and begun anew; {read}; the damaged file is {name}."
    )
    return Trouble(DOUBTFUL, sentence, "Look at it, then move it away.")


def is_under_way(run: Mapping[str, Any]) -> bool:
    """Whether a run that has not said how it ended may still do so."""
    age = times.seconds_since(run["started_at"])
    return "outcome" not in run and age is not None and age <= LATE_SECONDS
