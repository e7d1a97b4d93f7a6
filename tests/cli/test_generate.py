import hashlib
import json
from pathlib import Path

import httpx
import pytest
from redis import Redis

from scripts.cli.main import main
from scripts.ports import free_port
from shared.job_store import JobStore
from shared.lora_registry import LoraRegistry
from shared.loras import Lora
from tests.cli.conftest import StartProgram
from tests.cli.program import Program
from tests.contract.serving import announce, working
from tests.support.builders import WORKER, store_job
from tests.support.input_pictures import encoded, half_and_half, mask_of_left
from tests.support.pipelines import PaintsFlat, gives_no_finite_picture
from worker.prompt_account import PromptAccount

QUICK = ("--steps", "5", "--width", "256", "--height", "256")
PNG = b"\x89PNG\r\n\x1a\n"


class TestGenerate:
    def test_writes_the_picture_and_says_so_in_one_line(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        file = tmp_path / "apple.png"
        with working(redis):
            done = program("generate", "a red apple", "-o", str(file), "--seed", "42", *QUICK)
        assert done.status == 0, done.err
        assert file.read_bytes().startswith(PNG)
        assert done.out.startswith(f"{file}  seed 42  ")
        assert done.out.endswith(" s\n")
        assert done.out.count("\n") == 1

    def test_leaves_nothing_else_behind(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        with working(redis):
            program("generate", "a red apple", "-o", str(tmp_path / "apple.png"), *QUICK)
        assert [path.name for path in tmp_path.iterdir()] == ["apple.png"]

    def test_names_the_file_after_job_and_seed(
        self, program: Program, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with working(redis):
            done = program("generate", "a red apple", "--seed", "7", "--json", *QUICK)
        job = json.loads(done.out)
        assert job["file"] == f"{job['id'][:8]}-7.png"
        assert Path(job["file"]).is_file()

    def test_tells_its_progress_in_plain_lines_where_there_is_no_terminal(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        with working(redis):
            done = program("generate", "a red apple", "-o", str(tmp_path), *QUICK)
        assert "painting" in done.err
        assert "\x1b" not in done.err

    def test_asks_for_what_the_options_say(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        options = (
            "-n",
            "pears",
            "--guidance",
            "5",
            "--scheduler",
            "euler_ancestral",
            "--model",
            "demo",
        )
        with working(redis):
            done = program("generate", "-o", str(tmp_path), "--json", *QUICK, *options, "apples")
        request = json.loads(done.out)["request"]
        del request["seed"]
        assert request == {
            "prompt": "apples",
            "negative_prompt": "pears",
            "num_inference_steps": 5,
            "guidance_scale": 5.0,
            "height": 256,
            "width": 256,
            "scheduler": "euler_ancestral",
            "embed_metadata": True,
            "loras": [],
            "init_image": None,
            "strength": None,
            "mask": None,
            "model": "demo",
        }

    def test_refuses_a_model_that_is_not_there(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        announce(redis)
        done = program("generate", "-o", str(tmp_path), "--model", "none", "apples")
        assert "there is 'demo', got 'none'" in done.err

    def test_notes_what_the_model_did_not_read(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        account = PromptAccount(dropped_text="a lonely pear", dropped_negative_text="rain")
        with working(redis, PaintsFlat(account=account)):
            done = program("generate", "-o", str(tmp_path), *QUICK, "apples, a lonely pear")
        assert done.status == 0
        assert 'the prompt is too long; the model did not read "a lonely pear"' in done.err
        assert 'the negative prompt is too long; the model did not read "rain"' in done.err

    def test_prints_the_job_as_the_service_tells_it(
        self, program: Program, service: httpx.Client, redis: Redis, tmp_path: Path
    ) -> None:
        with working(redis):
            done = program("generate", "a red apple", "-o", str(tmp_path), "--json", *QUICK)
        job = json.loads(done.out)
        assert done.err == ""
        assert (
            hashlib.sha256(Path(job.pop("file")).read_bytes()).hexdigest()
            == (job["result"]["image_sha256"])
        )
        assert job == service.get(f"/jobs/{job['id']}").json()

    def test_can_write_to_stdout(
        self, service: httpx.Client, redis: Redis, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        arguments = ["--url", str(service.base_url), "generate", "a red apple", "-o", "-", *QUICK]
        with working(redis), pytest.raises(SystemExit) as ended:
            main(arguments)
        assert not ended.value.code
        written = capsysbinary.readouterr()
        assert written.out.startswith(PNG)
        assert b"-  seed " in written.err


class TestTheFile:
    def test_that_is_there_is_not_overwritten(
        self, program: Program, store: JobStore, tmp_path: Path
    ) -> None:
        file = tmp_path / "mine.png"
        file.write_text("mine")
        done = program("generate", "a red apple", "-o", str(file))
        assert (done.status, done.out) == (2, "")
        assert done.err == f"error: {file} is there already\nhint: --force overwrites it\n"
        assert (file.read_text(), store.queued_ids()) == ("mine", [])

    def test_is_overwritten_by_force(self, program: Program, redis: Redis, tmp_path: Path) -> None:
        file = tmp_path / "mine.png"
        file.write_text("mine")
        with working(redis):
            done = program("generate", "a red apple", "-o", str(file), "--force", *QUICK)
        assert done.status == 0
        assert file.read_bytes().startswith(PNG)

    def test_in_a_folder_that_is_not_there_is_refused_before_it_is_painted(
        self, program: Program, store: JobStore, tmp_path: Path
    ) -> None:
        done = program("generate", "a red apple", "-o", str(tmp_path / "no" / "x.png"))
        assert (done.status, store.queued_ids()) == (2, [])
        assert "there is no folder" in done.err


class TestExitCodes:
    def test_wrong_fields_are_named_by_their_options(self, program: Program, redis: Redis) -> None:
        announce(redis)
        done = program("generate", "a red apple", "--steps", "2", "--width", "513")
        assert done.status == 2
        assert "--steps: Input should be greater than or equal to 5, got 2; --width: " in done.err

    @pytest.mark.parametrize(
        "arguments",
        [
            ("generate",),
            ("generate", "a red apple", "--steps", "many"),
            ("generate", "a red apple", "--guidance", "nan"),
            ("generate", "a red apple", "--json", "-o", "-"),
            ("generate", "a red apple", "--sampler", "euler"),
            ("jobs", "--state", "done"),
            ("show", ""),
            ("paint",),
        ],
    )
    def test_wrong_usage_is_2(self, program: Program, arguments: tuple[str, ...]) -> None:
        done = program(*arguments)
        assert done.status == 2
        assert done.err.startswith("error: ")
        assert len(done.err.splitlines()) == 2

    def test_a_service_without_a_worker_is_3(self, program: Program) -> None:
        done = program("generate", "a red apple")
        assert done.status == 3
        assert "no worker is running" in done.err
        assert "semantic-bit doctor" in done.err

    def test_no_service_is_3(self, capsys: pytest.CaptureFixture[str]) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        done = Program(capsys, url)("generate", "a red apple")
        assert done.status == 3
        assert done.err.startswith(f"error: nothing answers at {url}\nhint: ")

    def test_a_missing_key_is_4_and_the_right_one_is_let_in(
        self, start_program: StartProgram, redis: Redis, tmp_path: Path
    ) -> None:
        program = start_program(api_key="one,two")
        paint = ("generate", "a red apple", "-o", str(tmp_path), *QUICK)
        with working(redis):
            assert program(*paint).status == 4
            assert program("--api-key", "three", *paint).status == 4
            assert program("--api-key", "two", *paint).status == 0
            assert program(*paint, "--api-key", "one").status == 0

    def test_a_full_queue_is_5_and_says_when_to_come_again(
        self, start_program: StartProgram, redis: Redis, store: JobStore
    ) -> None:
        program = start_program(max_concurrent_requests=1)
        announce(redis)
        store_job(store)
        done = program("generate", "a red apple")
        assert done.status == 5
        assert "hint: try again in " in done.err

    def test_a_job_that_fails_is_1(self, program: Program, redis: Redis, tmp_path: Path) -> None:
        with working(redis, gives_no_finite_picture()):
            done = program("generate", "a red apple", "-o", str(tmp_path / "x.png"), *QUICK)
        assert done.status == 1
        assert done.err.splitlines()[-1].endswith("failed: Not finite. (nan_output)")
        assert list(tmp_path.iterdir()) == []

    def test_the_time_that_is_over_is_1_and_cancels_the_job(
        self, program: Program, redis: Redis, store: JobStore
    ) -> None:
        announce(redis)
        done = program("generate", "a red apple", "--timeout", "0.5")
        assert done.status == 1
        assert "the picture was not there within 0.5 s" in done.err
        assert store.queued_ids() == []


class TestJsonErrors:
    def test_are_the_service_s_own(self, program: Program, redis: Redis) -> None:
        announce(redis)
        done = program("generate", "a red apple", "--steps", "2", "--json")
        body = json.loads(done.out)
        assert (done.status, body["error"], body["code"]) == (2, "ValidationError", 422)
        assert body["meta"]["errors"][0]["loc"] == ["body", "num_inference_steps"]

    def test_have_the_same_shape_where_no_service_answers(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        done = Program(capsys, f"http://127.0.0.1:{free_port()}")("jobs", "--json")
        body = json.loads(done.out)
        assert (done.status, body["error"], set(body)) == (
            3,
            "Unreachable",
            {"error", "code", "detail", "meta"},
        )

    def test_of_usage_are_json_too(self, program: Program) -> None:
        done = program("generate", "a red apple", "--steps", "many", "--json")
        assert (done.status, json.loads(done.out)["error"]) == (2, "WrongUsage")

    def test_of_a_job_that_failed_is_the_job(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        with working(redis, gives_no_finite_picture()):
            done = program("generate", "x", "-o", str(tmp_path), "--json", *QUICK)
        job = json.loads(done.out)
        assert (done.status, job["state"], job["file"]) == (1, "failed", None)
        assert job["error"]["type"] == "nan_output"


class TestLoras:
    def test_are_named_with_their_weights(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        names = ("dots", "my stripes")
        loras = [Lora(name=name, size_bytes=1) for name in names]
        LoraRegistry(redis, ttl_seconds=600).publish(WORKER, loras)
        options = ("--lora", "dots", "--lora", "my stripes:-0.5")
        with working(redis):
            done = program("generate", "-o", str(tmp_path), "--json", *QUICK, *options, "apples")
        assert json.loads(done.out)["request"]["loras"] == [
            {"name": "dots", "weight": 1.0},
            {"name": "my stripes", "weight": -0.5},
        ]

    @pytest.mark.parametrize("weight", ["", "much", "nan"])
    def test_with_a_weight_that_is_no_number_are_refused(
        self, program: Program, tmp_path: Path, weight: str
    ) -> None:
        done = program("generate", "-o", str(tmp_path), "--lora", f"dots:{weight}", "apples")
        assert done.status == 2
        assert "is not a weight" in done.err

    def test_that_are_not_there_are_refused_by_name(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        announce(redis)
        done = program("generate", "-o", str(tmp_path), "--lora", "nowhere", "apples")
        assert done.status == 2
        assert "there is no LoRA 'nowhere' here" in done.err


class TestAStartingPicture:
    def test_is_sent_with_its_mask(self, program: Program, redis: Redis, tmp_path: Path) -> None:
        picture, mask = tmp_path / "cat.png", tmp_path / "mask.png"
        picture.write_bytes(encoded(half_and_half()))
        mask.write_bytes(encoded(mask_of_left()))
        options = ("--init-image", str(picture), "--mask", str(mask), "--strength", "0.6")
        pipeline = PaintsFlat()
        with working(redis, pipeline):
            done = program("generate", "a dog", "-o", str(tmp_path / "dog.png"), *options)
        assert done.status == 0, done.err
        assert pipeline.painted[0].strength == 0.6
        assert pipeline.painted_on[0].mask is not None

    def test_that_is_none_is_named_by_its_option(self, program: Program, tmp_path: Path) -> None:
        file = tmp_path / "cat.gif"
        file.write_bytes(b"GIF89a")
        done = program("generate", "a dog", "--init-image", str(file))
        assert done.status == 2
        assert "--init-image: is not a PNG, a JPEG or a WebP" in done.err

    def test_that_is_not_there_is_named(self, program: Program, tmp_path: Path) -> None:
        done = program("generate", "a dog", "--init-image", str(tmp_path / "nothing.png"))
        assert done.status == 2
        assert "--init-image" in done.err
