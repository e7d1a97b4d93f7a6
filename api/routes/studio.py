"""The studio: one page in the browser, served as its files lie in `api/studio`."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

_FILES = StaticFiles(directory=Path(__file__).parent.parent / "studio")
_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_SHOWN = ("JobSubmission", "Scheduler", "Priority", "LoraUse")
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # Kept, but asked about: an update is there at once.
}


@router.api_route("/studio", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """Give the page; it needs no key, its calls of the API do."""
    return await _serve("index.html", request)


@router.get("/studio/limits.json")
def limits(request: Request) -> Response:
    """Give what `/openapi.json` says of a request's fields, also where that is closed."""
    schemas: dict[str, Any] = request.app.openapi()["components"]["schemas"]
    shown = {name: schemas[name] for name in _SHOWN}
    return JSONResponse(shown, headers=_HEADERS)


@router.api_route("/studio/{name}", methods=["GET", "HEAD"])
async def file(name: str, request: Request) -> Response:
    """Give one of the files that the page is made of."""
    return await _serve(name, request)


async def _serve(name: str, request: Request) -> Response:
    response = await _FILES.get_response(name, request.scope)
    response.headers.update(_HEADERS)
    return response
