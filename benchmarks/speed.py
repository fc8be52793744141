"""What the work costs beside what it must cost: python -m benchmarks.speed [--quick]

Fabricates projects in a temporary folder, runs our scripts as processes and their rivals in turn,
and prints the median of each and its aim. The whole size writes docs/benchmarks.json and draws
docs/benchmarks.png; --quick and --only write nowhere unless --into names a folder.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import cases, figures, serving
from benchmarks.cases import FULL, QUICK, Measured, Sizes
from benchmarks.figures import Figure, Growth
from benchmarks.project import ROOT

OTHERS = ROOT / ".venv" / "bench" / "bin" / "python"
WORK: dict[str, Callable[[Path, Sizes, Path], Measured]] = {
    "ingestion": cases.ingestion,
    "history": cases.history,
    "steps": cases.steps,
    "ranked": cases.ranked,
    "deploying": cases.deploying,
    "idle": cases.idle,
    "book": cases.big_book,
    "worker": serving.worker,
    "predictions": serving.predictions,
}
NAMES = list(WORK)


def main() -> None:
    """Measure what the command line asks for, and print a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and few runs: minutes")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="WORK")
    parser.add_argument("--into", type=Path, help="where benchmarks.json and .png are written")
    parser.add_argument("--others", type=Path, default=OTHERS, help="a Python with the rivals")
    arguments = parser.parse_args()
    is_whole = not arguments.quick and arguments.only == NAMES
    into = arguments.into or (ROOT / "docs" if is_whole else None)
    sizes, before = (QUICK if arguments.quick else FULL), figures.machine()
    found: list[Figure] = []
    grown: list[Growth] = []
    print(f"load {before['load']} on {before['cores']} cores")
    for name in arguments.only:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for each in WORK[name](Path(folder), sizes, arguments.others):
                if isinstance(each, Growth):
                    grown.append(each)
                else:
                    print(figures.line(each), flush=True)
                    found.append(each)
    after = figures.machine()
    print(f"load {after['load']}")
    if into:
        about = {"before": before, "after": after, "quick": arguments.quick}
        figures.write(into / "benchmarks.json", found, grown, about)
        figures.draw(into / "benchmarks.png", found, grown)


if __name__ == "__main__":
    main()
