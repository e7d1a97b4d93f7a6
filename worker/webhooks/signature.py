"""Signatures of the Standard Webhooks scheme, version 1: HMAC-SHA256 with a shared secret."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime


def signed_headers(
    message_id: str, at: datetime, content: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """Give the headers by which a receiver knows who sent `content`, and when."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), content))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: bytes, signed: bytes) -> str:
    return f"v1,{b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"
