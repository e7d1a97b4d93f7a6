"""A key as the password of HTTP Basic, which is all that tools of A1111 can send."""

from base64 import b64decode

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/sdapi/"
_BASIC = "basic"


class PasswordIsKey:
    """Makes the password a Bearer key, whatever the user's name, below `/sdapi/`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            password = _password(Headers(scope=scope).get("authorization", ""))
            if password is not None:
                bearer = (b"authorization", b"Bearer " + password)
                others = [item for item in scope["headers"] if item[0] != bearer[0]]
                scope = {**scope, "headers": [*others, bearer]}
        await self.app(scope, receive, send)


def _password(authorization: str) -> bytes | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != _BASIC:
        return None
    try:
        return b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return None
