"""Reading server-sent events as they come over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Sent:
    """One event as it was sent."""

    event: str
    data: dict[str, Any]
    id: str | None = None


@contextmanager
def events_of(
    client: httpx.Client, job_id: str, *, last_event_id: int = 0, query: str = ""
) -> Iterator[Iterator[Sent]]:
    """Follow a job; the stream is closed at the end."""
    headers = {"Last-Event-ID": str(last_event_id)} if last_event_id else {}
    with client.stream("GET", f"/jobs/{job_id}/events{query}", headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield parse(response.iter_lines())


def parse(lines: Iterator[str]) -> Iterator[Sent]:
    """Give the events of a stream; comments say nothing."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            assert name not in fields, f"{name} comes twice in an event"
            fields[name] = value
        elif "event" in fields:
            yield Sent(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}
        else:
            fields = {}
