"""A Redis whose replies get lost."""

from fakeredis import FakeRedis


class RepeatsItsScripts(FakeRedis):
    """Loses the first reply to every script, and so runs it again, as a real client does."""

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: str) -> object:  # type: ignore[override]
        super().evalsha(sha, numkeys, *keys_and_args)
        return super().evalsha(sha, numkeys, *keys_and_args)
