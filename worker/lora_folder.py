"""The LoRAs on the disk, known by their headers alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from shared.log import get_logger
from shared.loras import Lora, LoraName
from worker.lora_header import Header, NotALora
from worker.lora_keys import placed

_log = get_logger(__name__)

_SUFFIX = ".safetensors"
_NAME = TypeAdapter(LoraName)


@dataclass(frozen=True)
class Stamp:
    """What changes when a file is replaced."""

    path: Path
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Look at a file.

        Raises:
            OSError: It is not there.
        """
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class LoraFile:
    """A file that can be named in a request."""

    name: str
    stamp: Stamp
    header: Header

    @property
    def listed(self) -> Lora:
        """What a list says of it."""
        return Lora(
            name=self.name,
            size_bytes=self.stamp.size,
            title=self.header.title,
            base_model=self.header.base_model,
            trigger_words=self.header.trigger_words,
        )


class LoraFolder:
    """Knows the files of a folder and of those within; a header is read once, until it changes."""

    def __init__(self, folder: Path | None) -> None:
        """Take the folder; None has no files."""
        self._folder = folder
        self._known: dict[Stamp, LoraFile | None] = {}

    def scan(self) -> Mapping[str, LoraFile]:
        """Give the files that are there now, by name; say once in the log why others are not."""
        known = {stamp: self._looked_at(stamp) for stamp in self._stamps()}
        files: dict[str, LoraFile] = {}
        for stamp, file in known.items():
            if file is not None and file.name in files:
                if stamp not in self._known:
                    _refuse(stamp.path, "another file in the folder has its name")
            elif file is not None:
                files[file.name] = file
        self._known = known
        return files

    def find(self, name: str) -> LoraFile | None:
        """Give a file by its name, as it is now; None where it is not there."""
        return self.scan().get(name)

    def _stamps(self) -> Iterator[Stamp]:
        if self._folder is None:
            return
        for path in sorted(self._folder.rglob(f"*{_SUFFIX}")):
            try:
                yield Stamp.of(path)
            except OSError:  # Gone in between.
                continue

    def _looked_at(self, stamp: Stamp) -> LoraFile | None:
        if stamp in self._known:
            return self._known[stamp]
        try:
            return _opened(stamp)
        except NotALora as error:
            _refuse(stamp.path, str(error))
        except OSError as error:
            _refuse(stamp.path, f"it cannot be read ({type(error).__name__})")
        return None


def _opened(stamp: Stamp) -> LoraFile:
    try:
        name = _NAME.validate_python(stamp.path.name.removesuffix(_SUFFIX))
    except ValidationError:
        message = "a request could not have its name"
        raise NotALora(message) from None
    header = Header.read(stamp.path)
    if not any(map(placed, header.keys)):
        message = "it has no tensors of a LoRA"
        raise NotALora(message)
    return LoraFile(name, stamp, header)


def _refuse(path: Path, reason: str) -> None:
    _log.warning("not a LoRA to be used", file=path.name, reason=reason)
