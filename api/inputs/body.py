"""A request as it is sent: JSON with pictures in base64, or a form with pictures as files."""

import json
from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from api.blocking_call import ClientDisconnected
from shared.errors import InputRefused

PICTURES = ("init_image", "mask")
_WHOLE = "request"
"""The part of a form that may hold all fields that are no pictures, as JSON."""

_REFERENCE = "sha256:"
_PLACEHOLDER = f"{_REFERENCE}{'0' * 64}"
"""Stands where a picture was, until that is kept and has a reference of its own."""

_MAX_PARTS = 100

_QUICK_BYTES = 16 * 1024
"""A body up to this is read in less time than it takes to give it to a thread."""


@dataclass(frozen=True)
class SentBody:
    """A body taken apart."""

    fields: object
    """For validation; a placeholder stands for each picture."""

    pictures: Mapping[str, bytes]
    """By field."""


async def read_body(
    request: Request,
    model: type[BaseModel],
    *,
    max_bytes: int,
    pictures: Collection[str] = PICTURES,
) -> SentBody:
    """Read a body for a model; one of more than `max_bytes` needs `pictures` to be so large.

    Raises:
        RequestValidationError: It is not JSON.
        HTTPException: 400, it cannot be read; or 413.
        InputRefused: A picture is not base64.
        ClientDisconnected: The client left while it sent.
    """
    try:
        if _content_type(request) == "multipart/form-data":
            return await _read_form(request, model, pictures)
        body = await request.body()
    except ClientDisconnect:
        raise ClientDisconnected from None
    if len(body) > max_bytes and not any(f'"{name}"'.encode() in body for name in pictures):
        raise HTTPException(413, f"The body is larger than {max_bytes} bytes.")
    if len(body) <= _QUICK_BYTES:
        return _read_json(body, _content_type(request), pictures)
    return await run_in_threadpool(_read_json, body, _content_type(request), pictures)


def _content_type(request: Request) -> str:
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    return message.get_content_type()


def _read_json(body: bytes, content_type: str, pictures: Collection[str]) -> SentBody:
    return _taken_apart(_parse(body, content_type), {}, pictures)


def _parse(body: bytes, content_type: str) -> object:
    is_json = content_type == "application/json" or (
        content_type.startswith("application/") and content_type.endswith("+json")
    )
    if not is_json or not body:
        return body or None
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        item = {
            "type": "json_invalid",
            "loc": ("body", error.pos),
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": error.msg},
        }
        raise RequestValidationError([item]) from None
    except (ValueError, RecursionError):
        raise HTTPException(400, "There was an error parsing the body") from None


def _taken_apart(fields: object, files: Mapping[str, bytes], names: Collection[str]) -> SentBody:
    if not isinstance(fields, dict):
        return SentBody(fields, {})
    in_text = {
        name: decode_text(name, fields[name])
        for name in names
        if isinstance(fields.get(name), str) and not fields[name].startswith(_REFERENCE)
    }
    pictures = {**in_text, **files}
    return SentBody({**fields, **dict.fromkeys(pictures, _PLACEHOLDER)}, pictures)


def decode_text(name: str, text: str) -> bytes:
    """Give the picture that a field has in base64, alone or as a data URL.

    Raises:
        InputRefused: It is something else.
    """
    data = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return b64decode("".join(data.split()), validate=True)
    except ValueError:
        message = "is neither base64, nor a data URL, nor the sha256:… of a picture sent before"
        raise InputRefused(name, message) from None


async def _read_form(request: Request, model: type[BaseModel], names: Collection[str]) -> SentBody:
    async with request.form(max_files=_MAX_PARTS, max_fields=_MAX_PARTS) as form:
        files: dict[str, bytes] = {}
        texts: dict[str, str] = {}
        for name, value in form.multi_items():
            if isinstance(value, str):
                texts[name] = value
            elif name in files:
                raise InputRefused(name, "is there more than once; one picture is taken")
            elif name in names:
                files[name] = await value.read()
            else:
                texts[name] = await _text(value)
    fields = _typed(texts, model)
    return await run_in_threadpool(_taken_apart, fields, files, names)


async def _text(file: UploadFile) -> str:
    return (await file.read()).decode(errors="replace")


def _typed(texts: Mapping[str, str], model: type[BaseModel]) -> object:
    """Give the fields of a form the types that they have in JSON."""
    whole = _parse(texts.get(_WHOLE, "{}").encode(), "application/json")
    if not isinstance(whole, dict):
        return whole
    kinds = model.model_json_schema()["properties"]
    named = {
        name: text if "string" in _kinds(kinds.get(name, {})) else _value(text)
        for name, text in texts.items()
        if name != _WHOLE
    }
    return {**whole, **named}


def _kinds(schema: Mapping[str, Any]) -> Iterable[str]:
    return {part.get("type", "") for part in (schema, *schema.get("anyOf", ()))}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
