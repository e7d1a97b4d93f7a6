"""From OpenAI's words to ours."""

from api.errors import InvalidRequest
from api.live_models import LiveModels
from api.openai_images.request import AUTO_SIZE, ImagesRequest
from api.picture_formats import BEST_QUALITY, PictureFormat
from api.series import HIGHEST_SEED, repeated
from shared.generation import GenerationRequest

Complaints = dict[str, str]
"""What is wrong, by field."""

_OURS = (
    "prompt",
    "seed",
    "num_inference_steps",
    "guidance_scale",
    "negative_prompt",
    "scheduler",
    "loras",
)


class Translator:
    """Gives the request of each picture, or says what cannot be done."""

    def __init__(self, models: LiveModels, *, limit: int) -> None:
        """Take the models, and how many jobs are admitted at once."""
        self._models = models
        self._limit = limit

    def translate(self, request: ImagesRequest) -> list[GenerationRequest]:
        """Give the request of each picture.

        Raises:
            InvalidRequest: Fields do not go together.
            ModelNotFound: It asks for a model that does not paint.
            ModelNotLoaded: It asks for a model, and none paints.
        """
        model = self._models.require(request.model)
        return requests_of(request, limit=self._limit, model=model)


def requests_of(
    request: ImagesRequest, *, limit: int, model: str | None = None
) -> list[GenerationRequest]:
    """Give the request of each picture, where `limit` jobs are admitted at once.

    Raises:
        InvalidRequest: Fields do not go together.
    """
    complaints = {**_of_count(request, limit), **_of_format(request), **_of_stream(request)}
    if complaints:
        raise InvalidRequest.of(complaints)
    fields = {name: getattr(request, name) for name in _OURS}
    fields["model"] = model
    given = {name: value for name, value in fields.items() if value is not None}
    generation = GenerationRequest.model_validate({**given, **_size_of(request)})
    return repeated(generation, request.count)


def _size_of(request: ImagesRequest) -> dict[str, int]:
    if request.size is None or request.size == AUTO_SIZE:
        return {}
    width, height = request.size.split("x")
    return {"width": int(width), "height": int(height)}


def _of_count(request: ImagesRequest, limit: int) -> Complaints:
    complaints = {}
    if request.count > limit:
        complaints["n"] = f"the service takes {limit} jobs at most, which is fewer"
    if request.seed is not None and request.seed + request.count - 1 > HIGHEST_SEED:
        complaints["seed"] = f"that of the last picture would be above {HIGHEST_SEED}"
    return complaints


def _of_format(request: ImagesRequest) -> Complaints:
    complaints = {}
    is_png = request.format is PictureFormat.PNG
    if is_png and request.output_compression not in {None, BEST_QUALITY}:
        complaints["output_compression"] = "a png loses nothing, jpeg and webp can"
    if not is_png and request.response_format == "url":
        complaints["output_format"] = "a url leads to a png, b64_json brings the others"
    return complaints


def _of_stream(request: ImagesRequest) -> Complaints:
    if not request.stream:
        return {"partial_images": "needs stream=true"} if request.partial_images else {}
    complaints = {}
    if request.count > 1:
        complaints["n"] = "a stream carries one picture: its events do not say which they are of"
    if request.response_format == "url":
        complaints["response_format"] = "a stream carries b64_json only"
    return complaints
