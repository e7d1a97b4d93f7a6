"""One line an event, with the ids of the job and of the request, in every process alike."""

import logging
import sys
from typing import Literal

import structlog

LogFormat = Literal["auto", "console", "json"]

_PROMPT_HEAD = 40
# `celery.app.trace` and `celery.worker.strategy` tell of each task what our own lines tell better.
_NOISY = (
    "asyncio",
    "celery.app.trace",
    "celery.utils.functional",
    "celery.worker.strategy",
    "httpx",
    "kombu",
    "multiprocessing",
    "urllib3",
)


def configure_logging(level: str, form: LogFormat) -> None:
    """Send every log line of this process, of ours and of the libraries, to stderr in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def bound_request_id() -> str | None:
    """Give the id of the request that is being served here; None outside of one."""
    request_id: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return request_id


def prompt_head(prompt: str) -> str:
    """Shorten a prompt for the log: what people write stays theirs."""
    head = prompt if len(prompt) <= _PROMPT_HEAD else prompt[: _PROMPT_HEAD - 1] + "…"
    # A line break in a prompt must not look like a line of the log.
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in head
    )


# Neither tells the values of local variables, which are prompts and secrets.
_TRACEBACKS_AS_DATA = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_TRACEBACKS_AS_TEXT = structlog.dev.plain_traceback


def _renderers(form: LogFormat) -> list[structlog.typing.Processor]:
    on_terminal = sys.stderr.isatty()
    if form == "json" or (form == "auto" and not on_terminal):
        return [
            _TRACEBACKS_AS_DATA,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    return [
        structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=_TRACEBACKS_AS_TEXT)
    ]
