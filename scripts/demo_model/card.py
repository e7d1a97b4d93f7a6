"""The model card: what the model knows, how it was made, what was measured."""

from collections.abc import Sequence
from pathlib import Path

from .check import Answer
from .words import VOCABULARY

EXAMPLES = (
    "a beautiful sunset over mountains, digital art",
    "a cat on a mat, digital art",
    "a red apple on a white table",
    "a small red circle on a blue background",
    "a black cat on a red mat",
    "a banana on a blue table",
    "a white house with a blue roof at sunset",
    "a boat on the sea at night",
    "a pink tree on a hill",
)
CARD = """---
license: mit
library_name: diffusers
pipeline_tag: text-to-image
---

# The bundled model

A Stable Diffusion checkpoint of {megabytes:.0f} MB that knows a small world: coloured shapes,
fruit on tables, cats and dogs on mats, houses, trees, flowers, and skies over mountains, hills and
the sea. It lets the service show real pictures of what was asked on any machine, without a GPU and
without a download.

```python
from diffusers import StableDiffusionPipeline

pipeline = StableDiffusionPipeline.from_pretrained("models/demo", safety_checker=None)
pipeline("{first_example}", num_inference_steps=28, guidance_scale=7.0).images[0]
```

## What it knows

Prompts to start from:

{examples}

Every word that it knows:

{words}

## What it does not know

Every other word is ignored, and so are the last words in the list: they are there so that usual
prompts work. It draws one kind of thing at a time, in the middle. It does not count, does not know
left from right, and knows one way to draw each thing: a cat always sits and looks at you, and
another seed changes little but what the prompt leaves open. Sizes from 256 to 768 pixels work.
Outlines are soft, and what is small, such as a boat or a small circle, loses its shape.

## How it was made

`python -m scripts.train_demo_model --work DIR` draws captioned pictures and trains everything on
them, from nothing, on a CPU.

- The autoencoder's encoder is written down, not trained: a latent pixel holds the mean colour of
  8x8 pixels and the mean strength of the edges among them. `latent_rgb.json` is therefore exact.
- The decoder is trained to draw sharp pictures from such latents.
- U-Net and text model are trained together to predict the velocity, on pictures from 128 to 768
  pixels, under a linear noise schedule that ends in almost pure noise.

| part | parameters |
| --- | --- |
{parts}

## What was measured

Sixty pictures were drawn at {size}x{size} with {steps} steps and guidance {guidance}: thirty
combinations of shape and colours that training never showed, and thirty other captions. In
**{right} of {asked}** the dominant colours of object and background were the asked ones.
{failures}
## Licence

MIT, as the project. No picture, text or weight comes from anywhere else.
"""


def write_card(
    folder: Path, parts: dict[str, int], answers: Sequence[Answer], settings: tuple[int, int, float]
) -> None:
    """Write `README.md`; `parts` counts parameters, `settings` are size, steps and guidance."""
    size, steps, guidance = settings
    text = CARD.format(
        megabytes=folder_bytes(folder) / 1e6,
        first_example=EXAMPLES[0],
        examples="\n".join(f"- {example}" for example in EXAMPLES),
        words="\n".join(f"- {topic}: {', '.join(words)}" for topic, words in VOCABULARY.items()),
        parts="\n".join(f"| {name} | {count:,} |" for name, count in parts.items()),
        size=size,
        steps=steps,
        guidance=guidance,
        right=sum(answer.right for answer in answers),
        asked=len(answers),
        failures=_failures(answers),
    )
    (folder / "README.md").write_text(text)


def folder_bytes(folder: Path) -> int:
    """Add up the sizes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _failures(answers: Sequence[Answer]) -> str:
    wrong = [
        f'- "{answer.question.caption}" came out {answer.object} on {answer.background}'
        for answer in answers
        if not answer.right
    ]
    return "\n".join(["The others:", "", *wrong, ""]) if wrong else ""
