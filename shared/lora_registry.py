"""Which LoRAs the workers have: what `/loras` tells, and requests are checked against."""

from collections.abc import Collection, Sequence

from redis import Redis

from shared.keys import WORKERS, loras_key
from shared.loras import Lora


class LoraRegistry:
    """Keeps the list of each worker for `ttl_seconds`, one field for each LoRA.

    It is not part of the heartbeat, since there may be a thousand of them.
    """

    def __init__(self, redis: Redis, *, ttl_seconds: float = 15) -> None:
        self._redis = redis
        self._ttl = int(ttl_seconds * 1000)

    def publish(self, worker: str, loras: Sequence[Lora]) -> None:
        """Say which LoRAs a worker has."""
        key = loras_key(worker)
        pipeline = self._redis.pipeline()
        pipeline.delete(key)
        if loras:
            pipeline.hset(key, mapping={lora.name: lora.model_dump_json() for lora in loras})
            pipeline.pexpire(key, self._ttl)
        pipeline.execute()

    def renew(self, worker: str) -> bool:
        """Keep what was said for longer; False where it is not there any more."""
        return bool(self._redis.pexpire(loras_key(worker), self._ttl))

    def all(self) -> list[Lora]:
        """Give what the workers that live have, by name."""
        there: dict[str, Lora] = {}
        for key in self._keys():
            records = self._redis.hvals(key)
            found = map(Lora.model_validate_json, records)
            there = {**{lora.name: lora for lora in found}, **there}
        return sorted(there.values(), key=lambda lora: lora.name.lower())

    def missing(self, names: Collection[str]) -> list[str]:
        """Give those of the names that no worker has."""
        missing = list(names)
        for key in self._keys():
            if missing:
                found = self._redis.hmget(key, missing)
                missing = [name for name, lora in zip(missing, found, strict=True) if lora is None]
        return missing

    def _keys(self) -> list[str]:
        workers = sorted(self._redis.smembers(WORKERS))
        return [loras_key(name.decode()) for name in workers if isinstance(name, bytes)]
