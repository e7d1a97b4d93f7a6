"""Idempotency keys: the same key and the same request are the same job, however often they come."""

import hashlib
from dataclasses import dataclass
from typing import Self

from api.job_submission import JobSubmission
from shared.job_store import IdempotencyClaim


@dataclass(frozen=True)
class IdempotencyKey:
    """A client's key, hashed together with who sent it, so that clients cannot meet in one."""

    hash: str

    @classmethod
    def of(cls, caller: str, key: str) -> Self:
        """Give the key as this client's."""
        return cls(hashlib.sha256(f"{caller}\0{key}".encode()).hexdigest())

    def of_picture(self, index: int) -> Self:
        """Give the key of one picture of those that came with this key."""
        return type(self)(hashlib.sha256(f"{self.hash}\0{index}".encode()).hexdigest())

    def claim(self, job_id: str, submission: JobSubmission) -> IdempotencyClaim:
        """Say that the key leads to this job, for this submission as the client sent it."""
        fingerprint = hashlib.sha256(
            submission.model_dump_json(exclude_unset=True).encode()
        ).hexdigest()
        return IdempotencyClaim(job_id=job_id, fingerprint=fingerprint)
