"""A picture that costs nothing, over HTTP, against LitServe with the same bytes for an answer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bare import PROMPT
from benchmarks.clients import Session, session
from benchmarks.command import Effort, run
from benchmarks.connection import Answer
from benchmarks.environments import python_with
from benchmarks.report import Figure, Findings, below
from benchmarks.servers import process, seconds_until_answered
from benchmarks.spread import ratios
from benchmarks.stacks import SLEEPING, running
from benchmarks.stretches import stretches
from benchmarks.turns import in_turns
from scripts.ports import free_port

_NOTE = (
    "Ours is a job that is queued, encoded, kept and told of step by step; LitServe's PNG is read"
    " once and given back."
)


def measure(effort: Effort) -> Findings:
    """Ask both in turns, on one connection each."""
    with running(SLEEPING) as stack, session(stack.url) as client:
        png = _ask(client, "/generate").body
        with _answering_with(png) as url, session(url) as other:
            ways = {
                "ours": partial(_ask, client, "/generate"),
                "theirs": partial(_ask, other, "/predict"),
            }
            taken = in_turns(ways, effort.of(1000, 20))
        ours, theirs = map(_milliseconds, (taken["ours"], taken["theirs"]))
        stretched = stretches(stack.store, taken["ours"])
    return Findings(
        figures=(
            Figure.middle("ours to LitServe's, p50", ratios(ours, theirs), "", below(1.5)),
            Figure.middle("LitServe's", theirs, "ms"),
            Figure.tail("LitServe's, p99", theirs, "ms"),
            Figure.middle("ours", ours, "ms"),
            Figure.tail("ours, p99", ours, "ms"),
            *stretched,
        ),
        notes=(f"The PNG has 512x512 pixels and {len(png):,} bytes.", _NOTE),
    )


@contextmanager
def _answering_with(png: bytes) -> Iterator[str]:
    """Give the URL of a LitServe that answers with this."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (python_with("litserve"), "-m", "benchmarks.others.litserve_server")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "answer.png"
        file.write_bytes(png)
        with process(command, {"PORT": str(port), "BENCH_PNG": str(file)}):
            seconds_until_answered(url, "/health")
            yield url


def _ask(client: Session, path: str) -> Answer:
    return client.post(path, prompt=PROMPT, seed=0).expect(200)


def _milliseconds(answers: Sequence[Answer]) -> list[float]:
    return [answer.seconds * 1000 for answer in answers]


if __name__ == "__main__":
    run("noop", __doc__, measure)
