from typing import Any

import httpx
import pytest

from tests.contract.conftest import StartApi

Document = dict[str, Any]
DEFAULTS = {
    "num_inference_steps": 9,
    "guidance_scale": 3.5,
    "height": 264,
    "width": 272,
    "scheduler": "euler_ancestral",
}
ERROR = {"$ref": "#/components/schemas/ErrorBody"}
OPENAI_ERROR = {"$ref": "#/components/schemas/OpenAiErrorBody"}


@pytest.fixture
def document(client: httpx.Client) -> Document:
    document: Document = client.get("/openapi.json").json()
    return document


def operations(document: Document) -> dict[str, Document]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def shown_errors(operation: Document) -> dict[str, Document]:
    return {
        status: answer["content"]["application/json"]["schema"]
        for status, answer in operation["responses"].items()
        if not status.startswith(("2", "3"))
    }


class TestOpenApi:
    def test_names_every_route(self, document: Document) -> None:
        assert set(operations(document)) == {
            "GET /",
            "GET /health",
            "GET /livez",
            "GET /models",
            "GET /metrics",
            "GET /readyz",
            "POST /generate",
            "POST /png-info",
            "POST /verify",
            "GET /loras",
            "POST /tokens",
            "POST /jobs",
            "GET /jobs",
            "GET /jobs/{job_id}",
            "GET /jobs/{job_id}/events",
            "GET /jobs/{job_id}/image",
            "DELETE /jobs/{job_id}",
            "GET /schedulers",
            "POST /v1/images/generations",
            "POST /v1/images/edits",
            "GET /v1/models",
            "GET /v1/models/{name}",
            "POST /sdapi/v1/txt2img",
            "POST /sdapi/v1/img2img",
            "GET /sdapi/v1/progress",
            "GET /sdapi/v1/samplers",
            "GET /sdapi/v1/schedulers",
            "GET /sdapi/v1/sd-models",
            "GET /sdapi/v1/options",
            "GET /sdapi/v1/scripts",
            "GET /sdapi/v1/upscalers",
            "GET /sdapi/v1/latent-upscale-modes",
            "GET /sdapi/v1/sd-vae",
            "GET /sdapi/v1/loras",
            "GET /sdapi/v1/prompt-styles",
        }

    def test_shows_the_errors_of_every_route_in_the_one_shape(self, document: Document) -> None:
        for name, operation in operations(document).items():
            shape = OPENAI_ERROR if " /v1/" in name else ERROR
            assert all(shown == shape for shown in shown_errors(operation).values()), name

    @pytest.mark.parametrize(
        ("name", "status", "errors"),
        [
            (
                "POST /generate",
                "503",
                {"BrokerUnavailable", "ModelNotLoaded", "ServerStopping", "StorageUnavailable"},
            ),
            (
                "POST /generate",
                "422",
                {
                    "ValidationError",
                    "ValidationError 2",
                    "ValidationError 3",
                    "ValidationError 4",
                    "IdempotencyConflict",
                    "ContentBlocked",
                },
            ),
            ("POST /jobs", "429", {"QueueFull", "RateLimited"}),
            ("GET /jobs/{job_id}/image", "409", {"JobNotFinished", "JobCanceled"}),
            ("POST /v1/images/generations", "404", {"model_not_found"}),
        ],
    )
    def test_names_the_errors_under_their_status(
        self, document: Document, name: str, status: str, errors: set[str]
    ) -> None:
        answer = operations(document)[name]["responses"][status]
        assert set(answer["content"]["application/json"]["examples"]) == errors

    @pytest.mark.parametrize(
        ("name", "missing"),
        [
            ("POST /jobs", {"504", "409"}),
            ("GET /livez", {"401", "404", "422", "503"}),
            ("POST /v1/images/generations", {"422"}),
        ],
    )
    def test_promises_no_error_that_cannot_be(
        self, document: Document, name: str, missing: set[str]
    ) -> None:
        assert not missing & operations(document)[name]["responses"].keys()

    def test_knows_no_other_shape_of_an_error(self, document: Document) -> None:
        assert "HTTPValidationError" not in document["components"]["schemas"]

    def test_shows_the_fields_of_an_error(self, document: Document) -> None:
        body = document["components"]["schemas"]["ErrorBody"]
        assert set(body["required"]) == {"error", "code", "detail", "meta"}

    @pytest.mark.parametrize("name", ["POST /generate", "GET /jobs/{job_id}/image"])
    def test_shows_that_a_picture_is_answered(self, document: Document, name: str) -> None:
        answer = operations(document)[name]["responses"]["200"]
        assert list(answer["content"]) == ["image/png"]
        assert {"X-Seed", "X-Prompt-Tokens", "X-Job-Id", "Server-Timing"} <= set(answer["headers"])

    def test_shows_that_a_submit_is_accepted(self, document: Document) -> None:
        answers = operations(document)["POST /jobs"]["responses"]
        assert [status for status in answers if status.startswith("2")] == ["202"]

    def test_shows_that_generate_can_submit_too(self, document: Document) -> None:
        answer = operations(document)["POST /generate"]["responses"]["202"]
        assert answer["headers"].keys() >= {"Location", "Preference-Applied"}

    def test_lets_tools_of_a1111_in_by_password(self, document: Document) -> None:
        for name, operation in operations(document).items():
            ways = [way for ways in operation.get("security", []) for way in ways]
            assert ("HTTPBasic" in ways) is ("/sdapi/" in name), name

    def test_shows_events_one_by_one(self, document: Document) -> None:
        answer = operations(document)["GET /jobs/{job_id}/events"]["responses"]["200"]
        event = answer["content"]["text/event-stream"]["schema"]
        assert {"event", "data", "id"} <= event["properties"].keys()

    def test_shows_the_ranges_of_the_contract(self, document: Document) -> None:
        steps = document["components"]["schemas"]["GenerationRequest"]["properties"][
            "num_inference_steps"
        ]
        assert (steps["minimum"], steps["maximum"], steps["default"]) == (5, 60, 28)

    def test_shows_the_defaults_of_the_settings(self, start_api: StartApi) -> None:
        client = start_api(
            default_steps=9,
            default_guidance_scale=3.5,
            default_height=264,
            default_width=272,
            scheduler_type="EulerAncestral",
        )
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        for model in ("GenerationRequest", "JobSubmission"):
            properties = schemas[model]["properties"]
            assert {name: properties[name]["default"] for name in DEFAULTS} == DEFAULTS

    def test_says_which_routes_need_a_key(self, document: Document) -> None:
        guarded = {
            name for name, operation in operations(document).items() if "security" in operation
        }
        parts = ("/jobs", "/generate", "/models", "/v1/", "/schedulers")
        assert guarded == {
            name
            for name in operations(document)
            if any(
                noun in name for noun in (*parts, "/png-info", "/verify", "/tokens", "GET /loras")
            )
        }

    @pytest.mark.parametrize(("keys", "is_open"), [("", True), ("secret", False)])
    def test_says_whether_a_key_is_an_option(
        self, start_api: StartApi, keys: str, *, is_open: bool
    ) -> None:
        document = start_api(api_key=keys).get("/openapi.json").json()
        for name, operation in operations(document).items():
            assert ({} in operation.get("security", [{}])) is (
                is_open or "security" not in operation
            ), name

    @pytest.mark.parametrize("name", ["POST /png-info", "POST /verify"])
    def test_shows_both_forms_of_a_picture_in_a_body(self, document: Document, name: str) -> None:
        body = operations(document)[name]["requestBody"]
        assert set(body["content"]) == {"image/png", "application/json"}

    def test_shows_of_a_png_only_what_it_says(self, document: Document) -> None:
        answer = operations(document)["POST /png-info"]["responses"]["200"]
        request = answer["content"]["application/json"]["example"]["request"]
        assert request.keys() == {"prompt", "seed", "num_inference_steps"}

    @pytest.mark.parametrize(
        ("name", "model"),
        [("POST /generate", "GenerationRequest"), ("POST /jobs", "JobSubmission")],
    )
    def test_shows_both_forms_of_a_request(self, document: Document, name: str, model: str) -> None:
        content = operations(document)[name]["requestBody"]["content"]
        assert content["application/json"]["schema"] == {"$ref": f"#/components/schemas/{model}"}
        assert content["multipart/form-data"]["schema"]["properties"]["init_image"] == {
            "type": "string",
            "format": "binary",
        }
