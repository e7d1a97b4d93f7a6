"""One line an event, with the job's id bound, in both processes."""

import logging
import sys

import structlog

_PROMPT_HEAD = 40
_NOISY = ("celery.utils.functional", "httpx", "kombu", "urllib3", "asyncio")


def configure_logging(level: str) -> None:
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
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        # The one with the values of local variables would write prompts and secrets.
        exception_formatter=structlog.dev.plain_traceback,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=console, foreign_pre_chain=shared)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def prompt_head(prompt: str) -> str:
    """Shorten a prompt for the log: what people write stays theirs."""
    head = prompt if len(prompt) <= _PROMPT_HEAD else prompt[: _PROMPT_HEAD - 1] + "…"
    # A line break in a prompt must not look like a line of the log.
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in head
    )
