"""The headers by which a client says how it wants its picture."""

from typing import Annotated, Literal

from fastapi import Depends, Header

from api.authentication import CurrentCaller
from api.idempotency import IdempotencyKey

Prefer = Annotated[
    str,
    Header(
        alias="Prefer",
        description="`respond-async` submits a job instead.",
        examples=["respond-async"],
    ),
]

OnDisconnect = Annotated[
    Literal["cancel", "keep"],
    Header(
        alias="X-On-Disconnect",
        description="What becomes of the job when the client leaves before the answer.",
    ),
]

_IdempotencyKeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key with the same body is the same job, as long as that is kept.",
        examples=["order-2026-01-02-0042"],
    ),
]


async def _idempotency_key(
    caller: CurrentCaller, idempotency_key: _IdempotencyKeyHeader = None
) -> IdempotencyKey | None:
    return IdempotencyKey.of(caller.name, idempotency_key) if idempotency_key else None


OptionalIdempotencyKey = Annotated[IdempotencyKey | None, Depends(_idempotency_key)]
