"""Workers and an API process on machines of their own, whose cables are cut and mended."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from tests.chaos.bench import FULL, GoodClient, outcomes
from tests.support.fleet import HELD_REQUEST, ApiClient, Fleet
from tests.support.log_lines import log_lines
from tests.support.machines import Machine, machines
from tests.support.pngs import open_png
from tests.support.stack import eventually


@dataclass(frozen=True)
class Lan:
    """Redis and `api-1` here; `worker-1`, `worker-2` and `api-2` each on a machine of its own."""

    fleet: Fleet
    machine_of: dict[str, Machine]

    @property
    def near(self) -> ApiClient:
        return self.fleet.api(1)

    @property
    def far(self) -> ApiClient:
        return self.fleet.api(2)

    def holder_of(self, job_id: str) -> str:
        """Wait until the job is painted; give the worker's name."""
        return eventually(self.fleet.painting, until=lambda jobs: job_id in jobs)[job_id]

    def taken_over(self, job_id: str, loser: str) -> None:
        """Wait until another worker paints the job."""
        eventually(self.fleet.painting, until=lambda jobs: jobs.get(job_id) not in {None, loser})

    def lost(self, worker: str, job_id: str) -> bool:
        """Say whether the worker has noticed that the job is not its own any more."""
        return any(
            line["event"] == "attempt lost" and line["job_id"] == job_id
            for line in log_lines(self.fleet.log(worker))
        )

    def hears_changes(self, name: str) -> bool:
        """Say whether Redis has a subscriber on the machine of this process."""
        subscribers = self.fleet.redis.client_list(_type="pubsub")
        address = self.machine_of[name].address
        return any(client["addr"].startswith(f"{address}:") for client in subscribers)


@pytest.fixture(scope="module")
def whole_lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    settings = {"LEASE_SECONDS": "3", "OMP_NUM_THREADS": "1", "HOST": "0.0.0.0"}
    folder = tmp_path_factory.mktemp("lan")
    names = ("worker-1", "worker-2", "api-2")
    with machines(len(names)) as there, Fleet(folder, settings, workers=2, apis=2) as fleet:
        lan = Lan(fleet, dict(zip(names, there, strict=True)))
        addresses = [machine.gateway for machine in there]
        fleet.commands["redis"] += ("--bind", "127.0.0.1", *addresses)
        for name, machine in lan.machine_of.items():
            fleet.move(name, machine)
        fleet.start("redis", "api-1", *names)
        yield lan


@pytest.fixture
def lan(whole_lan: Lan) -> Iterator[Lan]:
    whole_lan.fleet.until_ready()
    yield whole_lan
    for machine in whole_lan.machine_of.values():
        machine.mend()
    whole_lan.fleet.end_all()


def test_a_job_whose_worker_is_cut_off_is_painted_by_another_and_the_first_lets_go_of_it(
    lan: Lan,
) -> None:
    lan.fleet.hold.touch()
    job_id = lan.near.submit(HELD_REQUEST)
    cut_off = lan.holder_of(job_id)
    lan.machine_of[cut_off].cut()
    lan.taken_over(job_id, cut_off)
    lan.machine_of[cut_off].mend()
    eventually(lambda: lan.lost(cut_off, job_id), until=bool)

    assert lan.holder_of(job_id) != cut_off
    lan.fleet.hold.unlink()
    assert outcomes(lan.near.ended(job_id)) == ["queued", "succeeded"]
    lan.fleet.occupy(lan.near)  # Each of the two paints again.


def test_a_picture_that_was_finished_behind_the_cut_changes_nothing(lan: Lan) -> None:
    lan.fleet.hold.touch()
    job_id = lan.near.submit(HELD_REQUEST)
    cut_off = lan.holder_of(job_id)
    lan.machine_of[cut_off].cut()
    lan.taken_over(job_id, cut_off)
    lan.fleet.hold.unlink()  # So both paint it to the end.
    lan.near.ended(job_id)
    ended, picture = lan.fleet.store.get(job_id), lan.near.image(job_id)
    lan.machine_of[cut_off].mend()
    eventually(lambda: lan.lost(cut_off, job_id), until=bool)

    assert lan.fleet.store.get(job_id) == ended
    assert lan.near.image(job_id) == picture
    assert open_png(picture).size == (256, 256)
    lan.fleet.occupy(lan.near)


def test_a_redis_that_has_forgotten_its_connections_meanwhile_is_found_again_by_all(
    lan: Lan,
) -> None:
    for machine in lan.machine_of.values():
        machine.cut()
        machine.forget()
        machine.mend()

    with GoodClient(lan.far.url) as client:
        job = client.ended(client.submit(HELD_REQUEST, "after the crash"))
    assert outcomes(job) == ["succeeded"]
    lan.fleet.occupy(lan.far)
    if FULL:  # Half a minute, in which what waits looks for itself every five seconds.
        for name in lan.machine_of:
            eventually(partial(lan.hears_changes, name), until=bool)
