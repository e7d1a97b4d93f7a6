"""Jobs as people read them."""

from collections.abc import Iterator
from datetime import datetime

from rich.table import Table
from rich.text import Text

from scripts.cli.job import Job
from scripts.cli.output import messages, one_line, results, seconds
from scripts.cli.target import ID_HEAD
from shared.job_parts import JobState
from shared.log import prompt_head

_COLOUR_OF = {
    JobState.QUEUED: "yellow",
    JobState.RUNNING: "cyan",
    JobState.CANCELING: "magenta",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "red",
    JobState.CANCELED: "magenta",
}


def print_list(jobs: list[Job], now: datetime) -> None:
    """Print a line for each job; ids whole where a program reads them."""
    console = results()
    if not jobs:
        messages().print("no jobs")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "state", "age", "progress", "size", "seed"):
        table.add_column(name, no_wrap=True)
    table.add_column("prompt")  # Alone in being cut where the line is too long.
    for job in jobs:
        request = job.request
        table.add_row(
            job.id[:ID_HEAD] if console.is_terminal else job.id,
            Text(job.state, _COLOUR_OF[job.state]),
            _age(job, now),
            _progress(job),
            f"{request.width}x{request.height}",
            str(request.seed),
            Text(prompt_head(request.prompt), no_wrap=True, overflow="ellipsis"),
        )
    console.print(table)


def print_details(job: Job, now: datetime) -> None:
    """Print what there is to say about one job."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in _details(job, now):
        table.add_row(name, one_line(value))
    results().print(table)


def _details(job: Job, now: datetime) -> Iterator[tuple[str, str]]:
    request = job.request
    yield "id", job.id
    yield "state", job.state
    yield "age", _age(job, now)
    yield "progress", _progress(job)
    if job.eta_seconds is not None:
        yield "left", seconds(job.eta_seconds)
    if job.attempt > 1:
        yield "attempt", str(job.attempt)
    yield "prompt", request.prompt
    if request.negative_prompt:
        yield "without", request.negative_prompt
    yield "size", f"{request.width}x{request.height}"
    yield "seed", str(request.seed)
    yield "sampler", f"{request.num_inference_steps} steps, {request.scheduler}"
    yield "guidance", str(request.guidance_scale)
    yield from _outcome(job)


def _outcome(job: Job) -> Iterator[tuple[str, str]]:
    if job.error is not None:
        yield "error", f"{job.error.type}: {job.error.detail}"
    if job.result is not None:
        build = job.result.build
        yield "model", f"{build.model} on {build.device}"
        yield "seconds", f"{job.result.timings.total:.2f}"
        if job.result.dropped_text:
            yield "not read", job.result.dropped_text
        if job.result.dropped_negative_text:
            yield "negative not read", job.result.dropped_negative_text


def _age(job: Job, now: datetime) -> str:
    return seconds(max(0.0, (now - job.created_at).total_seconds()))


def _progress(job: Job) -> str:
    progress = job.progress
    if job.state is JobState.QUEUED:
        return "next" if job.position == 0 else f"{job.position} before it"
    if job.error is not None:
        return job.error.type
    if job.result is not None:
        return f"{job.result.timings.total:.2f} s"
    return f"{progress.step}/{progress.total}"
