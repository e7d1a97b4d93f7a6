import json
from typing import Any

import httpx
import pytest

JSON = {"Content-Type": "application/json"}
VALID = {"prompt": "a red apple"}


def post(client: httpx.Client, body: str | bytes, path: str = "/jobs") -> httpx.Response:
    return client.post(path, content=body, headers=JSON)


def complaints(response: httpx.Response) -> list[dict[str, Any]]:
    """Give the items of a 422, checked to have the one shape."""
    body = response.json()
    assert response.status_code == 422, body
    assert set(body) == {"error", "code", "detail", "meta"}
    assert (body["error"], body["code"]) == ("ValidationError", 422)
    assert set(body["meta"]) == {"errors"}
    errors: list[dict[str, Any]] = body["meta"]["errors"]
    assert all(set(item) == {"loc", "msg", "type"} for item in errors)
    assert all(item["msg"] in body["detail"] for item in errors)
    return errors


class TestMalformedJson:
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"prompt=a",
            b'{"prompt": "a",}',
            b"{'prompt': 'a'}",
            b'{"prompt": "line\nbreak"}',
            b'{"prompt": "\x00"}',
            b'{"prompt": "\xff"}',
            b"[" * 20_000,
            b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}",
        ],
    )
    @pytest.mark.parametrize("path", ["/jobs", "/generate"])
    def test_is_a_bad_request(self, client: httpx.Client, body: bytes, path: str) -> None:
        response = post(client, body, path)
        answer = response.json()
        assert response.status_code == 400
        assert (answer["error"], answer["code"], answer["meta"]) == ("BadRequest", 400, None)
        assert answer["detail"]

    def test_says_what_is_wrong_with_it(self, client: httpx.Client) -> None:
        detail = post(client, b'{"prompt": ').json()["detail"]
        assert detail == "The body is not valid JSON: Expecting value."


class TestWrongFields:
    def test_are_named_with_what_is_wrong_and_what_was_got(self, client: httpx.Client) -> None:
        response = client.post("/generate", json={**VALID, "num_inference_steps": 4})
        assert response.status_code == 422
        assert response.json() == {
            "error": "ValidationError",
            "code": 422,
            "detail": "num_inference_steps: Input should be greater than or equal to 5, got 4",
            "meta": {
                "errors": [
                    {
                        "loc": ["body", "num_inference_steps"],
                        "msg": "Input should be greater than or equal to 5, got 4",
                        "type": "greater_than_equal",
                    }
                ]
            },
        }

    def test_are_all_named_at_once(self, client: httpx.Client) -> None:
        response = client.post("/jobs", json={"steps": 5, "seed": -1, "width": 300})
        assert {tuple(item["loc"]): item["type"] for item in complaints(response)} == {
            ("body", "prompt"): "missing",
            ("body", "steps"): "extra_forbidden",
            ("body", "seed"): "greater_than_equal",
            ("body", "width"): "multiple_of",
        }

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("prompt", " "),
            ("prompt", "x" * 1001),
            ("negative_prompt", ["a"]),
            ("num_inference_steps", "28"),
            ("num_inference_steps", True),
            ("guidance_scale", 12.5),
            ("height", 512.5),
            ("width", 10**400),
            ("seed", 2**32),
            ("scheduler", "plms"),
            ("", 1),
        ],
    )
    def test_are_named_one_by_one(self, client: httpx.Client, field: str, value: object) -> None:
        response = client.post("/jobs", json={**VALID, field: value})
        assert [item["loc"] for item in complaints(response)] == [["body", field]]

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_may_be_numbers_that_json_does_not_know(
        self, client: httpx.Client, number: str
    ) -> None:
        response = post(client, f'{{"prompt": "a", "guidance_scale": {number}}}')
        assert [item["loc"] for item in complaints(response)] == [["body", "guidance_scale"]]

    def test_are_shown_shortened(self, client: httpx.Client) -> None:
        (item,) = complaints(client.post("/jobs", json={**VALID, "scheduler": "x" * 50_000}))
        assert len(item["msg"]) < 200

    @pytest.mark.parametrize("body", ["[]", '"a"', "1", "null", "true", ""])
    def test_may_be_the_whole_body(self, client: httpx.Client, body: str) -> None:
        assert [item["loc"] for item in complaints(post(client, body))] == [["body"]]

    @pytest.mark.parametrize("wait", ["soon", "-1", "61", "nan", "inf", ""])
    def test_may_stand_in_the_query(self, client: httpx.Client, wait: str) -> None:
        response = client.get("/jobs/a", params={"wait": wait})
        assert [item["loc"] for item in complaints(response)] == [["query", "wait"]]


class TestStrangeText:
    @pytest.mark.parametrize("field", ["prompt", "negative_prompt", "scheduler", "seed"])
    def test_half_a_surrogate_pair_in_a_value_is_named(
        self, client: httpx.Client, field: str
    ) -> None:
        body = json.dumps({**VALID, field: "cat \ud83d"})
        (item,) = complaints(post(client, body))
        assert item["loc"] == ["body", field]

    def test_half_a_surrogate_pair_in_a_field_name_is_named(self, client: httpx.Client) -> None:
        (item,) = complaints(post(client, json.dumps({**VALID, "\ud83d": 1})))
        assert item == {
            "loc": ["body"],
            "msg": "Input should be a valid string, unable to parse raw data as a unicode string, "
            r"got '\ud83d'",
            "type": "string_unicode",
        }

    @pytest.mark.parametrize("name", ["\x00", "a\nb", "\x1b[31m", "\u202e", "x" * 5000])
    def test_other_field_names_are_given_back(self, client: httpx.Client, name: str) -> None:
        (item,) = complaints(post(client, json.dumps({**VALID, name: 1})))
        assert item["loc"] == ["body", name]

    @pytest.mark.parametrize("prompt", ["a\x00b", "a\nb", "\x1b[31m", "\u202ecat", "\U0001f431"])
    def test_a_prompt_may_have_any_character(self, client: httpx.Client, prompt: str) -> None:
        response = client.post("/jobs", json={"prompt": prompt})
        assert response.status_code == 202
        assert response.json()["request"]["prompt"] == prompt


class TestContentType:
    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
    def test_other_than_json_is_refused(self, client: httpx.Client, kind: str) -> None:
        headers = {"Content-Type": kind}
        response = client.post("/jobs", content=json.dumps(VALID), headers=headers)
        assert [item["loc"] for item in complaints(response)] == [["body"]]

    @pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/json"])
    def test_of_json_is_taken(self, client: httpx.Client, kind: str) -> None:
        headers = {"Content-Type": kind}
        response = client.post("/jobs", content=json.dumps(VALID), headers=headers)
        assert response.status_code == 202
