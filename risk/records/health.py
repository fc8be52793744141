"""Whether everything is well: a judgement on each thing that is known, the worst first.

A judgement takes plain facts and returns what is wrong and what to do about it, or None.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from risk import times
from risk.cli import PIPELINE
from risk.errors import InputMissing
from risk.records.decisions import Calibration
from risk.records.endings import Ending, without_folders
from risk.wording import BAD, GOOD, WEAK, Drift

PERIOD_SECONDS = 600  # of the cron job
LATE_SECONDS = 2 * PERIOD_SECONDS
MANY_REFUSED = 0.01  # of all lines
MOST_NAMED = 3
OK = "ok"
SEVERITIES = FAILING, LATE, DOUBTFUL, REMARK = "failing", "late", "doubtful", "remark"
STATUSES = (OK, LATE, FAILING)  # for programs, to which a pipeline that works is ok
ANSWERS = {
    OK: ("Yes.", GOOD),
    DOUBTFUL: ("Not quite.", WEAK),
    LATE: ("No.", WEAK),
    FAILING: ("No.", BAD),
}
MAKE_THE_LIST = "Run python reporting.py, which makes a new one."


class Trouble(NamedTuple):
    """Something that is wrong, or only worth a remark, and what to do about it."""

    severity: str
    sentence: str
    remedy: str = ""


class Verdict(NamedTuple):
    """All that is wrong, the worst first, and the remarks."""

    troubles: list[Trouble]
    remarks: list[Trouble]

    @property
    def severity(self) -> str:
        """That of the worst trouble; ok without any."""
        return self.troubles[0].severity if self.troubles else OK

    @property
    def answer(self) -> tuple[str, str]:
        """Whether everything is well, in a word, and its colour."""
        return ANSWERS[self.severity]

    @property
    def status(self) -> str:
        """The word for programs."""
        return self.severity if self.severity in STATUSES else OK


def verdict(judgements: Iterable[Trouble | None]) -> Verdict:
    """The judgements together."""
    known = sorted(filter(None, judgements), key=lambda trouble: SEVERITIES.index(trouble.severity))
    troubles = [trouble for trouble in known if trouble.severity != REMARK]
    return Verdict(troubles, known[len(troubles) :])


def not_retried(failure: str) -> Trouble:
    """A thing that could not be made, which no run tries again before there is new data."""
    sentence = f"{failure[:1].upper()}{failure[1:]}."
    return Trouble(DOUBTFUL, sentence, "The next deployment asks again by itself.")


def remark(sentence: str) -> Trouble:
    """Something worth knowing that is no trouble."""
    return Trouble(REMARK, sentence)


def unreadable(what: str, problem: str, remedy: str) -> Trouble | None:
    """Something that is there and cannot be read."""
    return Trouble(FAILING, f"{what} cannot be read: {problem}.", remedy) if problem else None


def failed(run: Ending | None) -> Trouble | None:
    """The last run, if it failed."""
    if run is None or not run.has_failed:
        return None
    return Trouble(FAILING, f"The last run{_what_failed(run)}", run.remedy)


def late(run: Ending | None) -> Trouble | None:
    """A cron job that does not run."""
    if run is None:
        remedy = "To begin, start python fullprocess.py; make cron prints the line for cron."
        return Trouble(LATE, "No run yet.", remedy)
    if times.is_to_come(run.time, LATE_SECONDS):
        when = times.written(run.time)
        sentence = f"The last run says that it ended on {when}, which is to come."
        return Trouble(LATE, sentence, "Set the clock right; the next run notes the right time.")
    seconds = times.seconds_since(run.time)
    if seconds is not None and seconds <= LATE_SECONDS:
        return None
    every = f"cron should start one every {PERIOD_SECONDS // 60} minutes"
    sentence = f"The last run ended {times.age(run.time)} ago, though {every}."
    return Trouble(LATE, sentence, "See that cron is at work; make cron prints the line it needs.")


def failed_by_hand(known: Mapping[str, Ending]) -> Trouble | None:
    """The newest failure of a step by hand; a successful run of the pipeline removes it.

    A step that lacked its input did nothing, so it does not count.
    """
    by_hand = (ending for ending in known.values() if ending.step != PIPELINE)
    harmless = (0, InputMissing.exit_code)
    failures = [ending for ending in by_hand if ending.exit_code not in harmless]
    if not failures:
        return None
    newest = max(failures)
    return Trouble(
        DOUBTFUL, f"python {newest.step}.py, run by hand{_what_failed(newest)}", newest.remedy
    )


def _what_failed(failure: Ending) -> str:
    """A failure with its age, as the end of a sentence."""
    return f", {times.age(failure.time)} ago, {without_folders(failure.message).rstrip('.')}."


def unusable(problem: str, *, is_missing: bool) -> Trouble | None:
    """The model in use, if there is none or it cannot be used."""
    if is_missing:
        return Trouble(FAILING, "Nothing is deployed yet.", "Run python fullprocess.py.")
    remedy = "Run python deployment.py --rollback, or python fullprocess.py --force."
    return unreadable("The model in use", problem, remedy)


def refused_files(refused: Sequence[Mapping[str, Any]], folder: str) -> Trouble | None:
    """Files that were refused whole and have not changed since."""
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
    without = f"Left out of the test data: {named}{_more([*left_out])}." if named else ""
    remedy = f"Mend it in {folder}/; what is there is read at once."
    if problem:
        return Trouble(FAILING, f"Nothing can be scored: {problem}. {without}".rstrip(), remedy)
    return Trouble(DOUBTFUL, without, remedy) if without else None


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
    """So many things, and the verb: 1 line was, 2 lines were."""
    return f"{count:,} {what}{' was' if count == 1 else 's were'}"


def drifted(drift: Drift) -> Trouble | None:
    """A model in use that does worse than when it was deployed."""
    if drift.colour != WEAK:
        return None
    remedy = "The next new data may renew it; python fullprocess.py --force does so at once."
    return Trouble(DOUBTFUL, f"The model in use has drifted: {drift.sentence}", remedy)


def weaker(scores: Mapping[str, tuple[float, float]]) -> Trouble | None:
    """A model that was deployed although it is weaker: by dataset its score, and the one before."""
    worse = [
        f"{now:.4f} against {before:.4f} on the {dataset} data"
        for dataset, (now, before) in scores.items()
        if now < before
    ]
    if not worse:
        return None
    sentence = f"The model in use is weaker than the one before: F1 {', '.join(worse)}."
    return Trouble(DOUBTFUL, sentence, "python deployment.py --rollback goes back to that one.")


def untrue(doubted: Calibration | None) -> Trouble | None:
    """Risks of the model in use that do not come true, if there are such."""
    if doubted is None:
        return None
    said = f"{doubted.expected:,.0f} clients were expected to leave, {doubted.leavers:,} did"
    if not doubted.is_off_in_all:
        error, by_chance = (f"{100 * each:.1f}" for each in (doubted.error, doubted.by_chance))
        said = f"they are off by {error} percentage points on average, {by_chance} by chance alone"
    remedy = (
        "Plan with the interval that stands at the list, not with one number; "
        "python fullprocess.py --force trains a new model at once."
    )
    return Trouble(FAILING, f"The risks do not come true: {said}.", remedy)


def stale(ranked_by: str, in_use: str, *, is_current: bool) -> Trouble | None:
    """A list that was made by another release or from older data."""
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
    """Records that were damaged, as long as the damaged file lies there."""
    rescue = "its contacts wait for the next run"
    if contacts is not None:
        rescue = f"{_counted(contacts, 'contact')} carried over"
    begun = f"The records were damaged on {day} and begun anew"
    sentence = f"{begun}; {rescue}; the damaged file is {name}."
    return Trouble(DOUBTFUL, sentence, "Look at it, then move it away.")


def is_under_way(run: Mapping[str, Any]) -> bool:
    """Whether a run that has not said how it ended may still do so."""
    age = times.seconds_since(run["started_at"])
    return "outcome" not in run and age is not None and age <= LATE_SECONDS
