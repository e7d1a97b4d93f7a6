"""The live models as OpenAI lists them."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from shared import SERVICE_NAME


class ModelView(BaseModel):
    """A name that a request can give as its `model`."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    """Unknown."""

    owned_by: str = SERVICE_NAME


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelView]

    @classmethod
    def of(cls, names: Sequence[str]) -> Self:
        """List names."""
        return cls(data=[ModelView(id=name) for name in names])
