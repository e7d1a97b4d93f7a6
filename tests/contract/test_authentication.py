import httpx
import pytest

from tests.contract.conftest import StartApi

REQUEST = {"prompt": "a red apple"}
GUARDED = [
    ("POST", "/generate"),
    ("POST", "/jobs"),
    ("POST", "/png-info"),
    ("POST", "/verify"),
    ("POST", "/tokens"),
    ("GET", "/jobs"),
    ("GET", "/jobs/a"),
    ("GET", "/jobs/a/events"),
    ("GET", "/jobs/a/image"),
    ("DELETE", "/jobs/a"),
]
OPEN = ["/", "/health", "/livez", "/readyz", "/docs", "/openapi.json"]
WITHOUT_KEY = "This service needs a key: send the header 'Authorization: Bearer <key>'."
WRONG_KEY = "The key in the Authorization header is not one of this service's."


@pytest.fixture
def guarded(start_api: StartApi) -> httpx.Client:
    return start_api(api_key="first-key, sécond-key")


def submit(client: httpx.Client, authorization: bytes) -> httpx.Response:
    return client.post("/jobs", json=REQUEST, headers={b"Authorization": authorization})


class TestApiKey:
    @pytest.mark.parametrize(("method", "path"), GUARDED)
    def test_is_needed_where_one_is_set(
        self, guarded: httpx.Client, method: str, path: str
    ) -> None:
        response = guarded.request(method, path, json=REQUEST if method == "POST" else None)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json() == {
            "error": "Unauthorized",
            "code": 401,
            "detail": WITHOUT_KEY,
            "meta": None,
        }

    @pytest.mark.parametrize("path", OPEN)
    def test_is_not_needed_to_look_at_the_service(self, guarded: httpx.Client, path: str) -> None:
        assert guarded.get(path).status_code == 200

    @pytest.mark.parametrize(
        ("authorization", "detail"),
        [
            (b"Bearer wrong", WRONG_KEY),
            (b"Bearer first-key, second-key", WRONG_KEY),
            (b"Bearer first-ke", WRONG_KEY),
            (b"Bearer \xff\xfe", WRONG_KEY),
            (b"Bearer ,", WRONG_KEY),
            (b"Basic first-key", WITHOUT_KEY),
            (b"first-key", WITHOUT_KEY),
            (b"Bearer", WITHOUT_KEY),
        ],
    )
    def test_that_is_none_of_ours_is_refused(
        self, guarded: httpx.Client, authorization: bytes, detail: str
    ) -> None:
        response = submit(guarded, authorization)
        assert (response.status_code, response.json()["detail"]) == (401, detail)
        assert response.headers["www-authenticate"] == "Bearer"

    def test_comes_before_the_fields(self, guarded: httpx.Client) -> None:
        assert guarded.post("/jobs", json={"prompt": ""}).status_code == 401

    @pytest.mark.parametrize("authorization", [b"Bearer first-key", b"bearer first-key"])
    def test_lets_in(self, guarded: httpx.Client, authorization: bytes) -> None:
        assert submit(guarded, authorization).status_code == 202

    def test_may_be_one_of_several(self, start_api: StartApi) -> None:
        guarded = start_api(api_key="first-key, second-key")
        statuses = [
            submit(guarded, b"Bearer " + key).status_code for key in (b"first-key", b"second-key")
        ]
        assert statuses == [202, 202]

    def test_may_have_characters_beyond_ascii(self, guarded: httpx.Client) -> None:
        assert submit(guarded, "Bearer sécond-key".encode()).status_code == 202

    def test_is_not_asked_for_where_none_is_set(self, client: httpx.Client) -> None:
        assert client.post("/jobs", json=REQUEST).status_code == 202
