"""Any request that there can be, for Hypothesis."""

from hypothesis import strategies as st

from shared.generation import GenerationRequest, Scheduler
from shared.loras import LoraUse

ANY_TEXT = st.text(
    alphabet=st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from(list(' \n\r\t,:"\\()<>'))
    ),
    max_size=1000,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "Steps: 20, Sampler: Euler a, Seed: 1",
            "Size: 1x1",
            "\n",
            '"',
            ", ",
            ": ",
            "\\",
            "🐱",
            "é",
        ]
    ),
    max_size=12,
).map("".join)
PROMPTS = st.one_of(ANY_TEXT, PIECES)


LORAS = st.lists(
    st.builds(
        LoraUse,
        name=st.text("aZ9_ .()[]+&'!-é水", max_size=20).map(lambda text: f"a{text}b"),
        weight=st.floats(-2, 2),
    ),
    max_size=3,
    unique_by=lambda lora: lora.name,
).map(tuple)


def requests(prompts: st.SearchStrategy[str] = PROMPTS) -> st.SearchStrategy[GenerationRequest]:
    """Give requests that are complete, as a worker meets them."""
    sides = st.integers(32, 96).map(lambda eighth: eighth * 8)
    return st.builds(
        GenerationRequest,
        prompt=prompts.filter(str.strip),
        negative_prompt=st.none() | prompts,
        num_inference_steps=st.integers(5, 60),
        guidance_scale=st.floats(1, 12) | st.integers(1, 12),
        height=sides,
        width=sides,
        seed=st.integers(0, 2**32 - 1),
        scheduler=st.sampled_from(Scheduler),
        embed_metadata=st.just(True),  # noqa: FBT003
        loras=LORAS,
    )
