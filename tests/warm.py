"""Our scripts and servers, each a fork of a process that has loaded their libraries once.

It spares each of them the seconds that importing takes: the program runs as `__main__` in a process
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
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

LOADED = ["apicalls", "deployment", "diagnostics", "ingestion", "reporting", "scoring", "training"]
LOADED += ["fullprocess", "gunicorn.app.wsgiapp", "gunicorn.workers.gthread"]
PATIENCE = 300
CAPABILITIES = 0x20080522  # the version of the call's arguments
OVERRIDES = 0b110 | 1 << 28  # to read and write what permissions forbid, and to lease

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(LOADED)


class Program(NamedTuple):
    """What a fork becomes: a script by its path, or a module by its name."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str = "/"
    obeys_permissions: bool = False


def run(program: Program) -> subprocess.CompletedProcess[str]:
    """What came of this program."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        forked = begun(program, out, err)
        forked.join(PATIENCE)
        if forked.exitcode is None:
            forked.kill()
            raise TimeoutError(f"{program.name} has not ended in {PATIENCE} seconds")
        return subprocess.CompletedProcess(
            [program.name, *program.arguments], forked.exitcode, out.read_text(), err.read_text()
        )


def begun(program: Program, out: Path, err: Path) -> BaseProcess:
    """The process in which this program runs from now on."""
    forked = FORKS.Process(target=_become, args=(program, out, err))
    forked.start()
    return forked


def _become(program: Program, out: Path, err: Path) -> None:
    for stream, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    if program.obeys_permissions:
        _obey_permissions()
    os.environ.clear()
    os.environ.update(program.environment)
    time.tzset()
    os.chdir(program.folder)
    sys.argv = [program.name, *program.arguments]
    run_as_main = runpy.run_path if program.name.endswith(".py") else runpy.run_module
    run_as_main(program.name, run_name="__main__")


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
