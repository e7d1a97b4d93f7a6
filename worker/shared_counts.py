"""Counts that the worker's parent keeps together with its children, and that outlive these.

A child that dies, or that is replaced at its memory limit, takes nothing with it: each process
writes its counts to files of its own, and a new child goes on with those of the one before.
"""

import atexit
import os
import shutil
import tempfile

from prometheus_client import values

from shared.exposition import SHARED_FOLDER


def share_counts() -> None:
    """Keep all metrics that are made from now on in files, until this process ends."""
    folder = tempfile.mkdtemp(prefix="semantic-bit-metrics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    parent = os.getpid()

    def name() -> str:
        # Not by its id, or files would pile up: there is one child at a time.
        return "parent" if os.getpid() == parent else "child"

    os.environ[SHARED_FOLDER] = folder
    values.ValueClass = values.MultiProcessValue(name)  # type: ignore[no-untyped-call]
