import pytest

from shared.log import prompt_head


class TestPromptHead:
    @pytest.mark.parametrize(
        ("prompt", "head"),
        [("a cat", "a cat"), ("x" * 40, "x" * 40), ("x" * 41, "x" * 39 + "…")],
    )
    def test_shows_no_more_than_forty_characters(self, prompt: str, head: str) -> None:
        assert prompt_head(prompt) == head
