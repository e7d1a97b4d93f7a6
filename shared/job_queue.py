"""How a job's id travels to a worker: Celery on Redis, which carries wake-ups and nothing else."""

import json
from collections.abc import Iterable
from itertools import chain

from celery import Celery
from redis import Redis

from shared.generation import GenerationRequest
from shared.jobs import Job
from shared.log import prompt_head
from shared.redis_address import SentinelAddress, verified
from shared.redis_client import CONNECT_TIMEOUT_SECONDS
from shared.worker_groups import GENERATE

DELIVER = "deliver"
"""Name of the task that tells a webhook of a job's end."""

DELIVERIES = "webhooks"
"""Its queue, which has a worker of its own: a receiver that is slow keeps no job waiting."""

# A job whose worker was lost has waited its time already: it goes before the new ones.
_AGAIN, _NEW = _PRIORITIES = [0, 1]


def message_lists(queue: str = GENERATE) -> tuple[str, str]:
    """Name the lists of a queue's messages in Redis: one for each priority, the first plain."""
    return queue, f"{queue}\x06\x16{_NEW}"


def create_celery(redis_url: str) -> Celery:
    """Give the Celery application that both sides use."""
    sentinels = SentinelAddress.of(redis_url)
    app = Celery("semantic-bit", broker=sentinels.broker_url if sentinels else verified(redis_url))
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_default_queue=GENERATE,
        task_ignore_result=True,  # The job's record is the result.
        # The record and its lease bring a lost job back, within a lease; a late acknowledgement
        # would start a second copy at every break of the connection.
        task_acks_late=False,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,  # For Flower, which else has no row of its first seconds.
        task_send_sent_event=True,
        worker_proc_alive_timeout=600,  # A child is up only once its model is loaded.
        worker_lost_wait=1,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_transport_options={
            "priority_steps": _PRIORITIES,
            "queue_order_strategy": "priority",
            # Would list what a worker has taken, in four commands a job, for a redelivery after an
            # hour: the reaper sends a message that was lost within seconds.
            "ack_emulation": False,
            "max_retries": 0,  # Of a message that cannot be sent: the reaper sends it later.
            "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "socket_timeout": 5,
            "socket_keepalive": True,
            # A Redis whose machine died without a word is given up after twice this.
            "health_check_interval": 5,
            **(_asking(sentinels) if sentinels else {}),
        },
    )
    return app


def _asking(sentinels: SentinelAddress) -> dict[str, object]:
    timeout = CONNECT_TIMEOUT_SECONDS
    kwargs = {"socket_connect_timeout": timeout, "socket_timeout": timeout}
    return {
        "master_name": sentinels.master,
        "sentinel_kwargs": {"password": sentinels.sentinel_password, **kwargs},
    }


class JobQueue:
    """Wakes a worker for a job."""

    def __init__(self, celery: Celery, redis: Redis) -> None:
        self._celery = celery
        self._redis = redis

    def put(self, job: Job, queue: str = GENERATE) -> None:
        """Send the job's id, and for people who look at the queue a few words about it.

        Raises:
            kombu.exceptions.OperationalError: Redis did not take it within seconds.
        """
        self._celery.send_task(
            GENERATE,
            args=[job.id],
            queue=queue,
            task_id=job.id,
            priority=_AGAIN if job.attempts else _NEW,
            ignore_result=True,
            retry=False,
            declare=(),  # Whoever reads a queue declares it.
            # In Flower's rows, and nowhere else.
            argsrepr=f"'{prompt_head(job.request.prompt)}'",
            kwargsrepr=_in_words(job.request),
            headers={"traceparent": job.traceparent} if job.traceparent else None,
        )

    def put_delivery(self, job_id: str) -> None:
        """Send the id of a job whose webhook is due.

        Raises:
            kombu.exceptions.OperationalError: Redis did not take it within seconds.
        """
        self._celery.send_task(
            DELIVER, args=[job_id], queue=DELIVERIES, ignore_result=True, retry=False, declare=()
        )

    def count_deliveries(self) -> int:
        """Count the messages of deliveries that wait for their worker."""
        return self._redis.llen(DELIVERIES)

    def waiting_ids(self, queues: Iterable[str] = (GENERATE,)) -> set[str]:
        """Give the ids whose message waits for a worker.

        Not those on their way to one: nothing knows of these, and a second message does no harm.
        """
        keys = [key for queue in queues for key in message_lists(queue)]
        lists = [self._redis.lrange(key, 0, -1) for key in keys]
        return {json.loads(message)["headers"]["id"] for message in chain.from_iterable(lists)}


def _in_words(request: GenerationRequest) -> str:
    return (
        f"{request.width}x{request.height} {request.num_inference_steps} steps "
        f"seed {request.seed} {request.scheduler}"
    )
