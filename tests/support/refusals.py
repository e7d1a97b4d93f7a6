"""What a refusal says, in a form to look at."""

from api.errors import InvalidRequest


def fields_of(refusal: InvalidRequest) -> list[str]:
    """Give the fields of the body that a refusal names, in its order."""
    assert refusal.meta is not None
    errors = refusal.meta["errors"]
    assert isinstance(errors, list)
    return [_field_of(error) for error in errors]


def _field_of(error: object) -> str:
    assert isinstance(error, dict)
    body, field = error["loc"]
    assert body == "body"
    return str(field)
