"""Whether a Redis server is set up to keep what it is given."""

from redis import Redis
from redis.exceptions import ResponseError

from shared.log import get_logger

_log = get_logger(__name__)

# Under these the server never drops a key that has no expiry; unfinished jobs have none.
_SAFE_POLICIES = frozenset({"noeviction", "volatile-ttl", "volatile-lru", "volatile-lfu"})


def warn_of_bad_settings(redis: Redis) -> None:
    """Name in the log what is wrong with the server's settings.

    Raises:
        RedisError: It does not answer.
    """
    for complaint in complaints(redis):
        _log.warning("redis is set up badly", complaint=complaint)


def complaints(redis: Redis) -> list[str]:
    """Say what is wrong with the server's settings; nothing where it does not let us look.

    Raises:
        RedisError: It does not answer.
    """
    try:
        policy = redis.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
        appends = redis.config_get("appendonly").get("appendonly", "yes")
        saves = redis.config_get("save").get("save", "")
    except ResponseError:
        return []
    found = []
    if policy not in _SAFE_POLICIES:
        found.append(f"maxmemory-policy is {policy}, which can drop jobs: set it to noeviction")
    if appends != "yes":
        until = "the last snapshot" if saves else "the start"
        found.append(
            f"appendonly is {appends}: a restart loses all jobs since {until}; set it to yes"
        )
    return found
