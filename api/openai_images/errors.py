"""Our errors in OpenAI's envelope, wherever under `/v1/` they come from."""

import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import STATUS_OF, InvalidRequest

PREFIX = "/v1/"

_BAD_REQUEST = 400
_TOO_MANY = 429
_UNAVAILABLE = 503
_TIMEOUT = 504
_SERVER_ERROR = 500

# The words that OpenAI has for these; of the others the code is our name.
_CODES = {
    "Unauthorized": "invalid_api_key",
    "RateLimited": "rate_limit_exceeded",
    "ContentBlocked": "content_policy_violation",
}
_CODES_OF_FIELDS = {
    "missing": "missing_required_parameter",
    "extra_forbidden": "unknown_parameter",
}


class OpenAiError(BaseModel):
    """What went wrong, as OpenAI's clients read it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message: str
    type: str
    """`invalid_request_error`, `rate_limit_error` or `server_error`."""

    param: str | None
    """The field that is wrong, where it is one."""

    code: str
    """A stable name to branch on, such as `queue_full`."""


class OpenAiErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: OpenAiError


ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": OpenAiErrorBody, "description": "What is wrong with the request."},
    "5XX": {"model": OpenAiErrorBody, "description": "What went wrong here."},
}

INTERNAL_ERROR = OpenAiErrorBody(
    error=OpenAiError(
        message="The request could not be served; the server's log says why.",
        type="server_error",
        param=None,
        code="internal_server_error",
    )
)


def translated(body: bytes | memoryview) -> OpenAiErrorBody:
    """Give one of our error bodies as OpenAI's."""
    ours = json.loads(bytes(body))
    fields = (ours["meta"] or {}).get("errors") or [{"loc": [], "type": None}]
    place = [str(part) for part in fields[0]["loc"][1:]]
    code = _CODES.get(ours["error"]) or _snake_case(ours["error"])
    if ours["error"] == InvalidRequest.error:
        code = _CODES_OF_FIELDS.get(fields[0]["type"], "invalid_value")
    return OpenAiErrorBody(
        error=OpenAiError(
            message=ours["detail"],
            type=_type_of(ours["code"]),
            param=".".join(place) or None,
            code=code,
        )
    )


class OpenAiErrors:
    """Translates every error below `/v1/`, and says whether to send the request again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        border = _Border(send, can_come_back="idempotency-key" in Headers(scope=scope))
        try:
            await self.app(scope, receive, border.send)
        except Exception:
            if not border.is_passed:
                await border.answer(_SERVER_ERROR, INTERNAL_ERROR, MutableHeaders())
            raise


class _Border:
    """Lets a success pass, and holds an error until it can be translated as a whole."""

    def __init__(self, send: Send, *, can_come_back: bool) -> None:
        self._send = send
        self._can_come_back = can_come_back
        self._held: Message | None = None
        self._body = b""
        self.is_passed = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_our_error(message):
            self._held = message
        elif self._held is None:
            self.is_passed = True
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                headers = MutableHeaders(raw=self._held["headers"])
                await self.answer(self._held["status"], translated(self._body), headers)

    async def answer(self, status: int, body: OpenAiErrorBody, headers: MutableHeaders) -> None:
        self.is_passed = True
        response = _response(status, body, headers, can_come_back=self._can_come_back)
        await self._send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": response.raw_headers,
            }
        )
        await self._send({"type": "http.response.body", "body": response.body})


def as_openai(
    status: int, body: bytes | memoryview, headers: Mapping[str, str], *, can_come_back: bool = True
) -> JSONResponse:
    """Give one of our errors as an answer of OpenAI's; `can_come_back` with an Idempotency-Key."""
    return _response(status, translated(body), headers, can_come_back=can_come_back)


def _response(
    status: int, body: OpenAiErrorBody, headers: Mapping[str, str], *, can_come_back: bool
) -> JSONResponse:
    retry = status in {_TOO_MANY, _UNAVAILABLE}
    # Without the key, the same request again waits for new jobs as long as for these.
    retry = retry or (status == _TIMEOUT and can_come_back)
    if status == STATUS_OF[InvalidRequest]:
        status = _BAD_REQUEST
    response = JSONResponse(body.model_dump(), status_code=status)
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    response.headers["x-should-retry"] = "true" if retry else "false"
    return response


def _is_our_error(start: Message) -> bool:
    is_json = Headers(raw=start["headers"]).get("content-type") == "application/json"
    return start["status"] >= _BAD_REQUEST and is_json


def _type_of(status: int) -> str:
    if status == _TOO_MANY:
        return "rate_limit_error"
    return "server_error" if status >= _SERVER_ERROR else "invalid_request_error"


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
