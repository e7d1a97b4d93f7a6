import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.prompt_reader import PromptReader, ReadPrompt
from shared.prompt_rules import PromptPolicy, PromptSyntax
from tests.support.tokenizers import make_tokenizer


def read(
    prompt: str,
    policy: PromptPolicy = PromptPolicy.CHUNK,
    syntax: PromptSyntax = PromptSyntax.A1111,
    *,
    chunk_tokens: int = 75,
) -> ReadPrompt:
    return PromptReader(make_tokenizer(chunk_tokens=chunk_tokens), policy, syntax).read(prompt)


def sizes(found: ReadPrompt) -> list[int]:
    return [len(chunk) for chunk in found.chunks]


class TestChunks:
    def test_take_as_much_as_the_model_reads(self) -> None:
        assert sizes(read("cat " * 75)) == [75]
        assert sizes(read("cat " * 76)) == [75, 1]
        assert sizes(read("cat " * 160)) == [75, 75, 10]

    def test_are_as_large_as_the_model_says(self) -> None:
        assert sizes(read("cat " * 76, chunk_tokens=30)) == [30, 30, 16]

    def test_end_behind_a_comma_that_is_near(self) -> None:
        assert sizes(read("cat " * 55 + ", " + "dog " * 40)) == [56, 40]

    def test_do_not_end_behind_a_comma_that_is_far(self) -> None:
        assert sizes(read("cat " * 54 + ", " + "dog " * 40)) == [75, 20]

    def test_may_begin_with_a_comma(self) -> None:
        assert sizes(read("cat " * 70 + ", cat cat cat cat, dog")) == [75, 2]

    def test_end_at_a_break(self) -> None:
        assert sizes(read("a cat BREAK a dog on a mat")) == [2, 5]
        assert sizes(read("BREAK a cat")) == [0, 2]
        assert sizes(read("a cat BREAK")) == [2]

    def test_are_one_at_least(self) -> None:
        assert sizes(read("")) == [0]
        assert sizes(read("BREAK")) == [0]

    def test_hold_the_weight_of_each_token(self) -> None:
        (chunk,) = read("a (red apple:1.5) [table]").chunks
        assert [round(token.weight, 3) for token in chunk] == [1, 1.5, 1.5, 0.909]

    def test_drop_nothing(self) -> None:
        assert read("cat " * 200).dropped_text == ""


class TestPlainSyntax:
    def test_counts_brackets(self) -> None:
        assert read("(cat)", syntax=PromptSyntax.PLAIN).tokens == 3
        assert read("(cat)", syntax=PromptSyntax.A1111).tokens == 1


@pytest.mark.parametrize("policy", [PromptPolicy.TRUNCATE, PromptPolicy.ERROR])
class TestOneChunkOnly:
    def test_says_what_is_beyond_it_as_it_was_typed(self, policy: PromptPolicy) -> None:
        found = read("cat " * 74 + "RED Apple,  (Über\nDOG:1.2) ", policy)
        assert (sizes(found), found.dropped_text) == ([75], "Apple,  (Über\nDOG:1.2)")

    def test_does_not_cut_a_character_in_two(self, policy: PromptPolicy) -> None:
        assert read("cat " * 73 + "😀 dog", policy).dropped_text == "😀 dog"

    def test_has_all_tokens_counted(self, policy: PromptPolicy) -> None:
        assert read("cat " * 80, policy).tokens == 80

    def test_says_nothing_where_all_is_read(self, policy: PromptPolicy) -> None:
        assert read("cat " * 75, policy).dropped_text == ""

    def test_is_not_ended_by_a_break(self, policy: PromptPolicy) -> None:
        assert sizes(read("a cat BREAK a dog", policy)) == [4]


@given(prompt=st.text(max_size=300), policy=st.sampled_from(PromptPolicy))
def test_any_prompt_is_read_in_chunks_that_fit(prompt: str, policy: PromptPolicy) -> None:
    found = read(prompt, policy, chunk_tokens=20)
    assert max(sizes(found)) <= 20
    assert sum(sizes(found)) == found.tokens or found.dropped_text
