from threading import Thread

from celery.signals import worker_ready

from worker.consuming import parent_that_consumes

PATIENCE_SECONDS = 60


def test_a_child_waits_until_its_parent_takes_messages() -> None:
    waiting = Thread(target=parent_that_consumes(PATIENCE_SECONDS))
    waiting.start()
    assert waiting.is_alive()
    worker_ready.send(sender=None)
    waiting.join(PATIENCE_SECONDS / 2)
    assert not waiting.is_alive()


def test_a_later_child_does_not_wait() -> None:
    wait = parent_that_consumes(PATIENCE_SECONDS)
    worker_ready.send(sender=None)
    waiting = Thread(target=wait)
    waiting.start()
    waiting.join(PATIENCE_SECONDS / 2)
    assert not waiting.is_alive()


def test_no_child_waits_for_ever() -> None:
    parent_that_consumes(longest_wait_seconds=0)()
