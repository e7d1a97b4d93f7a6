"""The picture of a job, or why there is none."""

from shared.errors import ContentBlocked, GenerationFailed, JobCanceled, JobNotFinished
from shared.image_store import Download, ImageStore
from shared.job_parts import FailureType, JobState
from shared.jobs import Job


class JobPictures:
    """Gives the pictures of jobs; may raise `RedisError` where Redis keeps them."""

    def __init__(self, images: ImageStore) -> None:
        self._images = images

    def open(self, job: Job) -> Download:
        """Give the PNG of a job.

        Raises:
            ContentBlocked: The safety checker did not let it through.
            GenerationFailed: It ended without one.
            JobCanceled: It was canceled.
            JobNotFinished: It has not ended.
            JobExpired: The picture is gone.
            StorageUnavailable: What keeps it does not answer.
        """
        _require_picture(job)
        return self._images.open(job)

    def signed_url(self, job: Job) -> str | None:
        """Give an address at which anyone finds the PNG for a while; None where there is none.

        Raises:
            ServiceError: There is no picture; see `open`.
        """
        _require_picture(job)
        return self._images.signed_url(job)


def _require_picture(job: Job) -> None:
    if job.error is not None and job.error.type is FailureType.CONTENT_BLOCKED:
        raise ContentBlocked(job.id, job.error.detail)
    if job.error is not None:
        raise GenerationFailed(job.id, job.error.type, job.error.detail)
    if job.state is JobState.CANCELED:
        raise JobCanceled(job.id)
    if job.state is not JobState.SUCCEEDED:
        raise JobNotFinished(job.id, job.state)
