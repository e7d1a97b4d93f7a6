import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from api.callers import Caller, KeyRing
from scripts.cli.main import main


class TestKey:
    def test_prints_lines_that_let_its_owner_in(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as end:
            main(["key", "site.one"])
        printed = capsys.readouterr()
        secret = printed.err.split("once: ")[1].split()[0]
        file = tmp_path / "keys.toml"
        file.write_text(printed.out)
        assert end.value.code in {0, None}
        assert secret not in printed.out
        assert KeyRing([], file).find(secret) == Caller(name="site.one")

    def test_is_another_each_time(self, capsys: pytest.CaptureFixture[str]) -> None:
        keys = set()
        for _ in range(2):
            with pytest.raises(SystemExit):
                main(["key", "django", "--json"])
            made = json.loads(capsys.readouterr().out)
            assert made["sha256"] == hashlib.sha256(made["key"].encode()).hexdigest()
            keys.add(made["key"])
        assert len(keys) == 2

    def test_refuses_what_is_not_a_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as end:
            main(["key", "a b"])
        assert end.value.code == 2
        assert tomllib.loads(capsys.readouterr().out) == {}
