# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging of all programs: structured lines on standard error, without the values of variables (system.md 1.6).

Many lines contain what clients sent: names, addresses, what git said of it. None of that may act on the terminal of a
reader of the log, hide something there, or look like a line of its own.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from typing import Any, Final, TextIO, cast

import structlog

_ACTING: Final = re.compile(
    # Control characters, of Unicode too; what changes the direction of text, has no width or breaks lines; lone
    # surrogates, which cannot be written.
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_OURS: Final = frozenset({"exception", "stack"})
"""Members whose lines we break ourselves."""


def harmless(text: str) -> str:
    """A text whose acting characters are spelled out."""
    return _ACTING.sub(lambda found: ascii(found[0])[1:-1], text)


def _harmless_lines(text: str) -> str:
    """The same for a text of several lines. Each begins with a mark, so that none looks like a line of the log."""
    return "\n".join(f"| {harmless(line)}" for line in text.split("\n"))


def _harmless_event(
    _logger: structlog.typing.WrappedLogger, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for name, value in event.items():
        if not isinstance(value, (int, float, type(None))):
            event[name] = (_harmless_lines if name in _OURS else harmless)(str(value))
    return event


class _HarmlessFormatter(logging.Formatter):
    """The lines of libraries."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name of logging
        return harmless(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _harmless_lines(super().formatException(ei))


class _StandardError(io.TextIOBase):
    """Standard error, looked up for each write. A line that cannot be written is lost, and nothing else with it.

    The log may be a file on a disk that is full, or a pipe that nobody reads any more.
    """

    def write(self, text: str, /) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


_STANDARD_ERROR: Final = cast("TextIO", _StandardError())


def set_up_logging(level: str) -> None:
    """Log from `level` on; lines for people on a terminal, logfmt otherwise.

    Every program logs to standard error, because scripts read what a command prints.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(_STANDARD_ERROR)
    handler.setFormatter(_HarmlessFormatter("%(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.WARNING))
    # The server's own words about requests repeat ours, and could quote what it was sent.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    # A statement that fails is told where it was asked; that what followed it is dropped goes without saying.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _harmless_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(_STANDARD_ERROR),
        cache_logger_on_first_use=True,
    )
