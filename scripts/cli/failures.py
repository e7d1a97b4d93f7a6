"""What can go wrong, under the exit code that scripts branch on.

Failure               1    any other refusal: no such job, it has expired, a file cannot be written
├── NoPicture         1    the job failed or was canceled
├── TimedOut          1    the picture was not there in the time that --timeout gives
├── WrongUsage        2    an argument is wrong
│   └── InvalidRequest     the service says so, and names each field
├── Unreachable       3    nothing answers, or not this service
│   ├── ConnectionLost     it answered before, or may have read the request
│   └── NotReady           it answers that it cannot paint now
├── Unauthorized      4
├── QueueFull         5
└── Interrupted       130
"""

from pydantic import JsonValue

from shared.errors import ErrorBody

EXIT_CODES = """\
Exit codes:
  0    all is well
  1    no picture: the job failed, was canceled or is gone; or doctor found a fault
  2    wrong usage, or a field that the service refuses
  3    the service cannot be reached, or is not ready
  4    the API key is missing or wrong
  5    the queue is full
  130  Ctrl-C
"""


class Failure(Exception):
    """A reason to stop that people are told in one line, with a hint what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", body: ErrorBody | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.body = body

    @property
    def report(self) -> dict[str, JsonValue]:
        """What `--json` prints: the service's own error, or one in the same shape."""
        if self.body is not None:
            return self.body.model_dump(mode="json")
        name = type(self).__name__
        return {"error": name, "code": None, "detail": self.message, "meta": None}


class NoPicture(Failure):
    """The job ended without a picture; its record says why."""

    def __init__(self, message: str, job: dict[str, JsonValue]) -> None:
        super().__init__(message)
        self._job = job

    @property
    def report(self) -> dict[str, JsonValue]:
        """The job, which has no file."""
        return {**self._job, "file": None}


class TimedOut(Failure):
    """The time that the user gives has passed."""


class WrongUsage(Failure):
    """An argument is wrong; nothing has been sent."""

    exit_code = 2


class InvalidRequest(WrongUsage):
    """The service refuses fields of the request."""


class Unreachable(Failure):
    """Nothing answers, or something that is not this service."""

    exit_code = 3


class ConnectionLost(Unreachable):
    """The connection broke after something may have been sent."""


class NotReady(Unreachable):
    """The service answers that it cannot serve now."""


class Unauthorized(Failure):
    """The API key is missing or wrong."""

    exit_code = 4


class QueueFull(Failure):
    """The service admits no more jobs now."""

    exit_code = 5

    def __init__(
        self, message: str, *, retry_after_seconds: float, hint: str, body: ErrorBody
    ) -> None:
        super().__init__(message, hint=hint, body=body)
        self.retry_after_seconds = retry_after_seconds


class Interrupted(Failure):
    """The user pressed Ctrl-C."""

    exit_code = 130
