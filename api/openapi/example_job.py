"""The job that the examples of answers tell of, and what it is painted with."""

from datetime import UTC, datetime, timedelta

from api.own_dependencies import EXAMPLE_ID as JOB_ID
from shared.generation import Build, GenerationRequest, GenerationResult, Scheduler, Timings
from shared.jobs import Job

PROMPT = "a red apple on a white table"
SUBMITTED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
REQUEST = GenerationRequest(prompt=PROMPT, seed=42)
BUILD = Build(
    model="stable-diffusion-v1-5/stable-diffusion-v1-5",
    model_revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    device="cuda",
    device_name="NVIDIA L4",
    dtype="float16",
    threads=8,
    versions={"torch": "2.13.0", "diffusers": "0.42.1", "transformers": "5.24.0"},
)
RESULT = GenerationResult(
    seed=42,
    num_inference_steps=28,
    guidance_scale=7.0,
    scheduler=Scheduler.DPM_SOLVER_PP,
    height=512,
    width=512,
    prompt_tokens=7,
    dropped_text="",
    build=BUILD,
    timings=Timings(queue=0.5, text=0.01, denoise=2.5, decode=0.25, encode=0.08, total=2.84),
    image_bytes=421337,
    image_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)
_QUEUED = Job.queued(JOB_ID, REQUEST, SUBMITTED, request_id="checkout-7f3a")
RUNNING = _QUEUED.claim("", "", SUBMITTED + timedelta(seconds=1)).advance("", 12)
DONE = RUNNING.succeed("", RESULT, SUBMITTED + timedelta(seconds=4))
