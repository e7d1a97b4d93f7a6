"""The answers that several routes give: a picture with its headers, a job that was accepted."""

from collections.abc import Sequence
from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse, StreamingResponse

from api.own_dependencies import EXAMPLE_ID
from shared.generation import GenerationResult, Timings
from shared.image_store import Download
from shared.job_view import JobView
from shared.jobs import Job

_HEADERS = {
    "X-Seed": ("The seed that was used.", "42"),
    "X-Steps": ("The denoising steps.", "28"),
    "X-Guidance": ("The guidance scale.", "7.0"),
    "X-Scheduler": ("The sampler.", "dpmsolver++"),
    "X-Device": ("`cuda`, `mps` or `cpu`.", "cuda"),
    "X-Generation-Time": ("Time on the worker.", "2.84s"),
    "X-Prompt-Tokens": ("Of the prompt, as the model's tokenizer counts.", "7"),
    "X-Prompt-Chunks": ("In how many parts the prompt was read.", "1"),
    "X-Job-Id": ("The job, for `/jobs/{id}`.", EXAMPLE_ID),
    "Server-Timing": (
        "Milliseconds of queue, text, denoise, decode, encode and total.",
        "queue;dur=500.0, text;dur=10.0, denoise;dur=2500.0, decode;dur=250.0, total;dur=2840.0",
    ),
    "Content-Disposition": ("A name to save it under.", "inline; filename=generated.png"),
    "Cache-Control": ("No cache keeps it.", "no-store"),
}
_SOMETIMES = {
    "X-Batch-Size": ("How many pictures were painted at once, where they were several.", "4"),
    "X-Safety-Flagged": ("`true` or `false`, where a safety checker looks at pictures.", "false"),
    "X-Prompt-Truncated": ("Only where the model did not read the end of a prompt.", "true"),
}
_LOCATION = {"Location": ("Where the job is.", f"/jobs/{EXAMPLE_ID}")}
_APPLIED = {"Preference-Applied": ("What of `Prefer` was done.", "respond-async")}


def _described(headers: dict[str, tuple[str, str]], *, always: bool = True) -> dict[str, Any]:
    return {
        name: {
            "description": text,
            "required": always,
            "schema": {"type": "string"},
            "example": example,
        }
        for name, (text, example) in headers.items()
    }


PICTURE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {**_described(_HEADERS), **_described(_SOMETIMES, always=False)},
    },
}
ACCEPTED_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"description": "The job, queued.", "headers": _described(_LOCATION)},
}
ASYNC_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {
        "model": JobView,
        "description": "With `Prefer: respond-async`: the job, queued.",
        "headers": _described({**_LOCATION, **_APPLIED}),
    },
}

ELSEWHERE_RESPONSE: dict[int | str, dict[str, Any]] = {
    307: {
        "description": "Where the picture is, for an hour; with `redirect` only.",
        "headers": _described(
            {"Location": ("In the bucket.", "https://bucket.s3.amazonaws.com/picture?signature")}
        ),
    },
}


def picture(job: Job, png: Download) -> Response:
    """Answer with the PNG of a job that succeeded, as it comes, and how it was made."""
    headers = {
        "Content-Disposition": "inline; filename=generated.png",
        "Content-Length": str(png.size),
        **_how_it_was_made(job),
    }
    if isinstance(png.chunks, Sequence):  # It is here as a whole: no thread has to go for it.
        return Response(png.read(), media_type="image/png", headers=headers)
    return StreamingResponse(png.chunks, media_type="image/png", headers=headers)


def elsewhere(job: Job, url: str) -> Response:
    """Answer where the PNG of a job that succeeded is, and how it was made."""
    return RedirectResponse(url, headers=_how_it_was_made(job))


def accepted(view: JobView) -> Response:
    """Answer that a job was accepted, and where it is to be found."""
    headers = {"Location": view.urls.self}
    return Response(view.model_dump_json(), 202, headers, media_type="application/json")


def _how_it_was_made(job: Job) -> dict[str, str]:
    result = job.result
    assert result is not None
    return {
        "X-Seed": str(result.seed),
        "X-Steps": str(result.num_inference_steps),
        "X-Guidance": str(result.guidance_scale),
        "X-Scheduler": result.scheduler,
        "X-Device": result.build.device,
        "X-Generation-Time": f"{result.timings.total:.2f}s",
        "X-Prompt-Tokens": str(result.prompt_tokens),
        "X-Prompt-Chunks": str(result.prompt_chunks),
        **_batch(result.batch_size),
        **_truncated(result),
        **_safety(result.flagged),
        "X-Job-Id": job.id,
        "Server-Timing": _server_timing(result.timings),
        "Cache-Control": "no-store",
    }


def _batch(size: int) -> dict[str, str]:
    return {} if size == 1 else {"X-Batch-Size": str(size)}


def _truncated(result: GenerationResult) -> dict[str, str]:
    dropped = result.dropped_text or result.dropped_negative_text
    return {"X-Prompt-Truncated": "true"} if dropped else {}


def _safety(flagged: bool | None) -> dict[str, str]:  # noqa: FBT001  # What it tells of.
    return {} if flagged is None else {"X-Safety-Flagged": str(flagged).lower()}


def _server_timing(timings: Timings) -> str:
    stages = timings.model_dump().items()
    return ", ".join(f"{stage};dur={seconds * 1000:.1f}" for stage, seconds in stages)
