"""What models run on, and how they are laid out and compiled for it."""

from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from shared.generation import Dimension
from shared.setting_groups.group import Group, lower, split


class Size(NamedTuple):
    """Of a picture, in pixels."""

    width: Dimension
    height: Dimension

    def __str__(self) -> str:
        """Write it as the settings do."""
        return f"{self.width}x{self.height}"


_SIZES = TypeAdapter(tuple[Size, ...])


def _sizes_of(text: str) -> tuple[Size, ...]:
    return _SIZES.validate_python(tuple(size.lower().split("x") for size in split(text)))


def _sizes(text: str) -> str:
    try:
        _sizes_of(text)
    except ValidationError:
        message = "must be sizes such as 512x512, comma-separated, each 256-768, a multiple of 8"
        raise ValueError(message) from None
    return text


class DeviceSettings(Group):
    """Of a worker's device."""

    device: Annotated[Literal["auto", "cuda", "mps", "cpu"], BeforeValidator(lower)] = "auto"
    """auto, cuda, mps or cpu."""

    torch_dtype: Annotated[
        Literal["auto", "float16", "bfloat16", "float32"], BeforeValidator(lower)
    ] = "auto"
    """auto (float16 on CUDA, float32 elsewhere), float16, bfloat16 or float32."""

    channels_last: Annotated[Literal["auto", "on", "off"], BeforeValidator(lower)] = "auto"
    """auto (on CUDA, but for float32), on or off: lay pictures out in memory pixel by pixel."""

    max_batch_size: Annotated[int, Field(ge=1, le=16)] = 1
    """Up to how many jobs in line are painted at once, 1-16: more pictures an hour, each of them
    later and not the same to the bit as alone."""

    compile: Annotated[Literal["off", "default", "max-autotune"], BeforeValidator(lower)] = "off"
    """off, default or max-autotune (with CUDA graphs): compile the model while it loads, which
    takes minutes."""

    compile_shapes: Annotated[str, AfterValidator(_sizes)] = ""
    """Sizes to compile for, such as 512x512,768x512; empty for the default one."""

    @property
    def sizes_to_compile(self) -> tuple[Size, ...]:
        """The sizes that the model is compiled for; none means the default one."""
        return _sizes_of(self.compile_shapes)
