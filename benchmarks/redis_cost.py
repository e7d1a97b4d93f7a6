"""What a job costs Redis: memory while it is kept, commands, and bytes over the wire and on disk.

On an otherwise idle service, with its Redis: REDIS_URL=… python -m benchmarks.redis_cost
"""

import json
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from redis import Redis

from benchmarks.service import Job, arguments, connected, end_of, submit
from shared.keys import PREFIX, ended_key, events_key, record_key
from shared.settings import load_settings

_IDLE_SECONDS = 5
_PICTURE_BYTES = 430_000
_PROBE = f"{PREFIX}benchmark"
_KEYS = {"record": record_key, "events": events_key, "ended": ended_key}


@dataclass(frozen=True)
class Counts:
    """What Redis has counted since its start."""

    at: float
    commands: int
    """With those of scripts."""

    received_bytes: int
    sent_bytes: int
    written_bytes: int
    """To the append-only file, while that is not written anew."""

    cpu_microseconds: float

    @classmethod
    def of(cls, redis: Redis) -> "Counts":
        """Read them."""
        info: dict[str, Any] = redis.info("everything")
        return cls(
            time.monotonic(),
            info["total_commands_processed"],
            info["total_net_input_bytes"],
            info["total_net_output_bytes"],
            info.get("aof_current_size", 0),
            (info["used_cpu_user"] + info["used_cpu_sys"]) * 1e6,
        )

    def since(self, before: "Counts") -> dict[str, float]:
        """Give what has come since, each a second."""
        seconds = self.at - before.at
        then, now = asdict(before), asdict(self)
        return {name: (now[name] - then[name]) / seconds for name in now if name != "at"}


def main() -> None:
    """Paint some pictures and compare with a time in which none are painted."""
    parser = arguments(__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    options = parser.parse_args()
    with Redis.from_url(load_settings().redis_url) as redis, connected(options.url) as client:
        start = Counts.of(redis)
        time.sleep(_IDLE_SECONDS)
        idle = Counts.of(redis)
        jobs = [end_of(client, submit(client)) for _ in range(options.jobs)]
        busy = Counts.of(redis)
        report = {
            "idle_per_second": _rounded(idle.since(start)),
            "per_job": _rounded(_beyond_idle(start, idle, busy, options.jobs)),
            "of_which_picture_bytes": median(job["result"]["image_bytes"] for job in jobs),
            "memory_bytes": _memory(redis, jobs),
        }
    print(json.dumps(report, indent=2))


def _beyond_idle(start: Counts, idle: Counts, busy: Counts, jobs: int) -> dict[str, float]:
    at_rest, at_work = idle.since(start), busy.since(idle)
    seconds = busy.at - idle.at
    return {name: (at_work[name] - at_rest[name]) * seconds / jobs for name in at_rest}


def _memory(redis: Redis, jobs: list[Job]) -> dict[str, float]:
    found = {
        name: median(redis.memory_usage(key(job["id"]), samples=0) or 0 for job in jobs)
        for name, key in _KEYS.items()
    }
    redis.set(_PROBE, bytes(_PICTURE_BYTES), ex=1)
    picture = redis.memory_usage(_PROBE) or 0
    return {**found, f"picture of {_PICTURE_BYTES} bytes": picture}


def _rounded(figures: dict[str, float]) -> dict[str, int]:
    return {name: round(figure) for name, figure in figures.items()}


if __name__ == "__main__":
    main()
