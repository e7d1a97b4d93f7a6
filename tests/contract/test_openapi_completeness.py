"""What every operation of the document has to have, so that a new route cannot forget it."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from api.errors import STATUS_OF
from api.openapi.error_examples import ALL

Node = dict[str, Any]
SUCCESS = ("2", "3")
JSON = "application/json"
ID = re.compile(r"[a-z][a-z0-9_]{2,39}")
REQUEST_ID = "#/components/parameters/X-Request-ID"


@pytest.fixture
def document(client: httpx.Client) -> Node:
    document: Node = client.get("/openapi.json").json()
    return document


def operations(document: Node) -> dict[str, Node]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def answers(document: Node) -> Iterator[tuple[str, str, Node]]:
    for name, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            yield name, status, answer


def parameters(document: Node) -> Iterator[tuple[str, Node]]:
    shared = document["components"]["parameters"]
    for name, operation in operations(document).items():
        for parameter in operation["parameters"]:
            reference = parameter.get("$ref", "").rpartition("/")[2]
            yield name, shared[reference] if reference else parameter


def schema_of(document: Node, content: Node) -> Node:
    reference = content["schema"].get("$ref", "").rpartition("/")[2]
    schema: Node = document["components"]["schemas"][reference] if reference else content["schema"]
    return schema


def examples_of(document: Node, content: Node) -> list[Any]:
    named = [example["value"] for example in content.get("examples", {}).values()]
    own = [content["example"]] if "example" in content else []
    return [*named, *own, *schema_of(document, content).get("examples", [])]


def why_wrong(document: Node, content: Node) -> list[str]:
    """Say what is wrong with the examples of a body."""
    examples = examples_of(document, content)
    schema = {**content["schema"], "components": document["components"]}
    validator = Draft202012Validator(schema)
    errors = [error.message for each in examples for error in validator.iter_errors(each)]
    return errors if examples else ["there is no example"]


class TestDocument:
    def test_is_valid(self, document: Node) -> None:
        validate(document)

    def test_describes_every_tag(self, document: Node) -> None:
        described = {tag["name"] for tag in document["tags"] if tag["description"]}
        used = {tag for each in operations(document).values() for tag in each["tags"]}
        assert used == described

    def test_describes_every_way_to_be_let_in(self, document: Node) -> None:
        schemes = document["components"]["securitySchemes"]
        assert all(scheme["description"] for scheme in schemes.values())
        assert {scheme["scheme"] for scheme in schemes.values()} == {"bearer", "basic"}

    def test_is_the_same_when_it_is_asked_for_again(
        self, client: httpx.Client, document: Node
    ) -> None:
        assert client.get("/openapi.json").json() == document


class TestOperation:
    def test_has_a_summary_a_description_and_one_tag(self, document: Node) -> None:
        for name, operation in operations(document).items():
            assert 3 <= len(operation["summary"]) <= 120, name
            assert operation["description"].endswith("."), name
            assert len(operation["tags"]) == 1, name

    def test_has_a_short_name_of_its_own(self, document: Node) -> None:
        names = [operation["operationId"] for operation in operations(document).values()]
        assert [name for name in names if not ID.fullmatch(name)] == []
        assert [name for name, times in Counter(names).items() if times > 1] == []

    def test_takes_a_request_id(self, document: Node) -> None:
        for name, operation in operations(document).items():
            assert {"$ref": REQUEST_ID} in operation["parameters"], name

    def test_says_of_each_parameter_what_it_is_and_what_it_looks_like(self, document: Node) -> None:
        for name, parameter in parameters(document):
            schema = parameter["schema"]
            assert parameter["description"], (name, parameter["name"])
            shown = {"example", "examples", "default", "enum"}
            assert (parameter.keys() | schema.keys()) & shown, (name, parameter["name"])

    def test_shows_what_can_be_sent_to_it(self, document: Node) -> None:
        for name, operation in operations(document).items():
            content = operation.get("requestBody", {"content": {}})["content"].get(JSON)
            if content is not None:
                assert why_wrong(document, content) == [], name


class TestAnswer:
    def test_has_a_description_and_the_id_of_its_request(self, document: Node) -> None:
        for name, status, answer in answers(document):
            assert answer["description"], (name, status)
            assert answer["headers"]["X-Request-ID"]["required"], (name, status)

    def test_says_of_each_header_what_it_is_and_what_it_looks_like(self, document: Node) -> None:
        for name, status, answer in answers(document):
            for header, shown in answer["headers"].items():
                assert {"description", "schema", "example"} <= shown.keys(), (name, status, header)

    def test_is_shown(self, document: Node) -> None:
        for name, status, answer in answers(document):
            if JSON in answer.get("content", {}):
                assert why_wrong(document, answer["content"][JSON]) == [], (name, status)

    def test_of_what_was_submitted_says_where_it_is(self, document: Node) -> None:
        accepted = [answer for _, status, answer in answers(document) if status == "202"]
        assert len(accepted) >= 2
        assert all(answer["headers"]["Location"]["required"] for answer in accepted)


class TestErrors:
    def test_are_there_for_every_operation_and_none_is_a_range(self, document: Node) -> None:
        for name, operation in operations(document).items():
            statuses = operation["responses"].keys()
            assert "500" in statuses, name
            assert all(status.isdigit() for status in statuses), name

    def test_are_shown_with_the_status_they_stand_under(self, document: Node) -> None:
        for name, status, answer in answers(document):
            if not status.startswith(SUCCESS):
                for body in examples_of(document, answer["content"][JSON]):
                    assert str(body.get("code", status)) == status, name

    def test_of_a_route_with_a_key_say_how_to_be_let_in(self, document: Node) -> None:
        for name, operation in operations(document).items():
            answer = operation["responses"].get("401")
            assert (answer is not None) is ("security" in operation), name
            assert answer is None or answer["headers"]["WWW-Authenticate"]["required"], name

    def test_of_a_body_are_shown_where_there_is_one(self, document: Node) -> None:
        for name, operation in operations(document).items():
            if "requestBody" in operation:
                assert {"400", "413"} <= operation["responses"].keys(), name

    def test_that_pass_say_when_to_try_again(self, document: Node) -> None:
        for name, status, answer in answers(document):
            if status in {"429", "503"}:
                assert answer["headers"]["Retry-After"]["required"], (name, status)

    def test_below_v1_say_whether_to_send_the_request_again(self, document: Node) -> None:
        for name, status, answer in answers(document):
            is_error = " /v1/" in name and not status.startswith(SUCCESS)
            assert ("x-should-retry" in answer["headers"]) is is_error, (name, status)

    def test_are_all_shown_somewhere(self) -> None:
        assert {type(error).__name__ for error in ALL} >= {
            error.__name__ for error in STATUS_OF if error.__name__ != "SeriesTimeout"
        }
