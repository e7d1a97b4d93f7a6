"""The pictures that a request names: whether they are there, and what size they ask for."""

from api.inputs.size import size_like
from shared.errors import InputRefused
from shared.generation import GenerationDefaults, GenerationRequest
from shared.input_store import InputStore, Size

_MASK = "mask"
_MOST_APART = 0.02
"""Of the shapes of a picture and its mask: rounding to pixels makes small ones differ."""


class References:
    """Checks the pictures of a request before it is admitted, and keeps them once it is."""

    def __init__(self, store: InputStore) -> None:
        self._store = store

    def check(
        self, request: GenerationRequest, owner: str, defaults: GenerationDefaults
    ) -> GenerationDefaults:
        """Give the defaults of a request: with the shape of the picture that it begins with.

        Raises:
            InputRefused: A picture is not there, or the mask is of another shape.
        """
        if request.init_image is None:
            return defaults
        size = self._look("init_image", request.init_image, owner)
        if request.mask is not None:
            _check_shapes(size, self._look(_MASK, request.mask, owner))
        given = request.model_dump(include=request.model_fields_set & {"width", "height"})
        width, height = size_like(size, given.get("width"), given.get("height"))
        return defaults.model_copy(update={"width": width, "height": height})

    def keep(self, request: GenerationRequest, owner: str) -> None:
        """Keep the pictures of a request that was admitted until its job has ended."""
        named = (request.init_image, request.mask)
        references = [reference for reference in named if reference is not None]
        if references:
            self._store.keep(owner, references)

    def _look(self, field: str, reference: str, owner: str) -> Size:
        size = self._store.look(owner, reference)
        if size is None:
            message = (
                f"the picture {reference[:15]}… is not here, or not any more, or is another key's; "
                "send the picture itself"
            )
            raise InputRefused(field, message)
        return size


def have_one_shape(one: Size, other: Size) -> bool:
    """Say whether two sizes are of one shape, but for rounding."""
    ratio = (one[0] / one[1]) / (other[0] / other[1])
    return abs(ratio - 1) <= _MOST_APART


def _check_shapes(size: Size, mask: Size) -> None:
    if not have_one_shape(mask, size):
        message = (
            f"is {mask[0]}x{mask[1]}, which is not the shape of init_image, {size[0]}x{size[1]}"
        )
        raise InputRefused(_MASK, message)
