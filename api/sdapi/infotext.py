"""The text in which A1111 and its viewers say how a picture was made."""

from api.sdapi.samplers import name_of
from shared.generation import GenerationRequest, GenerationResult


def infotext(request: GenerationRequest, result: GenerationResult) -> str:
    """Write how a picture was made."""
    negative = f"\nNegative prompt: {request.negative_prompt}" if request.negative_prompt else ""
    parameters = {
        "Steps": result.num_inference_steps,
        "Sampler": name_of(result.scheduler),
        "CFG scale": f"{result.guidance_scale:g}",
        "Seed": result.seed,
        "Size": f"{result.width}x{result.height}",
        "Model": result.build.model,
    }
    line = ", ".join(f"{name}: {value}" for name, value in parameters.items())
    return f"{request.prompt}{negative}\n{line}"
