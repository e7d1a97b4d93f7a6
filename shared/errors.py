"""Every error that API and worker share: what happened, under a stable name, without HTTP.

ServiceError              seen by clients as `{"error", "code", "detail", "meta"}`
├── JobNotFound           NotFound
├── JobExpired            JobExpired
├── JobNotFinished        JobNotFinished
├── JobCanceled           JobCanceled
├── IdempotencyConflict   IdempotencyConflict
├── LoraUnknown           ValidationError
├── InputRefused          ValidationError
├── QueueFull             QueueFull
├── RateLimited           RateLimited
├── ModelNotLoaded        ModelNotLoaded
├── ModelUnknown          ValidationError
├── BrokerUnavailable     BrokerUnavailable
├── StorageUnavailable    StorageUnavailable
├── ServerStopping        ServerStopping
├── GenerationTimeout     GenerationTimeout
├── SeriesTimeout         GenerationTimeout
├── ContentBlocked        ContentBlocked
└── GenerationFailed      GenerationFailed
TransitionRefused         never leaves the service
├── JobAlreadyTaken
├── LeaseRenewed
├── NotCanceling
├── AttemptLost
└── DeliveryNotDue
StorageMisconfigured      stops the process that it happens to at its start
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, JsonValue


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    error: str
    """A stable name to branch on."""

    code: int
    """The HTTP status."""

    detail: str
    """A sentence for people."""

    meta: dict[str, JsonValue] | None
    """What a program needs to react: `job_id`, `job_url`, the `errors` of a validation."""


class ServiceError(Exception):
    """An error that a client is told about."""

    error = "InternalServerError"
    retry_after_seconds: int | None = None

    def __init__(self, detail: str, **meta: JsonValue) -> None:
        super().__init__(detail)
        self.detail = detail
        self.meta = meta or None


class JobNotFound(ServiceError):
    """No job has ever had this id."""

    error = "NotFound"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job {job_id!r}.", job_id=job_id)


class JobExpired(ServiceError):
    """The job ended so long ago that its record and picture are gone."""

    error = "JobExpired"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} has ended and its picture has expired.", job_id=job_id)


class JobNotFinished(ServiceError):
    """The job has no picture yet."""

    error = "JobNotFinished"

    def __init__(self, job_id: str, state: str) -> None:
        detail = f"Job {job_id} is {state}; its picture is not there yet."
        super().__init__(detail, job_id=job_id, state=state)


class JobCanceled(ServiceError):
    """The job was canceled, so there is no picture."""

    error = "JobCanceled"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} was canceled.", job_id=job_id)


class IdempotencyConflict(ServiceError):
    """An idempotency key came again with another request."""

    error = "IdempotencyConflict"

    def __init__(self, job_id: str) -> None:
        detail = (
            f"This Idempotency-Key was first sent with another request, which is job {job_id}; "
            "send a new key with a new request."
        )
        super().__init__(detail, job_id=job_id)


class LoraUnknown(ServiceError):
    """The client asks for a LoRA that no worker has."""

    error = "ValidationError"

    def __init__(self, index: int, name: str, nearest: Sequence[str]) -> None:
        shown = ", ".join(map(repr, nearest))
        there = f"near it are {shown}; GET /loras has all" if nearest else "there are none"
        message = f"there is no LoRA {name!r} here: {there}"
        loc: list[JsonValue] = ["body", "loras", index, "name"]
        error: JsonValue = {"loc": loc, "msg": message, "type": "lora_unknown"}
        super().__init__(f"loras.{index}.name: {message}", errors=[error])


class InputRefused(ServiceError):
    """A picture that a request begins with is not there, or not one that can be used."""

    error = "ValidationError"

    def __init__(self, field: str, message: str) -> None:
        item: dict[str, JsonValue] = {
            "loc": ["body", field],
            "msg": message,
            "type": "input_picture",
        }
        super().__init__(f"{field}: {message}", errors=[item])


class QueueFull(ServiceError):
    """As many jobs as the service admits are waiting or running."""

    error = "QueueFull"

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        detail = f"{limit} jobs are waiting or running, which is all that this service admits."
        super().__init__(detail, limit=limit, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(ServiceError):
    """This caller asks for too much."""

    error = "RateLimited"

    def __init__(self, limit: str, retry_after_seconds: int) -> None:
        detail = f"This key may have {limit}; try again in {retry_after_seconds} seconds."
        super().__init__(detail, limit=limit, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class ModelNotLoaded(ServiceError):
    """No worker is there to paint."""

    error = "ModelNotLoaded"
    retry_after_seconds = 10

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"No picture can be made now: {reason}.")


class ModelUnknown(ServiceError):
    """The request names a model that no worker serves."""

    error = "ValidationError"

    def __init__(self, name: str, there: Sequence[str]) -> None:
        names = ", ".join(map(repr, there))
        message = f"no worker serves this model; there is {names}, got {name!r}"
        item: JsonValue = {"loc": ["body", "model"], "msg": message, "type": "value_error"}
        super().__init__(f"model: {message}", errors=[item])


class BrokerUnavailable(ServiceError):
    """Redis does not answer, or refuses to write."""

    error = "BrokerUnavailable"
    retry_after_seconds = 2

    def __init__(self) -> None:
        super().__init__("The job queue is not reachable; try again in a moment.")


class StorageUnavailable(ServiceError):
    """The store of pictures does not answer, or refuses what is asked of it."""

    error = "StorageUnavailable"
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The store of pictures is not reachable; try again in a moment.")


class ServerStopping(ServiceError):
    """The server is being stopped while a client waits; the job itself goes on."""

    error = "ServerStopping"
    retry_after_seconds = 5

    def __init__(self, job_id: str) -> None:
        detail = f"The server is stopping; job {job_id} goes on and can be collected later."
        super().__init__(detail, job_id=job_id, job_url=f"/jobs/{job_id}")


class GenerationTimeout(ServiceError):
    """The blocking call has waited its time; the job goes on."""

    error = "GenerationTimeout"

    def __init__(self, job_id: str, waited_seconds: float) -> None:
        detail = (
            f"Job {job_id} has not finished within {waited_seconds:g} seconds; it goes on, "
            f"and its picture can be collected at /jobs/{job_id}/image."
        )
        super().__init__(detail, job_id=job_id, job_url=f"/jobs/{job_id}")


class SeriesTimeout(ServiceError):
    """The blocking call has waited its time for several pictures; their jobs go on."""

    error = "GenerationTimeout"

    def __init__(self, job_ids: Sequence[str], waited_seconds: float) -> None:
        urls = [f"/jobs/{job_id}" for job_id in job_ids]
        detail = (
            f"{len(urls)} jobs have not finished within {waited_seconds:g} seconds; they go on, "
            f"and their pictures can be collected at /image below {', '.join(urls)}."
        )
        super().__init__(detail, job_urls=list[JsonValue](urls))


class GenerationFailed(ServiceError):
    """The job ended without a picture."""

    error = "GenerationFailed"

    def __init__(self, job_id: str, failure_type: str, detail: str) -> None:
        super().__init__(detail, job_id=job_id, type=failure_type)


class ContentBlocked(ServiceError):
    """The safety checker let nothing through; the picture is not kept."""

    error = "ContentBlocked"

    def __init__(self, job_id: str, detail: str) -> None:
        super().__init__(detail, job_id=job_id, type="content_blocked")


class TransitionRefused(Exception):
    """A transition does not apply to the state that the job is in."""


class JobAlreadyTaken(TransitionRefused):
    """Another attempt has the job, or it has ended; there is nothing to claim."""

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(f"job {job_id} is {state}")


class LeaseRenewed(TransitionRefused):
    """The worker that was thought lost has been heard of."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"the lease on job {job_id} has not run out")


class NotCanceling(TransitionRefused):
    """An attempt stopped without being asked to."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"nobody has canceled job {job_id}")


class AttemptLost(TransitionRefused):
    """The attempt does not hold the job any more, so it may not write to it."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"this attempt at job {job_id} has lost it")


class DeliveryNotDue(TransitionRefused):
    """Nobody is to be told of the job's end now."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no delivery of job {job_id} is due")


class StorageMisconfigured(Exception):
    """No picture can be kept where STORAGE_URL says, now or later."""
