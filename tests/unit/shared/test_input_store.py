import hashlib

import pytest
from redis import Redis

from shared.input_store import InputStore
from shared.keys import input_key
from tests.support.input_pictures import encoded, half_and_half

PNG = encoded(half_and_half((40, 32)))
REFERENCE = f"sha256:{hashlib.sha256(PNG).hexdigest()}"
KEPT_SECONDS = 5000
KEY = input_key("me", REFERENCE)


@pytest.fixture
def inputs(any_redis: Redis) -> InputStore:
    return InputStore(any_redis, kept_seconds=KEPT_SECONDS)


class TestInputStore:
    def test_names_a_picture_by_its_content(self, inputs: InputStore) -> None:
        assert inputs.put("me", PNG) == REFERENCE
        assert inputs.get("me", REFERENCE) == PNG
        assert inputs.look("me", REFERENCE) == (40, 32)

    def test_gives_no_picture_of_another_key(self, inputs: InputStore) -> None:
        inputs.put("me", PNG)
        assert inputs.get("you", REFERENCE) is None
        assert inputs.look("you", REFERENCE) is None

    def test_forgets_soon_what_no_job_has_used(self, inputs: InputStore, any_redis: Redis) -> None:
        inputs.put("me", PNG)
        assert 0 < any_redis.ttl(KEY) <= 300

    def test_keeps_for_long_what_a_job_uses(self, inputs: InputStore, any_redis: Redis) -> None:
        inputs.put("me", PNG)
        inputs.keep("me", [REFERENCE])
        assert KEPT_SECONDS - 5 < any_redis.ttl(KEY) <= KEPT_SECONDS

    def test_shortens_no_time_when_a_picture_comes_again(
        self, inputs: InputStore, any_redis: Redis
    ) -> None:
        inputs.put("me", PNG)
        inputs.keep("me", [REFERENCE])
        inputs.put("me", PNG)
        assert inputs.look("me", REFERENCE) is not None
        assert any_redis.ttl(KEY) > KEPT_SECONDS - 5

    def test_lengthens_the_time_of_one_that_is_about_to_go(
        self, inputs: InputStore, any_redis: Redis
    ) -> None:
        inputs.put("me", PNG)
        any_redis.expire(KEY, 5)
        inputs.look("me", REFERENCE)
        assert any_redis.ttl(KEY) > 5
