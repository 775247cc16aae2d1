"""One JSON object a line, carrying the request id wherever the work goes."""

import asyncio
import atexit
import logging
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

REQUEST_ID_HEADER = "x-request-id"

# They tell every address they call, and ours carry tokens and signatures.
TELLS_TOO_MUCH: Final = ("httpx", "httpcore")
# PostgreSQL explains a refusal with the row, or the key, that it refused: names, openids, all of it.
DETAIL: Final = "DETAIL: "
ROW: Final = re.compile(rf"{DETAIL}.*?(?=\n\n|\Z)", re.DOTALL)


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"

    @property
    def number(self) -> int:
        return logging.getLevelNamesMapping()[self.upper()]


class Lines:
    """What one turn of the event loop says is written at its end, together: each write is a system call.

    Without a loop, each line is written at once. A process that is killed takes the lines of its last turn
    along.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._due_in: asyncio.AbstractEventLoop | None = None
        atexit.register(self._write)

    def msg(self, line: str) -> None:
        self._lines.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write()
            return
        if self._due_in is not loop:
            self._due_in = loop
            loop.call_soon(self._write)

    debug = info = warning = error = critical = msg

    def _write(self) -> None:
        lines, self._lines, self._due_in = self._lines, [], None
        if lines:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


def configure(stream: TextIO, *, level: int = logging.INFO) -> None:
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamped,
        structlog.processors.format_exc_info,
        _without_rows,
    ]
    lines = Lines(stream)
    structlog.configure(
        processors=[_at_once],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _one_line],
        )
    )
    others = logging.DEBUG if level <= logging.DEBUG else logging.WARNING
    logging.basicConfig(handlers=[handler], level=others, force=True)
    for name in TELLS_TOO_MUCH:
        logging.getLogger(name).setLevel(logging.WARNING)


def request_id() -> str | None:
    """The id of the request on whose behalf we work, wherever it began."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return found if isinstance(found, str) else None


def _stamped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["timestamp"] = datetime.now(UTC)
    return event


def _without_rows(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str) and DETAIL in value:
            event[name] = ROW.sub(f"{DETAIL}left out", value)
    return event


def _at_once(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """All of that for a line of ours. Each request has one, and a chain takes microseconds for each step."""
    if "request_id" not in event:
        event = structlog.contextvars.merge_contextvars(logger, method, event)
    event = _stamped(logger, method, structlog.processors.add_log_level(logger, method, event))
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(logger, method, event)
    line = _one_line(logger, method, event)
    return line if DETAIL not in line else _one_line(logger, method, _without_rows(logger, method, event))


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
