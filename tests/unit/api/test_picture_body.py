import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope

from api.errors import install_error_handlers
from api.picture_body import PictureBody

SCOPE: Scope = {
    "type": "http",
    "method": "POST",
    "path": "/",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"content-length", b"1000")],
}


def looks_at_a_picture() -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/")
    def look(png: PictureBody) -> int:
        return png.width

    return app


@pytest.mark.anyio
async def test_a_client_that_leaves_while_it_sends_is_no_error_of_the_server() -> None:
    coming: list[Message] = [
        {"type": "http.request", "body": b"\x89PNG", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await looks_at_a_picture()(SCOPE, receive, send)
    assert sent[0]["status"] == 499
