"""What the API says of prompts before they are painted, and which ones it refuses."""

import httpx
import pytest
from redis import Redis

from shared.generation import Build
from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.tokenizer_store import TokenizerStore
from shared.worker_registry import WorkerRegistry
from tests.contract.serving import LOADING, READY, announce
from tests.support.builders import BUILD, WORKER
from tests.support.tokenizers import make_tokenizer

LONG = "cat " * 74 + "RED Apple (a table:1.2)"
BEYOND = "Apple (a table:1.2)"
DROPPED = {"tokens": 78, "chunks": 1, "dropped_text": BEYOND}
NOTHING = {"tokens": 0, "chunks": 1, "dropped_text": ""}


def build_with(policy: PromptPolicy, syntax: PromptSyntax = PromptSyntax.A1111) -> Build:
    update = {"prompt_policy": policy, "prompt_syntax": syntax, "tokenizer": make_tokenizer().id}
    return BUILD.model_copy(update=update)


def announce_with(redis: Redis, build: Build) -> None:
    announce(redis, READY.model_copy(update={"build": build}))


@pytest.fixture
def published(redis: Redis) -> None:
    """The worker's tokenizer is known."""
    tokenizer = make_tokenizer()
    TokenizerStore(redis).keep(tokenizer.id, tokenizer.definition)


def count(client: httpx.Client, **prompts: object) -> httpx.Response:
    return client.post("/tokens", json=prompts)


@pytest.mark.usefixtures("published")
class TestTokens:
    def test_says_how_the_live_model_reads_prompts(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        announce_with(redis, build_with(PromptPolicy.CHUNK))
        assert count(client, prompt=LONG, negative_prompt="a dog BREAK (blue)").json() == {
            "policy": "chunk",
            "syntax": "a1111",
            "chunk_tokens": 75,
            "prompt": {"tokens": 78, "chunks": 2, "dropped_text": ""},
            "negative_prompt": {"tokens": 3, "chunks": 2, "dropped_text": ""},
        }

    @pytest.mark.parametrize("policy", [PromptPolicy.TRUNCATE, PromptPolicy.ERROR])
    def test_says_what_would_not_be_read(
        self, client: httpx.Client, redis: Redis, policy: PromptPolicy
    ) -> None:
        announce_with(redis, build_with(policy))
        told = count(client, prompt=LONG).json()
        assert (told["policy"], told["prompt"]) == (policy.value, DROPPED)

    def test_counts_brackets_where_they_are_words(self, client: httpx.Client, redis: Redis) -> None:
        announce_with(redis, build_with(PromptPolicy.CHUNK, PromptSyntax.PLAIN))
        told = count(client, prompt="(cat)").json()
        assert (told["syntax"], told["prompt"]["tokens"]) == ("plain", 3)

    def test_counts_nothing_too(self, client: httpx.Client, redis: Redis) -> None:
        announce_with(redis, build_with(PromptPolicy.CHUNK))
        told = count(client, prompt="").json()
        assert (told["prompt"], told["negative_prompt"]) == (NOTHING, NOTHING)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "prompt"),
            ({"prompt": "x" * 1001}, "prompt"),
            ({"prompt": "a", "negative_prompt": "x" * 1001}, "negative_prompt"),
            ({"prompt": "a", "seed": 1}, "seed"),
        ],
    )
    def test_refuses_what_is_no_prompt(
        self, client: httpx.Client, body: dict[str, object], field: str
    ) -> None:
        response = count(client, **body)
        assert response.status_code == 422
        assert response.json()["meta"]["errors"][0]["loc"] == ["body", field]

    def test_counts_nothing_while_no_model_is_loaded(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        announce(redis, LOADING)
        response = count(client, prompt="a cat")
        assert (response.status_code, response.json()["error"]) == (503, "ModelNotLoaded")
        assert "the worker is loading its model" in response.json()["detail"]

    def test_counts_nothing_without_a_worker(self, client: httpx.Client, redis: Redis) -> None:
        WorkerRegistry(redis).withdraw(WORKER)
        response = count(client, prompt="a cat")
        assert (response.status_code, response.json()["error"]) == (503, "ModelNotLoaded")


class TestTokensBeforeTheyArePublished:
    def test_are_not_counted(self, client: httpx.Client, redis: Redis) -> None:
        update = {"tokenizer": "sha256:0123456789abcdef"}
        announce_with(redis, build_with(PromptPolicy.CHUNK).model_copy(update=update))
        response = count(client, prompt="a cat")
        assert response.status_code == 503
        assert "has not said yet how it reads prompts" in response.json()["detail"]

    def test_are_left_to_the_worker(self, client: httpx.Client, redis: Redis) -> None:
        update = {"tokenizer": "sha256:0123456789abcdef"}
        announce_with(redis, build_with(PromptPolicy.ERROR).model_copy(update=update))
        assert client.post("/jobs", json={"prompt": LONG}).status_code == 202


@pytest.mark.usefixtures("published")
class TestLongPrompt:
    @pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
    @pytest.mark.parametrize("route", ["/generate", "/jobs"])
    def test_is_refused_where_the_policy_says_so(
        self, client: httpx.Client, redis: Redis, route: str, field: str
    ) -> None:
        announce_with(redis, build_with(PromptPolicy.ERROR))
        response = client.post(route, json={"prompt": "a cat", field: LONG})
        message = f"has 78 tokens, and the model reads 75; what is beyond them is '{BEYOND}'"
        assert response.status_code == 422
        assert response.json() == {
            "error": "ValidationError",
            "code": 422,
            "detail": f"{field}: {message}",
            "meta": {
                "errors": [{"loc": ["body", field], "msg": message, "type": "prompt_too_long"}]
            },
        }
        assert client.get("/jobs").json()["jobs"] == []

    def test_is_refused_in_openais_words_too(self, client: httpx.Client, redis: Redis) -> None:
        announce_with(redis, build_with(PromptPolicy.ERROR))
        response = client.post("/v1/images/generations", json={"prompt": LONG})
        error = response.json()["error"]
        assert (response.status_code, error["param"], error["code"]) == (
            400,
            "prompt",
            "invalid_value",
        )

    @pytest.mark.parametrize("policy", [PromptPolicy.CHUNK, PromptPolicy.TRUNCATE])
    def test_is_accepted_by_the_others(
        self, client: httpx.Client, redis: Redis, policy: PromptPolicy
    ) -> None:
        announce_with(redis, build_with(policy))
        assert client.post("/jobs", json={"prompt": LONG}).status_code == 202

    def test_is_accepted_where_all_of_it_is_read(self, client: httpx.Client, redis: Redis) -> None:
        announce_with(redis, build_with(PromptPolicy.ERROR))
        assert client.post("/jobs", json={"prompt": "cat " * 75}).status_code == 202
