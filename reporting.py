"""Draw what people look at: python reporting.py"""

import logging
from pathlib import Path

from risk import charts, files, records
from risk.cli import run
from risk.settings import Settings

log = logging.getLogger("risk.reporting")


def plot_trends(settings: Settings | None = None) -> Path:
    """Draw the quality, the data and the timings of all recorded runs."""
    settings = settings or Settings.load()
    path = settings.output_model_path / files.TRENDS
    files.write_bytes(path, charts.trends(records.trends(settings)))
    log.info("the trends are in %s", files.short(path))
    return path


if __name__ == "__main__":
    run(plot_trends)
