import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.generation import GenerationDefaults, Scheduler
from shared.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]

CHOSEN: dict[str, tuple[str, object]] = {
    "HOST": ("127.0.0.1", "127.0.0.1"),
    "PORT": ("8123", 8123),
    "RELOAD": ("true", True),
    "MODEL_ID": ("runwayml/stable-diffusion-v1-5", "runwayml/stable-diffusion-v1-5"),
    "DEVICE": ("CPU", "cpu"),
    "TORCH_DTYPE": ("Float16", "float16"),
    "DEFAULT_STEPS": ("10", 10),
    "DEFAULT_GUIDANCE_SCALE": ("3.5", 3.5),
    "DEFAULT_HEIGHT": ("256", 256),
    "DEFAULT_WIDTH": ("768", 768),
    "SCHEDULER_TYPE": ("EulerAncestral", Scheduler.EULER_ANCESTRAL),
    "USE_KARRAS_SIGMAS": ("false", False),
    "OFFLINE_MODE": ("1", True),
    "LOCAL_FILES_ONLY": ("yes", True),
    "MAX_CONCURRENT_REQUESTS": ("7", 7),
    "REQUEST_TIMEOUT": ("0.5", 0.5),
    "OPENAI_MODEL_ALIASES": ("gpt-image-1, dall-e-2", "gpt-image-1, dall-e-2"),
    "REDIS_URL": ("rediss://:secret@elsewhere:6380/3", "rediss://:secret@elsewhere:6380/3"),
    "RESULT_TTL": ("60", 60),
    "MAX_ATTEMPTS": ("1", 1),
    "LEASE_SECONDS": ("2.5", 2.5),
    "MAX_BODY_BYTES": ("2048", 2048),
    "WORKER_NAME": ("gpu-1", "gpu-1"),
    "LOG_LEVEL": ("DEBUG", "debug"),
}
WRONG = [
    ("PORT", "0", "greater than or equal to 1"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("PORT", "http", "integer"),
    ("RELOAD", "perhaps", "boolean"),
    ("DEVICE", "tpu", "'auto', 'cuda', 'mps' or 'cpu'"),
    ("TORCH_DTYPE", "int8", "'auto', 'float16', 'bfloat16' or 'float32'"),
    ("DEFAULT_STEPS", "4", "greater than or equal to 5"),
    ("DEFAULT_STEPS", "61", "less than or equal to 60"),
    ("DEFAULT_GUIDANCE_SCALE", "0.9", "greater than or equal to 1"),
    ("DEFAULT_GUIDANCE_SCALE", "nan", ""),
    ("DEFAULT_HEIGHT", "513", "multiple of 8"),
    ("DEFAULT_WIDTH", "248", "greater than or equal to 256"),
    ("SCHEDULER_TYPE", "ddim", "DPMSolver++ or EulerAncestral"),
    ("USE_KARRAS_SIGMAS", "2", "boolean"),
    ("OFFLINE_MODE", "offline", "boolean"),
    ("LOCAL_FILES_ONLY", "-1", "boolean"),
    ("MAX_CONCURRENT_REQUESTS", "0", "greater than or equal to 1"),
    ("REQUEST_TIMEOUT", "0", "greater than 0"),
    ("RESULT_TTL", "1.5", "integer"),
    ("MAX_ATTEMPTS", "0", "greater than or equal to 1"),
    ("LEASE_SECONDS", "0", "greater than or equal to 1"),
    ("MAX_BODY_BYTES", "1", "greater than or equal to 1024"),
    ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
]

Set = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def folder(clean_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory without a `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_variable(monkeypatch: pytest.MonkeyPatch) -> Set:
    return monkeypatch.setenv


def complaint() -> str:
    """Give what stops the process at start."""
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert isinstance(stopped.value.code, str)
    return stopped.value.code


class TestSources:
    @pytest.mark.parametrize("name", CHOSEN)
    def test_reads_each_variable_of_the_environment(self, set_variable: Set, name: str) -> None:
        text, value = CHOSEN[name]
        set_variable(name, text)
        assert getattr(load_settings(), name.lower()) == value

    @pytest.mark.parametrize("name", CHOSEN)
    def test_takes_the_default_for_a_variable_that_is_empty(
        self, set_variable: Set, name: str
    ) -> None:
        before = load_settings()
        set_variable(name, "")
        assert load_settings() == before

    def test_takes_the_default_for_a_variable_that_is_empty_in_the_file(self, folder: Path) -> None:
        (folder / ".env").write_text("PORT=\nMODEL_ID=\nAPI_KEY=\n")
        assert load_settings() == Settings()

    def test_reads_the_file(self, folder: Path) -> None:
        (folder / ".env").write_text("# The port.\nPORT=8123\n")
        assert load_settings().port == 8123

    def test_prefers_the_environment_to_the_file(self, folder: Path, set_variable: Set) -> None:
        (folder / ".env").write_text("PORT=8123\n")
        set_variable("PORT", "9000")
        assert load_settings().port == 9000

    def test_prefers_the_file_to_an_empty_variable(self, folder: Path, set_variable: Set) -> None:
        (folder / ".env").write_text("PORT=8123\n")
        set_variable("PORT", "")
        assert load_settings().port == 8123

    def test_ignores_what_it_does_not_know(self, folder: Path, set_variable: Set) -> None:
        (folder / ".env").write_text("UNKNOWN=1\n")
        set_variable("SOMETHING_ELSE", "1")
        assert load_settings() == Settings()

    @pytest.mark.parametrize("name", ["dpmsolver++", "DPMSOLVER++", " DPMSolver++ "])
    def test_takes_the_scheduler_in_any_case(self, set_variable: Set, name: str) -> None:
        set_variable("SCHEDULER_TYPE", name)
        assert load_settings().scheduler_type is Scheduler.DPM_SOLVER_PP


class TestDefaults:
    def test_are_the_codes_own_without_any_variable(self) -> None:
        assert load_settings().generation_defaults == GenerationDefaults()

    def test_come_from_the_environment(self, set_variable: Set) -> None:
        names = [name for name in CHOSEN if name.startswith("DEFAULT_")]
        for name in [*names, "SCHEDULER_TYPE"]:
            set_variable(name, CHOSEN[name][0])
        assert load_settings().generation_defaults == GenerationDefaults(
            num_inference_steps=10,
            guidance_scale=3.5,
            height=256,
            width=768,
            scheduler=Scheduler.EULER_ANCESTRAL,
        )


class TestApiKeys:
    @pytest.mark.parametrize(
        ("text", "keys"),
        [
            ("", ()),
            ("one", ("one",)),
            ("one, two ,three", ("one", "two", "three")),
        ],
    )
    def test_are_separated_by_commas(
        self, set_variable: Set, text: str, keys: tuple[str, ...]
    ) -> None:
        set_variable("API_KEY", text)
        assert load_settings().api_keys == keys

    def test_stop_the_start_where_they_are_set_and_none_is_there(self, set_variable: Set) -> None:
        set_variable("API_KEY", " , ,")
        with pytest.raises(SystemExit, match=r"API_KEY=…: must contain a key"):
            load_settings()


class TestWrongValues:
    @pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
    def test_stop_the_process_with_one_line_that_says_what_is_allowed(
        self, set_variable: Set, name: str, value: str, allowed: str
    ) -> None:
        set_variable(name, value)
        line = complaint()
        assert line.startswith(f"Wrong setting {name}={value}: ")
        assert allowed in line
        assert "\n" not in line

    def test_are_all_named(self, set_variable: Set) -> None:
        set_variable("PORT", "0")
        set_variable("DEVICE", "tpu")
        names = [line.split("=")[0] for line in complaint().splitlines()]
        assert names == ["Wrong setting PORT", "Wrong setting DEVICE"]

    def test_are_named_when_they_come_from_the_file(self, folder: Path) -> None:
        (folder / ".env").write_text("PORT=0\n")
        assert complaint().startswith("Wrong setting PORT=0: ")


class TestSecrets:
    @pytest.mark.parametrize("url", ["http://:hunter2@here", "hunter2", "redis://:hunter2@here:x"])
    def test_are_not_shown_when_they_are_wrong(self, set_variable: Set, url: str) -> None:
        set_variable("REDIS_URL", url)
        line = complaint()
        assert line.startswith("Wrong setting REDIS_URL=…: ")
        assert "hunter2" not in line
        assert "\n" not in line

    @pytest.mark.parametrize("show", [repr, str, lambda settings: settings.model_dump_json()])
    def test_are_not_shown_with_the_settings(
        self, set_variable: Set, show: Callable[[Settings], str]
    ) -> None:
        set_variable("API_KEY", "hunter2")
        assert "hunter2" not in show(load_settings())


class TestExampleFile:
    LINES = (ROOT / ".env.example").read_text().splitlines()
    SETTING = re.compile(r"(?:# )?([A-Z][A-Z0-9_]*)=(.*)")

    def settings(self) -> list[tuple[str, str]]:
        found = [self.SETTING.fullmatch(line) for line in self.LINES]
        return [(match[1], match[2]) for match in found if match]

    def test_names_every_setting_once_and_nothing_else(self) -> None:
        names = [name for name, _ in self.settings()]
        assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)

    def test_describes_each_in_the_line_above_it(self) -> None:
        descriptions = [
            above
            for above, line in zip(self.LINES, self.LINES[1:], strict=False)
            if self.SETTING.fullmatch(line)
        ]
        undescribed = [
            line for line in descriptions if not line.startswith("# ") or self.SETTING.match(line)
        ]
        assert undescribed == []

    def test_shows_the_defaults(self, folder: Path) -> None:
        assigned = [line for line in self.LINES if not line.startswith("#")]
        (folder / ".env").write_text("\n".join(assigned))
        assert load_settings() == Settings(_env_file=None)
