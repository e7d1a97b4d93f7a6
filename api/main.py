"""The API process: settings in, application out; the wiring and nothing else."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from socket import socket
from types import FrameType

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from api.authentication import require_key
from api.body_limit import BodyLimit
from api.dependencies import require_broker
from api.errors import ERROR_RESPONSES, install_error_handlers
from api.image_sweeper import ImageSweeper
from api.openai_images.errors import OpenAiErrors
from api.openai_images.routes import router as openai_images
from api.openapi.document import DESCRIPTION, TAGS, describe, short_id
from api.reaper import Reaper
from api.request_context import RequestContext
from api.request_metrics import RequestMetrics
from api.response_headers import ResponseHeaders
from api.routes import (
    docs,
    events,
    generate,
    health,
    jobs,
    loras,
    metrics,
    models,
    png_info,
    root,
    schedulers,
    studio,
    tokens,
    verify,
)
from api.sdapi.password import PasswordIsKey
from api.sdapi.routes import router as sdapi
from api.services import Services
from shared import SERVICE_NAME, VERSION
from shared.log import configure_logging
from shared.redis_check import warn_of_bad_settings
from shared.settings import Settings, load_settings
from shared.tracing import Tracing

_WITH_PICTURES = (
    "/generate",
    "/jobs",
    "/png-info",
    "/sdapi/v1/img2img",
    "/v1/images/edits",
    "/verify",
)


class Application(FastAPI):
    """FastAPI, but for what has to be outside of its own answers to errors."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put the context of each request around everything."""
        return RequestContext(super().build_middleware_stack(), self.state.services.tracing)


def create_app(settings: Settings | None = None, tracing: Tracing | None = None) -> FastAPI:
    """Give the application; without settings it reads them from the environment."""
    settings = settings or load_settings()
    configure_logging(settings.log_level, settings.log_format)
    services = Services.connect(settings, tracing)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reaper = Reaper(
            services.store,
            services.queue,
            services.listing,
            services.workers,
            max_attempts=settings.max_attempts,
            job_timeout=settings.job_timeout,
            lease_seconds=settings.lease_seconds,
        )
        sweeper = ImageSweeper(services.images, services.store)
        running = (services.changes.run(), services.broker.run(), reaper.run(), sweeper.run())
        tasks = [asyncio.create_task(part) for part in running]
        with suppress(RedisError):  # The watch says it where Redis is away.
            await run_in_threadpool(warn_of_bad_settings, services.redis)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=2)
        services.redis.close()
        await run_in_threadpool(services.tracing.stop)

    app = Application(
        title=SERVICE_NAME,
        version=VERSION,
        summary="Text prompts in, PNG pictures out.",
        description=DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": "/", "description": "This server."}],
        openapi_tags=TAGS,
        generate_unique_id_function=short_id,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        docs_url=None,
        redoc_url=None,
        responses=ERROR_RESPONSES,
    )
    app.state.services = services
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        max_bytes_of=dict.fromkeys(_WITH_PICTURES, settings.max_image_bytes),
    )
    app.add_middleware(ResponseHeaders)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    app.add_middleware(RequestMetrics, metrics=services.http_metrics)
    install_error_handlers(app)
    for router in (root.router, health.router, studio.router):
        app.include_router(router)
    if settings.docs_enabled:
        app.include_router(docs.router)
    if settings.metrics_enabled:
        app.include_router(metrics.router)
    for router in (png_info.router, schedulers.router):
        app.include_router(router, dependencies=[Depends(require_key)])
    for router in (
        generate.router,
        jobs.router,
        events.router,
        loras.router,
        models.router,
        verify.router,
        tokens.router,
        openai_images,
        sdapi,
    ):
        app.include_router(router, dependencies=[Depends(require_key), Depends(require_broker)])
    app.add_middleware(PasswordIsKey)
    app.add_middleware(OpenAiErrors)  # Last, so outside of all that answers for itself.
    describe(app, settings.generation_defaults, is_open=services.keys.is_open)
    return app


class Server(uvicorn.Server):
    """Uvicorn that answers the waiting clients before it waits for them to be answered."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, and keep what stays for good out of the search for garbage: 70 ms each time."""
        await super().startup(sockets)
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let every blocking call end with the place where its picture can be collected."""
        app = getattr(self.config, "loaded_app", None)  # None in the first moment.
        while app is not None and not isinstance(app, FastAPI):
            app = app.app
        if app is not None:
            app.state.services.stop_waiting()
        super().handle_exit(sig, frame)


def main() -> None:
    """Serve HTTP until SIGTERM or SIGINT."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    config = uvicorn.Config(
        "api.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # The context of each request writes a line of its own.
        timeout_graceful_shutdown=5,
    )
    if settings.reload:
        uvicorn.run(
            "api.main:create_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            reload=True,
        )
    else:
        Server(config).run()


if __name__ == "__main__":
    main()
