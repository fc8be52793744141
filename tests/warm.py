"""Our scripts, each run by a fork of a process that has loaded their libraries once.

It spares each of them the seconds that importing takes: the script runs as `__main__` in a process
of its own. What an interpreter does at its beginning and its very end is tested with fresh ones.
"""

import ctypes
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOADED = ["apicalls", "deployment", "diagnostics", "ingestion", "reporting", "scoring", "training"]
PATIENCE = 300
CAPABILITIES = 0x20080522  # the version of the call's arguments
OVERRIDES = 0b110 | 1 << 28  # to read and write what permissions forbid, and to lease

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(LOADED)


def run(
    path: Path, arguments: list[str], env: dict[str, str], *, is_bound: bool = False
) -> subprocess.CompletedProcess[str]:
    """What came of this script, run from a folder that has nothing to do with it."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        forked = FORKS.Process(target=_become, args=(path, arguments, env, (out, err), is_bound))
        forked.start()
        forked.join(PATIENCE)
        if forked.exitcode is None:
            forked.kill()
            raise TimeoutError(f"{path.name} has not ended in {PATIENCE} seconds")
        return subprocess.CompletedProcess(
            [str(path), *arguments], forked.exitcode, out.read_text(), err.read_text()
        )


def _become(
    path: Path,
    arguments: list[str],
    env: dict[str, str],
    streams: tuple[Path, Path],
    is_bound: bool,
) -> None:
    for stream, file in enumerate(streams, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream)
    if is_bound:
        _obey_permissions()
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir("/")
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")


def _obey_permissions() -> None:
    """Give up for good what lets root pass by the permissions of files."""
    system = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)()
    if system.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for at in range(3):
        sets[at] &= ~OVERRIDES
    if system.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")
