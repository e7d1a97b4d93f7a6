"""Which previews are taken, and how they reach those who look."""

import base64
from collections.abc import Callable
from time import monotonic

from PIL import Image

from shared.event_log import EventLog
from shared.job_events import EventType, JobEvent
from shared.jobs import Job
from worker.encoding import encode_jpeg

# Enough to see it move, and next to nothing beside the painting.
_INTERVAL_SECONDS = 0.25


class Previews:
    """Takes a preview now and then while somebody looks, and none otherwise."""

    def __init__(
        self, events: EventLog, job: Job, token: str, *, interval_seconds: float = _INTERVAL_SECONDS
    ) -> None:
        self._events = events
        self._job = job
        self._token = token
        self._interval_seconds = interval_seconds
        self._wanted = False
        self._taken_at = float("-inf")
        self._taken: tuple[int, Image.Image] | None = None

    def take(self, step: int, preview: Callable[[], Image.Image]) -> None:
        """Take a preview after a step, if one is wanted and due."""
        if self._wanted and monotonic() - self._taken_at >= self._interval_seconds:
            self._taken_at = monotonic()
            self._taken = step, preview()

    def tell(self) -> None:
        """Tell what was taken, and look whether more is wanted; outside the denoising loop.

        Raises:
            RedisError: Redis does not answer.
        """
        self._wanted = self._events.wants_previews(self._job.id)
        taken, self._taken = self._taken, None
        if taken is not None:
            self._events.show(self._job.id, self._token, self._event(*taken))

    def _event(self, step: int, image: Image.Image) -> JobEvent:
        jpeg = base64.b64encode(encode_jpeg(image)).decode()
        return JobEvent(
            type=EventType.PREVIEW,
            data={
                "step": step,
                "total": self._job.progress.total,
                "image": f"data:image/jpeg;base64,{jpeg}",
                "width": image.width,
                "height": image.height,
            },
        )
