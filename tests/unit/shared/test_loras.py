import pytest
from pydantic import ValidationError

from shared.lora_tags import read_tags, write_tags
from shared.loras import LoraUse
from tests.support.builders import make_request


def use(name: str, weight: float = 1.0) -> LoraUse:
    return LoraUse(name=name, weight=weight)


class TestRequest:
    def test_takes_names_with_spaces_dots_and_letters_of_any_language(self) -> None:
        names = ("add detail v1.2", "水彩_v2", "Größe (2)")
        request = make_request(loras=[{"name": name} for name in names])
        assert request.loras == tuple(map(use, names))

    @pytest.mark.parametrize(
        "name", ["", "../x", "a/b", "a\\b", ".hidden", "a:b", "a ", "a>b", "a,b"]
    )
    def test_refuses_what_is_no_name_of_a_file_alone(self, name: str) -> None:
        with pytest.raises(ValidationError):
            make_request(loras=[{"name": name}])

    @pytest.mark.parametrize("weight", [2.01, -2.01, float("nan"), "1", True])
    def test_refuses_weights_out_of_range_and_what_is_no_number(self, weight: object) -> None:
        with pytest.raises(ValidationError):
            make_request(loras=[{"name": "a", "weight": weight}])

    def test_refuses_a_name_that_comes_twice_and_says_which(self) -> None:
        with pytest.raises(ValidationError, match="b is named more often"):
            make_request(loras=[{"name": "a"}, {"name": "b"}, {"name": "b", "weight": 0.5}])

    def test_refuses_more_than_eight(self) -> None:
        with pytest.raises(ValidationError, match="at most 8"):
            make_request(loras=[{"name": f"lora {number}"} for number in range(9)])


class TestTags:
    @pytest.mark.parametrize("prompt", ["a cat", "a cat ", "a\ncat", "a cat,"])
    def test_are_read_back_as_they_were_written(self, prompt: str) -> None:
        loras = (use("b", 0.8), use("add detail (1)", -1.25), use("c"))
        tagged = read_tags(write_tags(prompt, loras))
        assert (tagged.words, tagged.loras, tagged.complaints) == (prompt, loras, ())

    def test_are_written_as_a1111_reads_them(self) -> None:
        written = write_tags("a cat", [use("b", 0.8), use("c")])
        assert written == "a cat <lora:b:0.8> <lora:c:1>"

    def test_may_stand_anywhere_and_leave_the_weight_out(self) -> None:
        tagged = read_tags("<LORA:one>a <lora:two:.5> cat")
        assert (tagged.words, tagged.loras) == ("a cat", (use("one"), use("two", 0.5)))

    def test_may_give_the_same_weight_twice_as_a1111_has_one_for_text_and_picture(self) -> None:
        assert read_tags("a <lora:one:0.5:0.5>").loras == (use("one", 0.5),)

    @pytest.mark.parametrize(
        "tag", ["<lora:>", "<lora:a:2.5>", "<lora:a:x>", "<lora:a:1:0.5>", "<lora:a:te=1>"]
    )
    def test_that_cannot_be_are_left_out_with_a_complaint(self, tag: str) -> None:
        tagged = read_tags(f"a cat {tag}")
        assert (tagged.words, tagged.loras) == ("a cat", ())
        assert tagged.complaints[0].startswith(tag)
