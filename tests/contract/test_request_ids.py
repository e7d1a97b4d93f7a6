import httpx
import pytest

from tests.contract.conftest import StartApi

REQUEST: dict[str, object] = {"prompt": "a red apple", "num_inference_steps": 5}


class TestRequestId:
    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("GET", "/", b"", 200),
            ("GET", "/readyz", b"", 200),
            ("GET", "/nowhere", b"", 404),
            ("GET", "/jobs/nobody", b"", 404),
            ("GET", "/jobs/nobody/events", b"", 404),
            ("PATCH", "/jobs", b"", 405),
            ("POST", "/jobs", b"{", 400),
            ("POST", "/jobs", b"{}", 422),
            ("POST", "/generate", b" " * 70_000, 413),
        ],
    )
    def test_is_on_every_answer(
        self, client: httpx.Client, *, method: str, path: str, body: bytes, status: int
    ) -> None:
        headers = {"X-Request-ID": "case-7", "Content-Type": "application/json"}
        response = client.request(method, path, content=body, headers=headers)
        assert (response.status_code, response.headers["x-request-id"]) == (status, "case-7")

    def test_is_on_a_refusal(self, start_api: StartApi) -> None:
        response = start_api(api_key="k").get("/jobs", headers={"X-Request-ID": "case-7"})
        assert (response.status_code, response.headers["x-request-id"]) == (401, "case-7")

    def test_is_kept_with_the_job(self, client: httpx.Client) -> None:
        submitted = client.post("/jobs", json=REQUEST, headers={"X-Request-ID": "case-7"}).json()
        assert submitted["request_id"] == "case-7"
        assert client.get(submitted["urls"]["self"]).json()["request_id"] == "case-7"

    def test_of_the_first_request_stays_with_the_job(self, client: httpx.Client) -> None:
        for name in ("first", "second"):
            headers = {"Idempotency-Key": "k", "X-Request-ID": name}
            response = client.post("/jobs", json=REQUEST, headers=headers)
            assert response.headers["x-request-id"] == name
            assert response.json()["request_id"] == "first"
