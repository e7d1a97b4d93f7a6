"""The answers that several routes give: a picture with its headers, a job that was accepted."""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from shared.generation import Timings
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
    "X-Safety-Flagged": "`true` or `false`, where a safety checker looks at pictures.",
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


def picture(job: Job, png: bytes) -> Response:
    """Answer with the PNG of a job that succeeded, and how it was made."""
    result = job.result
    assert result is not None
    return Response(
        png,
        media_type="image/png",
        headers={
            "Content-Disposition": "inline; filename=generated.png",
            "X-Seed": str(result.seed),
            "X-Steps": str(result.num_inference_steps),
            "X-Guidance": str(result.guidance_scale),
            "X-Scheduler": result.scheduler,
            "X-Device": result.build.device,
            "X-Generation-Time": f"{result.timings.total:.2f}s",
            "X-Job-Id": job.id,
            "Server-Timing": _server_timing(result.timings),
            "Cache-Control": "no-store",
            **_safety(result.flagged),
        },
    )


def accepted(view: JobView) -> JSONResponse:
    """Answer that a job was accepted, and where it is to be found."""
    headers = {"Location": view.urls.self}
    return JSONResponse(view.model_dump(mode="json"), status_code=202, headers=headers)


def _safety(flagged: bool | None) -> dict[str, str]:  # noqa: FBT001  # What it tells of.
    return {} if flagged is None else {"X-Safety-Flagged": str(flagged).lower()}


def _server_timing(timings: Timings) -> str:
    stages = timings.model_dump().items()
    return ", ".join(f"{stage};dur={seconds * 1000:.1f}" for stage, seconds in stages)
