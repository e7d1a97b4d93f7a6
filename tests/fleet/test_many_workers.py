"""Several workers on one Redis: as many jobs at once, in fair turns, and the death of one."""

from collections import Counter

from shared.job_parts import JobState
from tests.chaos.bench import ended_by_worker, outcomes
from tests.support.fleet import BUSY_REQUEST, HELD_REQUEST, ApiClient, Fleet
from tests.support.pngs import open_png
from tests.support.stack import eventually

Clients = tuple[ApiClient, ...]


def test_as_many_jobs_are_painted_at_once_as_there_are_workers(
    fleet: Fleet, alice: Clients
) -> None:
    fleet.stop(*fleet.worker_names[1:])
    fleet.hold.touch()
    ids = [alice[0].submit(HELD_REQUEST) for _ in range(8)]
    assert list(fleet.until_painting(1).values()) == ["worker-1"]
    assert fleet.store.count()[JobState.QUEUED] == 7

    fleet.start(*fleet.worker_names[1:])
    assert sorted(fleet.until_painting(4).values()) == fleet.worker_names
    assert fleet.store.count()[JobState.QUEUED] == 4
    fleet.hold.unlink()
    assert [outcomes(alice[1].ended(job_id)) for job_id in ids] == [["succeeded"]] * 8


def test_two_keys_take_turns_however_many_jobs_each_has_sent(fleet: Fleet, alice: Clients) -> None:
    bob = fleet.api(2, "bob")
    fleet.occupy(alice[0])
    of_alice = [alice[0].submit(BUSY_REQUEST) for _ in range(24)]
    of_bob = [bob.submit(BUSY_REQUEST) for _ in range(6)]
    fleet.hold.unlink()
    jobs = [alice[2].ended(job_id) for job_id in of_alice] + [
        bob.ended(job_id) for job_id in of_bob
    ]
    in_order = [job["id"] for job in sorted(jobs, key=lambda job: str(job["started_at"]))]
    # Before Bob came, a message for each worker and one more was out. The starts of four workers
    # that are told in turn may be a few places apart.
    last_of_bob = max(in_order.index(job_id) for job_id in of_bob)
    assert last_of_bob < 5 + 2 * len(of_bob) + fleet.workers


def test_the_death_of_a_worker_and_an_api_process_costs_no_job_and_paints_none_twice(
    fleet: Fleet, alice: Clients
) -> None:
    held = fleet.occupy(alice[0])
    busy = [alice[number % 3].submit(BUSY_REQUEST) for number in range(24)]
    (victims_job,) = [job_id for job_id, worker in held.items() if worker == "worker-1"]
    fleet.kill("worker-1")
    fleet.kill("api-1")
    fleet.hold.unlink()

    jobs = {job_id: alice[1].ended(job_id) for job_id in [*held, *busy]}
    assert Counter(job["state"] for job in jobs.values()) == {"succeeded": 28}
    assert outcomes(jobs.pop(victims_job)) == ["queued", "succeeded"]
    workers = [attempt.worker for attempt in fleet.store.get(victims_job).attempts]
    assert workers[0].startswith("worker-1@")
    assert not workers[1].startswith("worker-1@")
    assert {open_png(alice[2].image(job_id)).size for job_id in jobs} == {(256, 256)}
    ended = sum((ended_by_worker(fleet.log(name)) for name in fleet.worker_names), Counter[str]())
    assert {ended[job_id] for job_id in [*held, *busy]} == {1}


def test_a_worker_that_takes_the_name_of_another_takes_its_job_which_still_ends_once(
    fleet: Fleet, alice: Clients
) -> None:
    held = fleet.occupy(alice[0])
    (job_id,) = [job_id for job_id, worker in held.items() if worker == "worker-1"]
    fleet.start("namesake")
    eventually(lambda: outcomes(alice[1].job(job_id)), until=lambda ends: ends[:1] == ["queued"])
    fleet.hold.unlink()
    assert outcomes(alice[1].ended(job_id)) == ["queued", "succeeded"]
    fleet.stop("namesake")
