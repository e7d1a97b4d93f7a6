import json
from pathlib import Path

import pytest
from redis import Redis

from scripts.cli.findings import Finding, Grade
from scripts.cli.graphics import Graphics
from scripts.cli.hub_cache import has_model
from scripts.cli.machine_checks import (
    check_disk,
    check_graphics,
    check_loras,
    check_model,
    check_packages,
    check_pictures,
    check_redis,
)
from scripts.embedded_redis import prepare
from scripts.ports import free_port
from shared.settings import Settings
from tests.cli.conftest import StartProgram
from tests.cli.program import Program
from tests.contract.serving import LOADING, announce
from tests.support.loras import write_kohya_lora
from tests.support.s3_server import Bucket

HUB = "stable-diffusion-v1-5/stable-diffusion-v1-5"
CUDA = Graphics("NVIDIA H100, 81559 MiB, 550.1", ("cuda",), has_torch=True)


def settings(**changes: object) -> Settings:
    return Settings(_env_file=None, **changes)  # type: ignore[arg-type]  # Checked by it.


def findings_of(program: Program, *arguments: str) -> dict[str, dict[str, str]]:
    told = json.loads(program("doctor", "--json", *arguments).out)
    return {finding["name"]: finding for finding in told["findings"]}


@pytest.fixture
def on_the_cpu(restored_logging: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each test the seconds that torch takes to load."""
    monkeypatch.setenv("DEVICE", "cpu")


@pytest.mark.usefixtures("on_the_cpu")
class TestDoctor:
    def test_finds_nothing_broken_where_all_is_well(
        self, program: Program, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REDIS_URL", redis_url)
        announce(redis)
        done = program("doctor")
        assert done.status == 0, done.out
        marks = {line.split()[1]: line[0] for line in done.out.splitlines() if line[0] != " "}
        of_service = ["settings", "redis", "pictures", "api", "key", "worker"]
        of_machine = ["model", "loras", "gpu", "disk", "versions"]
        assert list(marks) == [*of_service, *of_machine]
        assert set(marks.values()) <= {"✔", "!"}
        assert redis_url not in done.out

    def test_says_that_the_service_is_away(self, capsys: pytest.CaptureFixture[str]) -> None:
        program = Program(capsys, f"http://127.0.0.1:{free_port()}")
        done = program("doctor")
        assert done.status == 1
        assert "✘ api       nothing answers at " in done.out
        assert "            semantic-bit serve starts" in done.out

    def test_names_each_wrong_setting_and_goes_on(
        self, program: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DEFAULT_STEPS", "99")
        monkeypatch.setenv("DEVICE", "tpu")
        done = program("doctor")
        assert done.status == 1
        assert "Wrong setting DEFAULT_STEPS=99" in done.out
        assert "Wrong setting DEVICE=tpu" in done.out
        assert "✔ api" in done.out

    def test_says_that_the_key_is_wrong(self, start_program: StartProgram) -> None:
        found = findings_of(start_program(api_key="one"), "--api-key", "two")
        assert (found["key"]["grade"], found["api"]["grade"]) == ("broken", "good")

    def test_says_that_there_is_no_worker(self, program: Program) -> None:
        found = findings_of(program)
        assert found["worker"]["grade"] == "broken"
        assert "python -m worker.main" in found["worker"]["hint"]

    def test_says_that_the_worker_is_not_ready_yet(self, program: Program, redis: Redis) -> None:
        announce(redis, LOADING)
        assert findings_of(program)["worker"]["grade"] == "doubtful"


def redis_findings(**changes: object) -> list[Finding]:
    return list(check_redis(settings(**changes)))


class TestRedis:
    def test_of_our_own_is_found_by_what_serve_has_left(self, tmp_path: Path) -> None:
        server = prepare(tmp_path / "redis")
        (finding,) = redis_findings(data_dir=tmp_path)
        assert finding.grade is Grade.BROKEN  # It is not running.
        assert server.url.rpartition("@")[2].removesuffix("/0") in finding.detail
        assert finding.hint == "semantic-bit serve starts it"

    def test_that_was_never_started_is_no_more_than_doubtful(self, tmp_path: Path) -> None:
        (finding,) = redis_findings(data_dir=tmp_path)
        assert finding.grade is Grade.DOUBTFUL

    def test_that_does_not_answer_is_broken(self) -> None:
        (finding,) = redis_findings(redis_url=f"redis://:secret@127.0.0.1:{free_port()}/0")
        assert finding.grade is Grade.BROKEN
        assert "secret" not in finding.detail

    def test_that_could_lose_jobs_is_doubtful(self, redis: Redis, redis_url: str) -> None:
        redis.config_set("appendonly", "no")
        try:
            good, complaint = redis_findings(redis_url=redis_url)
        finally:
            redis.config_set("appendonly", "yes")
        assert (good.grade, complaint.grade) == (Grade.GOOD, Grade.DOUBTFUL)
        assert complaint.detail.startswith("appendonly is no")
        assert complaint.hint.endswith("set it to yes")


class TestModel:
    def test_is_the_bundled_one_without_cuda(self) -> None:
        finding = check_model(settings(), Graphics())
        assert (finding.grade, finding.detail.split()[0]) == (Grade.GOOD, "demo")

    @pytest.mark.parametrize(
        ("changes", "grade"),
        [({}, Grade.DOUBTFUL), ({"offline_mode": True}, Grade.BROKEN)],
    )
    def test_of_the_hub_has_to_be_downloaded_or_cannot_be(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        changes: dict[str, object],
        grade: Grade,
    ) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        monkeypatch.delenv("HF_HUB_CACHE", raising=False)
        finding = check_model(settings(**changes), CUDA)
        assert (finding.grade, finding.detail.split()[0]) == (grade, HUB)

    def test_of_the_hub_may_be_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        folder = tmp_path / f"models--{HUB.replace('/', '--')}" / "snapshots" / "abc"
        folder.mkdir(parents=True)
        assert not has_model(HUB)
        (folder / "model_index.json").touch()
        assert check_model(settings(), CUDA).grade is Grade.GOOD

    @pytest.mark.parametrize("model_id", ["/nowhere", "model.ckpt"])
    def test_that_is_not_there_is_broken(self, model_id: str) -> None:
        finding = check_model(settings(model_id=model_id), Graphics())
        assert finding.grade is Grade.BROKEN
        assert finding.hint.startswith("set MODEL_ID to ")

    def test_of_several_is_told_with_the_others(self) -> None:
        finding = check_model(settings(model_id="auto", models="again=auto"), Graphics())
        assert finding.grade is Grade.GOOD
        assert finding.detail.endswith(", and again")

    @pytest.mark.parametrize(
        ("changes", "hint"),
        [
            ({"models": "a=/nowhere"}, "set MODELS=a to "),
            ({"vae_id": "/nowhere"}, "set VAE_ID to "),
        ],
    )
    def test_beside_the_default_may_be_broken_too(
        self, changes: dict[str, object], hint: str
    ) -> None:
        finding = check_model(settings(**changes), Graphics())
        assert finding.grade is Grade.BROKEN
        assert finding.hint.startswith(hint)


class TestGraphics:
    @pytest.mark.parametrize(
        ("graphics", "device", "grade"),
        [
            (Graphics(), "auto", Grade.GOOD),
            (CUDA, "auto", Grade.GOOD),
            (Graphics(has_torch=True), "cuda", Grade.BROKEN),
            (Graphics("NVIDIA T4", has_torch=True), "auto", Grade.DOUBTFUL),
            (Graphics("", ("mps",), has_torch=True), "mps", Grade.GOOD),
        ],
    )
    def test_are_what_the_settings_ask_for_or_not(
        self, graphics: Graphics, device: str, grade: Grade
    ) -> None:
        assert check_graphics(settings(device=device), graphics).grade is grade


class TestMachine:
    def test_has_room_and_the_packages_of_its_tests(self, tmp_path: Path) -> None:
        assert str(tmp_path) in check_disk(settings(data_dir=tmp_path / "not" / "yet")).detail
        assert check_packages().grade is Grade.GOOD


class TestLoras:
    def test_are_counted_with_the_files_that_are_none(self, tmp_path: Path) -> None:
        write_kohya_lora(tmp_path / "stripes.safetensors")
        found = check_loras(settings(lora_dir=tmp_path))
        assert (found.grade, found.detail) == (Grade.GOOD, f"1 in {tmp_path}")
        (tmp_path / "broken.safetensors").write_bytes(b"")
        found = check_loras(settings(lora_dir=tmp_path))
        assert found.grade is Grade.DOUBTFUL
        assert found.detail == f"1 in {tmp_path}, and 1 that cannot be used"

    def test_are_not_looked_for_where_no_folder_is_set(self) -> None:
        assert check_loras(settings()).grade is Grade.GOOD

    def test_without_their_folder_are_broken(self, tmp_path: Path) -> None:
        assert check_loras(settings(lora_dir=tmp_path / "nowhere")).grade is Grade.BROKEN


class TestPictures:
    def test_are_kept_in_redis_by_default(self) -> None:
        assert check_pictures(settings()) == Finding("pictures", Grade.GOOD, "kept in Redis")

    def test_are_kept_in_a_bucket_that_lets_us_in(self, bucket: Bucket) -> None:
        found = check_pictures(settings(storage_url=bucket.url))
        assert found == Finding("pictures", Grade.GOOD, f"kept at {bucket.url}")

    @pytest.mark.usefixtures("bucket")
    def test_cannot_be_kept_where_there_is_no_bucket(self) -> None:
        found = check_pictures(settings(storage_url="s3://elsewhere"))
        assert (found.grade, found.detail) == (
            Grade.BROKEN,
            "s3://elsewhere: the bucket 'elsewhere' cannot be used (NoSuchBucket)",
        )

    def test_cannot_be_kept_where_nobody_answers(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        found = check_pictures(settings(storage_url=bucket.url))
        assert (found.grade, found.detail) == (Grade.BROKEN, f"{bucket.url} does not answer")
