"""A page of a listing."""

from pydantic import BaseModel, ConfigDict

from shared.job_view import JobView


class JobPage(BaseModel):
    """Some jobs, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    jobs: list[JobView]
    next_cursor: str | None
    """What to send as `cursor` for the next page; null where this is the last."""
