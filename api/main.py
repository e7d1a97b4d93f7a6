"""The API process: settings in, application out; the wiring and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

import uvicorn
from fastapi import Depends, FastAPI
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from api.authentication import require_key
from api.body_limit import BodyLimit
from api.dependencies import Services, require_broker
from api.errors import ERROR_RESPONSES, install_error_handlers
from api.openai_images.errors import OpenAiErrors
from api.openai_images.routes import router as openai_images
from api.openapi import describe
from api.reaper import Reaper
from api.routes import events, generate, health, jobs, root
from api.sdapi.password import PasswordIsKey
from api.sdapi.routes import router as sdapi
from shared import SERVICE_NAME, VERSION
from shared.log import configure_logging
from shared.redis_check import warn_of_bad_settings
from shared.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Give the application; without settings it reads them from the environment."""
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    services = Services.connect(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reaper = Reaper(
            services.store,
            services.queue,
            services.listing,
            max_attempts=settings.max_attempts,
            job_timeout=settings.job_timeout,
            lease_seconds=settings.lease_seconds,
        )
        running = (services.changes.run(), services.broker.run(), reaper.run())
        tasks = [asyncio.create_task(part) for part in running]
        with suppress(RedisError):  # The watch says it where Redis is away.
            await run_in_threadpool(warn_of_bad_settings, services.redis)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=2)
        services.redis.close()

    app = FastAPI(
        title=SERVICE_NAME,
        version=VERSION,
        summary="Text prompts in, PNG pictures out.",
        lifespan=lifespan,
        responses=ERROR_RESPONSES,
    )
    app.state.services = services
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    install_error_handlers(app)
    for router in (root.router, health.router):
        app.include_router(router)
    for router in (generate.router, jobs.router, events.router, openai_images, sdapi):
        app.include_router(router, dependencies=[Depends(require_key), Depends(require_broker)])
    app.add_middleware(PasswordIsKey)
    app.add_middleware(OpenAiErrors)  # Last, so outside of all that answers for itself.
    describe(app, settings.generation_defaults)
    return app


class Server(uvicorn.Server):
    """Uvicorn that answers the waiting clients before it waits for them to be answered."""

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
    config = uvicorn.Config(
        "api.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=settings.log_level == "debug",
        timeout_graceful_shutdown=5,
    )
    if settings.reload:
        uvicorn.run(
            "api.main:create_app", factory=True, host=settings.host, port=settings.port, reload=True
        )
    else:
        Server(config).run()


if __name__ == "__main__":
    main()
