import re
from pathlib import Path

import httpx
import pytest

from shared.generation import Scheduler
from shared.job_parts import Priority
from tests.contract.conftest import StartApi

_FOLDER = Path(__file__).parents[2] / "api" / "studio"
_IMPORT = re.compile(r'from "\./([\w]+\.js)"')

FILES = {
    "/studio": "text/html",
    "/studio/index.html": "text/html",
    "/studio/studio.css": "text/css",
    "/studio/studio.js": "text/javascript application/javascript",
    "/studio/icon.svg": "image/svg+xml",
}


class TestStudio:
    @pytest.mark.parametrize(("path", "media_type"), FILES.items())
    def test_is_served_without_a_key(self, start_api: StartApi, path: str, media_type: str) -> None:
        answer = start_api(api_key="secret").get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] in media_type

    @pytest.mark.parametrize("path", FILES)
    def test_lets_a_browser_load_nothing_from_elsewhere(
        self, client: httpx.Client, path: str
    ) -> None:
        headers = client.get(path).headers
        policy = headers["content-security-policy"].split("; ")
        assert "default-src 'self'" in policy
        assert "img-src 'self' blob: data:" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"

    def test_is_asked_about_again_and_sent_only_where_it_has_changed(
        self, client: httpx.Client
    ) -> None:
        first = client.get("/studio/studio.js")
        assert first.headers["cache-control"] == "no-cache"
        again = client.get("/studio/studio.js", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == first.headers["content-security-policy"]

    def test_answers_a_look_at_its_headers(self, client: httpx.Client) -> None:
        answer = client.head("/studio")
        assert (answer.status_code, answer.content) == (200, b"")

    @pytest.mark.parametrize(
        "path",
        ["/studio/nothing.js", "/studio/..%2Fmain.py", "/studio/%2e%2e/main.py", "/studio/%00"],
    )
    def test_has_no_other_files(self, client: httpx.Client, path: str) -> None:
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"] == "NotFound"

    def test_is_there_while_redis_is_away(self, client: httpx.Client, start_api: StartApi) -> None:
        away = start_api(redis_url="redis://127.0.0.1:1/0")
        assert away.get("/studio").content == client.get("/studio").content

    def test_tells_the_limits_and_defaults_of_the_api_also_where_its_documents_are_closed(
        self, start_api: StartApi
    ) -> None:
        changed = {"default_steps": 9, "default_width": 264}
        told = start_api(**changed, docs_enabled=False).get("/studio/limits.json").json()
        schemas = start_api(**changed).get("/openapi.json").json()["components"]["schemas"]
        assert told == {name: schemas[name] for name in told}
        properties = told["JobSubmission"]["properties"]
        assert properties["num_inference_steps"]["default"] == 9
        assert properties["num_inference_steps"]["maximum"] == 60
        assert told["Scheduler"]["enum"] == list(Scheduler)
        assert told["Priority"]["enum"] == list(Priority)
        assert told["LoraUse"]["properties"]["weight"]["maximum"] == 2

    def test_serves_every_module_that_its_modules_import(self, client: httpx.Client) -> None:
        known, unread = {"studio.js"}, ["studio.js"]
        while unread:
            module = client.get(f"/studio/{unread.pop()}")
            assert module.status_code == 200, module.url
            assert "javascript" in module.headers["content-type"]
            found = set(_IMPORT.findall(module.text)) - known
            known |= found
            unread += found
        assert known == {path.name for path in _FOLDER.glob("*.js")}

    def test_every_id_that_a_module_looks_for_is_on_the_page(self, client: httpx.Client) -> None:
        page = set(re.findall(r'id="([\w-]+)"', client.get("/studio").text))
        for module in _FOLDER.glob("*.js"):
            named = set(re.findall(r'byId\("([\w-]+)"\)', module.read_text()))
            assert named <= page, module.name

    def test_is_on_the_service_card(self, client: httpx.Client) -> None:
        assert "/studio" in client.get("/").json()["endpoints"]
