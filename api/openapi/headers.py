"""Headers that no route declares for itself, in the document."""

from typing import Any

from fastapi.routing import RouteContext

from api.openapi.parts import has_part
from api.own_dependencies import count_submit

REQUEST_ID_PARAMETER = {
    "name": "X-Request-ID",
    "in": "header",
    "required": False,
    "description": "Any 1 to 128 printable characters without blanks, to find the request in the "
    "logs by; one that is not so is replaced.",
    "schema": {"type": "string"},
    "example": "checkout-7f3a",
}

_REQUEST_ID = "X-Request-ID"
_TEXTS = {
    _REQUEST_ID: "The request's own, or one that was made for it; the logs and the job have it.",
    "Allow": "The methods that there are.",
    "Location": "Where the job is.",
    "Retry-After": "Seconds after which to try again.",
    "WWW-Authenticate": "How to authenticate.",
    "RateLimit": "What is left of the key's submits: `r` of them in the next `t` seconds.",
    "RateLimit-Policy": "What the key may submit: `q` requests in `w` seconds.",
    "x-should-retry": "Whether OpenAI's clients send the request again.",
}
_NAMES = {name.lower(): name for name in _TEXTS}
_OF_LIMITS = {"RateLimit": '"submits";r=59;t=12', "RateLimit-Policy": '"submits";q=60;w=60'}


def header(name: str, example: str, *, required: bool) -> dict[str, Any]:
    """Describe a header by its name in `_TEXTS`."""
    schema: dict[str, Any] = {"type": "integer"} if example.isdigit() else {"type": "string"}
    shown = int(example) if example.isdigit() else example
    return {
        "description": _TEXTS[name],
        "required": required,
        "schema": schema,
        "example": shown,
    }


def canonical(name: str) -> str | None:
    """Give the name of a header as it is shown, or None where it is not."""
    return _NAMES.get(name.lower())


def show_headers(answer: dict[str, Any], route: RouteContext) -> None:
    """Add what every answer carries, and what submits carry where a key has a limit."""
    headers = answer.setdefault("headers", {})
    headers[_REQUEST_ID] = header(_REQUEST_ID, "checkout-7f3a", required=True)
    if has_part(route, count_submit):
        for name, example in _OF_LIMITS.items():
            headers[name] = header(name, example, required=False)
