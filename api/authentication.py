"""Bearer keys: who is let in."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool

from api.callers import Caller
from api.dependencies import services_of


class KeyScheme(SecurityBase):
    """Lets a request in if it carries one of the keys, or if there are none; says whose it is.

    It asks for no other dependency: a route has it several times, and would go through that again.
    """

    def __init__(self) -> None:
        self._bearer = HTTPBearer(
            auto_error=False, description="A key of API_KEY or API_KEYS_FILE, where set."
        )
        self.model = self._bearer.model
        self.scheme_name = self._bearer.scheme_name

    async def __call__(self, request: Request) -> Caller:
        """Give who calls.

        Raises:
            HTTPException: 401, it carries no key, or none of ours.
        """
        keys = services_of(request).keys
        if keys.is_open:
            return keys.anybody
        credentials = await self._bearer(request)
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


require_key = KeyScheme()

CurrentCaller = Annotated[Caller, Depends(require_key)]


def unauthorized(detail: str) -> HTTPException:
    """Give the 401 that says how to be let in."""
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
