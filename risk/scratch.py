"""A place aside, where a step can really run and nothing that others use changes."""

import contextlib
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from risk import files
from risk.settings import Settings


@contextlib.contextmanager
def settings(real: Settings) -> Iterator[Settings]:
    """The same settings, but what the steps write goes to a folder that is removed afterwards."""
    logging.disable(logging.WARNING)  # what is only tried out is not told as done
    try:
        with aside(real) as tried:
            yield tried
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def aside(real: Settings) -> Iterator[Settings]:
    """The same, leaving the log alone, which in a server is that of other requests too."""
    with tempfile.TemporaryDirectory(prefix="risk-") as folder:
        tried = real._replace(
            output_folder_path=Path(folder) / "data",
            output_model_path=Path(folder) / "models",
            prod_deployment_path=Path(folder) / "production",
        )
        tried.output_folder_path.mkdir()
        for name in (files.INGESTION, files.JUDGED):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(real.output_folder_path / name, tried.output_folder_path)
        if real.prod_deployment_path.is_dir():
            shutil.copytree(real.prod_deployment_path, tried.prod_deployment_path)
        yield tried


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """What the steps say in this thread about work that counts for nothing goes nowhere."""
    here = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != here

    loggers = [
        found
        for name, found in logging.root.manager.loggerDict.items()
        if name.startswith("risk.") and isinstance(found, logging.Logger)
    ]
    for found in loggers:
        found.addFilter(is_of_others)
    try:
        yield
    finally:
        for found in loggers:
            found.removeFilter(is_of_others)
