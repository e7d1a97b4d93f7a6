from redis import Redis

from shared.keys import tokenizer_key
from shared.tokenizer_store import TokenizerStore
from tests.support.tokenizers import make_tokenizer


class TestTokenizerStore:
    def test_gives_what_is_kept(self, any_redis: Redis) -> None:
        tokenizer = make_tokenizer()
        store = TokenizerStore(any_redis)
        store.keep(tokenizer.id, tokenizer.definition)
        assert store.get(tokenizer.id) == tokenizer.definition

    def test_gives_nothing_where_nothing_is(self, any_redis: Redis) -> None:
        assert TokenizerStore(any_redis).get("sha256:0123456789abcdef") is None

    def test_forgets_it_a_day_after_it_was_last_in_use(self, any_redis: Redis) -> None:
        store = TokenizerStore(any_redis)
        store.keep("a", "{}")
        any_redis.expire(tokenizer_key("a"), 10)
        store.keep("a", "{}")
        assert 86_000 < any_redis.ttl(tokenizer_key("a")) <= 86_400
