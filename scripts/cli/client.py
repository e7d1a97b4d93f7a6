"""The service's HTTP client: each call gives what it asks for, or raises a `Failure`."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TypeVar
from urllib.parse import quote

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError
from pydantic import BaseModel, JsonValue

from scripts.cli.answers import failure_of, read
from scripts.cli.failures import WrongUsage
from scripts.cli.job import Job
from scripts.cli.silences import lost, silent, wrong_url

Model = TypeVar("Model", bound=BaseModel)
Params = Mapping[str, str | float | Sequence[str]]

MOST_PER_PAGE = 100

_TIMEOUT = httpx.Timeout(30, connect=5)
# The service sends a comment every 15 seconds where nothing happens.
_EVENTS_TIMEOUT = httpx.Timeout(40, connect=5)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Page(BaseModel):
    """A part of the list of jobs."""

    jobs: list[Job]
    next_cursor: str | None


class Client:
    """Speaks to one service, with one key."""

    def __init__(
        self, url: str, api_key: str | None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.url = url
        self._http = httpx.AsyncClient(
            base_url=_parsed(url),
            headers=_authorization(api_key),
            timeout=_TIMEOUT,
            transport=transport,
            # A proxy of the environment does not lead to this machine.
            trust_env=_parsed(url).host not in _LOOPBACK,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(self, request: Mapping[str, JsonValue], key: str) -> Job:
        """Queue a picture; the same key again gives the same job."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        response = await self._send("POST", "/jobs", content=_encode(request), headers=headers)
        return read(response, Job)

    async def get(self, job_id: str, *, wait_seconds: float = 0) -> Job:
        """Give a job; with a wait as soon as it has ended, or after that time."""
        params = {"wait": wait_seconds} if wait_seconds else {}
        return read(await self._send("GET", _path(job_id), params=params), Job)

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job; one that has ended stays as it is."""
        return read(await self._send("DELETE", _path(job_id)), Job)

    async def image(self, job_id: str) -> bytes:
        """Give the PNG of a job that has succeeded."""
        response = await self._send("GET", f"{_path(job_id)}/image")
        if not response.is_success:
            raise failure_of(response)
        return response.content

    async def jobs(
        self, states: Sequence[str] = (), page: int = MOST_PER_PAGE
    ) -> AsyncIterator[Job]:
        """Give the jobs in these states, or all, newest first, page by page as they are read."""
        cursor: str | None = ""
        while cursor is not None:
            params: dict[str, str | float | Sequence[str]] = {"limit": page, "state": states}
            if cursor:
                params["cursor"] = cursor
            answer = read(await self._send("GET", "/jobs", params=params), Page)
            for job in answer.jobs:
                yield job
            cursor = answer.next_cursor

    async def events(self, job_id: str, last_id: str) -> AsyncGenerator[ServerSentEvent]:
        """Give what happens to a job after the event `last_id`, until the connection ends."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        response = await self._send(
            "GET", f"{_path(job_id)}/events", headers=headers, timeout=_EVENTS_TIMEOUT, stream=True
        )
        try:
            if not response.is_success:
                await response.aread()
                raise failure_of(response)
            async with aclosing(EventSource(response).aiter_sse()) as events:
                async for event in events:
                    yield event
        except (httpx.RequestError, SSEError) as error:
            raise lost(self.url, error) from None
        finally:
            await response.aclose()

    async def ask(self, path: str, model: type[Model]) -> Model:
        """Give what a page of the service says."""
        return read(await self._send("GET", path), model)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        timeout: httpx.Timeout = _TIMEOUT,  # noqa: ASYNC109  # Per read, not for the call.
        stream: bool = False,
    ) -> httpx.Response:
        request = self._http.build_request(
            method, path, content=content, headers=headers, params=params, timeout=timeout
        )
        try:
            return await self._http.send(request, stream=stream)
        except httpx.UnsupportedProtocol as error:
            raise wrong_url(self.url, error) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise silent(self.url, error) from None
        except httpx.RequestError as error:
            raise lost(self.url, error) from None


def _parsed(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise wrong_url(url, error) from None


def _authorization(api_key: str | None) -> dict[bytes, bytes]:
    if not api_key:
        return {}
    if not api_key.isprintable():
        message = "the API key contains what no header can carry"
        raise WrongUsage(message, hint="is there a line break in it?")
    return {b"Authorization": f"Bearer {api_key}".encode()}


def _encode(request: Mapping[str, JsonValue]) -> bytes:
    try:
        return json.dumps(request, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        message = "a number of the request is not finite, or a text is not UTF-8"
        raise WrongUsage(message, hint="write numbers as 7.5, and text as UTF-8") from None


def _path(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"
