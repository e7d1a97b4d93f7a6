"""Celery with the result backend that it brings, as its first steps have it."""

import os

from celery import Celery

from benchmarks.others.probe import answer

app = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_default_queue = "bench-celery"


@app.task(name="nothing")
def nothing() -> str:
    """Do nothing."""
    return "done"


if __name__ == "__main__":
    answer(lambda: nothing.delay().get(timeout=60))
