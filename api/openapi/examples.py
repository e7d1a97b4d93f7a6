"""What each answer of the document looks like."""

from typing import Any

from pydantic import JsonValue

from api.openai_images.answer import ImagesAnswer
from api.openapi.answer_examples import ANSWERS
from api.png_info import PngInfo

_EXAMPLES: dict[str, JsonValue] = {
    type(model).__name__: model.model_dump(
        mode="json",
        exclude_none=isinstance(model, ImagesAnswer),  # As their routes answer.
        exclude_unset=isinstance(model, PngInfo),
    )
    for model in ANSWERS
}


def show_example(content: dict[str, Any]) -> None:
    """Show what an answer looks like, where nobody has said so and its model is known here."""
    if content.keys() & {"example", "examples"}:
        return
    schema = content.get("schema", {})
    if schema.get("type") == "array":
        item = _EXAMPLES.get(_model_of(schema["items"]))
        content["example"] = [] if item is None else [item]
    elif _model_of(schema) in _EXAMPLES:
        content["example"] = _EXAMPLES[_model_of(schema)]


def _model_of(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
