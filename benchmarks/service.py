"""A client of the service under measurement."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

Job = dict[str, Any]

PROMPT = "a red apple on a white table"


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Give a parser that knows where the service is."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", default="http://localhost:8000")
    return parser


@contextmanager
def connected(url: str) -> Iterator[httpx.Client]:
    """Give a client that sends the first of API_KEY, where it is set."""
    key = os.environ.get("API_KEY", "").partition(",")[0].strip()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(120)) as client:
        yield client


def submit(client: httpx.Client, **fields: object) -> Job:
    """Queue a picture."""
    answer = client.post("/jobs", json={"prompt": PROMPT, **fields}).raise_for_status()
    job: Job = answer.json()
    return job


def end_of(client: httpx.Client, job: Job) -> Job:
    """Wait until a job has succeeded.

    Raises:
        RuntimeError: It has not.
    """
    while not job["finished_at"]:
        job = client.get(job["urls"]["self"], params={"wait": 60}).raise_for_status().json()
    if job["state"] != "succeeded":
        message = f"job {job['id']} is {job['state']}"
        raise RuntimeError(message)
    return job


def watch(client: httpx.Client, job: Job, *, preview: bool) -> int:
    """Follow a job's events to the last, and count the previews among them."""
    with client.stream("GET", job["urls"]["events"], params={"preview": preview}) as answer:
        return sum(line == "event: preview" for line in answer.iter_lines())
