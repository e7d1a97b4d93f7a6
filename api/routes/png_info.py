"""What a picture says of itself."""

from fastapi import APIRouter

from api.dependencies import CurrentSettings
from api.picture_body import PICTURE_BODY, PictureBody
from api.png_info import PngInfo, read_info

router = APIRouter(tags=["pictures"])


@router.post("/png-info", openapi_extra=PICTURE_BODY, response_model_exclude_unset=True)
def read(png: PictureBody, settings: CurrentSettings) -> PngInfo:
    """Read how a PNG was made, ours or one with A1111's `parameters`, into a request for it.

    The body is the PNG itself, or JSON with it in base64. Posting the `request` of a picture of
    ours to `/generate` gives the same bytes, as long as the build is the same.
    """
    return read_info(
        png,
        use_karras_sigmas=settings.use_karras_sigmas,
        prompt_syntax=settings.prompt_syntax,
    )
