import multiprocessing

from celery.signals import worker_ready

from worker.consuming import parent_that_consumes


def test_a_child_waits_until_its_parent_takes_messages() -> None:
    wait = parent_that_consumes(longest_wait_seconds=60)
    child = multiprocessing.get_context("fork").Process(target=wait)
    child.start()
    child.join(timeout=0.1)
    assert child.is_alive()
    worker_ready.send(sender=None)
    child.join(timeout=60)
    assert child.exitcode == 0


def test_a_later_child_does_not_wait() -> None:
    wait = parent_that_consumes(longest_wait_seconds=60)
    worker_ready.send(sender=None)
    child = multiprocessing.get_context("fork").Process(target=wait)
    child.start()
    child.join(timeout=30)
    assert child.exitcode == 0


def test_no_child_waits_for_ever() -> None:
    parent_that_consumes(longest_wait_seconds=0)()
