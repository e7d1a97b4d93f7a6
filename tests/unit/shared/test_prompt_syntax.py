import math
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.prompt_syntax import LARGEST_WEIGHT, Span, parse_prompt, plain_prompt

# Dense in what means something.
PROMPTS = st.text(st.sampled_from("()[]\\:.1290-+ abBREAK,é") | st.characters(), max_size=60)
PLAIN = st.text(st.characters(exclude_characters="()[]\\:"), max_size=40).filter(
    lambda text: "BREAK" not in text
)
FACTORS = st.floats(0.1, 2).map(lambda factor: round(factor, 2))


def spans_of(prompt: str) -> list[Span]:
    return list(chain.from_iterable(parse_prompt(prompt)))


def weights(prompt: str) -> list[tuple[str, float]]:
    return [(span.text, round(span.weight, 4)) for span in spans_of(prompt)]


class TestWeights:
    @pytest.mark.parametrize(
        ("prompt", "expected"),
        [
            ("normal text", [("normal text", 1)]),
            ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
            ("an [unimportant] word", [("an ", 1), ("unimportant", 0.9091), (" word", 1)]),
            ("(word:1.4)", [("word", 1.4)]),
            ("(word : 1.4 )", [("word ", 1.4)]),
            ("(word:.5)", [("word", 0.5)]),
            ("(word:-1)", [("word", -1)]),
            ("((a) b)", [("a", 1.21), (" b", 1.1)]),
            ("((a:2) b:3)", [("a", 6), (" b", 3)]),
            ("([a])", [("a", 1)]),
            ("(a)(b)", [("ab", 1.1)]),
            ("(one)(two:1.1)[three]", [("onetwo", 1.1), ("three", 0.9091)]),
            (
                "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
                [
                    ("a ", 1),
                    ("house", 1.573),
                    (" ", 1.1),
                    ("on", 1),
                    (" a ", 1.1),
                    ("hill", 0.55),
                    (", sun, ", 1.1),
                    ("sky", 1.4641),
                    (".", 1.1),
                ],
            ),
        ],
    )
    def test_are_those_of_a1111(self, prompt: str, expected: list[tuple[str, float]]) -> None:
        assert weights(prompt) == expected

    @pytest.mark.parametrize(
        ("prompt", "expected"),
        [
            ("(a", [("a", 1.1)]),
            ("[a", [("a", 0.9091)]),
            ("((a", [("a", 1.21)]),
            ("a)", [("a)", 1)]),
            ("a]", [("a]", 1)]),
            ("a:1.2)", [("a:1.2)", 1)]),
            ("(a:b)", [("a:b", 1.1)]),
            ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
            ("(a:1.2", [("a:1.2", 1.1)]),
            ("[a:1.2]", [("a:1.2", 0.9091)]),
            ("at 12:30", [("at 12:30", 1)]),
            ("()", []),
            ("", []),
        ],
    )
    def test_come_of_brackets_that_do_not_match_too(
        self, prompt: str, expected: list[tuple[str, float]]
    ) -> None:
        assert weights(prompt) == expected

    @pytest.mark.parametrize(
        ("prompt", "text"),
        [(r"\(a\)", "(a)"), (r"\[a\]", "[a]"), (r"a\\b", r"a\b"), (r"a\b", "ab"), ("a\\", "a")],
    )
    def test_leave_alone_what_is_escaped(self, prompt: str, text: str) -> None:
        assert weights(prompt) == [(text, 1)]

    def test_are_bounded(self) -> None:
        assert weights("(a:99999)") == [("a", LARGEST_WEIGHT)]
        assert weights(f"{'(' * 200}a{')' * 200}") == [("a", LARGEST_WEIGHT)]
        assert weights(f"((a:{'9' * 400}):0)") == [("a", 0)]

    @given(text=PLAIN.filter(str.strip), factors=st.lists(FACTORS, min_size=1, max_size=3))
    def test_multiply(self, text: str, factors: list[float]) -> None:
        prompt = "(" * len(factors) + text + "".join(f":{factor})" for factor in factors)
        (span,) = spans_of(prompt)
        assert span.text == text
        assert span.weight == pytest.approx(math.prod(factors))


class TestBreak:
    @pytest.mark.parametrize(
        ("prompt", "passages"),
        [
            ("a BREAK b", ["a", "b"]),
            ("a\nBREAK\nb", ["a", "b"]),
            ("a, BREAK, b", ["a,", ", b"]),
            ("BREAK a", ["", "a"]),
            ("a BREAK", ["a", ""]),
            ("a BREAKFAST", ["a BREAKFAST"]),
            ("a break b", ["a break b"]),
            ("(a BREAK b:2)", ["a", "b"]),
        ],
    )
    def test_begins_a_passage(self, prompt: str, passages: list[str]) -> None:
        found = ["".join(span.text for span in passage) for passage in parse_prompt(prompt)]
        assert found == passages


class TestAnyPrompt:
    @given(prompt=PROMPTS)
    def test_is_read_with_weights_that_a_model_can_bear(self, prompt: str) -> None:
        passages = parse_prompt(prompt)
        assert passages
        for span in chain.from_iterable(passages):
            assert math.isfinite(span.weight)
            assert abs(span.weight) <= LARGEST_WEIGHT

    @given(prompt=PROMPTS)
    def test_is_read_in_the_order_in_which_it_was_typed(self, prompt: str) -> None:
        places = [place for span in spans_of(prompt) for place in span.places]
        text = "".join(span.text for span in spans_of(prompt))
        assert places == sorted(set(places))
        assert "".join(prompt[place] for place in places) == text

    @given(text=PLAIN)
    def test_without_syntax_is_itself(self, text: str) -> None:
        assert parse_prompt(text) == plain_prompt(text) if text else spans_of(text) == []

    @given(prompt=PROMPTS)
    def test_is_itself_in_plain_syntax(self, prompt: str) -> None:
        ((span,),) = plain_prompt(prompt)
        assert (span.text, span.weight) == (prompt, 1)
