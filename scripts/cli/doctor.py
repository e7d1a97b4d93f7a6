"""`doctor` looks at everything that a picture needs, and says what to do about what is missing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import typer

from scripts.cli.connection import open_client
from scripts.cli.failures import WrongUsage
from scripts.cli.findings import Finding, Grade, broken
from scripts.cli.graphics import look_at_graphics
from scripts.cli.machine_checks import (
    check_disk,
    check_graphics,
    check_loras,
    check_model,
    check_packages,
    check_pictures,
    check_redis,
    read_settings,
)
from scripts.cli.options import ApiKey, AsJson, Connection, Url, reporting
from scripts.cli.output import print_json, results
from scripts.cli.service_checks import check_service
from shared.log import configure_logging


def doctor(
    context: typer.Context, *, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None
) -> None:
    """Check settings, Redis, pictures, API, worker, model, GPU, disk, packages, with hints."""
    configure_logging("error", "console")
    connection = Connection.of(context, url, api_key)
    with reporting(as_json=as_json):
        asyncio.run(_tell(_examine(connection), as_json=as_json))


async def _tell(examination: AsyncIterator[Finding], *, as_json: bool) -> None:
    findings = []
    async for finding in examination:
        findings.append(finding)
        if not as_json:
            finding.print(results())
    is_well = all(finding.grade is not Grade.BROKEN for finding in findings)
    if as_json:
        print_json({"ok": is_well, "findings": [finding.as_json() for finding in findings]})
    if not is_well:
        raise typer.Exit(1)


async def _examine(connection: Connection) -> AsyncIterator[Finding]:
    settings, findings = read_settings()
    for finding in findings:
        yield finding
    if settings is not None:
        for finding in check_redis(settings):
            yield finding
        yield check_pictures(settings)
    async for finding in _examine_service(connection):
        yield finding
    if settings is not None:
        graphics = look_at_graphics(settings.device)
        yield check_model(settings, graphics)
        yield check_loras(settings)
        yield check_graphics(settings, graphics)
        yield check_disk(settings)
    yield check_packages()


async def _examine_service(connection: Connection) -> AsyncIterator[Finding]:
    try:
        client = open_client(connection.url, connection.api_key)
    except WrongUsage as failure:
        yield broken("api", failure.message, failure.hint)
        return
    async with aclosing(client):
        async for finding in check_service(client):
            yield finding
