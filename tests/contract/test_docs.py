import re
from urllib.parse import urljoin

import httpx
import pytest

from tests.contract.conftest import StartApi

FILES = ("/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js")


class TestDocs:
    def test_is_made_of_files_of_this_server(self, client: httpx.Client) -> None:
        page = client.get("/docs").text
        parts = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(parts) >= 4
        for part in parts:
            url = urljoin(str(client.base_url.join("/docs")), part)
            assert url.startswith(str(client.base_url)), url
            assert client.get(url).status_code == 200, url

    def test_tells_its_address_to_nobody(self, client: httpx.Client) -> None:
        assert "validatorUrl: null" in client.get("/docs/start.js").text

    @pytest.mark.parametrize("path", FILES)
    def test_lets_a_browser_load_nothing_from_elsewhere(
        self, client: httpx.Client, path: str
    ) -> None:
        headers = client.get(path).headers
        policy = headers["content-security-policy"].split("; ")
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not any("script-src" in part or "http" in part for part in policy)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"

    def test_answers_a_look_at_its_headers(self, client: httpx.Client) -> None:
        answer = client.head("/docs")
        assert (answer.status_code, answer.content) == (200, b"")

    @pytest.mark.parametrize(
        "path", ["/docs/index.html", "/docs/redoc.standalone.js", "/docs/..%2Fmain.py", "/redoc"]
    )
    def test_has_no_other_files(self, client: httpx.Client, path: str) -> None:
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")

    @pytest.mark.parametrize("path", [*FILES, "/openapi.json"])
    def test_can_be_closed_as_a_whole(self, start_api: StartApi, path: str) -> None:
        assert start_api(docs_enabled=False).get(path).status_code == 404
