"""Tells the API which LoRAs are in the folder, and what changes there."""

from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from time import sleep

from redis.exceptions import RedisError

from shared.log import get_logger
from shared.lora_registry import LoraRegistry
from shared.loras import Lora
from worker.lora_folder import LoraFile, LoraFolder, Stamp
from worker.lora_hashes import Hashes

_log = get_logger(__name__)

# Of one look, so that a folder of a thousand files is hashed little by little.
_HASHED_BYTES = 1 << 30


class LoraWatch:
    """Looks into the folder every few seconds for as long as its process lives."""

    def __init__(
        self, folder: Path, registry: LoraRegistry, worker: str, *, interval_seconds: float
    ) -> None:
        self._folder = LoraFolder(folder)
        self._registry = registry
        self._worker = worker
        self._interval_seconds = interval_seconds
        self._hashes: dict[Stamp, Hashes] = {}
        self._published: list[Lora] | None = None
        if not folder.is_dir():
            _log.warning("LORA_DIR is not a folder, so there are no LoRAs", lora_dir=str(folder))

    def start(self) -> None:
        """Look in a thread."""
        Thread(target=self._watch, name="loras", daemon=True).start()

    def look(self) -> None:
        """Look once: publish what is there, then hash some of what is new.

        Raises:
            RedisError: Redis does not answer.
        """
        files = self._folder.scan()
        loras = [self._listed(file) for file in files.values()]
        if loras != self._published or not self._registry.renew(self._worker):
            self._registry.publish(self._worker, loras)
            self._published = loras
        self._hash_some(files)

    def _watch(self) -> None:
        while True:
            try:
                self.look()
            except (RedisError, OSError) as error:
                _log.warning("list of LoRAs not sent", reason=type(error).__name__)
            sleep(self._interval_seconds)

    def _listed(self, file: LoraFile) -> Lora:
        hashes = self._hashes.get(file.stamp)
        known = {"sha256": hashes.sha256, "autov3": hashes.autov3} if hashes else {}
        return file.listed.model_copy(update=known)

    def _hash_some(self, files: Mapping[str, LoraFile]) -> None:
        there = {file.stamp: file for file in files.values()}
        self._hashes = {stamp: hashes for stamp, hashes in self._hashes.items() if stamp in there}
        room = _HASHED_BYTES
        for stamp in there.keys() - self._hashes.keys():
            if room <= 0:
                return
            room -= stamp.size
            self._hashes[stamp] = Hashes.of_file(stamp.path, there[stamp].header.length)
