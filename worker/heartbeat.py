"""The worker's sign of life, and what it says of the model."""

from collections.abc import Sequence
from secrets import token_hex
from threading import Event, Thread

from redis.exceptions import RedisError

from shared.generation import Build
from shared.log import get_logger
from shared.prompt_tokenizer import PromptTokenizer
from shared.tokenizer_store import TokenizerStore
from shared.worker_registry import Heartbeat, ServedModel, WorkerRegistry, WorkerState

_log = get_logger(__name__)


class HeartbeatThread:
    """Announces the worker every few seconds for as long as its process lives."""

    def __init__(
        self,
        registry: WorkerRegistry,
        tokenizers: TokenizerStore,
        worker: str,
        *,
        models: Sequence[ServedModel] = (),
        interval_seconds: float,
    ) -> None:
        self._registry = registry
        self._tokenizers = tokenizers
        self._kept: dict[str, str] = {}
        self._interval_seconds = interval_seconds
        self._beat = Heartbeat(worker=worker, state=WorkerState.LOADING, models=tuple(models))
        self._process = token_hex(8)
        self._has_signed = False
        self._changed = Event()
        self._thread = Thread(target=self._announce, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Say that the worker is loading its model."""
        self._thread.start()

    def keep(self, tokenizer: PromptTokenizer) -> None:
        """Keep a tokenizer where the API finds it, also after Redis has lost it."""
        self._kept = {**self._kept, tokenizer.id: tokenizer.definition}

    def ready(self, build: Build) -> None:
        """Say that the worker paints, and with what."""
        self._say(self._beat.model_copy(update={"state": WorkerState.READY, "build": build}))

    def serves(self, models: Sequence[ServedModel]) -> None:
        """Say which models are warm."""
        self._say(self._beat.model_copy(update={"models": tuple(models)}))

    def _say(self, beat: Heartbeat) -> None:
        self._beat = beat
        self._changed.set()

    def _announce(self) -> None:
        while True:
            try:
                self._publish()
            except RedisError as error:
                _log.warning("heartbeat not sent", reason=type(error).__name__)
            self._changed.wait(self._interval_seconds)
            self._changed.clear()

    def _publish(self) -> None:
        beat = self._beat
        for tokenizer_id, definition in self._kept.items():
            self._tokenizers.keep(tokenizer_id, definition)
        self._registry.announce(beat)
        self._sign()

    def _sign(self) -> None:
        before = self._registry.sign(self._beat.worker, self._process)
        # The first time it is the process that this one follows.
        if self._has_signed and before not in {None, self._process}:
            _log.error(
                "another worker has the same name; give each its own WORKER_NAME",
                worker=self._beat.worker,
            )
        self._has_signed = True
