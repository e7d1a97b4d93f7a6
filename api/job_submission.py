"""What a client submits: a picture to paint, and whom to tell of its end."""

from typing import Self

from shared.generation import GenerationRequest
from shared.job_parts import Priority
from shared.webhook_policy import WebhookUrl


class JobSubmission(GenerationRequest):
    """A request for a picture, with where to tell of its end."""

    webhook_url: WebhookUrl | None = None
    """Where the job is POSTed when it has ended, signed by the Standard Webhooks scheme; refused
    where the server has no WEBHOOK_SECRET."""

    priority: Priority = Priority.NORMAL
    """`low` waits until no job of normal priority does."""

    @classmethod
    def of(cls, request: GenerationRequest) -> Self:
        """Give the submission of a request whose client waits for the answer."""
        return cls.model_validate(request.model_dump(exclude_unset=True))

    @property
    def request(self) -> GenerationRequest:
        """The picture alone, without the fields that the client left out."""
        sent = self.model_dump(exclude_unset=True, exclude={"webhook_url", "priority"})
        return GenerationRequest.model_validate(sent)
