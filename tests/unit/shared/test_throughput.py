import pytest
from redis import Redis

from shared.throughput import Throughput


@pytest.fixture
def throughput(any_redis: Redis) -> Throughput:
    return Throughput(any_redis)


class TestSecondsPerJob:
    def test_are_guessed_before_the_first_job(self, throughput: Throughput) -> None:
        assert throughput.seconds_per_job() == 5.0

    def test_are_the_mean_of_what_was_measured(self, throughput: Throughput) -> None:
        for seconds in (1.0, 2.0, 4.5):
            throughput.record(seconds)
        assert throughput.seconds_per_job() == 2.5

    def test_follow_the_last_twenty_jobs(self, throughput: Throughput) -> None:
        for seconds in [1000.0, *[3.0] * 20]:
            throughput.record(seconds)
        assert throughput.seconds_per_job() == 3.0

    def test_are_known_to_every_process(self, throughput: Throughput, any_redis: Redis) -> None:
        throughput.record(0.1234567)
        assert Throughput(any_redis).seconds_per_job() == 0.1234567
