"""What tests of webhooks share: secrets, and a check by a library that is not ours."""

from base64 import b64encode
from typing import Any

from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.support.receiver import Received

SECRET_BYTES = bytes(range(32))
SECRET = f"whsec_{b64encode(SECRET_BYTES).decode()}"
OTHER_SECRET = f"whsec_{b64encode(bytes(32)).decode()}"


def verified(received: Received, secret: str = SECRET) -> dict[str, Any]:
    """Give the message, once the independent library has taken its signature for good."""
    message: dict[str, Any] = Verifier(secret).verify(received.body, received.headers)
    return message


def is_verified(received: Received, secret: str) -> bool:
    try:
        verified(received, secret)
    except WebhookVerificationError:
        return False
    return True
