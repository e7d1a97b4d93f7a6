"""Swagger UI, from files of this machine: the page works without a network."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)


def _swagger_ui() -> Path:
    # Only the files of the package are used, none of its code.
    spec = find_spec("fastapi_offline")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"


_OURS = StaticFiles(directory=Path(__file__).parent.parent / "docs")
_THEIRS = StaticFiles(directory=_swagger_ui())
_FOLDER_OF = {"start.js": _OURS, "swagger-ui.css": _THEIRS, "swagger-ui-bundle.js": _THEIRS}
_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # Kept, but asked about: an update is there at once.
}


@router.api_route("/docs", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """Give the page."""
    return await _serve(_OURS, "index.html", request)


@router.api_route("/docs/{name}", methods=["GET", "HEAD"])
async def file(name: str, request: Request) -> Response:
    """Give one of the files that the page is made of."""
    if name not in _FOLDER_OF:
        raise HTTPException(404)
    return await _serve(_FOLDER_OF[name], name, request)


async def _serve(folder: StaticFiles, name: str, request: Request) -> Response:
    response = await folder.get_response(name, request.scope)
    response.headers.update(_HEADERS)
    return response
