"""How pictures are named where they do not expire by themselves, so that old ones are found.

Each lies in the folder of the ten minutes in which its job was submitted: `20261127-1540/`. The
name says when no record can need it any more, without a look at the record or the picture.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.jobs import Job

_SPAN = timedelta(minutes=10)
_FOLDER = re.compile(r"\d{8}-\d{3}0")


@dataclass(frozen=True)
class ImageFolders:
    """Names pictures, and knows the folders whose jobs are all gone."""

    job_timeout: float
    """Seconds from a job's submission to its end, at most."""

    result_ttl: int
    """Seconds from a job's end to that of its record."""

    def key(self, job: Job) -> str:
        """Name the picture of the job's present attempt, with its folder."""
        at = job.created_at.astimezone(UTC)
        return f"{at:%Y%m%d-%H}{at.minute // 10}0/{job.id}-{job.attempt}.png"

    def expired(self, names: Iterable[str], now: datetime) -> list[str]:
        """Give those of the names that are folders of ours without a record any more."""
        # Once more the span, so that no record, ended a little late, outlives its picture.
        kept = _SPAN + timedelta(seconds=self.job_timeout + self.result_ttl) + _SPAN
        oldest = f"{now.astimezone(UTC) - kept:%Y%m%d-%H%M}"
        return [name for name in names if _FOLDER.fullmatch(name) and name < oldest]
