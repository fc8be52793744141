"""A scratch project, where a step can run without changing what others use."""

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
def aside(real: Settings) -> Iterator[Settings]:
    """The same settings, but what the steps write goes to a folder that is removed afterwards.

    Its folders are named like the real ones, because messages name them. The log is left alone,
    because a server shares it with other requests.
    """
    with tempfile.TemporaryDirectory(prefix="risk-") as folder:
        tried = real._replace(
            output_folder_path=Path(folder) / "1" / real.output_folder_path.name,
            output_model_path=Path(folder) / "2" / real.output_model_path.name,
            prod_deployment_path=Path(folder) / "3" / real.prod_deployment_path.name,
        )
        tried.output_folder_path.mkdir(parents=True)
        for name in (files.INGESTION, files.JUDGED, files.SOURCE):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(real.output_folder_path / name, tried.output_folder_path)
        yield tried


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Log only errors in this process, while something is only tried out."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Drop what the steps log in this thread, about work that is thrown away."""
    here = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != here

    loggers = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if name.startswith("risk.") and isinstance(logger, logging.Logger)
    ]
    for logger in loggers:
        logger.addFilter(is_of_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_others)
