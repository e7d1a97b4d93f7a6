"""Where a picture goes: a file that appears whole or not at all, or stdout."""

import sys
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from scripts.cli.failures import Failure, WrongUsage
from scripts.cli.job import Job

ID_HEAD = 8
_STDOUT = Path("-")


@dataclass(frozen=True)
class Target:
    """What `-o` names: a file, a folder, `-` for stdout, or None for a name of our own here."""

    path: Path | None = None
    overwrite: bool = False

    @property
    def is_stdout(self) -> bool:
        """The picture is written to stdout, so nothing else may be."""
        return self.path == _STDOUT

    def check(self) -> None:
        """Refuse, before anything is painted, what could not be written.

        Raises:
            WrongUsage: The file is there, or its folder is not.
        """
        if self.is_stdout:
            if sys.stdout.isatty():
                message = "-o - would write a PNG to the terminal"
                raise WrongUsage(message, hint="redirect stdout to a file or a program")
        elif self.path is not None and not self.path.is_dir():
            self._check_free(self.path)
            if not self.path.parent.is_dir():
                message = f"there is no folder {self.path.parent}"
                raise WrongUsage(message, hint="make it first")

    def write(self, job: Job, png: bytes) -> str:
        """Write the picture of a job; give the name of the file.

        Raises:
            Failure: It cannot be written, or the name was taken meanwhile.
        """
        if self.is_stdout:
            sys.stdout.buffer.write(png)
            sys.stdout.buffer.flush()
            return str(_STDOUT)
        file = self._file(job)
        self._check_free(file)
        try:
            _write_whole(file, png)
        except OSError as error:
            message = f"cannot write {file}: {error.strerror}"
            hint = f"semantic-bit fetch {job.id} -o FILE writes it elsewhere"
            raise Failure(message, hint=hint) from None
        return str(file)

    def _file(self, job: Job) -> Path:
        name = f"{job.id[:ID_HEAD]}-{job.request.seed}.png"
        if self.path is None:
            return Path(name)
        return self.path / name if self.path.is_dir() else self.path

    def _check_free(self, file: Path) -> None:
        if file.exists() and not self.overwrite:
            message = f"{file} is there already"
            raise WrongUsage(message, hint="--force overwrites it")


def _write_whole(file: Path, png: bytes) -> None:
    part = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        part.write_bytes(png)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
