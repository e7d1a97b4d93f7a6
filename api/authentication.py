"""Bearer keys: who is let in."""

from secrets import compare_digest
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.dependencies import CurrentSettings

_bearer = HTTPBearer(auto_error=False, description="One of the keys in API_KEY, where it is set.")


def require_key(
    settings: CurrentSettings,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str:
    """Let a request in if it carries one of the keys, or if there are none; give the key.

    Raises:
        HTTPException: 401, it carries no key, or none of ours.
    """
    if not settings.api_keys:
        return ""
    if credentials is None:
        detail = "This service needs a key: send the header 'Authorization: Bearer <key>'."
        raise _unauthorized(detail)
    given = credentials.credentials.encode("latin-1")  # As the header came; a key is UTF-8.
    # Compare with all of them, so that the time does not tell how near a guess is.
    if sum(compare_digest(given, key.encode()) for key in settings.api_keys) == 0:
        detail = "The key in the Authorization header is not one of this service's."
        raise _unauthorized(detail)
    return credentials.credentials


ApiKey = Annotated[str, Depends(require_key)]


def _unauthorized(detail: str) -> HTTPException:
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
