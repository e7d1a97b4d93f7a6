"""A picture that costs nothing, over HTTP, against LitServe with the same bytes for an answer."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bare import PROMPT
from benchmarks.clients import Session, session
from benchmarks.command import Effort, run
from benchmarks.environments import python_with
from benchmarks.report import Figure, Findings, below
from benchmarks.servers import process, seconds_until_answered
from benchmarks.spread import ratios
from benchmarks.stacks import SLEEPING, running
from benchmarks.turns import in_turns
from scripts.embedded_redis import free_port

_NOTE = (
    "Ours is a job that is queued, encoded, kept and told of step by step; LitServe's PNG is read"
    " once and given back."
)


def measure(effort: Effort) -> Findings:
    """Ask both in turns, on one connection each."""
    python = python_with("litserve")
    port = free_port()
    theirs = f"http://127.0.0.1:{port}"
    with TemporaryDirectory() as folder, running(SLEEPING) as stack, session(stack.url) as client:
        png = Path(folder) / "answer.png"
        png.write_bytes(_ask(client, "/generate")[1])
        command = (python, "-m", "benchmarks.others.litserve_server")
        with process(command, {"PORT": str(port), "BENCH_PNG": str(png)}):
            seconds_until_answered(theirs, "/health")
            with session(theirs) as other:
                taken = in_turns(
                    {
                        "ours": lambda: _ask(client, "/generate")[0],
                        "theirs": lambda: _ask(other, "/predict")[0],
                    },
                    rounds=effort.of(1000, 20),
                )
        size = png.stat().st_size
    ours, others = ([value * 1000 for value in taken[name]] for name in ("ours", "theirs"))
    return Findings(
        figures=(
            Figure.middle("ours to LitServe's, p50", ratios(ours, others), "", below(1.5)),
            Figure.middle("ours", ours, "ms"),
            Figure.tail("ours, p99", ours, "ms"),
            Figure.middle("LitServe's", others, "ms"),
            Figure.tail("LitServe's, p99", others, "ms"),
        ),
        notes=(f"The PNG has 512x512 pixels and {size:,} bytes.", _NOTE),
    )


def _ask(client: Session, path: str) -> tuple[float, bytes]:
    answer = client.post(path, prompt=PROMPT, seed=0).expect(200)
    return answer.seconds, answer.body


if __name__ == "__main__":
    run("noop", __doc__, measure)
