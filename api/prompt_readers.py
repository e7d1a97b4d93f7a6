"""How the live model reads prompts, without the libraries that it takes to run it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from api.errors import InvalidRequest
from shared.errors import ModelNotLoaded, ModelUnknown
from shared.generation import Build, GenerationRequest
from shared.prompt_rules import PromptPolicy
from shared.tokenizer_store import TokenizerStore
from shared.worker_registry import Heartbeat, WorkerRegistry, names_of, why_no_picture

if TYPE_CHECKING:
    from pydantic import JsonValue

    from shared.prompt_reader import PromptReader
    from shared.prompt_tokenizer import PromptTokenizer

_TOKENIZERS = 4  # Some 20 MB each.


class TokenizerNotPublished(LookupError):
    """No worker has said how it splits texts, or Redis has lost it."""


class PromptReaders:
    """Loads the tokenizer of a build when somebody first asks; may raise `RedisError`.

    Blocks for a moment, so it belongs in a thread.
    """

    def __init__(self, workers: WorkerRegistry, tokenizers: TokenizerStore) -> None:
        self._workers = workers
        self._store = tokenizers
        self._tokenizer = lru_cache(maxsize=_TOKENIZERS)(self._load)

    def live(self, model: str | None) -> "PromptReader":
        """Give what reads prompts as a live model does; None is the default.

        Raises:
            ModelUnknown: No worker serves it.
            ModelNotLoaded: It was not loaded yet.
        """
        alive = self._workers.alive()
        names = names_of(alive)
        if model is not None and names and model not in names:
            raise ModelUnknown(model, sorted(names))
        build = _build_of(alive, model)
        if build is None:
            reason = why_no_picture(alive) or f"the model {model!r} was not loaded yet"
            raise ModelNotLoaded(reason)
        try:
            return self.of(build)
        except TokenizerNotPublished:
            reason = "the worker has not said yet how it reads prompts"
            raise ModelNotLoaded(reason) from None

    def of(self, build: Build) -> "PromptReader":
        """Give what reads prompts as a build does.

        Raises:
            TokenizerNotPublished: Its tokenizer is not known.
        """
        # Not before it is needed: most services never count.
        from shared.prompt_reader import PromptReader  # noqa: PLC0415

        tokenizer = self._tokenizer(build.tokenizer, build.chunk_tokens)
        return PromptReader(tokenizer, build.prompt_policy, build.prompt_syntax)

    def check(self, request: GenerationRequest, alive: Sequence[Heartbeat]) -> None:
        """Let pass what the live model reads, and what cannot be counted: the worker counts too.

        Raises:
            InvalidRequest: A prompt is too long, and the policy refuses those.
        """
        build = _build_of(alive, request.model)
        if build is None or build.prompt_policy is not PromptPolicy.ERROR:
            return
        try:
            reader = self.of(build)
        except TokenizerNotPublished:
            return
        _refuse_long(request, reader)

    def _load(self, tokenizer_id: str | None, chunk_tokens: int) -> "PromptTokenizer":
        from shared.prompt_tokenizer import PromptTokenizer  # noqa: PLC0415

        definition = self._store.get(tokenizer_id) if tokenizer_id else None
        if definition is None:
            raise TokenizerNotPublished
        return PromptTokenizer(definition, chunk_tokens=chunk_tokens)


def _build_of(alive: Sequence[Heartbeat], model: str | None) -> Build | None:
    served = (one for beat in alive for one in beat.served if model in {None, one.name})
    return next((one.build for one in served if one.build), None)


def _refuse_long(request: GenerationRequest, reader: "PromptReader") -> None:
    errors: list[JsonValue] = []
    sentences = []
    for field in ("prompt", "negative_prompt"):
        read = reader.read(getattr(request, field) or "")
        if not read.dropped_text:
            continue
        message = (
            f"has {read.tokens} tokens, and the model reads {reader.tokenizer.chunk_tokens}; "
            f"what is beyond them is {read.dropped_text!r}"
        )
        errors.append({"loc": ["body", field], "msg": message, "type": "prompt_too_long"})
        sentences.append(f"{field}: {message}")
    if errors:
        raise InvalidRequest("; ".join(sentences), errors=errors)
