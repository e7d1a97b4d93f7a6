"""Every benchmark that starts its own service, one after the other, then docs/performance.md."""

import argparse
import subprocess
import sys

from benchmarks.files import ROOT

NAMES = (
    "overhead",
    "noop",
    "busy",
    "device",
    "batches",
    "queues",
    "waiters",
    "scaling",
    "starting",
    "peers",
)


def main() -> None:
    """Go on where one fails, and say so in the end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.all", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="as of each; leaves the document be")
    quick = parser.parse_args().quick
    failed = [name for name in NAMES if not _succeeds(name, quick=quick)]
    if not quick:
        _succeeds("publish", quick=False)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


def _succeeds(name: str, *, quick: bool) -> bool:
    print(f"\n{name}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] if quick else [])]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0  # noqa: S603  # Our own.


if __name__ == "__main__":
    main()
