"""Valid values to begin a test with; a test names only what it is about."""

from datetime import UTC, datetime, timedelta

from shared.generation import Build, GenerationRequest, GenerationResult, Scheduler, Timings
from shared.job_parts import FailureType, JobFailure, JobState, Progress
from shared.job_store import AdmissionRefused, JobStore
from shared.jobs import Job

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
TOKEN = "token-of-this-attempt"
OTHER_TOKEN = "token-of-another-attempt"
WORKER = "worker@here"
STEPS = 5
LIMIT = 100

BUILD = Build(
    model="demo",
    model_revision="sha256:0123456789abcdef",
    device="cpu",
    device_name="cpu",
    dtype="float32",
    threads=2,
    versions={"torch": "1", "diffusers": "2", "transformers": "3"},
)
TIMINGS = Timings(queue=0.5, text=0.01, denoise=2.5, decode=0.25, encode=0.08, total=2.84)
FAILURE = JobFailure(type=FailureType.NAN_OUTPUT, detail="The model gave no finite picture.")


def make_request(**fields: object) -> GenerationRequest:
    """Give a small, complete request."""
    small: dict[str, object] = {
        "prompt": "a red apple on a white table",
        "negative_prompt": None,
        "num_inference_steps": STEPS,
        "guidance_scale": 7.0,
        "height": 256,
        "width": 256,
        "seed": 42,
        "scheduler": Scheduler.DPM_SOLVER_PP,
    }
    return GenerationRequest.model_validate({**small, **fields})


def make_result() -> GenerationResult:
    """Give how the picture of `make_request` was made."""
    return GenerationResult(
        seed=42,
        num_inference_steps=STEPS,
        guidance_scale=7.0,
        scheduler=Scheduler.DPM_SOLVER_PP,
        height=256,
        width=256,
        prompt_tokens=7,
        dropped_text="",
        build=BUILD,
        timings=TIMINGS,
        image_bytes=3,
        image_sha256="ab" * 32,
    )


def queued_job(job_id: str = "job-1", *, now: datetime = NOW, **fields: object) -> Job:
    """Give a job that waits; `fields` are the request's."""
    return Job.queued(job_id, make_request(**fields), now)


def job_in(state: JobState, job_id: str = "job-1") -> Job:
    """Give a job in a state, held by the attempt `TOKEN` or ended by it, halfway where it ran."""
    queued = queued_job(job_id)
    running = queued.claim(TOKEN, WORKER, NOW).advance(TOKEN, 2)
    return {
        JobState.QUEUED: queued,
        JobState.RUNNING: running,
        JobState.CANCELING: running.cancel(NOW),
        JobState.SUCCEEDED: running.succeed(TOKEN, make_result(), NOW),
        JobState.FAILED: running.fail(TOKEN, FAILURE, NOW),
        JobState.CANCELED: running.cancel(NOW).acknowledge_cancel(TOKEN, NOW),
    }[state]


def store_job(
    store: JobStore,
    job_id: str = "job-1",
    *,
    owner: str = "",
    webhook_url: str | None = None,
    total: int | None = None,
    **fields: object,
) -> Job:
    """Queue a job in the store, at the store's own time; `fields` are the request's.

    With a `total` it has only so many steps, fewer than a request can ask for.
    """
    job = Job.queued(
        job_id, make_request(**fields), store.now(), owner=owner, webhook_url=webhook_url
    )
    if total is not None:
        job = job.model_copy(update={"progress": Progress.at(0, total)})
    assert store.add(job, limit=LIMIT).known is None
    return job


def is_admitted(store: JobStore, job: Job, *, limit: int) -> bool:
    """Say whether the store takes a job."""
    try:
        store.add(job, limit=limit)
    except AdmissionRefused:
        return False
    return True


def claim_job(store: JobStore, job_id: str = "job-1", token: str = TOKEN) -> Job:
    """Let an attempt hold a job of the store."""
    return store.hold(job_id, lambda job, now: job.claim(token, WORKER, now))


def bring_to(
    store: JobStore,
    state: JobState,
    job_id: str = "job-1",
    *,
    webhook_url: str | None = None,
    total: int | None = None,
) -> Job:
    """Lead a new job of the store into a state, on the way that jobs take."""
    job = store_job(store, job_id, webhook_url=webhook_url, total=total)
    if state is JobState.QUEUED:
        return job
    job = claim_job(store, job_id)
    if state in {JobState.CANCELING, JobState.CANCELED}:
        job = store.update(job_id, lambda job, now: job.cancel(now))
    match state:
        case JobState.SUCCEEDED:
            return store.update(job_id, lambda job, now: job.succeed(TOKEN, make_result(), now))
        case JobState.FAILED:
            return store.update(job_id, lambda job, now: job.fail(TOKEN, FAILURE, now))
        case JobState.CANCELED:
            return store.update(job_id, lambda job, now: job.acknowledge_cancel(TOKEN, now))
        case _:
            return job
