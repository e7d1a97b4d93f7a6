"""The answers that several routes give: a picture with its headers, a job that was accepted."""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from shared.generation import Timings
from shared.image_store import Download
from shared.job_view import JobView
from shared.jobs import Job

_HEADERS = {
    "X-Seed": "The seed that was used.",
    "X-Steps": "The denoising steps.",
    "X-Guidance": "The guidance scale, such as `7.0`.",
    "X-Scheduler": "The sampler.",
    "X-Device": "`cuda`, `mps` or `cpu`.",
    "X-Generation-Time": "Time on the worker, such as `2.84s`.",
    "X-Job-Id": "The job, for `/jobs/{id}`.",
    "Server-Timing": "Milliseconds of queue, text, denoise, decode, encode and total.",
}

PICTURE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        },
    },
}

ELSEWHERE_RESPONSE: dict[int | str, dict[str, Any]] = {
    307: {"description": "Where the picture is, for an hour; with `redirect` only."},
}


def picture(job: Job, png: Download) -> Response:
    """Answer with the PNG of a job that succeeded, as it comes, and how it was made."""
    headers = {
        "Content-Disposition": "inline; filename=generated.png",
        "Content-Length": str(png.size),
        **_how_it_was_made(job),
    }
    return StreamingResponse(png.chunks, media_type="image/png", headers=headers)


def elsewhere(job: Job, url: str) -> Response:
    """Answer where the PNG of a job that succeeded is, and how it was made."""
    return RedirectResponse(url, headers=_how_it_was_made(job))


def accepted(view: JobView) -> JSONResponse:
    """Answer that a job was accepted, and where it is to be found."""
    headers = {"Location": view.urls.self}
    return JSONResponse(view.model_dump(mode="json"), status_code=202, headers=headers)


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
        "X-Job-Id": job.id,
        "Server-Timing": _server_timing(result.timings),
        "Cache-Control": "no-store",
    }


def _server_timing(timings: Timings) -> str:
    stages = timings.model_dump().items()
    return ", ".join(f"{stage};dur={seconds * 1000:.1f}" for stage, seconds in stages)
