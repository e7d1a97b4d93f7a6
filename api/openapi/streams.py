"""Server-sent events in the document."""

from typing import Any

_EVENT_STREAM = "text/event-stream"
_EVENT = {
    "type": "object",
    "description": "One event of the stream.",
    "properties": {
        "event": {"type": "string", "description": "Its type."},
        "data": {"type": "string", "description": "JSON, on one line."},
        "id": {"type": "string", "description": "Its number, to go on after a break."},
        "retry": {"type": "integer", "minimum": 0, "description": "Milliseconds."},
    },
}
_EXAMPLE = {"event": "step", "data": '{"step": 3, "total": 28, "fraction": 0.1034}', "id": "4"}


def show_events(media_type: str, content: dict[str, Any]) -> None:
    """Say what each event is, as OpenAI's own document does.

    `itemSchema`, which FastAPI writes, is a word of OpenAPI 3.2 and not of 3.1.
    """
    if media_type == _EVENT_STREAM:
        content.clear()
        content.update(schema=_EVENT, example=_EXAMPLE)
