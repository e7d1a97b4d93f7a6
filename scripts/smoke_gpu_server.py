"""Check a running server from outside: every endpoint, every header, the errors a client meets.

    python scripts/smoke_gpu_server.py --url http://localhost:8000 [--key KEY]

Prints a line for each check, and exits with 1 where one failed.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from PIL import Image

Check = tuple[str, bool]
"""What was expected, and whether it was so."""

_APPLE = {
    "prompt": "a red apple on a white table",
    "num_inference_steps": 28,
    "guidance_scale": 7.0,
    "height": 512,
    "width": 512,
    "seed": 42,
    "scheduler": "dpmsolver++",
}
_QUICK = {"prompt": "a blue circle", "num_inference_steps": 5, "height": 256, "width": 256}
_UNKNOWN_JOB = "00000000-0000-0000-0000-000000000000"
_ERROR_FIELDS = {"error", "code", "detail", "meta"}
_PATIENCE_SECONDS = 120


def check_card(client: httpx.Client) -> Iterator[Check]:
    """Check the pages that need no key."""
    card = client.get("/")
    yield "GET / answers 200", card.status_code == httpx.codes.OK
    yield "it names the service", card.json()["service"] == "Semantic Bit GPU Server"
    yield "it lists endpoints", "/generate" in card.json()["endpoints"]
    for path in ("/docs", "/openapi.json", "/livez", "/readyz"):
        yield f"GET {path} answers 200", client.get(path).status_code == httpx.codes.OK


def check_health(client: httpx.Client) -> Iterator[Check]:
    """Check that a model is loaded."""
    health = client.get("/health").json()
    yield "the service is healthy", health["status"] == "healthy"
    yield "a model is loaded", health["model_loaded"] is True
    info = health["generator_info"]
    yield "it names model, device and dtype", all(info[k] for k in ("model_id", "device", "dtype"))
    wanted = {"steps", "guidance_scale", "height", "width"}
    yield "it tells the defaults", set(info["defaults"]) == wanted


def check_picture(client: httpx.Client) -> Iterator[Check]:
    """Check the blocking call and the headers of its answer."""
    answer = client.post("/generate", json=_APPLE)
    yield "POST /generate answers 200", answer.status_code == httpx.codes.OK
    headers = answer.headers
    expected = {
        "content-type": "image/png",
        "cache-control": "no-store",
        "x-seed": "42",
        "x-steps": "28",
        "x-guidance": "7.0",
        "x-scheduler": "dpmsolver++",
    }
    for name, value in expected.items():
        yield f"{name} is {value}", headers.get(name) == value
    yield "x-device is a device", headers.get("x-device") in {"cuda", "mps", "cpu"}
    seconds = headers.get("x-generation-time", "")
    yield "x-generation-time is in seconds", seconds.endswith("s") and float(seconds[:-1]) > 0
    stages = {part.split(";")[0].strip() for part in headers.get("server-timing", "").split(",")}
    wanted = {"queue", "text", "denoise", "decode", "encode", "total"}
    yield "server-timing has every stage", stages == wanted
    image = Image.open(io.BytesIO(answer.content))
    yield "the picture is a 512x512 PNG", (image.format, image.size) == ("PNG", (512, 512))
    stored = client.get(f"/jobs/{headers['x-job-id']}/image")
    yield "its job has the same picture", stored.content == answer.content


def check_schedulers_and_seeds(client: httpx.Client) -> Iterator[Check]:
    """Check that a request repeats to the byte, with either scheduler."""
    pictures = set()
    for scheduler in ("dpmsolver++", "euler_ancestral"):
        request = {**_QUICK, "seed": 999, "scheduler": scheduler}
        first, second = (client.post("/generate", json=request) for _ in range(2))
        yield f"{scheduler} paints", first.status_code == httpx.codes.OK
        yield f"{scheduler} repeats a seed to the byte", first.content == second.content
        pictures.add(first.content)
    other_seed = client.post("/generate", json={**_QUICK, "seed": 1000})
    pictures.add(other_seed.content)
    yield "another scheduler or seed paints another picture", len(pictures) == 3  # noqa: PLR2004
    drawn = client.post("/generate", json=_QUICK).headers["x-seed"]
    yield "a seed is drawn where none is given", 0 <= int(drawn) < 2**32


def check_jobs(client: httpx.Client) -> Iterator[Check]:
    """Check submit, poll, collect, cancel."""
    submitted = client.post("/jobs", json=_QUICK)
    job = submitted.json()
    yield "POST /jobs answers 202", submitted.status_code == httpx.codes.ACCEPTED
    yield "Location is the job", submitted.headers.get("location") == f"/jobs/{job['id']}"
    yield "the job is not finished", job["state"] in {"queued", "running"}
    ended = _poll(client, job["urls"]["self"])
    yield "polling sees it succeed", ended["state"] == "succeeded"
    yield "its progress is 1 at the end", ended["progress"]["fraction"] == 1
    image = client.get(job["urls"]["image"])
    yield "its picture is there", image.headers.get("content-type") == "image/png"
    preferred = client.post("/generate", json=_QUICK, headers={"Prefer": "respond-async"})
    yield "Prefer: respond-async submits", preferred.status_code == httpx.codes.ACCEPTED
    url = preferred.json()["urls"]
    yield "DELETE answers 200", client.delete(url["cancel"]).status_code == httpx.codes.OK
    state = _poll(client, url["self"])["state"]
    yield "a canceled job ends", state in {"canceled", "succeeded"}


def check_errors(client: httpx.Client) -> Iterator[Check]:
    """Check that errors have the one shape."""
    cases: list[tuple[str, httpx.Response, int, str]] = [
        ("too few steps", client.post("/generate", json={**_QUICK, "num_inference_steps": 2}),
         422, "ValidationError"),
        ("a height of 513", client.post("/generate", json={**_QUICK, "height": 513}),
         422, "ValidationError"),
        ("no prompt", client.post("/jobs", json={}), 422, "ValidationError"),
        ("an unknown field", client.post("/jobs", json={**_QUICK, "sampler": "x"}),
         422, "ValidationError"),
        ("broken JSON", client.post("/generate", content=b"{", headers={
            "Content-Type": "application/json"}), 400, "BadRequest"),
        ("an unknown job", client.get(f"/jobs/{_UNKNOWN_JOB}"), 404, "NotFound"),
        ("an unknown route", client.get("/nowhere"), 404, "NotFound"),
        ("a wrong method", client.get("/generate"), 405, "MethodNotAllowed"),
    ]  # fmt: skip
    for name, answer, code, error in cases:
        body = answer.json()
        yield f"{name} is {code} {error}", (body["code"], body["error"]) == (code, error)
        yield f"{name} has the error shape", set(body) == _ERROR_FIELDS


CHECKS: tuple[Callable[[httpx.Client], Iterator[Check]], ...] = (
    check_card,
    check_health,
    check_picture,
    check_schedulers_and_seeds,
    check_jobs,
    check_errors,
)


def main() -> None:
    """Run every check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000", help="of the running server")
    parser.add_argument("--key", help="one of the server's API keys")
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {options.key}"} if options.key else {}
    passed = failed = 0
    with httpx.Client(base_url=options.url, headers=headers, timeout=_PATIENCE_SECONDS) as client:
        for check in CHECKS:
            try:
                for name, is_so in check(client):
                    print(f"{'ok  ' if is_so else 'FAIL'}  {name}", flush=True)
                    passed, failed = passed + is_so, failed + (not is_so)
            except (httpx.HTTPError, KeyError, OSError, ValueError) as error:
                print(f"FAIL  {check.__name__}: {type(error).__name__}: {error}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


def _poll(client: httpx.Client, url: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(url, params={"wait": 20}).json()
        if job["state"] in {"succeeded", "failed", "canceled"}:
            return job
    message = f"{url} has not ended within {_PATIENCE_SECONDS} s"
    raise ValueError(message)


if __name__ == "__main__":
    main()
