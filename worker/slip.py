"""Which jobs a process has in its hands, for the one that is forked in its place should it die."""

from ctypes import c_char
from multiprocessing.sharedctypes import RawArray
from threading import Lock

_LONGEST_ID = 64


class Slip:
    """Ids of jobs, in memory that outlives the process that writes them."""

    def __init__(self, room: int = 4) -> None:
        """Have room for so many ids."""
        # Without a lock of processes, which one that dies would keep for ever.
        self._written = RawArray(c_char, room * (_LONGEST_ID + 1) + 1)
        self._ids: dict[str, None] = {}
        self._lock = Lock()

    def add(self, job_id: str) -> None:
        """Note that this process is about to claim a job."""
        with self._lock:
            self._ids[job_id] = None
            self._write()

    def remove(self, job_id: str) -> None:
        """Note that it has done with it."""
        with self._lock:
            self._ids.pop(job_id, None)
            self._write()

    def left(self) -> list[str]:
        """Give what the process before this one had in its hands."""
        return self._written.value.decode().split()

    def _write(self) -> None:
        self._written.value = " ".join(self._ids).encode()
