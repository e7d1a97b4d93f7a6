"""What a picture claims: that this request gives these pixels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from api.picture_body import refuse
from api.pixels import decode
from api.png_info import PngInfo, read_info
from shared.generation import GenerationRequest
from shared.infotext import STRENGTH, Infotext
from shared.picture_metadata import PictureResult
from shared.png_text import Png, PngUnreadable
from shared.prompt_rules import PromptSyntax

if TYPE_CHECKING:
    from PIL.Image import Image

_OPTIONAL = frozenset(
    {"negative_prompt", "embed_metadata", "loras", "init_image", "strength", "mask", "model"}
)


@dataclass(frozen=True)
class Claim:
    """A picture that says all that it takes to paint it again."""

    png: Png
    request: GenerationRequest
    result: PictureResult | None

    @classmethod
    def read(cls, png: Png, *, use_karras_sigmas: bool, prompt_syntax: PromptSyntax) -> Self:
        """Read what a picture claims.

        Raises:
            InvalidRequest: It says nothing, or not enough.
        """
        info = read_info(png, use_karras_sigmas=use_karras_sigmas, prompt_syntax=prompt_syntax)
        return cls(png, _complete(info), info.result)

    @property
    def has_its_size(self) -> bool:
        """The picture is of the size that it was painted in."""
        return (self.png.width, self.png.height) == (self.request.width, self.request.height)

    def pixels(self) -> "Image":
        """Give the picture's pixels.

        Raises:
            InvalidRequest: It has none, or not all of them.
        """
        assert self.has_its_size  # So there are not too many of them.
        try:
            return decode(self.png)
        except PngUnreadable as error:
            raise refuse(("body",), str(error), "png") from None


def _complete(info: PngInfo) -> GenerationRequest:
    request = info.request
    missing = _missing(request) if request is not None else ["prompt"]
    if info.source == "parameters" and STRENGTH in Infotext.parse(info.info).parameters:
        missing.append("init_image")
    if request is None or missing:
        message = f"cannot be painted again: its metadata gives no {', '.join(missing)} to use here"
        raise refuse(("body",), message, "incomplete_metadata")
    return request


def _missing(request: GenerationRequest) -> list[str]:
    said = request.model_dump(exclude_unset=True, exclude_none=True)
    return [
        name for name in type(request).model_fields if name not in said and name not in _OPTIONAL
    ]
