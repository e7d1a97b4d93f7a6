"""The hashes by which people know the file of a LoRA."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_CHUNK = 1 << 20
_AUTOV3_DIGITS = 12


@dataclass(frozen=True)
class Hashes:
    """Of the file, and of its tensors alone."""

    sha256: str
    autov3: str
    """As A1111 and Civitai count it: it stays when the file's metadata changes."""

    @classmethod
    def of(cls, content: memoryview, header_length: int) -> Self:
        """Hash a file that is in memory."""
        tensors = hashlib.sha256(content[header_length:]).hexdigest()
        return cls(hashlib.sha256(content).hexdigest(), tensors[:_AUTOV3_DIGITS])

    @classmethod
    def of_file(cls, path: Path, header_length: int) -> Self:
        """Hash a file on the disk.

        Raises:
            OSError: It cannot be read.
        """
        whole, tensors = hashlib.sha256(), hashlib.sha256()
        with path.open("rb") as file:
            whole.update(file.read(header_length))
            while chunk := file.read(_CHUNK):
                whole.update(chunk)
                tensors.update(chunk)
        return cls(whole.hexdigest(), tensors.hexdigest()[:_AUTOV3_DIGITS])
