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

    Its folders have the names of the real ones, because messages name them. Logging goes on as
    before, because a server shares the log with other requests.
    """
    with tempfile.TemporaryDirectory(prefix="risk-") as folder:
        tried = real._replace(
            output_folder_path=Path(folder) / "1" / real.output_folder_path.name,
            output_model_path=Path(folder) / "2" / real.output_model_path.name,
            prod_deployment_path=Path(folder) / "3" / real.prod_deployment_path.name,
        )
        tried.output_folder_path.mkdir(parents=True)
        for name in (files.INGESTION, files.JUDGED, files.WEIGHED, files.SOURCE):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(real.output_folder_path / name, tried.output_folder_path)
        for name in (files.FINAL_DATA, files.OUTCOMES):  # replaced by what is written, not changed
            (tried.output_folder_path / name).symlink_to(real.output_folder_path / name)
        yield tried


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what this thread logs, but for errors, about work that is thrown away."""
    here = threading.get_ident()

    def is_of_interest(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno >= logging.ERROR

    handlers = [handler for handler in (*logging.root.handlers, logging.lastResort) if handler]
    for handler in handlers:
        handler.addFilter(is_of_interest)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(is_of_interest)
