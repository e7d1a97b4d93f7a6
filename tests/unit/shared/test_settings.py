import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.generation import GenerationDefaults, Scheduler
from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]

CHOSEN: dict[str, tuple[str, object]] = {
    "HOST": ("127.0.0.1", "127.0.0.1"),
    "PORT": ("8123", 8123),
    "RELOAD": ("true", True),
    "MODELS": ("a=b/c, d=/e", "a=b/c, d=/e"),
    "MAX_WARM_MODELS": ("3", 3),
    "VAE_ID": ("stabilityai/sd-vae-ft-mse", "stabilityai/sd-vae-ft-mse"),
    "PREDICTION_TYPE": ("V_Prediction", "v_prediction"),
    "CHANNELS_LAST": ("On", "on"),
    "COMPILE": ("Max-Autotune", "max-autotune"),
    "COMPILE_SHAPES": ("512x512,768x512", "512x512,768x512"),
    "MODEL_ID": ("runwayml/stable-diffusion-v1-5", "runwayml/stable-diffusion-v1-5"),
    "DEVICE": ("CPU", "cpu"),
    "TORCH_DTYPE": ("Float16", "float16"),
    "DEFAULT_STEPS": ("10", 10),
    "DEFAULT_GUIDANCE_SCALE": ("3.5", 3.5),
    "DEFAULT_HEIGHT": ("256", 256),
    "DEFAULT_WIDTH": ("768", 768),
    "SCHEDULER_TYPE": ("EulerAncestral", Scheduler.EULER_ANCESTRAL),
    "USE_KARRAS_SIGMAS": ("false", False),
    "PROMPT_POLICY": ("Error", PromptPolicy.ERROR),
    "PROMPT_SYNTAX": ("plain", PromptSyntax.PLAIN),
    "SAFETY_CHECKER": ("Flag", "flag"),
    "SAFETY_CHECKER_ID": ("/models/checker", "/models/checker"),
    "OFFLINE_MODE": ("1", True),
    "LOCAL_FILES_ONLY": ("yes", True),
    "MAX_CONCURRENT_REQUESTS": ("7", 7),
    "REQUEST_TIMEOUT": ("0.5", 0.5),
    "OPENAI_MODEL_ALIASES": ("gpt-image-1, dall-e-2", "gpt-image-1, dall-e-2"),
    "REDIS_URL": ("rediss://:secret@elsewhere:6380/3", "rediss://:secret@elsewhere:6380/3"),
    "STORAGE_URL": ("s3://pictures/some/prefix", "s3://pictures/some/prefix"),
    "STORAGE_SIGNED_URLS": ("true", True),
    "RESULT_TTL": ("60", 60),
    "MAX_ATTEMPTS": ("1", 1),
    "LEASE_SECONDS": ("2.5", 2.5),
    "MAX_BODY_BYTES": ("2048", 2048),
    "API_KEYS_FILE": ("/etc/keys.toml", Path("/etc/keys.toml")),
    "RATE_LIMIT": ("60/minute", "60/minute"),
    "MAX_JOBS_PER_KEY": ("5", 5),
    "CORS_ORIGINS": ("https://one.example", "https://one.example"),
    "DOCS_ENABLED": ("false", False),
    "METRICS_ENABLED": ("false", False),
    "MAX_IMAGE_BYTES": ("4096", 4096),
    "WEBHOOK_ALLOW_HTTP": ("true", True),
    "WEBHOOK_ALLOWED_HOSTS": ("here, 10.0.0.0/8", "here, 10.0.0.0/8"),
    "WORKER_NAME": ("gpu-1", "gpu-1"),
    "WORKER_METRICS_HOST": ("0.0.0.0", "0.0.0.0"),
    "WORKER_METRICS_PORT": ("9103", 9103),
    "WEBHOOK_METRICS_PORT": ("0", 0),
    "LOG_LEVEL": ("DEBUG", "debug"),
    "LOG_FORMAT": ("JSON", "json"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("https://collector:4318/o", "https://collector:4318/o"),
    "FLOWER_PORT": ("5556", 5556),
}
WRONG = [
    ("MODELS", "a", "must be name=source"),
    ("MODELS", "a b=c", "names of letters, digits"),
    ("MODELS", "a=b,a=c", "must not give two models the same name"),
    ("MAX_WARM_MODELS", "0", "greater than or equal to 1"),
    ("CHANNELS_LAST", "yes", "'auto', 'on' or 'off'"),
    ("COMPILE", "yes", "'off', 'default' or 'max-autotune'"),
    ("COMPILE_SHAPES", "512", "sizes such as 512x512"),
    ("COMPILE_SHAPES", "512x100", "each 256-768, a multiple of 8"),
    ("PREDICTION_TYPE", "sample", "'auto', 'epsilon' or 'v_prediction'"),
    ("PORT", "0", "greater than or equal to 1"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("PORT", "http", "integer"),
    ("RELOAD", "perhaps", "boolean"),
    ("RATE_LIMIT", "fast", "60/minute"),
    ("RATE_LIMIT", "0/minute", "60/minute"),
    ("RATE_LIMIT", "5/fortnight", "60/minute"),
    ("MAX_JOBS_PER_KEY", "-1", "greater than or equal to 0"),
    ("DEVICE", "tpu", "'auto', 'cuda', 'mps' or 'cpu'"),
    ("TORCH_DTYPE", "int8", "'auto', 'float16', 'bfloat16' or 'float32'"),
    ("DEFAULT_STEPS", "4", "greater than or equal to 5"),
    ("DEFAULT_STEPS", "61", "less than or equal to 60"),
    ("DEFAULT_GUIDANCE_SCALE", "0.9", "greater than or equal to 1"),
    ("DEFAULT_GUIDANCE_SCALE", "nan", ""),
    ("DEFAULT_HEIGHT", "513", "multiple of 8"),
    ("DEFAULT_WIDTH", "248", "greater than or equal to 256"),
    ("SCHEDULER_TYPE", "plms", "must be one of DPMSolver++, EulerAncestral, Euler, Heun, "),
    ("USE_KARRAS_SIGMAS", "2", "boolean"),
    ("SAFETY_CHECKER", "on", "'off', 'flag' or 'block'"),
    ("OFFLINE_MODE", "offline", "boolean"),
    ("LOCAL_FILES_ONLY", "-1", "boolean"),
    ("MAX_CONCURRENT_REQUESTS", "0", "greater than or equal to 1"),
    ("REQUEST_TIMEOUT", "0", "greater than 0"),
    ("RESULT_TTL", "1.5", "integer"),
    ("MAX_ATTEMPTS", "0", "greater than or equal to 1"),
    ("LEASE_SECONDS", "0", "greater than or equal to 1"),
    ("MAX_BODY_BYTES", "1", "greater than or equal to 1024"),
    ("MAX_IMAGE_BYTES", "1", "greater than or equal to 1024"),
    ("WEBHOOK_ALLOW_HTTP", "perhaps", "boolean"),
    ("WEBHOOK_ALLOWED_HOSTS", "10.0.0.1/8", "'10.0.0.1/8' is neither a host name nor an address"),
    ("WORKER_METRICS_PORT", "-1", "greater than or equal to 0"),
    ("WEBHOOK_METRICS_PORT", "65536", "less than or equal to 65535"),
    ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ("LOG_FORMAT", "xml", "'auto', 'console' or 'json'"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "'http' or 'https'"),
    ("FLOWER_PORT", "0", "greater than or equal to 1"),
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

    @pytest.mark.parametrize(
        ("name", "scheduler"),
        [
            ("dpm++ 2m sde", Scheduler.DPM_SOLVER_PP_SDE),
            ("Euler a", Scheduler.EULER_ANCESTRAL),
            ("Euler Ancestral", Scheduler.EULER_ANCESTRAL),
            ("UNI_PC", Scheduler.UNIPC),
            ("k_heun", Scheduler.HEUN),
        ],
    )
    def test_takes_the_scheduler_as_others_write_it(
        self, set_variable: Set, name: str, scheduler: Scheduler
    ) -> None:
        set_variable("SCHEDULER_TYPE", name)
        assert load_settings().scheduler_type is scheduler


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


def webhook_secret(length: int) -> str:
    return f"whsec_{b64encode(b'k' * length).decode()}"


class TestWebhookSecrets:
    @pytest.mark.parametrize("length", [24, 32, 64])
    def test_are_the_bytes_that_the_text_stands_for(self, set_variable: Set, length: int) -> None:
        set_variable("WEBHOOK_SECRET", webhook_secret(length))
        assert load_settings().webhook_secrets == (b"k" * length,)

    def test_may_be_several(self, set_variable: Set) -> None:
        set_variable("WEBHOOK_SECRET", f"{webhook_secret(24)}, {webhook_secret(25)}")
        assert load_settings().webhook_secrets == (b"k" * 24, b"k" * 25)

    def test_may_come_without_padding(self, set_variable: Set) -> None:
        set_variable("WEBHOOK_SECRET", webhook_secret(25).rstrip("="))
        assert load_settings().webhook_secrets == (b"k" * 25,)

    @pytest.mark.parametrize(
        "text",
        [
            "hunter2",
            "whsec_",
            "whsec_hunter2!",
            webhook_secret(23),
            webhook_secret(65),
            webhook_secret(24).removeprefix("whsec_"),
            f"{webhook_secret(24)},hunter2",
            "whsec_" + "ü" * 32,
            " , ,",
        ],
    )
    def test_stop_the_start_unseen_where_they_are_wrong(self, set_variable: Set, text: str) -> None:
        set_variable("WEBHOOK_SECRET", text)
        assert complaint() == (
            "Wrong setting WEBHOOK_SECRET=…: must be whsec_ and the base64 of 24 to 64 random "
            "bytes; several with commas."
        )

    def test_turn_webhooks_on(self, set_variable: Set) -> None:
        assert not load_settings().webhook_policy.enabled
        set_variable("WEBHOOK_SECRET", webhook_secret(24))
        assert load_settings().webhook_policy.enabled


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
    @pytest.mark.parametrize(
        "url",
        ["http://:hunter2@here", "hunter2", "redis://:hunter2@here:x", "sentinel://:hunter2@here"],
    )
    def test_are_not_shown_when_they_are_wrong(self, set_variable: Set, url: str) -> None:
        set_variable("REDIS_URL", url)
        line = complaint()
        assert line.startswith("Wrong setting REDIS_URL=…: ")
        assert "hunter2" not in line
        assert "\n" not in line

    @pytest.mark.parametrize("login", ["hunter2", ":hunter2", "admin:,me:hunter2"])
    def test_of_flower_are_not_shown_when_they_are_wrong(
        self, set_variable: Set, login: str
    ) -> None:
        set_variable("FLOWER_BASIC_AUTH", login)
        assert complaint() == "Wrong setting FLOWER_BASIC_AUTH=…: must be user:password."

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("API_KEY", "hunter2"),
            ("FLOWER_BASIC_AUTH", "admin:hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
            ("WEBHOOK_SECRET", webhook_secret(24)),
        ],
    )
    @pytest.mark.parametrize("show", [repr, str, lambda settings: settings.model_dump_json()])
    def test_are_not_shown_with_the_settings(
        self, set_variable: Set, show: Callable[[Settings], str], name: str, value: str
    ) -> None:
        set_variable(name, value)
        shown = show(load_settings())
        assert "hunter2" not in shown
        assert webhook_secret(24) not in shown


class TestStorageUrl:
    @pytest.mark.parametrize(
        "url", ["redis://", "file:///srv/pictures", "s3://pictures", "s3://pictures/a/b"]
    )
    def test_says_where_pictures_are_kept(self, set_variable: Set, url: str) -> None:
        set_variable("STORAGE_URL", url)
        assert load_settings().storage_url == url

    @pytest.mark.parametrize(
        "url",
        [
            "pictures",
            "redis://elsewhere",
            "file://host/folder",
            "file://",
            "s3://",
            "gs://a",
            "s3://pictures?region=x",
            "ftp://a/b",
            "/srv/pictures",
        ],
    )
    def test_stops_the_start_where_it_is_wrong(self, set_variable: Set, url: str) -> None:
        set_variable("STORAGE_URL", url)
        allowed = "must be redis://, file:///folder or s3://bucket/prefix"
        assert complaint() == f"Wrong setting STORAGE_URL=…: {allowed}."

    def test_holds_no_credentials(self, set_variable: Set) -> None:
        set_variable("STORAGE_URL", "s3://AKIA:hunter2@pictures")
        assert complaint() == (
            "Wrong setting STORAGE_URL=…: must hold no credentials; AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY have them."
        )


class TestExampleFile:
    # What Compose alone reads comes last; tests/containers knows it.
    LINES = (ROOT / ".env.example").read_text().partition("# Of docker-compose.yml")[0].splitlines()
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
