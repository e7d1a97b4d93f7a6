import hashlib
import os
from pathlib import Path

import pytest

from api.callers import Caller, KeyRing, KeysUnreadable, parse_rate
from shared.job_parts import Priority
from tests.unit.eventually import eventually

KEY = "sk-first"
OTHER_KEY = "sk-second"


def entry(name: str, *keys: str, more: str = "") -> str:
    hashes = ", ".join(f'"{hashlib.sha256(key.encode()).hexdigest()}"' for key in keys)
    return f"[{name}]\nsha256 = [{hashes}]\n{more}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


class TestVariable:
    def test_lets_everybody_in_where_it_is_empty(self) -> None:
        assert KeyRing([]).is_open

    def test_lets_its_keys_in_and_nobody_else(self) -> None:
        keys = KeyRing([KEY])
        found = keys.find(KEY)
        assert found is not None
        assert KEY not in found.name
        assert (keys.is_open, keys.find(OTHER_KEY), keys.find("")) == (False, None, None)

    def test_makes_each_key_a_caller_of_its_own(self) -> None:
        keys = KeyRing([KEY, OTHER_KEY])
        one, other = keys.find(KEY), keys.find(OTHER_KEY)
        assert one is not None
        assert other is not None
        assert one.name != other.name


class TestFile:
    def test_gives_its_keys_names_and_limits(self, file: Path) -> None:
        limits = 'rate = "5/minute"\nmax_jobs = 3\npriority = "low"'
        file.write_text(entry("django", KEY, more=limits))
        assert KeyRing([], file).find(KEY) == Caller(
            name="django", rate=parse_rate("5/minute"), max_jobs=3, priority=Priority.LOW
        )

    def test_takes_the_usual_limits_for_what_it_leaves_out(self, file: Path) -> None:
        file.write_text(entry("django", KEY))
        rate = parse_rate("60/minute")
        found = KeyRing([], file, rate=rate, max_jobs=9).find(KEY)
        assert found == Caller(name="django", rate=rate, max_jobs=9)

    def test_can_give_a_caller_two_keys_while_one_replaces_the_other(self, file: Path) -> None:
        file.write_text(entry("django", KEY, OTHER_KEY))
        keys = KeyRing([], file)
        assert keys.find(KEY) == keys.find(OTHER_KEY) == Caller(name="django")

    def test_that_is_empty_lets_nobody_in(self, file: Path) -> None:
        file.write_text("")
        assert (KeyRing([], file).is_open, KeyRing([], file).find("")) == (False, None)

    def test_is_read_again_when_it_has_changed(self, file: Path) -> None:
        file.write_text(entry("django", KEY))
        keys = KeyRing([], file)
        replace(file, entry("django", OTHER_KEY))
        eventually(lambda: keys.find(OTHER_KEY), until=lambda found: found is not None)
        assert keys.find(KEY) is None

    @pytest.mark.parametrize("text", ["[django", "[django]\nsha256 = 'short'", None])
    def test_keeps_the_old_keys_where_the_new_ones_cannot_be_read(
        self, file: Path, text: str | None
    ) -> None:
        file.write_text(entry("django", KEY))
        keys = KeyRing([OTHER_KEY], file)
        file.unlink()
        if text is not None:
            replace(file, text)
        keys._read_at = float("-inf")  # noqa: SLF001  # As if a second had gone by.
        assert keys.find(KEY) == Caller(name="django")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[django", "Expected"),
            ("[django]\nsha256 = 'short'", "django.sha256"),
            ("[django]\nkey = 'plain'", "django.sha256"),
            (entry("django", KEY, more='rate = "fast"'), "60/minute"),
            (entry("django", KEY, more="max_jobs = 0"), "greater than or equal to 1"),
            (entry('"a b"', KEY), "pattern"),
        ],
    )
    def test_that_is_wrong_is_named_at_the_start(self, file: Path, text: str, said: str) -> None:
        file.write_text(text)
        with pytest.raises(KeysUnreadable, match=said):
            KeyRing([], file)

    def test_that_is_not_there_is_named_at_the_start(self, file: Path) -> None:
        with pytest.raises(KeysUnreadable, match="No such file"):
            KeyRing([], file)


def replace(file: Path, text: str) -> None:
    """As an editor or a secret's mount does: another file under the same name."""
    new = file.with_suffix(".new")
    new.write_text(text)
    os.utime(new, ns=(1, 1))
    new.replace(file)
