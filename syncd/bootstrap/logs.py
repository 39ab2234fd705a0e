"""Logging: one line an event on stderr, with every secret taken out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import structlog

from syncd.config.settings import LogFormat

if TYPE_CHECKING:
    from syncd.config import Deployment


class _Forwarder(logging.Handler):
    """Makes lines like our own, without secrets, of what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _forward_libraries() -> None:
    """Forward what libraries warn of. A tick that is left out is no event: the pass before it is still running."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Forwarder) for handler in root.handlers):
        root.addHandler(_Forwarder(logging.WARNING))
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def configure_logging(deployment: Deployment, *, verbose: bool, quiet: bool) -> None:
    """structlog to stderr: readable on a terminal, JSON lines elsewhere. Secrets are taken out of every line."""
    settings = deployment.settings.log
    level = "debug" if verbose else "error" if quiet else settings.level.value
    console = settings.format is LogFormat.CONSOLE or (settings.format is LogFormat.AUTO and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors="NO_COLOR" not in os.environ and sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer()
    )

    def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
        # The renderer before it has made a text of the event.
        return deployment.redactor.redact(str(line))

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
            redact,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        # Asked for anew with each line: stderr may have been put elsewhere since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    _forward_libraries()
