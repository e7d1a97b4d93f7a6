"""Bearer keys: who is let in."""

from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from api.callers import Caller
from api.dependencies import Keys

_bearer = HTTPBearer(auto_error=False, description="A key of API_KEY or API_KEYS_FILE, where set.")


async def require_key(
    keys: Keys, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Let a request in if it carries one of the keys, or if there are none; say whose it is.

    Raises:
        HTTPException: 401, it carries no key, or none of ours.
    """
    if keys.is_open:
        return keys.anybody
    if credentials is None:
        detail = "This service needs a key: send the header 'Authorization: Bearer <key>'."
        raise unauthorized(detail)
    # As the header came; a key is UTF-8.
    key = credentials.credentials.encode("latin-1").decode(errors="replace")
    caller = await run_in_threadpool(keys.find, key) if keys.is_due else keys.find(key)
    if caller is None:
        detail = "The key in the Authorization header is not one of this service's."
        raise unauthorized(detail)
    return caller


CurrentCaller = Annotated[Caller, Depends(require_key)]


def unauthorized(detail: str) -> HTTPException:
    """Give the 401 that says how to be let in."""
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
