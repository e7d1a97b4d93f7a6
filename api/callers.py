"""Who may come in: API keys by name, from a variable or from a file that can change meanwhile."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from secrets import compare_digest
from time import monotonic
from typing import Annotated

from limits import RateLimitItem, parse
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from shared.job_parts import Priority
from shared.log import get_logger

_log = get_logger(__name__)

_LOOK_AGAIN_SECONDS = 1.0

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def parse_rate(text: str) -> RateLimitItem:
    """Read a rate such as `60/minute`.

    Raises:
        ValueError: It is none.
    """
    try:
        return parse(text)
    except ValueError:
        message = "must be a number and a time, such as 60/minute or 1000/day"
        raise ValueError(message) from None


class Caller(BaseModel):
    """A client by the name of its key, and what it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    rate: RateLimitItem | None = None
    """Submits in a time; None is as many as it likes."""

    max_jobs: int | None = None
    """Its jobs that wait and run at once."""

    priority: Priority = Priority.NORMAL
    """The highest that its jobs can have."""


class _KeyEntry(BaseModel):
    """A key in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    sha256: Sha256 | list[Sha256]
    rate: Annotated[
        RateLimitItem | None, BeforeValidator(lambda text: parse_rate(text) if text else None)
    ] = None
    max_jobs: Annotated[int, Field(ge=1)] | None = None
    priority: Priority = Priority.NORMAL

    @property
    def hashes(self) -> list[str]:
        return [self.sha256] if isinstance(self.sha256, str) else self.sha256


_FILE = TypeAdapter(dict[Name, _KeyEntry])


class KeysUnreadable(Exception):
    """The file of keys is not there, or is not what it should be."""


class KeyRing:
    """Knows every key by its hash alone; a file that has changed is read again within a second."""

    def __init__(
        self,
        keys: Iterable[str],
        file: Path | None = None,
        *,
        rate: RateLimitItem | None = None,
        max_jobs: int | None = None,
    ) -> None:
        """Take keys as they are, and a file of hashed ones, which may set limits of their own.

        Raises:
            KeysUnreadable: The file is not there or wrong.
        """
        self._rate = rate
        self._max_jobs = max_jobs
        self._fixed = {
            _hash(key): Caller(name=f"key-{_hash(key)[:8]}", rate=rate, max_jobs=max_jobs)
            for key in keys
        }
        self._file = file
        self._read_at = monotonic()
        self._stamp: tuple[int, int] | None = None
        self._callers: Mapping[str, Caller] = self._fixed
        if file is not None:
            self._stamp = _stamp(file)
            self._callers = {**self._fixed, **self._read(file)}

    @property
    def is_open(self) -> bool:
        """Everybody is let in."""
        return not self._fixed and self._file is None

    @property
    def anybody(self) -> Caller:
        """Whoever comes where no key is needed."""
        return Caller(name="", rate=self._rate, max_jobs=self._max_jobs)

    @property
    def is_due(self) -> bool:
        """Whether the next look for a key looks at the file too, which may take a moment."""
        return self._file is not None and monotonic() - self._read_at >= _LOOK_AGAIN_SECONDS

    def find(self, key: str) -> Caller | None:
        """Give whose key it is, in a time that does not tell how near a guess came."""
        self._look_again()
        given = _hash(key)
        found = [caller for known, caller in self._callers.items() if compare_digest(given, known)]
        return found[0] if found else None

    def _look_again(self) -> None:
        if self._file is None or not self.is_due:
            return
        self._read_at = monotonic()
        try:
            stamp = _stamp(self._file)
            if stamp != self._stamp:
                self._callers = {**self._fixed, **self._read(self._file)}
                self._stamp = stamp
                _log.info("keys read again", keys=len(self._callers))
        except KeysUnreadable as error:
            _log.error("keys not read, the old ones stay", reason=str(error))

    def _read(self, file: Path) -> dict[str, Caller]:
        try:
            entries = _FILE.validate_python(tomllib.loads(file.read_text()))
        except (OSError, ValueError) as error:
            raise KeysUnreadable(_why(error)) from None
        return {
            sha256: Caller(
                name=name,
                rate=entry.rate or self._rate,
                max_jobs=entry.max_jobs or self._max_jobs,
                priority=entry.priority,
            )
            for name, entry in entries.items()
            for sha256 in entry.hashes
        }


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError as error:
        raise KeysUnreadable(_why(error)) from None
    return status.st_mtime_ns, status.st_ino


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, ValidationError):
        item = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
