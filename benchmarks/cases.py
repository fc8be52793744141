"""Each piece of work that is measured: set up in a folder, then run in turns with its rival."""

import json
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import project
from benchmarks.figures import Figure, Growth
from benchmarks.project import (
    API_SILENT,
    ROOT,
    Cost,
    bare_imports,
    called,
    command,
    cost,
    first_run,
)
from company import crowd
from risk import files
from risk.cli import PIPELINE

ROWS_IN_A_FILE = 2_500_000
NEW_ROWS = 10_000
BOOK = 10_000  # clients of the long histories
HARD = 0.3  # outcomes of the test data that are wrong, so that no model drifts on better data
BARE = str(ROOT / "benchmarks" / "bare.py")
MERGES = str(ROOT / "benchmarks" / "merges.py")
ALONE = [sys.executable, "-m", "benchmarks.alone"]
PASS = [sys.executable, "-c", "pass"]
RECORDED_ROW_BY_ROW = 22.4  # times the merge: what a run on 1,500,000 clients took in that way

Measured = Iterator[Figure | Growth]


class Sizes(NamedTuple):
    """How much is measured."""

    rows: int
    histories: tuple[int, ...]
    listed: int
    book: int
    files: tuple[int, ...]
    runs: int


FULL = Sizes(
    rows=10_000_000,
    histories=(1_000_000, 10_000_000, 50_000_000),
    listed=1_000_000,
    book=1_500_000,
    files=(10, 1_000, 100_000),
    runs=5,
)
QUICK = Sizes(
    rows=1_000_000,
    histories=(100_000, 1_000_000),
    listed=100_000,
    book=150_000,
    files=(10, 1_000),
    runs=2,
)


def fabricated(folder: Path, rows: int, clients: int, *, bad: int = 0, count: int = 0) -> Path:
    """The config.json of a project with so many rows of input."""
    count = count or max(4, -(-rows // ROWS_IN_A_FILE))
    crowd.write(folder / "sourcedata", rows, clients, count, bad=bad)
    (folder / "testdata").mkdir(parents=True)
    crowd.save(folder / "testdata" / "testdata.csv", crowd.rows(0, 2_000, 2_000, 2, HARD))
    return Path(shutil.copy(ROOT / "config.json", folder))


def in_turns(runs: int, *works: Callable[[], Cost]) -> list[tuple[Cost, ...]]:
    """Each work once to warm up, then all in turn as often as wanted."""
    for work in works:
        work()
    return [tuple(work() for work in works) for _ in range(runs)]


def compared(
    work: str, rounds: list[tuple[Cost, ...]], aim: float, beside: str, *rivals: str
) -> Figure:
    """Our CPU time, which comes first, over that of the best rival of the same round."""
    best = [min(each.cpu for each in others) for _, *others in rounds]
    ours = [first.cpu for first, *_ in rounds]
    ratio = statistics.median(own / other for own, other in zip(ours, best, strict=True))
    peak = statistics.median(first.mebibytes for first, *_ in rounds)
    named = f"{beside} ({', '.join(rivals)})" if rivals else beside
    medians = statistics.median(ours), statistics.median(best)
    return Figure(work, ratio, "times", aim, *medians, named, peak)


def ingested(folder: Path, config: Path) -> Cost:
    """An ingestion that knows of no earlier one."""
    project.start_anew(folder)
    return cost(command("ingestion.py", config))


def merge(python: str, library: str, output: Path, *inputs: Path) -> Callable[[], Cost]:
    """The bare merge of these files by a library that this Python has."""
    return partial(cost, [python, MERGES, library, str(output), *map(str, inputs)])


def ingestion(folder: Path, sizes: Sizes, others: Path) -> Measured:
    """Input in four files, a tenth repeated, beside the bare merge of the same files."""
    for bad, aim in ((0, 1.3), (1_000, 1.5)):
        place = folder / f"bad{bad}"
        config = fabricated(place, sizes.rows, sizes.rows // 10, bad=bad, count=4)
        inputs = sorted((place / "sourcedata").iterdir())

        merging = (folder / "merged.csv", *inputs)
        rivals = [merge(str(others), library, *merging) for library in ("polars", "duckdb")]
        rounds = in_turns(sizes.runs, partial(ingested, place, config), *rivals)
        what = f"ingest {sizes.rows:,} rows" + (f", {bad:,} bad lines" if bad else "")
        figure = compared(what, rounds, aim, "bare merge", "polars", "duckdb")
        yield figure
        if not bad:
            by_pandas = merge(sys.executable, "pandas", *merging)
            plain = statistics.median(by_pandas().cpu for _ in range(sizes.runs))
            yield figure._replace(
                work=f"{what} (pandas)",
                value=figure.ours / plain,
                aim=1.0,
                beside=plain,
                beside_what="bare merge by pandas",
            )
            yield Figure(
                *(f"{what}, peak memory", figure.mebibytes, "MiB", 1_300),
                *(figure.mebibytes, 0.0, ""),
            )


def steps(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """Training and statistics on the dataset that ingestion wrote: whole processes, then alone."""
    config = fabricated(folder, sizes.rows, sizes.rows // 10)
    cost(command("ingestion.py", config))
    dataset = str(folder / "ingesteddata" / files.FINAL_DATA)
    look = "import diagnostics\ndiagnostics.dataframe_summary(settings)\n"
    look += "diagnostics.missing_data(settings)"
    for what, ours, bare, aim in (
        ("train", command("training.py", config), "fit", 0.4),
        ("statistics of", called(look, config), "summarize", 0.3),
    ):
        other = [sys.executable, BARE, bare, dataset]
        rounds = in_turns(sizes.runs, partial(cost, ours), partial(cost, other))
        yield compared(f"{what} {sizes.rows:,} rows", rounds, aim, f"pandas: {bare}")
    for what, part, rival, aim in (
        ("fit alone on", "fit", "liblinear", 0.4),
        ("statistics alone of", "summarize", "pandas one by one", 0.3),
    ):
        alone = [[*ALONE, whose, part, str(config)] for whose in ("our", "bare")]
        works = [partial(project.cost_alone, arguments) for arguments in alone]
        yield compared(f"{what} {sizes.rows:,} rows", in_turns(sizes.runs, *works), aim, rival)


def ranked(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """The list with its reasons, beside the bare risks."""
    config = fabricated(folder, sizes.listed, sizes.listed, count=1)
    first_run(config)
    book, model = folder / "ingesteddata" / files.CLIENTS, folder / "models" / files.MODEL
    ours = called("import reporting\nreporting.rank_clients(settings)", config)
    other = [sys.executable, BARE, "predict", str(book), str(model), str(folder / "risks.csv")]
    rounds = in_turns(sizes.runs, partial(cost, ours), partial(cost, other))
    yield compared(f"rank {sizes.listed:,} clients", rounds, 3.0, "pandas: predict_proba")


def new_file(
    folder: Path, config: Path, number: int, rows: int, clients: int
) -> Callable[[], Cost]:
    """A run with one more file each time, which must end with "no drift"."""
    numbers = iter(range(number, number + 1_000))

    def run() -> Cost:
        at = next(numbers)
        table = crowd.rows(rows + at * NEW_ROWS, NEW_ROWS, clients, 1)
        crowd.save(folder / "sourcedata" / f"new{at}.csv", table)
        took = cost(command("fullprocess.py", config), API_SILENT)
        ended = json.loads((folder / "ingesteddata" / files.LAST_RUN).read_text())
        message = ended[PIPELINE]["message"]
        if "no drift" not in message:
            sys.exit(f"the run was to end without drift: {message}")
        return took

    return run


def history(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """One new file on histories of several sizes, beside the imports of such a run."""
    for rows in sizes.histories:
        place = folder / f"history{rows}"
        config = fabricated(place, rows, BOOK)
        first_run(config)
        run = new_file(place, config, 0, rows, BOOK)
        run()
        table = crowd.rows(rows + 10**9, NEW_ROWS, BOOK, 1)
        crowd.save(place / "sourcedata" / "traced.csv", table)
        imports = bare_imports(command("fullprocess.py", config))
        rounds = in_turns(sizes.runs, run, partial(cost, imports))
        above = statistics.median(own.cpu - other.cpu for own, other in rounds)
        own, other = (
            statistics.median(each.cpu for each in column) for column in zip(*rounds, strict=True)
        )
        what = f"one new file on {rows:,} rows, above the imports"
        peak = max(first.mebibytes for first, _ in rounds)
        yield Growth(rows, above)
        yield Figure(what, above, "s", 1.5, own, other, "its imports", peak)
        shutil.rmtree(place)


def deploying(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """A first run of the shipped company, of which only pip's answer is known."""
    for given in ("sourcedata", "testdata"):
        shutil.copytree(ROOT / given, folder / given)
    for name in ("config.json", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    run, scratch = command("fullprocess.py", folder / "config.json"), folder / "tmp"
    scratch.mkdir()
    cost(run, TMPDIR=str(scratch))
    known = shutil.copy(next(scratch.glob(f"*/{files.PACKAGES}")), folder)

    def anew() -> None:
        project.start_anew(folder)
        shutil.rmtree(scratch)
        for made in (folder / "ingesteddata", scratch):
            made.mkdir()
        shutil.copy(known, folder / "ingesteddata")

    def ours() -> Cost:
        anew()
        return cost(run, TMPDIR=str(scratch))

    anew()
    imports = bare_imports(run)
    rounds = in_turns(sizes.runs, ours, partial(cost, imports))
    yield compared("deploying run, shipped company", rounds, 1.5, "its imports")


def idle(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """A run with nothing to do, beside an empty Python."""
    for count, aim in zip(sizes.files, (3.0, 4.0, 40.0), strict=False):
        place = folder / f"idle{count}"
        config = fabricated(place, max(10_000, 5 * count), BOOK, count=count)
        first_run(config)
        run = command("fullprocess.py", config)
        turns = 20 if count < 10_000 else sizes.runs
        rounds = in_turns(turns, partial(cost, run), partial(cost, PASS))
        figure = compared(f"idle run, {count:,} files", rounds, aim, "python -c pass")
        yield figure._replace(mebibytes=0)  # which this process itself exceeds
        shutil.rmtree(place)


def big_book(folder: Path, sizes: Sizes, _others: Path) -> Measured:
    """A run with new data and a long list, beside the bare merge of its input by pandas."""
    config = fabricated(folder, sizes.book, sizes.book, count=1)
    first_run(config)
    history1 = folder / "sourcedata" / "history1.csv"
    merged = merge(sys.executable, "pandas", folder / "merged.csv", history1)
    run = new_file(folder, config, 0, sizes.book, sizes.book)
    rounds = in_turns(sizes.runs, run, merged)
    what, aim = f"run with new data, book of {sizes.book:,}", RECORDED_ROW_BY_ROW / 3
    yield compared(what, rounds, aim, "bare merge by pandas")
