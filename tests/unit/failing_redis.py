"""A Redis that does not answer for a while."""

from fakeredis import FakeRedis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError


class FailingRedis(FakeRedis):
    """Fails as many commands and pipelines as it is told to, then works again."""

    failures = 0

    def execute_command(self, *args: object, **options: object) -> object:
        self._fail()
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, *args: object, **options: object) -> Pipeline:
        self._fail()
        return super().pipeline(*args, **options)

    def _fail(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            message = "no Redis for a moment"
            raise RedisConnectionError(message)


class ForgetfulRedis(FakeRedis):
    """Runs scripts, but loses its replies to as many of them as it is told to."""

    lost_replies = 0

    def execute_command(self, *args: object, **options: object) -> object:
        reply: object = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if args[0] == "EVALSHA" and self.lost_replies > 0:
            self.lost_replies -= 1
            message = "the connection broke before the reply"
            raise RedisConnectionError(message)
        return reply
