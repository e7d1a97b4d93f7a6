"""`jobs`, `show` and `cancel`: what the service has to do, what it has done, what it shall not."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from scripts.cli.client import MOST_PER_PAGE, Client
from scripts.cli.failures import Failure
from scripts.cli.finding import find_job
from scripts.cli.job import Job
from scripts.cli.job_tables import print_details, print_list
from scripts.cli.options import ApiKey, AsJson, Connection, JobId, Url, run
from scripts.cli.output import print_failure, print_json, results
from shared.job_parts import JobState

State = Annotated[
    list[JobState] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help=f"Only these, of {', '.join(JobState)}; may be repeated.",
        show_default=False,
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]


def jobs(
    context: typer.Context,
    job: Annotated[
        str | None, typer.Argument(metavar="ID", help="Show this one.", show_default=False)
    ] = None,
    *,
    state: State = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """List the jobs of the service, newest first."""
    if job is not None:
        show(context, job, as_json=as_json, url=url, api_key=api_key)
        return

    async def list_jobs(client: Client) -> None:
        found = await _newest(client, state or [], limit)
        if as_json:
            print_json({"jobs": [job.as_told() for job in found]})
        else:
            print_list(found, datetime.now(UTC))

    run(list_jobs, Connection.of(context, url, api_key), as_json=as_json)


def show(
    context: typer.Context,
    job: JobId,
    *,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Show one job: what is painted, how far it is, what came of it."""

    async def show_job(client: Client) -> None:
        found = await find_job(client, job)
        if as_json:
            print_json(found.as_told())
        else:
            print_details(found, datetime.now(UTC))

    run(show_job, Connection.of(context, url, api_key), as_json=as_json)


def cancel(
    context: typer.Context,
    job: Annotated[list[str], typer.Argument(metavar="ID", help="Of jobs, or its beginning.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Cancel jobs, and say what each is now; one that has ended stays as it is."""

    async def cancel_jobs(client: Client) -> None:
        failures = []
        canceled = []
        for job_id in job:
            try:
                canceled.append(await _cancel(client, job_id))
            except Failure as failure:
                failures.append(failure)
                continue
            if not as_json:
                results().print(f"{canceled[-1].id}  {canceled[-1].state}")
        if as_json:
            reports = [each.report for each in failures]
            print_json({"jobs": [job.as_told() for job in canceled], "errors": [*reports]})
        for each in failures:
            print_failure(each)
        if failures:
            raise typer.Exit(failures[0].exit_code)

    run(cancel_jobs, Connection.of(context, url, api_key), as_json=as_json)


async def _cancel(client: Client, job_id: str) -> Job:
    found = await find_job(client, job_id)
    return await client.cancel(found.id)


async def _newest(client: Client, states: list[JobState], limit: int) -> list[Job]:
    found = []
    async for job in client.jobs(states, page=min(limit, MOST_PER_PAGE)):
        found.append(job)
        if len(found) == limit:
            break
    return found
