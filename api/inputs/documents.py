"""What the OpenAPI document says of bodies that are read by hand."""

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel

from api.inputs.body import PICTURES

REFERENCE_TO = "#/components/schemas/{model}"

_FILE = {"type": "string", "format": "binary"}


def json_docs(model: type[BaseModel]) -> dict[str, Any]:
    """Give what `openapi_extra` of a route says that takes this model in as JSON."""
    return _body({"application/json": {"schema": _reference(model)}})


def body_docs(model: type[BaseModel], pictures: Collection[str] = PICTURES) -> dict[str, Any]:
    """Give what `openapi_extra` of a route says that takes this model in, as JSON or a form."""
    form = {"multipart/form-data": {"schema": form_schema(model, pictures)}}
    return _body({"application/json": {"schema": _reference(model)}, **form})


def form_docs(model: type[BaseModel], pictures: Collection[str]) -> dict[str, Any]:
    """Give what `openapi_extra` of a route says that takes this model in as a form."""
    return _body({"multipart/form-data": {"schema": form_schema(model, pictures)}})


def form_schema(model: type[BaseModel], pictures: Collection[str]) -> dict[str, Any]:
    """Give the schema of a form: text for each plain field, files for pictures, and no null."""
    schema = model.model_json_schema(ref_template=REFERENCE_TO)
    fields = {name: _in_a_form(field) for name, field in schema["properties"].items()}
    plain = {name: field for name, field in fields.items() if "$ref" in field or "type" in field}
    return {
        "type": "object",
        "description": "Text for each field, files for pictures; a list, such as `loras`, as JSON.",
        "properties": {**plain, **dict.fromkeys(pictures, _FILE)},
        "required": schema["required"],
        "additionalProperties": False,
    }


def _in_a_form(field: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only JSON can say: null, and lists."""
    ways = [way for way in field.get("anyOf", [field]) if way.get("type") not in {"null", "array"}]
    said = {name: field[name] for name in ("description",) if name in field}
    return {**said, **ways[0]} if len(ways) == 1 else {}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE_TO.format(model=model.__name__)}


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}
