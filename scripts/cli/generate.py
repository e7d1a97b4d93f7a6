"""`generate` paints a picture and saves it; `fetch` saves that of a job which is there."""

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli.client import Client
from scripts.cli.display import displayed
from scripts.cli.failures import WrongUsage
from scripts.cli.finding import find_job
from scripts.cli.job import Job
from scripts.cli.loras import read_loras
from scripts.cli.options import (
    ApiKey,
    AsJson,
    Connection,
    File,
    Force,
    JobId,
    Seconds,
    Url,
    reporting,
    run,
)
from scripts.cli.output import messages, one_line, print_json, results
from scripts.cli.painting import Painter, Terms
from scripts.cli.target import Target
from shared.generation import Scheduler as SchedulerName

Prompt = Annotated[
    str, typer.Argument(metavar="PROMPT", help="What the picture shows.", show_default=False)
]
NegativePrompt = Annotated[
    str | None, typer.Option("--negative-prompt", "-n", help="What it should not show.")
]
Steps = Annotated[int | None, typer.Option("--steps", help="Denoising steps.")]
Guidance = Annotated[float | None, typer.Option("--guidance", help="How closely it follows.")]
Width = Annotated[int | None, typer.Option("--width", help="Pixels.")]
Height = Annotated[int | None, typer.Option("--height", help="Pixels.")]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed, the same picture.")]
Scheduler = Annotated[str | None, typer.Option("--scheduler", help=", ".join(SchedulerName) + ".")]
Loras = Annotated[
    list[str] | None,
    typer.Option("--lora", metavar="NAME[:WEIGHT]", help="A LoRA; repeat it for several."),
]
InitImage = Annotated[
    Path | None,
    typer.Option(
        "--init-image", metavar="FILE", exists=True, dir_okay=False, help="Picture to begin with."
    ),
]
Strength = Annotated[
    float | None, typer.Option("--strength", help="How much of it is painted anew, to 1.")
]
Mask = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="White where it is painted anew.",
    ),
]
Model = Annotated[str | None, typer.Option("--model", help="One of the service's models.")]
Keep = Annotated[bool, typer.Option("--keep", help="Ctrl-C and --timeout leave the job running.")]
WaitForRoom = Annotated[bool, typer.Option("--wait-for-room", help="Wait while the queue is full.")]

Work = Callable[[Painter], Awaitable[tuple[Job, bytes]]]


def generate(  # noqa: PLR0913  # The options of the program.
    context: typer.Context,
    prompt: Prompt,
    *,
    output: File = None,
    force: Force = False,
    negative_prompt: NegativePrompt = None,
    steps: Steps = None,
    guidance: Guidance = None,
    width: Width = None,
    height: Height = None,
    seed: Seed = None,
    scheduler: Scheduler = None,
    lora: Loras = None,
    init_image: InitImage = None,
    strength: Strength = None,
    mask: Mask = None,
    model: Model = None,
    timeout: Seconds = None,
    keep: Keep = False,
    wait_for_room: WaitForRoom = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Paint a picture and save it; what is left out is as the service's settings say."""
    wished = {
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "width": width,
        "height": height,
        "seed": seed,
        "scheduler": scheduler,
        "loras": read_loras(lora, as_json=as_json),
        "init_image": _in_base64(init_image),
        "strength": strength,
        "mask": _in_base64(mask),
        "model": model,
    }
    request = {name: value for name, value in wished.items() if value is not None}
    _deliver(
        lambda painter: painter.paint(request),
        Target(Path(output) if output else None, overwrite=force),
        Terms(timeout, wait_for_room=wait_for_room, keep=keep),
        Connection.of(context, url, api_key),
        as_json=as_json,
    )


def fetch(
    context: typer.Context,
    job: JobId,
    *,
    output: File = None,
    force: Force = False,
    timeout: Seconds = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Wait for a job that was submitted before, and save its picture."""

    async def collect(painter: Painter) -> tuple[Job, bytes]:
        found = await find_job(painter.client, job)
        return await painter.collect(found.id)

    _deliver(
        collect,
        Target(Path(output) if output else None, overwrite=force),
        Terms(timeout, keep=True),
        Connection.of(context, url, api_key),
        as_json=as_json,
    )


def _in_base64(file: Path | None) -> str | None:
    return None if file is None else base64.b64encode(file.read_bytes()).decode()


def _deliver(
    work: Work, target: Target, terms: Terms, connection: Connection, *, as_json: bool
) -> None:
    with reporting(as_json=as_json):
        if as_json and target.is_stdout:
            message = "--json and -o - cannot share stdout"
            raise WrongUsage(message, hint="give -o a file")
        target.check()

    async def save(client: Client) -> None:
        with displayed(quiet=as_json) as display:
            job, png = await work(Painter(client, display, terms))
            file = target.write(job, png)
        if as_json:
            print_json({**job.as_told(), "file": file})
        else:
            _summarise(job, target, file)

    run(save, connection, as_json=as_json)


def _summarise(job: Job, target: Target, file: str) -> None:
    result = job.result
    assert result is not None  # It has succeeded.
    dropped = {"prompt": result.dropped_text, "negative prompt": result.dropped_negative_text}
    for name, text in dropped.items():
        if text:
            note = f'note: the {name} is too long; the model did not read "{text}"'
            messages().print(one_line(note), soft_wrap=True, style="yellow")
    console = messages() if target.is_stdout else results()
    line = f"{file}  seed {job.request.seed}  {result.timings.total:.2f} s"
    console.print(line, soft_wrap=True)
