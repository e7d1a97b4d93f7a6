"""Three API processes side by side: whatever one is told, all of them know."""

from functools import partial

from tests.support.fleet import HELD_REQUEST, ApiClient, Fleet
from tests.support.pngs import open_png
from tests.support.stack import eventually

Clients = tuple[ApiClient, ...]


def test_a_job_of_one_is_followed_through_another_and_collected_through_a_third(
    fleet: Fleet, alice: Clients
) -> None:
    fleet.hold.touch()
    job_id = alice[0].submit(HELD_REQUEST)
    eventually(lambda: alice[2].job(job_id)["progress"]["step"], until=lambda step: step == 1)
    with alice[1].following(job_id) as lines:
        assert next(lines) == "queued"
        fleet.hold.unlink()
        heard = list(lines)
    assert (heard[:2], heard[-1]) == (["started", "step"], "succeeded")
    assert open_png(alice[2].image(job_id)).size == (256, 256)


def test_a_job_of_one_is_canceled_through_another_while_a_third_waits_for_it(
    fleet: Fleet, alice: Clients
) -> None:
    job_id = next(iter(fleet.occupy(alice[0])))
    alice[1].cancel(job_id)
    assert alice[2].ended(job_id)["state"] == "canceled"


def test_an_idempotency_key_is_the_same_job_through_each(fleet: Fleet, alice: Clients) -> None:
    key = {"Idempotency-Key": "the same everywhere"}
    assert len({client.submit(HELD_REQUEST, **key) for client in alice}) == 1
    other = {**HELD_REQUEST, "seed": 7}
    assert {client.send(other, **key).status_code for client in alice} == {422}


def test_a_rate_limit_counts_what_was_sent_through_each(fleet: Fleet) -> None:
    clients = [fleet.api(number, "limited") for number in (1, 2, 3)]
    sent = [client.send(HELD_REQUEST).status_code for client in clients]
    assert sent == [202, 202, 202]
    assert [client.send(HELD_REQUEST).status_code for client in clients] == [429, 429, 429]


def test_a_listing_through_one_has_the_jobs_of_all_and_of_no_other_key(
    fleet: Fleet, alice: Clients
) -> None:
    bob = [fleet.api(number, "bob") for number in (1, 2, 3)]
    of_bob = [client.submit(HELD_REQUEST) for client in bob]
    listed = [job["id"] for job in bob[0].http.get("/jobs").json()["jobs"]]
    assert listed[:3] == of_bob[::-1]
    assert bob[1].http.get(f"/jobs/{alice[0].submit(HELD_REQUEST)}").status_code == 404


def test_all_say_that_the_same_workers_live(fleet: Fleet, alice: Clients) -> None:
    def told(client: ApiClient) -> list[str]:
        return sorted(worker["worker"] for worker in client.http.get("/health").json()["workers"])

    for client in alice:
        eventually(partial(told, client), until=lambda names: names == fleet.worker_names)
