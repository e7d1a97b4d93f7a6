import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.receiver import Received
from tests.support.webhooks import OTHER_SECRET, SECRET, SECRET_BYTES, is_verified, verified
from worker.webhooks.signature import signed_headers

CONTENT = json.dumps({"prompt": "ネコ \N{CAT FACE}"}, ensure_ascii=False).encode()


def signed(*secrets: bytes, at: datetime | None = None) -> Received:
    headers = signed_headers("msg_a", at or datetime.now(UTC), CONTENT, secrets or (SECRET_BYTES,))
    return Received("/", headers, CONTENT)


class TestSignature:
    def test_is_that_of_the_schemes_own_example(self) -> None:
        headers = signed_headers(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            datetime.fromtimestamp(1614265330, UTC),
            b'{"test": 2432232314}',
            [b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        )
        assert headers == {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }

    def test_is_verified_by_an_independent_library(self) -> None:
        assert verified(signed()) == json.loads(CONTENT)

    def test_is_that_of_the_secret(self) -> None:
        assert not is_verified(signed(), OTHER_SECRET)

    def test_covers_the_content(self) -> None:
        assert not is_verified(replace(signed(), body=CONTENT + b" "), SECRET)

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
    def test_covers_the_headers(self, name: str) -> None:
        received = signed()
        received.headers[name] = str(int(datetime.now(UTC).timestamp()) + 1)
        assert not is_verified(received, SECRET)

    def test_is_too_old_after_some_minutes(self) -> None:
        assert not is_verified(signed(at=datetime.now(UTC) - timedelta(minutes=6)), SECRET)

    def test_of_several_secrets_is_verified_by_each(self) -> None:
        received = signed(SECRET_BYTES, bytes(32))
        assert is_verified(received, SECRET)
        assert is_verified(received, OTHER_SECRET)
