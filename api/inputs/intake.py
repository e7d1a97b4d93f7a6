"""Takes requests in: fields are checked first, then pictures, which are kept under references."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from api.authentication import CurrentCaller
from api.dependencies import services_of
from api.inputs.body import read_body
from api.inputs.canonical import canonical_mask, canonical_picture
from api.inputs.headers import PictureRefused
from api.job_submission import JobSubmission
from shared.errors import InputRefused
from shared.generation import GenerationRequest
from shared.input_store import InputStore

Model = TypeVar("Model", bound=BaseModel)
Normalise = Callable[[bytes], bytes]

_AT_ONCE = CapacityLimiter(2)  # Pictures that are decoded, which takes up to 350 MB each.
_NORMALISE: Mapping[str, Normalise] = {"init_image": canonical_picture, "mask": canonical_mask}


async def keep_pictures(
    store: InputStore,
    owner: str,
    pictures: Mapping[str, bytes],
    normalise: Mapping[str, Normalise] = _NORMALISE,
) -> dict[str, str]:
    """Check and keep pictures; give the reference of each, by its field.

    Raises:
        InputRefused: One is none that can be used.
    """

    def keep(name: str, data: bytes) -> str:
        try:
            return store.put(owner, normalise[name](data))
        except PictureRefused as error:
            raise InputRefused(name, str(error)) from None

    return {
        name: await to_thread.run_sync(keep, name, data, limiter=_AT_ONCE)
        for name, data in pictures.items()
    }


def validated(model: type[Model], fields: object) -> Model:
    """Give the model of a body's fields.

    Raises:
        RequestValidationError: They are wrong.
    """
    if fields is None:
        missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
        raise RequestValidationError([missing])
    try:
        return model.model_validate(fields, from_attributes=True)
    except ValidationError as error:
        items = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(items) from None


def _taken(model: type[Model]) -> Callable[..., Awaitable[Model]]:
    async def take(request: Request, caller: CurrentCaller) -> Model:
        services = services_of(request)
        sent = await read_body(request, model, max_bytes=services.settings.max_body_bytes)
        wished = validated(model, sent.fields)
        references = await keep_pictures(services.inputs, caller.name, sent.pictures)
        return wished.model_copy(update=references)

    return take


SentGeneration = Annotated[GenerationRequest, Depends(_taken(GenerationRequest))]
SentSubmission = Annotated[JobSubmission, Depends(_taken(JobSubmission))]
