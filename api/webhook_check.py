"""Refuses at the door the webhooks that this server would not deliver."""

from typing import Annotated

from fastapi import Depends
from fastapi.exceptions import RequestValidationError

from api.dependencies import CurrentSettings
from api.inputs.intake import SentSubmission
from api.job_submission import JobSubmission


async def _checked(submission: SentSubmission, settings: CurrentSettings) -> JobSubmission:
    url = submission.webhook_url
    reason = settings.webhook_policy.why_refused(url) if url else None
    if reason:
        loc = ("body", "webhook_url")
        refusal = {"type": "webhook_refused", "loc": loc, "msg": reason, "input": url}
        raise RequestValidationError([refusal])
    return submission


CheckedSubmission = Annotated[JobSubmission, Depends(_checked)]
